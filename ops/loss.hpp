#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Costs: the mean of a loss over the m examples, a scalar. A prediction and a target whose shapes differ are a
// ShapeError, never broadcast.
//
// The notes' ∂Z = A − Y is the derivative of the loss of each example; the gradient of these costs carries the 1/m.

/// J = −1/m Σ (Y log A + (1 − Y) log(1 − A)) for probabilities A and targets Y, both (1, m). For several outputs per
/// example, (k, m), the mean goes over all of them. Where Y is 0 or 1 the term with the factor 0 is 0, even at log 0.
Tensor binary_cross_entropy(const Operand& A, const Operand& Y);

/// The same from logits Z, with A = σ(Z): J = 1/m Σ (log(1 + e^Z) − Y Z). Finite for any finite Z.
Tensor binary_cross_entropy_with_logits(const Operand& Z, const Operand& Y);

/// J = −1/m Σ log softmax(Z)[label] for logits Z (classes, m). Labels are integers, (m) or (1, m); or a distribution
/// for each example, (classes, m), floating point: J = −1/m Σ Y log softmax(Z). ValueError for a label out of range.
Tensor cross_entropy(const Operand& Z, const Operand& labels);

}  // namespace xgrad
