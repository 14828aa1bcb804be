#include <xgrad/ops/special.hpp>

#include <numbers>
#include <string>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/gamma.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/powers.hpp>

namespace xgrad {

namespace {

/// 2/√π e^-x²
Tensor bell(const Tensor& x) {
    return 2 * std::numbers::inv_sqrtpi * exp(-square(x));
}

const Op& erf_op = define(Elementwise{
    .name = "erf",
    .math = "y = 2/sqrt(pi) integral of e^-t^2 from 0 to x",
    .forward = floating<1>([](auto x) { return math::erf(x); }),
    .partials = {[](const Record& r) { return bell(r.input()); }},  // y' = 2/√π e^-x²
    .probes = unary_probes(between(-2, 2)),
});

const Op& erfc_op = define(Elementwise{
    .name = "erfc",
    .math = "y = 1 - erf x",
    .forward = floating<1>([](auto x) { return math::erfc(x); }),
    .partials = {[](const Record& r) { return -bell(r.input()); }},  // y' = -2/√π e^-x²
    .probes = unary_probes(between(-2, 2)),
});

const Op& lgamma_op = define(Elementwise{
    .name = "lgamma",
    .math = "y = log |gamma(x)|",
    .forward = floating<1>([](auto x) { return math::lgamma(x); }),
    .partials = {[](const Record& r) { return digamma(r.input()); }},  // y' = ψ(x)
    .probes = unary_probes(between(0.5, 4)),
});

const Op& digamma_op = define(Elementwise{
    .name = "digamma",
    .math = "y = psi(x), the derivative of log gamma(x)",
    .forward = floating<1>([](auto x) { return math::digamma(x); }),
    .partials = {[](const Record& r) { return polygamma(1, r.input()); }},  // y' = ψ'(x)
    .probes = unary_probes(between(0.5, 4)),
});

std::vector<Probe> polygamma_probes() {
    std::vector<Probe> probes;
    std::int64_t n = 0;
    for (Probe probe : unary_probes(between(1, 4))) {
        n = n % 3 + 1;
        probe.label = "n = " + std::to_string(n) + ", " + probe.label;
        probe.call = [n](auto x) { return polygamma(n, x[0]); };
        probes.push_back(std::move(probe));
    }
    probes.push_back({"n = 2, negative", {{{5}, -2.8, -2.2}}, [](auto x) { return polygamma(2, x[0]); }});
    return probes;
}

const Op& polygamma_op = define(Elementwise{
    .name = "polygamma",
    .math = "y = n-th derivative of psi(x)",
    .forward = floating<2>([](auto n, auto x) { return math::polygamma(static_cast<int>(n), x); }),
    .partials = {Zero{"the order of a derivative is a whole number"},
                 // The order is a number that was recorded with the call.
                 [](const Record& r) { return polygamma(r.input(0).item<std::int64_t>() + 1, r.input(1)); }},
    .probes = polygamma_probes,
});

}  // namespace

Tensor erf(const Operand& x) {
    return apply(erf_op, x);
}
Tensor erfc(const Operand& x) {
    return apply(erfc_op, x);
}
Tensor lgamma(const Operand& x) {
    return apply(lgamma_op, x);
}
Tensor digamma(const Operand& x) {
    return apply(digamma_op, x);
}
Tensor polygamma(std::int64_t n, const Operand& x) {
    constexpr std::int64_t most = 100;  // n! leaves float64 soon after
    if (n < 0 || n > most) {
        throw ValueError("polygamma", "needs an order from 0 to " + std::to_string(most), std::to_string(n),
                         Attribution::resolve(x.location()));
    }
    if (n == 0) return digamma(x.tensor());
    return apply(polygamma_op, Operand(n, x.location()), x);
}

}  // namespace xgrad
