#pragma once

#include <xgrad/graph/tensor.hpp>
#include <xgrad/ops/axes.hpp>

namespace xgrad {

// Each reduces over the given axes, by default all; with keepdims they stay with extent 1. ShapeError for an axis that
// is out of range or given twice.

/// Σ x. Blocks are added pairwise, so the error grows with log n. Integers and bool add up to int64. 0 over no
/// elements.
Tensor sum(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// 1/n Σ x over the n elements of the axes; NaN over none. Floating point only.
Tensor mean(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// The largest element, NaN if there is one; equal ones share the derivative. ShapeError over no elements.
Tensor amax(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// √Σ x², the Euclidean norm; its derivative at 0 is 0.
Tensor norm(const Operand& x, const Axes& axes = {}, Keepdims keep = {});

/// The shape that is left of `shape` when `axes` (resolved) are reduced.
Shape reduced_shape(const Shape& shape, const Shape& axes, bool keep);

}  // namespace xgrad
