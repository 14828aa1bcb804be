#pragma once

#include <vector>

#include <xgrad/graph/tensor.hpp>

/// What the engine itself must be able to compute. graph/ knows no particular operation, so these few are declared
/// here and defined by ops/algebra.cpp with operations from the catalogue.
namespace xgrad::algebra {

/// x + y, for two cotangents of one shape.
Tensor sum_of(const Tensor& x, const Tensor& y);

/// g p, and 0 wherever g is 0, even if p is not finite: no NaN comes from a branch that was not taken.
Tensor scaled(const Tensor& g, const Tensor& p);

/// Undoes broadcasting: sums g over the axes along which `shape` was stretched.
Tensor unstretched(const Tensor& g, const Shape& shape);

/// Broadcasting itself: x repeated to `shape`.
Tensor stretched(const Tensor& x, const Shape& shape);

/// A tensor of one repeated number, without memory of that size.
Tensor filled(double value, DType dtype, const Shape& shape);

/// x in another dtype.
Tensor cast(const Tensor& x, DType dtype);

/// x again, as a node of its own.
Tensor alias(const Tensor& x);

/// x's elements under another shape of the same size.
Tensor reshaped(const Tensor& x, const Shape& shape);

/// Tensors of one shape along a new first axis.
Tensor stacked(const std::vector<Tensor>& tensors);

/// Tensors one after the other along their first axis.
Tensor joined(const std::vector<Tensor>& tensors);

/// x[index] along the first axis.
Tensor element(const Tensor& x, std::int64_t index);

/// x[first], ..., x[end - 1] along the first axis.
Tensor part(const Tensor& x, std::int64_t first, std::int64_t end);

/// The axes in the order given.
Tensor permuted(const Tensor& x, const Shape& axes);

/// The transpose of a matrix.
Tensor flipped(const Tensor& x);

/// Σ x y over all elements.
Tensor inner_product(const Tensor& x, const Tensor& y);

}  // namespace xgrad::algebra
