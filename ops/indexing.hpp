#pragma once

#include <cstdint>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Indices are int32 or int64 tensors; negative ones count from the end, as in NumPy. They are data: one that is out of
// range throws ValueError when the result is computed, naming the line of the call. No derivative flows to indices.

/// The slices x[…, i, …] along an axis for every i of `indices`, whose axes take the place of that axis:
/// x (n, m) and indices (k) give (k, m) for axis 0.
Tensor take(const Operand& x, const Operand& indices, std::int64_t axis = 0);

/// One element per index: y[i, k, j] = x[i, indices[i, k, j], j]. Along the axis the extents are free, along all others
/// x and indices broadcast. ShapeError if the ranks differ.
Tensor take_along_axis(const Operand& x, const Operand& indices, std::int64_t axis);

/// x with updates[i, k, j] added at [i, indices[i, k, j], j]; equal indices add up. ShapeError unless updates and
/// indices have one shape, which along every other axis than the given one is x's.
Tensor scatter_add(const Operand& x, const Operand& indices, const Operand& updates, std::int64_t axis);

/// The elements of x where the bool mask of the same shape is true, in row-major order: (k). The mask is read now,
/// since k depends on it.
Tensor masked_select(const Operand& x, const Operand& mask);

}  // namespace xgrad
