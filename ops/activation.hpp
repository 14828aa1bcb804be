#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// σ(x) = 1 / (1 + e^−x), with σ' = σ (1 − σ).
Tensor sigmoid(const Operand& x);
/// σ(x) − y, to 2 ulp where y is 0 or 1: A − Y of the notes, from logits. Where σ(x) comes near y = 1 it is −σ(−x).
Tensor sigmoid_minus(const Operand& x, const Operand& y);
/// max(0, x), with derivative 0 for x < 0 and 1 for x ≥ 0, as in the course's notes (others choose 0 at 0).
Tensor relu(const Operand& x);
/// x for x ≥ 0, else slope · x; the derivative at 0 is 1.
Tensor leaky_relu(const Operand& x, double slope = 0.01);
/// log(1 + e^x) without overflow; its derivative is σ(x).
Tensor softplus(const Operand& x);

/// log σ(x) without overflow; its derivative is σ(−x).
Tensor log_sigmoid(const Operand& x);
/// x for x ≥ 0, else α (e^x − 1); the derivative at 0 is 1. (Clevert, Unterthiner and Hochreiter 2016)
Tensor elu(const Operand& x, double alpha = 1);
/// 1.0507… elu(x, 1.6732…), whose numbers keep mean 0 and variance 1 from layer to layer. (Klambauer et al. 2017)
Tensor selu(const Operand& x);
/// x Φ(x), with Φ the normal distribution. (Hendrycks and Gimpel 2016)
Tensor gelu(const Operand& x);
/// The approximation of gelu(x) by ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
Tensor gelu_tanh(const Operand& x);
/// x σ(x)
Tensor silu(const Operand& x);
/// x tanh(log(1 + e^x)). (Misra 2019)
Tensor mish(const Operand& x);
/// x cut to −1 ≤ x ≤ 1; the derivative at ±1 is 1.
Tensor hard_tanh(const Operand& x);
/// x / (1 + |x|)
Tensor softsign(const Operand& x);

/// e^xᵢ / Σⱼ e^xⱼ along an axis, without overflow. In the notes' layout, classes by examples, that is axis 0.
Tensor softmax(const Operand& x, std::int64_t axis = 0);
/// log softmax(x) = x − log Σⱼ e^xⱼ, finite for any finite x.
Tensor log_softmax(const Operand& x, std::int64_t axis = 0);

}  // namespace xgrad
