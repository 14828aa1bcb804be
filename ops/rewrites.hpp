#pragma once

#include <xgrad/graph/op.hpp>

/// Formulas that lose digits when they are computed as they are typed, and the equal ones by which they are computed
/// and differentiated instead (set_rewrites() switches that off):
///
///     1 / (1 + e^-z), e^z / (1 + e^z)          σ(z)
///     (e^z - e^-z) / (e^z + e^-z)              tanh z
///     e^z / Σ e^z                              softmax z
///     log σ(z), log(1 - σ(z))                  -log(1 + e^-z), -log(1 + e^z)
///     log softmax z, log Σ e^z                 with the largest z taken out
///     log(1 + e^z), log(1 + z), log e^z        log(1 + e^z) without overflow, log1p z, z
///     e^z - 1                                  expm1 z
///     y log σ(z) + (1 - y) log(1 - σ(z))       -(log(1 + e^z) - y z), as logistic_loss(z, y)
///
/// The last one is as exact as the two logarithms in it and takes half their time; XGRAD_EAGER=1 does without. All hold
/// for every real z and y, in the typed form and in any combination with what has been rewritten already, so that a
/// cross-entropy typed as in the notes is right at any logit. Where a typed formula has a value in the extended reals,
/// infinities of z included, but not of y, the other one has the same; NaN stays NaN. That is why x (1/x) is not among
/// them: it is NaN at 0 and at infinity, and 1 would hide it.
namespace xgrad::rewrites {

/// Of log(x), x / y, x - y and x + y.
extern const RewriteRule logarithm, quotient, difference, sum;

}  // namespace xgrad::rewrites
