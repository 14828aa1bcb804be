#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/ops/axes.hpp>

namespace xgrad {

// NaN counts as larger than every number. Positions are int64 and carry no derivative; values carry theirs to the
// element they came from.

/// The positions that sort x along an axis; equal elements keep their order.
Tensor argsort(const Operand& x, std::int64_t axis = -1, bool descending = false);
/// x sorted along an axis.
Tensor sort(const Operand& x, std::int64_t axis = -1, bool descending = false);

/// The k largest elements along an axis, largest first, and where they are.
struct TopK {
    Tensor values;
    Tensor indices;
};
/// ShapeError unless 0 ≤ k ≤ the extent of the axis.
TopK topk(const Operand& x, std::int64_t k, std::int64_t axis = -1);

/// Where the largest element along an axis is; the first of equal ones, or of NaNs. ShapeError over no elements.
Tensor argmax(const Operand& x, std::int64_t axis, Keepdims keep = {});
/// Where the smallest element along an axis is; the first of equal ones, or of NaNs.
Tensor argmin(const Operand& x, std::int64_t axis, Keepdims keep = {});
/// The same of all elements, numbered in row-major order: a scalar.
Tensor argmax(const Operand& x);
Tensor argmin(const Operand& x);

/// The middle element of those sorted over the axes, or the mean of the two middle ones; NaN if there is one. Floating
/// point only; ShapeError over no elements.
Tensor median(const Operand& x, const Axes& axes = {}, Keepdims keep = {});

}  // namespace xgrad
