#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// e^x
Tensor exp(const Operand& x);
/// 2^x
Tensor exp2(const Operand& x);
/// e^x − 1, exact for small x too
Tensor expm1(const Operand& x);
/// The natural logarithm; −∞ at 0, NaN below.
Tensor log(const Operand& x);
/// log₂ x
Tensor log2(const Operand& x);
/// log₁₀ x
Tensor log10(const Operand& x);
/// log(1 + x), exact for small x too
Tensor log1p(const Operand& x);
/// log(e^x + e^y) without overflow; derivatives σ(x − y) and σ(y − x).
Tensor logaddexp(const Operand& x, const Operand& y);

}  // namespace xgrad
