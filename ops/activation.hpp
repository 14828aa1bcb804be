#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// σ(x) = 1 / (1 + e^−x), with σ' = σ (1 − σ).
Tensor sigmoid(const Operand& x);
/// max(0, x), with derivative 0 for x < 0 and 1 for x ≥ 0, as in the course's notes (others choose 0 at 0).
Tensor relu(const Operand& x);
/// x for x ≥ 0, else slope · x; the derivative at 0 is 1.
Tensor leaky_relu(const Operand& x, double slope = 0.01);
/// log(1 + e^x) without overflow; its derivative is σ(x).
Tensor softplus(const Operand& x);

/// e^xᵢ / Σⱼ e^xⱼ along an axis, without overflow. In the notes' layout, classes by examples, that is axis 0.
Tensor softmax(const Operand& x, std::int64_t axis = 0);
/// log softmax(x) = x − log Σⱼ e^xⱼ, finite for any finite x.
Tensor log_softmax(const Operand& x, std::int64_t axis = 0);

}  // namespace xgrad
