#pragma once

#include <array>
#include <concepts>
#include <span>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// What grad() does about a tensor that the differentiated one does not depend on.
enum class Unconnected { is_an_error, gives_zeros };

/// Reverse mode: the gradients ∂y/∂x of a scalar y, each of its x's shape, recorded so that they can be differentiated
/// again. x may be a parameter or anything computed from one. The gradient with respect to a parameter is the one with
/// respect to every value that y was recorded with.
///
/// Throws GradientError if y has more than one element or no gradient, or if y does not depend on an x.
std::vector<Tensor> grad(const Tensor& y, std::span<const Tensor> xs,
                         Unconnected unconnected = Unconnected::is_an_error, Location at = Location::current());

inline std::vector<Tensor> grad(const Tensor& y, const std::vector<Tensor>& xs,
                                Unconnected unconnected = Unconnected::is_an_error, Location at = Location::current()) {
    return grad(y, std::span<const Tensor>(xs), unconnected, at);
}

/// y together with the place where it was passed: lets a variadic function name its caller's line.
struct Differentiated {
    Differentiated(const Tensor& tensor, Location place = Location::current()) : y(tensor), at(place) {}
    const Tensor& y;
    Location at;
};

/// ∂y/∂x for one x.
Tensor grad(const Tensor& y, const Tensor& x, Location at = Location::current());

namespace detail {

/// ∂y/∂x for all xs, written to as many results.
void grad(const Tensor& y, std::span<const Tensor> xs, std::span<Tensor> result, Unconnected unconnected, Location at);

}  // namespace detail

/// ∂y/∂x for several: `auto [dW, db] = grad(J, W, b)`.
template <std::same_as<Tensor>... More>
requires(sizeof...(More) > 0) std::array<Tensor, 1 + sizeof...(More)> grad(Differentiated y, const Tensor& x,
                                                                           const More&... more) {
    const std::array<Tensor, 1 + sizeof...(More)> xs{x, more...};
    std::array<Tensor, 1 + sizeof...(More)> result;
    detail::grad(y.y, xs, result, Unconnected::is_an_error, y.at);
    return result;
}

/// The vector-Jacobian products vᵀ ∂y/∂x of a y of any shape; v has y's shape and dtype.
std::vector<Tensor> vjp(const Tensor& y, const Tensor& v, std::span<const Tensor> xs,
                        Unconnected unconnected = Unconnected::is_an_error, Location at = Location::current());

/// Forward mode: the Jacobian-vector product Σ ∂y/∂x ẋ, of y's shape. tangents[i] has the shape of xs[i].
Tensor jvp(const Tensor& y, std::span<const Tensor> xs, std::span<const Tensor> tangents,
           Location at = Location::current());

/// The same for several results at once, which share what they have in common. With gives_zeros an x that no result
/// depends on moves nothing.
std::vector<Tensor> jvp(std::span<const Tensor> ys, std::span<const Tensor> xs, std::span<const Tensor> tangents,
                        Unconnected unconnected = Unconnected::is_an_error, Location at = Location::current());

namespace detail {

inline void flatten_into(std::vector<Tensor>& flat, const Tensor& x) {
    flat.push_back(x);
}
template <class T>
void flatten_into(std::vector<Tensor>& flat, const std::vector<T>& xs) {
    for (const T& x : xs) flatten_into(flat, x);
}
inline void fill_from(std::span<const Tensor>& flat, Tensor& x) {
    x = flat.front();
    flat = flat.subspan(1);
}
template <class T>
void fill_from(std::span<const Tensor>& flat, std::vector<T>& xs) {
    for (T& x : xs) fill_from(flat, x);
}

}  // namespace detail

/// The gradients with respect to nested lists of tensors, in the same nesting: one list per layer, for example.
template <class T>
std::vector<std::vector<T>> grad(const Tensor& y, const std::vector<std::vector<T>>& nested,
                                 Unconnected unconnected = Unconnected::is_an_error,
                                 Location at = Location::current()) {
    std::vector<Tensor> flat;
    detail::flatten_into(flat, nested);
    const std::vector<Tensor> gradients = grad(y, std::span<const Tensor>(flat), unconnected, at);
    std::vector<std::vector<T>> result = nested;
    std::span<const Tensor> rest(gradients);
    detail::fill_from(rest, result);
    return result;
}

}  // namespace xgrad
