#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Floating point only.

/// 2/√π ∫₀ˣ e^−t² dt
Tensor erf(const Operand& x);
/// 1 − erf x, exact for large x too
Tensor erfc(const Operand& x);
/// log |Γ(x)|, with derivative digamma
Tensor lgamma(const Operand& x);
/// ψ(x) = Γ'(x) / Γ(x); ∓∞ at ±0, NaN at −1, −2, …
Tensor digamma(const Operand& x);
/// ψ⁽ⁿ⁾(x), the n-th derivative of digamma; NaN at −1, −2, … too. ValueError for n < 0.
Tensor polygamma(std::int64_t n, const Operand& x);

}  // namespace xgrad
