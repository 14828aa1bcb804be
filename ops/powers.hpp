#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Floating point only, except square. Two operands broadcast and meet as in arithmetic.hpp.

/// x^y; ∂/∂x is 0 where y = 0, and ∂/∂y is 0 where x = 0.
Tensor power(const Operand& x, const Operand& y);
/// x²
Tensor square(const Operand& x);
/// √x, NaN for x < 0
Tensor sqrt(const Operand& x);
/// ∛x, of negative x too
Tensor cbrt(const Operand& x);
/// 1/√x
Tensor rsqrt(const Operand& x);
/// 1/x
Tensor reciprocal(const Operand& x);
/// √(x² + y²) without overflow; the derivative where both are 0 is 0.
Tensor hypot(const Operand& x, const Operand& y);

}  // namespace xgrad
