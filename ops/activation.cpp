#include <xgrad/ops/activation.hpp>

#include <cmath>
#include <numbers>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/exponentials_avx2.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/permuted_tables.hpp>
#include <xgrad/ops/kernels/simple.hpp>
#include <xgrad/ops/powers.hpp>
#include <xgrad/ops/special.hpp>
#include <xgrad/ops/structure.hpp>
#include <xgrad/ops/trigonometric.hpp>

namespace xgrad {

namespace {

const Op& sigmoid_op = define(Elementwise{
    .name = "sigmoid",
    .math = "y = 1 / (1 + e^-x)",
    .forward = kernels::with_single_precision(floating<1>([](auto x) { return math::sigmoid(x); }),
                                              kernels::sigmoid_avx2, kernels::sigmoid_avx512),
    .partials = {[](const Record& r) { return r.output() * (1 - r.output()); }},  // y' = y (1 - y)
    .probes = unary_probes(between(-3, 3)),
});

const Op& sigmoid_minus_op = define(Elementwise{
    .name = "sigmoid_minus",
    .math = "d = 1 / (1 + e^-x) - y",
    .forward = floating<2>([](auto x, auto y) { return math::sigmoid_minus(x, y); }),
    .partials = {[](const Record& r) { return sigmoid(r.input(0)) * sigmoid(-r.input(0)); },
                 [](const Record& r) { return full({}, -1, r.input(0).dtype()); }},
    .probes = binary_probes(between(-3, 3), between(0.1, 0.9)),
});

const Op& relu_op = define(Elementwise{
    .name = "relu",
    .math = "y = max(0, x)",
    .forward = floating<1>(simple::Relu{}),
    // y' = [x ≥ 0]; chosen, not converted, so that it is made in the loop that uses it
    .partials = {[](const Record& r) { return where(r.input() >= 0, ones({}, r.input().dtype()), 0); }},
    .switches = [](const Record& r) { return std::vector<Tensor>{r.input(0)}; },
    .probes = unary_probes(between(-2, 2)),
});

const Op& leaky_relu_op = define(Elementwise{
    .name = "leaky_relu",
    .math = "y = x for x >= 0, else slope x",
    .forward = floating<2>([](auto x, auto slope) { return x < 0 ? slope * x : x; }),
    .partials = {[](const Record& r) { return where(r.input(0) >= 0, 1, r.input(1)); },   // 1 or slope
                 [](const Record& r) { return where(r.input(0) >= 0, 0, r.input(0)); }},  // 0 or x
    .switches = [](const Record& r) { return std::vector<Tensor>{r.input(0)}; },
    .probes = binary_probes(between(-2, 2), between(0.01, 0.5)),
});

const Op& softplus_op = define(Elementwise{
    .name = "softplus",
    .math = "y = log(1 + e^x)",
    .forward = floating<1>([](auto x) { return math::softplus(x); }),
    .partials = {[](const Record& r) { return sigmoid(r.input()); }},  // y' = σ(x)
    .probes = unary_probes(between(-3, 3)),
});

const Op& log_sigmoid_op = define(Elementwise{
    .name = "log_sigmoid",
    .math = "y = log(1 / (1 + e^-x))",
    .forward = floating<1>([](auto x) { return -math::softplus(-x); }),
    .partials = {[](const Record& r) { return sigmoid(-r.input()); }},  // y' = 1 - σ(x) = σ(-x)
    .probes = unary_probes(between(-3, 3)),
});

const Op& elu_op = define(Elementwise{
    .name = "elu",
    .math = "y = x for x >= 0, else alpha (e^x - 1)",
    .forward = floating<2>([](auto x, auto alpha) { return x < 0 ? alpha * math::expm1(x) : x; }),
    // 1 or α e^x; 0 or e^x - 1. The other branch is evaluated at 0, so that it cannot overflow.
    .partials = {[](const Record& r) {
                     const Tensor below = minimum(r.input(0), 0);
                     return where(r.input(0) >= 0, 1, r.input(1) * exp(below));
                 },
                 [](const Record& r) { return expm1(minimum(r.input(0), 0)); }},
    .switches = [](const Record& r) { return std::vector<Tensor>{r.input(0)}; },
    .probes = binary_probes(between(-2, 2), between(0.5, 2)),
});

/// Φ(x), the probability that a normal number is below x.
Tensor normal_distribution(const Tensor& x) {
    return 0.5 * erfc(-x * (std::numbers::sqrt2 / 2));
}

/// φ(x) = Φ'(x) = e^(-x²/2) / √(2π)
Tensor normal_density(const Tensor& x) {
    return (std::numbers::inv_sqrtpi / std::numbers::sqrt2) * exp(-0.5 * square(x));
}

const Op& gelu_op = define(Elementwise{
    .name = "gelu",
    .math = "y = x times the probability that a normal number is below x",
    .forward = floating<1>([](auto x) __attribute__((always_inline)) { return math::gelu(x); }),
    // y' = Φ(x) + x φ(x)
    .partials = {[](const Record& r) {
        return normal_distribution(r.input()) + r.input() * normal_density(r.input());
    }},
    .probes = unary_probes(between(-3, 3)),
});

const Op& silu_op = define(Elementwise{
    .name = "silu",
    .math = "y = x / (1 + e^-x)",
    .forward = floating<1>([](auto x) { return math::silu(x); }),
    // y' = σ (1 + x (1 - σ)) = σ + y σ(-x)
    .partials = {[](const Record& r) { return sigmoid(r.input()) + r.output() * sigmoid(-r.input()); }},
    .probes = unary_probes(between(-3, 3)),
});

/// A function that is written with others, probed like an elementwise operation of one argument.
Composite composite(const char* name, const char* math, Tensor (*function)(const Operand&), Interval x) {
    std::vector<Probe> probes = unary_probes(x);
    for (Probe& probe : probes) probe.call = [function](auto inputs) { return function(inputs[0]); };
    return {.name = name, .math = math, .probes = std::move(probes)};
}

const Op& gelu_tanh_op =
    define(composite("gelu_tanh", "y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))", gelu_tanh, between(-3, 3)));
const Op& selu_op = define(composite("selu", "y = 1.0507 elu(x, 1.67326)", selu, between(-3, 3)));
const Op& mish_op = define(composite("mish", "y = x tanh(softplus(x))", mish, between(-3, 3)));
const Op& hard_tanh_op = define(composite("hard_tanh", "y = min(max(x, -1), 1)", hard_tanh, between(-3, 3)));
const Op& softsign_op = define(composite("softsign", "y = x / (1 + |x|)", softsign, between(-3, 3)));

}  // namespace

Tensor sigmoid(const Operand& x) {
    return apply(sigmoid_op, x);
}
Tensor sigmoid_minus(const Operand& x, const Operand& y) {
    return apply(sigmoid_minus_op, x, y);
}
Tensor relu(const Operand& x) {
    return apply(relu_op, x);
}
Tensor leaky_relu(const Operand& x, double slope) {
    return apply(leaky_relu_op, x, Operand(slope, x.location()));
}
Tensor softplus(const Operand& x) {
    return apply(softplus_op, x);
}
Tensor log_sigmoid(const Operand& x) {
    return apply(log_sigmoid_op, x);
}
Tensor elu(const Operand& x, double alpha) {
    return apply(elu_op, x, Operand(alpha, x.location()));
}
Tensor selu(const Operand& x) {
    const Attribution attribution(x.location());
    constexpr double alpha = 1.6732632423543772848170429916717, scale = 1.0507009873554804934193349852946;
    return scale * elu(x.tensor(), alpha);
}
Tensor gelu(const Operand& x) {
    return apply(gelu_op, x);
}
Tensor gelu_tanh(const Operand& x) {
    const Attribution attribution(x.location());
    const Tensor& t = x.tensor();
    const double slope = std::sqrt(2 / std::numbers::pi);
    // ½ (1 + tanh u) = σ(2u), which keeps its digits far below 0.
    return t * sigmoid(2 * slope * t * (1 + 0.044715 * square(t)));
}
Tensor silu(const Operand& x) {
    return apply(silu_op, x);
}
Tensor mish(const Operand& x) {
    const Attribution attribution(x.location());
    return x.tensor() * tanh(softplus(x.tensor()));
}
Tensor hard_tanh(const Operand& x) {
    return clip(x, -1, 1);
}
Tensor softsign(const Operand& x) {
    const Attribution attribution(x.location());
    return x.tensor() / (1 + abs(x.tensor()));
}

}  // namespace xgrad
