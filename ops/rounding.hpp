#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Floating point only. The first four are constant between their steps: no derivative flows through them.

/// The largest whole number ≤ x
Tensor floor(const Operand& x);
/// The smallest whole number ≥ x
Tensor ceil(const Operand& x);
/// The nearest whole number; of two equally near ones the even one, as in NumPy
Tensor round(const Operand& x);
/// The whole part of x: rounded towards 0
Tensor trunc(const Operand& x);
/// x − y trunc(x / y), the remainder with x's sign, exact; NaN for y = 0. ∂/∂x = 1, ∂/∂y = −trunc(x / y).
Tensor fmod(const Operand& x, const Operand& y);

}  // namespace xgrad
