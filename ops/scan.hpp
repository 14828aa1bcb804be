#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Along one axis; the result has the shape of x. ShapeError for an axis that is out of range.

/// y_k = x_0 + … + x_k, added up in higher precision. Integers and bool give int64.
Tensor cumsum(const Operand& x, std::int64_t axis = 0);

/// y_k = x_0 x_1 … x_k, floating point only. Its derivatives are right where elements are 0.
Tensor cumprod(const Operand& x, std::int64_t axis = 0);

/// y_k = a_k y_(k−1) + b_k with y_(−1) = 0: what running means, filters and linear recurrent layers are made of.
/// Floating point only; a and b broadcast.
Tensor linear_recurrence(const Operand& a, const Operand& b, std::int64_t axis = 0);

}  // namespace xgrad
