#pragma once

#include <cstdint>
#include <optional>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// L = log(1 + e^z) − y z, which is −(y log a + (1 − y) log(1 − a)) for a = σ(z): the loss of each logit, of any shape,
/// and its target. ∂z = a − y. To 2 ulp for targets from 0 to 1 and any finite logit.
Tensor logistic_loss(const Operand& z, const Operand& y);

// Costs: the mean of a loss over the m examples, a scalar. A prediction and a target whose shapes differ are a
// ShapeError, never broadcast.
//
// The notes' ∂Z = A − Y is the derivative of the loss of each example; the gradient of these costs carries the 1/m.

/// J = −1/m Σ (Y log A + (1 − Y) log(1 − A)) for probabilities A and targets Y, both (1, m). For several outputs per
/// example, (k, m), the mean goes over all of them. Where Y is 0 or 1 the term with the factor 0 is 0, even at log 0.
Tensor binary_cross_entropy(const Operand& A, const Operand& Y);

/// The same from logits Z, with A = σ(Z): J = 1/m Σ (log(1 + e^Z) − Y Z), the mean of logistic_loss(Z, Y).
Tensor binary_cross_entropy_with_logits(const Operand& Z, const Operand& Y);

/// J = −1/m Σ log softmax(Z)[label] for logits Z (classes, m). Labels are integers, (m) or (1, m); or a distribution
/// for each example, (classes, m), floating point: J = −1/m Σ Y log softmax(Z). ValueError for a label out of range.
///
/// Examples whose label is `ignored` (any number; a class or not) cost nothing, whatever their logits are, and m counts
/// the others only; if there are no others, J is 0 and so is its gradient. ValueError for distributions.
Tensor cross_entropy(const Operand& Z, const Operand& labels, std::optional<std::int64_t> ignored = {});

/// J = −1/m Σ L[label] for the logarithms L (classes, m) of probabilities, and labels as in cross_entropy: this is
/// cross_entropy after log_softmax.
Tensor nll(const Operand& L, const Operand& labels, std::optional<std::int64_t> ignored = {});

/// J = 1/m Σ P (log P − L) for the logarithms L (classes, m) of probabilities and distributions P (classes, m), where 0
/// log 0 = 0: the divergence of each example, and the mean over the examples ("batchmean" in PyTorch).
Tensor kl_div(const Operand& L, const Operand& P);

// The next four are means over all elements. A target may be of integers.

/// J = mean of (A − Y)²
Tensor mse(const Operand& A, const Operand& Y);

/// J = mean of |A − Y|, with derivative 0 where A = Y
Tensor l1(const Operand& A, const Operand& Y);

/// J = mean of d²/2 where |d| ≤ delta, else delta (|d| − delta/2), for d = A − Y. ValueError unless delta > 0.
Tensor huber(const Operand& A, const Operand& Y, double delta = 1);

/// J = mean of max(0, 1 − Y A) for scores A and labels Y = ±1. At the margin, Y A = 1, the derivative is half of the
/// one inside, as that of maximum. ValueError for another label.
Tensor hinge(const Operand& A, const Operand& Y);

}  // namespace xgrad
