#include <xgrad/ops/exponential.hpp>

#include <numbers>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/rewrites.hpp>

namespace xgrad {

namespace {

const Op& exp_op = define(Elementwise{
    .name = "exp",
    .math = "y = e^x",
    .forward = floating<1>([](auto x) { return math::exp(x); }),
    .partials = {[](const Record& r) { return r.output(); }},  // y' = y
    .probes = unary_probes(between(-2, 2)),
});

const Op& exp2_op = define(Elementwise{
    .name = "exp2",
    .math = "y = 2^x",
    .forward = floating<1>([](auto x) { return math::exp2(x); }),
    .partials = {[](const Record& r) { return std::numbers::ln2 * r.output(); }},  // y' = y log 2
    .probes = unary_probes(between(-2, 2)),
});

const Op& expm1_op = define(Elementwise{
    .name = "expm1",
    .math = "y = e^x - 1",
    .forward = floating<1>([](auto x) { return math::expm1(x); }),
    .partials = {[](const Record& r) { return exp(r.input()); }},  // y' = e^x; y + 1 would lose its digits for x << 0
    .probes = unary_probes(between(-2, 2)),
});

const Op& log_op = define(Elementwise{
    .name = "log",
    .math = "y = log x",
    .forward = floating<1>([](auto x) { return math::log(x); }),
    .partials = {[](const Record& r) { return 1 / r.input(); }},  // y' = 1/x
    .rewrite = rewrites::logarithm,
    .probes = unary_probes(between(0.5, 3)),
});

const Op& log2_op = define(Elementwise{
    .name = "log2",
    .math = "y = log2 x",
    .forward = floating<1>([](auto x) { return math::log2(x); }),
    .partials = {[](const Record& r) { return std::numbers::log2e / r.input(); }},  // y' = 1/(x log 2)
    .probes = unary_probes(between(0.5, 3)),
});

const Op& log10_op = define(Elementwise{
    .name = "log10",
    .math = "y = log10 x",
    .forward = floating<1>([](auto x) { return math::log10(x); }),
    .partials = {[](const Record& r) { return std::numbers::log10e / r.input(); }},  // y' = 1/(x log 10)
    .probes = unary_probes(between(0.5, 3)),
});

const Op& log1p_op = define(Elementwise{
    .name = "log1p",
    .math = "y = log(1 + x)",
    .forward = floating<1>([](auto x) { return math::log1p(x); }),
    .partials = {[](const Record& r) { return 1 / (1 + r.input()); }},  // y' = 1/(1 + x)
    .probes = unary_probes(between(-0.5, 3)),
});

/// e^x / (e^x + e^y) = σ(x - y); ½ for two equal infinities, whose difference is NaN.
Tensor part_of(const Tensor& x, const Tensor& y) {
    return sigmoid(where(logical_and(x == y, isinf(x)), 0, x - y));
}

const Op& logaddexp_op = define(Elementwise{
    .name = "logaddexp",
    .math = "z = log(e^x + e^y)",
    .forward = floating<2>([](auto x, auto y) { return math::logaddexp(x, y); }),
    .partials = {[](const Record& r) { return part_of(r.input(0), r.input(1)); },
                 [](const Record& r) { return part_of(r.input(1), r.input(0)); }},
    .probes = binary_probes(between(-3, 3), between(-3, 3)),
});

}  // namespace

Tensor exp(const Operand& x) {
    return apply(exp_op, x);
}
Tensor exp2(const Operand& x) {
    return apply(exp2_op, x);
}
Tensor expm1(const Operand& x) {
    return apply(expm1_op, x);
}
Tensor log(const Operand& x) {
    return apply(log_op, x);
}
Tensor log2(const Operand& x) {
    return apply(log2_op, x);
}
Tensor log10(const Operand& x) {
    return apply(log10_op, x);
}
Tensor log1p(const Operand& x) {
    return apply(log1p_op, x);
}
Tensor logaddexp(const Operand& x, const Operand& y) {
    return apply(logaddexp_op, x, y);
}

}  // namespace xgrad
