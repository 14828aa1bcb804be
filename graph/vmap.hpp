#pragma once

#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/graph/function.hpp>
#include <xgrad/graph/tensor.hpp>
#include <xgrad/graph/transform.hpp>

// Functions of one example, applied to many at once. The function is called a single time, with stand-ins for the
// arguments of one example; what it records is then recorded again for all of them, each operation with one more axis.
// So it must be made of operations: it cannot read a value of its arguments or of what it computes from them, and a
// random draw in it is the same for every example.

namespace xgrad {

namespace detail {

using ListFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
std::vector<Tensor> vmap(const ListFunction& f, const std::vector<Tensor>& xs, std::int64_t axis, Location at);
std::vector<Tensor> per_example_gradients(const TensorFunction& cost, const std::vector<Tensor>& parameters,
                                          const std::vector<Tensor>& data, std::int64_t axis, Location at);

}  // namespace detail

/// f of every example: the xs hold the examples along `axis`, f is called with that axis taken away, and the results
/// (one Tensor, or a vector of them) have the examples along their first axis.
///
///     vmap(f, {X, Y})[i] = f(X[i], Y[i])
///
/// What f takes from elsewhere, such as parameters, is the same for all examples. Everything is recorded: f may take
/// derivatives, and the result has derivatives. ShapeError unless the xs have equally many examples; ValueError if f
/// reads a value.
template <Transformable F>
auto vmap(F f, const std::vector<Tensor>& xs, std::int64_t axis = 0, Location at = Location::current()) {
    if constexpr (detail::returns_list<F>()) {
        const auto list = detail::of_vector<std::vector<Tensor>>(std::move(f), xs.size(), "vmap", at);
        return detail::vmap(list, xs, axis, at);
    } else {
        const TensorFunction one = detail::of_vector(std::move(f), xs.size(), "vmap", at);
        const auto list = [&](const std::vector<Tensor>& x) { return std::vector<Tensor>{one(x)}; };
        return detail::vmap(list, xs, axis, at)[0];
    }
}
template <Transformable F>
auto vmap(F f, const Tensor& x, std::int64_t axis = 0, Location at = Location::current()) {
    return vmap(std::move(f), std::vector<Tensor>{x}, axis, at);
}

/// The gradients of each example's own cost, one tensor per parameter, with the examples along its first axis: their
/// mean is the gradient of the mean cost. The data hold the examples along `axis`, by default as columns; the cost gets
/// them one at a time, with that axis kept and 1 long, so that it can be the function that is used for a whole batch.
///
///     per_example_gradients(cost, {W}, {X, Y})[0][i] = ∂cost(X[:, i:i+1], Y[:, i:i+1]) / ∂W
///
/// GradientError if the cost is not a scalar, and else as vmap().
template <Transformable F>
std::vector<Tensor> per_example_gradients(F cost, const std::vector<Tensor>& parameters,
                                          const std::vector<Tensor>& data, std::int64_t axis = -1,
                                          Location at = Location::current()) {
    return detail::per_example_gradients(detail::of_vector(std::move(cost), data.size(), "per_example_gradients", at),
                                         parameters, data, axis, at);
}

}  // namespace xgrad
