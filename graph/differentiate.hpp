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

/// ∂y/∂x for several: `auto [dW, db] = grad(J, W, b)`.
template <std::same_as<Tensor>... More>
requires(sizeof...(More) > 0) std::array<Tensor, 1 + sizeof...(More)> grad(Differentiated y, const Tensor& x,
                                                                           const More&... more) {
    const std::array<Tensor, 1 + sizeof...(More)> xs{x, more...};
    const std::vector<Tensor> gradients = grad(y.y, std::span<const Tensor>(xs), Unconnected::is_an_error, y.at);
    std::array<Tensor, 1 + sizeof...(More)> result;
    std::copy(gradients.begin(), gradients.end(), result.begin());
    return result;
}

/// The vector-Jacobian products vᵀ ∂y/∂x of a y of any shape; v has y's shape and dtype.
std::vector<Tensor> vjp(const Tensor& y, const Tensor& v, std::span<const Tensor> xs,
                        Unconnected unconnected = Unconnected::is_an_error, Location at = Location::current());

/// Forward mode: the Jacobian-vector product Σ ∂y/∂x ẋ, of y's shape. tangents[i] has the shape of xs[i].
Tensor jvp(const Tensor& y, std::span<const Tensor> xs, std::span<const Tensor> tangents,
           Location at = Location::current());

}  // namespace xgrad
