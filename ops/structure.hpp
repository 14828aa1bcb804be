#pragma once

#include <functional>
#include <utility>
#include <vector>

#include <xgrad/graph/function.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// x in another dtype, rounded or truncated as C++ converts. Between floating-point dtypes the derivative is 1; to or
/// from integers and bool there is none.
Tensor astype(const Operand& x, DType dtype);

/// x as a constant: the same value, no gradient flows through it.
Tensor stop_gradient(const Operand& x);

/// x again, as a node of its own.
Tensor identity(const Operand& x);

namespace detail {
Tensor checkpoint(TensorFunction f, const std::vector<Tensor>& xs, Location at);
}

/// f(xs), of which only the arguments and the result are kept: the backward pass computes f again instead of storing
/// what happens inside. f must give the same each time, and takes all that it is differentiated by as arguments.
template <class F>
Tensor checkpoint(F f, const std::vector<Tensor>& xs, Location at = Location::current()) {
    return detail::checkpoint(detail::of_vector(std::move(f), xs.size(), "checkpoint", at), xs, at);
}

/// The gradients with respect to the xs, given f's result y and its cotangent g; one per x, of its shape, or an empty
/// handle for zeros.
using GradientRule =
    std::function<std::vector<Tensor>(const std::vector<Tensor>& xs, const Tensor& y, const Tensor& g)>;

namespace detail {
Tensor custom_gradient(const TensorFunction& f, GradientRule rule, const std::vector<Tensor>& xs, Location at);
}

/// f(xs) with another gradient than its own: a straight-through estimator, a clipped or a reversed gradient. The rule
/// is written with operations, so that it can be differentiated again; it must be linear in g, since forward mode
/// follows from it: J u = ∂/∂g ⟨rule(g), u⟩. When the gradient is taken, ShapeError or ValueError for a rule that gives
/// something else than one gradient per x.
template <class F>
Tensor custom_gradient(F f, GradientRule rule, const std::vector<Tensor>& xs, Location at = Location::current()) {
    return detail::custom_gradient(detail::of_vector(std::move(f), xs.size(), "custom_gradient", at), std::move(rule),
                                   xs, at);
}

}  // namespace xgrad
