#pragma once

#include <span>
#include <utility>
#include <vector>

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/function.hpp>
#include <xgrad/graph/tensor.hpp>

// Derivatives of functions, and of higher order. Everything is recorded: transforms of transforms work.
//
// A function takes one to eight tensors, or a vector of any number. Its arguments may be any floating-point tensors:
// one that is no part of a graph yet is made a parameter for the time of the call, and one that is stays connected.

namespace xgrad {

/// A function's value together with derivatives of it, one per argument.
struct ValueAndDerivatives {
    Tensor value;
    std::vector<Tensor> derivatives;
};

/// The Jacobians ∂y/∂x of a y of any shape, each of shape y.shape + x.shape. They are found by rows (reverse mode, one
/// pass per element of y) or by columns (forward mode, one per element of the xs), whichever are fewer, many at once
/// where the operations have batch rules. An x that y does not depend on has zeros. GradientError for an x that is
/// neither a parameter nor computed from one.
std::vector<Tensor> jacobian(const Tensor& y, std::span<const Tensor> xs, Location at = Location::current());

/// The blocks ∂²y/∂xᵢ∂xⱼ of the Hessian of a scalar y, block [i][j] of shape xᵢ.shape + xⱼ.shape: forward over reverse,
/// one pass per element of the xs, many at once. GradientError if y is not a scalar.
std::vector<std::vector<Tensor>> hessian(const Tensor& y, std::span<const Tensor> xs,
                                         Location at = Location::current());

/// Hessian-vector products Σⱼ ∂²y/∂xᵢ∂xⱼ vⱼ of a scalar y, one per x and of its shape, without the Hessian: forward
/// over reverse. (Pearlmutter 1994)
std::vector<Tensor> hvp(const Tensor& y, std::span<const Tensor> xs, std::span<const Tensor> vs,
                        Location at = Location::current());

namespace detail {

ValueAndDerivatives value_and_grad(const TensorFunction& f, const std::vector<Tensor>& xs, Location at);
ValueAndDerivatives vjp(const TensorFunction& f, const std::vector<Tensor>& xs, const Tensor& v, Location at);
std::pair<Tensor, Tensor> jvp(const TensorFunction& f, const std::vector<Tensor>& xs,
                              const std::vector<Tensor>& tangents, Location at);
std::vector<Tensor> jacobian(const TensorFunction& f, const std::vector<Tensor>& xs, Location at);
std::vector<std::vector<Tensor>> hessian(const TensorFunction& f, const std::vector<Tensor>& xs, Location at);
std::vector<Tensor> hvp(const TensorFunction& f, const std::vector<Tensor>& xs, const std::vector<Tensor>& vs,
                        Location at);

}  // namespace detail

/// What is not a tensor and can be called: a function to transform.
template <class F>
concept Transformable = !std::is_convertible_v<F, Tensor>;

/// f(xs) and its gradients, f being scalar: `auto [J, dW] = value_and_grad(cost, {W})`.
template <Transformable F>
ValueAndDerivatives value_and_grad(F f, const std::vector<Tensor>& xs, Location at = Location::current()) {
    return detail::value_and_grad(detail::of_vector(std::move(f), xs.size(), "value_and_grad", at), xs, at);
}

/// f(xs) and the vector-Jacobian products vᵀ ∂f/∂x; v has the shape of f's value.
template <Transformable F>
ValueAndDerivatives vjp(F f, const std::vector<Tensor>& xs, const Tensor& v, Location at = Location::current()) {
    return detail::vjp(detail::of_vector(std::move(f), xs.size(), "vjp", at), xs, v, at);
}

/// f(xs) and the Jacobian-vector product Σ ∂f/∂x ẋ; each tangent has the shape of its x.
template <Transformable F>
std::pair<Tensor, Tensor> jvp(F f, const std::vector<Tensor>& xs, const std::vector<Tensor>& tangents,
                              Location at = Location::current()) {
    return detail::jvp(detail::of_vector(std::move(f), xs.size(), "jvp", at), xs, tangents, at);
}

/// The Jacobians of f at xs, one per argument.
template <Transformable F>
std::vector<Tensor> jacobian(F f, const std::vector<Tensor>& xs, Location at = Location::current()) {
    return detail::jacobian(detail::of_vector(std::move(f), xs.size(), "jacobian", at), xs, at);
}
/// The Jacobian of a function of one argument.
template <Transformable F>
Tensor jacobian(F f, const Tensor& x, Location at = Location::current()) {
    return jacobian(std::move(f), std::vector<Tensor>{x}, at)[0];
}

/// The blocks of the Hessian of a scalar f at xs.
template <Transformable F>
std::vector<std::vector<Tensor>> hessian(F f, const std::vector<Tensor>& xs, Location at = Location::current()) {
    return detail::hessian(detail::of_vector(std::move(f), xs.size(), "hessian", at), xs, at);
}
/// The Hessian of a scalar function of one argument.
template <Transformable F>
Tensor hessian(F f, const Tensor& x, Location at = Location::current()) {
    return hessian(std::move(f), std::vector<Tensor>{x}, at)[0][0];
}

/// The Hessian-vector products of a scalar f at xs.
template <Transformable F>
std::vector<Tensor> hvp(F f, const std::vector<Tensor>& xs, const std::vector<Tensor>& vs,
                        Location at = Location::current()) {
    return detail::hvp(detail::of_vector(std::move(f), xs.size(), "hvp", at), xs, vs, at);
}

}  // namespace xgrad
