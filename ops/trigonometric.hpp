#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Angles in radians; floating point only; NaN outside the domain.

/// sin x
Tensor sin(const Operand& x);
/// cos x
Tensor cos(const Operand& x);
/// tan x
Tensor tan(const Operand& x);
/// The angle in [−π/2, π/2] whose sine is x
Tensor asin(const Operand& x);
/// The angle in [0, π] whose cosine is x
Tensor acos(const Operand& x);
/// The angle in (−π/2, π/2) whose tangent is x
Tensor atan(const Operand& x);
/// The angle in [−π, π] of the point (x, y): y comes first, as in NumPy
Tensor atan2(const Operand& y, const Operand& x);

/// (e^x − e^−x) / 2
Tensor sinh(const Operand& x);
/// (e^x + e^−x) / 2
Tensor cosh(const Operand& x);
/// (e^x − e^−x) / (e^x + e^−x)
Tensor tanh(const Operand& x);
/// The inverse of sinh: log(x + √(x² + 1))
Tensor asinh(const Operand& x);
/// The inverse of cosh: log(x + √(x² − 1)), x ≥ 1
Tensor acosh(const Operand& x);
/// The inverse of tanh: ½ log((1 + x) / (1 − x)), |x| ≤ 1
Tensor atanh(const Operand& x);

}  // namespace xgrad
