#include <xgrad/ops/powers.hpp>

#include <cmath>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/simple.hpp>

namespace xgrad {

namespace {

constexpr Interval anywhere = between(-2, 2);
constexpr Interval positive = between(0.5, 2);

const Op& power_op = define(Elementwise{
    .name = "power",
    .math = "z = x^y",
    .forward = floating<2>([](auto x, auto y) __attribute__((always_inline)) { return math::pow(x, y); }),
    .partials = {// ∂z/∂x = y x^(y-1); x^-1 would make 0 · ∞ of it for y = 0
                 [](const Record& r) {
                     const Tensor y = r.input(1);
                     return where(y == 0, 0, y * power(r.input(0), y - 1));
                 },
                 // ∂z/∂y = z log x; for x = 0 the limit from y > 0
                 [](const Record& r) {
                     const Tensor x = r.input(0);
                     return where(x == 0, 0, r.output() * log(where(x == 0, 1, x)));
                 }},
    .probes = binary_probes(positive, anywhere),
});

const Op& square_op = define(Elementwise{
    .name = "square",
    .math = "y = x^2",
    .forward = numeric<1>(simple::Square{}),
    .partials = {[](const Record& r) { return 2 * r.input(); }},  // y' = 2x
    .probes = unary_probes(anywhere),
});

const Op& sqrt_op = define(Elementwise{
    .name = "sqrt",
    .math = "y = sqrt x",
    .forward = floating<1>(simple::SquareRoot{}),
    .partials = {[](const Record& r) { return 0.5 / r.output(); }},  // y' = 1/(2y)
    .probes = unary_probes(positive),
});

const Op& cbrt_op = define(Elementwise{
    .name = "cbrt",
    .math = "y = x^(1/3)",
    .forward = floating<1>([](auto x) { return math::cbrt(x); }),
    .partials = {[](const Record& r) { return 1 / (3 * square(r.output())); }},  // y' = 1/(3y²)
    .probes = unary_probes(positive),
});

const Op& rsqrt_op = define(Elementwise{
    .name = "rsqrt",
    .math = "y = 1 / sqrt x",
    .forward = floating<1>([](auto x) { return 1 / std::sqrt(x); }),
    .partials = {[](const Record& r) { return -0.5 * r.output() / r.input(); }},  // y' = -y/(2x)
    .probes = unary_probes(positive),
});

const Op& reciprocal_op = define(Elementwise{
    .name = "reciprocal",
    .math = "y = 1 / x",
    .forward = floating<1>([](auto x) { return 1 / x; }),
    .partials = {[](const Record& r) { return -square(r.output()); }},  // y' = -1/x² = -y²
    .probes = unary_probes(positive),
});

/// a / z, the direction of a hypotenuse; 0 where it has no length.
Tensor direction(const Tensor& a, const Tensor& z) {
    return where(z == 0, 0, a / where(z == 0, 1, z));
}

const Op& hypot_op = define(Elementwise{
    .name = "hypot",
    .math = "z = sqrt(x^2 + y^2)",
    .forward = floating<2>([](auto x, auto y) { return math::hypot(x, y); }),
    .partials = {[](const Record& r) { return direction(r.input(0), r.output()); },   // ∂z/∂x = x/z
                 [](const Record& r) { return direction(r.input(1), r.output()); }},  // ∂z/∂y = y/z
    // At the tip of a cone.
    .switches = [](const Record& r) { return std::vector<Tensor>{r.output()}; },
    .probes = binary_probes(anywhere, positive),
});

}  // namespace

Tensor power(const Operand& x, const Operand& y) {
    return apply(power_op, x, y);
}
Tensor square(const Operand& x) {
    return apply(square_op, x);
}
Tensor sqrt(const Operand& x) {
    return apply(sqrt_op, x);
}
Tensor cbrt(const Operand& x) {
    return apply(cbrt_op, x);
}
Tensor rsqrt(const Operand& x) {
    return apply(rsqrt_op, x);
}
Tensor reciprocal(const Operand& x) {
    return apply(reciprocal_op, x);
}
Tensor hypot(const Operand& x, const Operand& y) {
    return apply(hypot_op, x, y);
}

}  // namespace xgrad
