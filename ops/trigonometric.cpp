#include <xgrad/ops/trigonometric.hpp>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/exponentials_avx2.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/permuted_tables.hpp>
#include <xgrad/ops/powers.hpp>

namespace xgrad {

namespace {

/// 1 - x² = (1 - x)(1 + x), which keeps its digits near ±1.
Tensor one_minus_square(const Tensor& x) {
    return (1 - x) * (1 + x);
}

const Op& sin_op = define(Elementwise{
    .name = "sin",
    .math = "y = sin x",
    .forward = floating<1>(math::Sine{}),
    .partials = {[](const Record& r) { return cos(r.input()); }},  // y' = cos x
    .probes = unary_probes(between(-3, 3)),
});

const Op& cos_op = define(Elementwise{
    .name = "cos",
    .math = "y = cos x",
    .forward = floating<1>(math::Cosine{}),
    .partials = {[](const Record& r) { return -sin(r.input()); }},  // y' = -sin x
    .probes = unary_probes(between(-3, 3)),
});

const Op& tan_op = define(Elementwise{
    .name = "tan",
    .math = "y = tan x",
    .forward = floating<1>(math::Tangent{}),
    .partials = {[](const Record& r) { return 1 + square(r.output()); }},  // y' = 1 + y²
    .probes = unary_probes(between(-1, 1)),
});

const Op& asin_op = define(Elementwise{
    .name = "asin",
    .math = "y = arcsin x",
    .forward = floating<1>([](auto x) { return math::asin(x); }),
    .partials = {[](const Record& r) { return rsqrt(one_minus_square(r.input())); }},  // y' = 1/√(1 - x²)
    .probes = unary_probes(between(-0.8, 0.8)),
});

const Op& acos_op = define(Elementwise{
    .name = "acos",
    .math = "y = arccos x",
    .forward = floating<1>([](auto x) { return math::acos(x); }),
    .partials = {[](const Record& r) { return -rsqrt(one_minus_square(r.input())); }},  // y' = -1/√(1 - x²)
    .probes = unary_probes(between(-0.8, 0.8)),
});

const Op& atan_op = define(Elementwise{
    .name = "atan",
    .math = "y = arctan x",
    .forward = floating<1>([](auto x) { return math::atan(x); }),
    .partials = {[](const Record& r) { return 1 / (1 + square(r.input())); }},  // y' = 1/(1 + x²)
    .probes = unary_probes(between(-3, 3)),
});

const Op& atan2_op = define(Elementwise{
    .name = "atan2",
    .math = "z = angle of the point (x, y)",
    .forward = floating<2>([](auto y, auto x) { return math::atan2(y, x); }),
    // ∂z/∂y = x/(x² + y²), ∂z/∂x = -y/(x² + y²); divided twice by the hypotenuse, since its square could overflow
    .partials = {[](const Record& r) {
                     const Tensor length = hypot(r.input(0), r.input(1));
                     return r.input(1) / length / length;
                 },
                 [](const Record& r) {
                     const Tensor length = hypot(r.input(0), r.input(1));
                     return -r.input(0) / length / length;
                 }},
    .probes = binary_probes(between(-2, 2), between(0.5, 2)),
});

const Op& sinh_op = define(Elementwise{
    .name = "sinh",
    .math = "y = (e^x - e^-x) / 2",
    .forward = floating<1>([](auto x) { return math::sinh(x); }),
    .partials = {[](const Record& r) { return cosh(r.input()); }},  // y' = cosh x
    .probes = unary_probes(between(-2, 2)),
});

const Op& cosh_op = define(Elementwise{
    .name = "cosh",
    .math = "y = (e^x + e^-x) / 2",
    .forward = floating<1>([](auto x) { return math::cosh(x); }),
    .partials = {[](const Record& r) { return sinh(r.input()); }},  // y' = sinh x
    .probes = unary_probes(between(-2, 2)),
});

const Op& tanh_op = define(Elementwise{
    .name = "tanh",
    .math = "y = tanh x",
    .forward = kernels::with_single_precision(floating<1>([](auto x) { return math::tanh(x); }), kernels::tanh_avx2,
                                              kernels::tanh_avx512),
    .partials = {[](const Record& r) { return 1 - square(r.output()); }},  // y' = 1 - y²; cosh² would overflow
    .probes = unary_probes(between(-3, 3)),
});

const Op& asinh_op = define(Elementwise{
    .name = "asinh",
    .math = "y = log(x + sqrt(x^2 + 1))",
    .forward = floating<1>([](auto x) { return math::asinh(x); }),
    .partials = {[](const Record& r) { return 1 / hypot(r.input(), 1); }},  // y' = 1/√(x² + 1)
    .probes = unary_probes(between(-3, 3)),
});

const Op& acosh_op = define(Elementwise{
    .name = "acosh",
    .math = "y = log(x + sqrt(x^2 - 1))",
    .forward = floating<1>([](auto x) { return math::acosh(x); }),
    .partials = {[](const Record& r) { return rsqrt((r.input() - 1) * (r.input() + 1)); }},  // y' = 1/√(x² - 1)
    .probes = unary_probes(between(1.5, 4)),
});

const Op& atanh_op = define(Elementwise{
    .name = "atanh",
    .math = "y = log((1 + x) / (1 - x)) / 2",
    .forward = floating<1>([](auto x) { return math::atanh(x); }),
    .partials = {[](const Record& r) { return 1 / one_minus_square(r.input()); }},  // y' = 1/(1 - x²)
    .probes = unary_probes(between(-0.8, 0.8)),
});

}  // namespace

Tensor sin(const Operand& x) {
    return apply(sin_op, x);
}
Tensor cos(const Operand& x) {
    return apply(cos_op, x);
}
Tensor tan(const Operand& x) {
    return apply(tan_op, x);
}
Tensor asin(const Operand& x) {
    return apply(asin_op, x);
}
Tensor acos(const Operand& x) {
    return apply(acos_op, x);
}
Tensor atan(const Operand& x) {
    return apply(atan_op, x);
}
Tensor atan2(const Operand& y, const Operand& x) {
    return apply(atan2_op, y, x);
}
Tensor sinh(const Operand& x) {
    return apply(sinh_op, x);
}
Tensor cosh(const Operand& x) {
    return apply(cosh_op, x);
}
Tensor tanh(const Operand& x) {
    return apply(tanh_op, x);
}
Tensor asinh(const Operand& x) {
    return apply(asinh_op, x);
}
Tensor acosh(const Operand& x) {
    return apply(acosh_op, x);
}
Tensor atanh(const Operand& x) {
    return apply(atanh_op, x);
}

}  // namespace xgrad
