#include <xgrad/ops/rounding.hpp>

#include <cmath>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>

namespace xgrad {

namespace {

const Zero steps{"constant between its steps"};
constexpr Interval anywhere = between(-2, 2);

/// The distance of x to the nearest whole number, with a sign that changes there: x, 1 − x, x − 2, 3 − x, ...
Tensor zigzag(const Tensor& x) {
    const Tensor nearest = round(x);
    const Tensor is_odd = abs(nearest - 2 * round(nearest / 2));
    return (x - nearest) * (1 - 2 * is_odd);
}

std::vector<Tensor> at_whole_numbers(const Record& r) {
    return {zigzag(r.input())};
}

/// trunc: not at 0, where both sides are 0.
std::vector<Tensor> at_whole_numbers_but_zero(const Record& r) {
    const Tensor size = abs(r.input());
    return {where(size < 1, 1 - size, zigzag(size))};
}

const Op& floor_op = define(Elementwise{
    .name = "floor",
    .math = "y = largest whole number <= x",
    .forward = floating<1>([](auto x) { return std::floor(x); }),
    .partials = {steps},
    .switches = at_whole_numbers,
    .probes = unary_probes(anywhere),
});

const Op& ceil_op = define(Elementwise{
    .name = "ceil",
    .math = "y = smallest whole number >= x",
    .forward = floating<1>([](auto x) { return std::ceil(x); }),
    .partials = {steps},
    .switches = at_whole_numbers,
    .probes = unary_probes(anywhere),
});

const Op& round_op = define(Elementwise{
    .name = "round",
    .math = "y = nearest whole number, the even one of two",
    .forward = floating<1>([](auto x) { return std::nearbyint(x); }),
    .partials = {steps},
    .switches = [](const Record& r) { return std::vector<Tensor>{zigzag(r.input() - 0.5)}; },
    .probes = unary_probes(anywhere),
});

const Op& trunc_op = define(Elementwise{
    .name = "trunc",
    .math = "y = whole part of x",
    .forward = floating<1>([](auto x) { return std::trunc(x); }),
    .partials = {steps},
    .switches = at_whole_numbers_but_zero,
    .probes = unary_probes(anywhere),
});

const Op& fmod_op = define(Elementwise{
    .name = "fmod",
    .math = "z = x - y trunc(x / y)",
    .forward = floating<2>([](auto x, auto y) { return std::fmod(x, y); }),
    .partials = {[](const Record& r) { return algebra::filled(1, r.output().dtype(), Shape()); },
                 // -trunc(x / y), from the exact remainder: x / y itself may round up to a whole number
                 [](const Record& r) { return -round((r.input(0) - r.output()) / r.input(1)); }},
    .switches =
        [](const Record& r) {
            const Tensor size = abs(r.input(0) / r.input(1));
            return std::vector<Tensor>{where(size < 1, 1 - size, zigzag(size))};
        },
    .probes = binary_probes(between(1.65, 2.15), between(1.1, 1.6)),  // 1 < x / y < 2
});

}  // namespace

Tensor floor(const Operand& x) {
    return apply(floor_op, x);
}
Tensor ceil(const Operand& x) {
    return apply(ceil_op, x);
}
Tensor round(const Operand& x) {
    return apply(round_op, x);
}
Tensor trunc(const Operand& x) {
    return apply(trunc_op, x);
}
Tensor fmod(const Operand& x, const Operand& y) {
    return apply(fmod_op, x, y);
}

}  // namespace xgrad
