#include <xgrad/ops/comparison.hpp>

#include <bit>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/lanes.hpp>

namespace xgrad {

namespace {

const Zero step{"a comparison is constant between its steps"};
constexpr Interval anywhere = between(-2, 2);

/// Where it changes sign a comparison changes its answer. Truth values are compared as they are.
std::vector<Tensor> difference(const Record& r) {
    if (r.input(0).dtype() == DType::boolean) return {r.output()};
    return {r.input(0) - r.input(1)};
}

const Op& equal_op = define(Elementwise{
    .name = "equal",
    .math = "z = [x = y]",
    .forward = predicate<2>([](auto x, auto y) { return x == y; }),
    .partials = {step, step},
    .switches = difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& not_equal_op = define(Elementwise{
    .name = "not_equal",
    .math = "z = [x != y]",
    .forward = predicate<2>([](auto x, auto y) { return x != y; }),
    .partials = {step, step},
    .switches = difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& less_op = define(Elementwise{
    .name = "less",
    .math = "z = [x < y]",
    .forward = predicate<2>([](auto x, auto y) { return x < y; }),
    .partials = {step, step},
    .switches = difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& less_equal_op = define(Elementwise{
    .name = "less_equal",
    .math = "z = [x <= y]",
    .forward = predicate<2>([](auto x, auto y) { return x <= y; }),
    .partials = {step, step},
    .switches = difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& greater_op = define(Elementwise{
    .name = "greater",
    .math = "z = [x > y]",
    .forward = predicate<2>([](auto x, auto y) { return x > y; }),
    .partials = {step, step},
    .switches = difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& greater_equal_op = define(Elementwise{
    .name = "greater_equal",
    .math = "z = [x >= y]",
    .forward = predicate<2>([](auto x, auto y) { return x >= y; }),
    .partials = {step, step},
    .switches = difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& isnan_op = define(Elementwise{
    .name = "isnan",
    .math = "y = [x is NaN]",
    .forward = predicate<1>([](auto x) { return x != x; }),
    .partials = {step},
    .probes = unary_probes(anywhere),
});

const Op& isinf_op = define(Elementwise{
    .name = "isinf",
    .math = "y = [|x| is infinite]",
    .forward = predicate<1>([](auto x) { return x - x != 0 && x == x; }),
    .partials = {step},
    .probes = unary_probes(anywhere),
});

const Op& isfinite_op = define(Elementwise{
    .name = "isfinite",
    .math = "y = [x is neither infinite nor NaN]",
    .forward = predicate<1>([](auto x) { return x - x == 0; }),
    .partials = {step},
    .probes = unary_probes(anywhere),
});

const Zero logic{"a truth value is no quantity"};

std::vector<Probe> logic_probes(std::size_t arity) {
    std::vector<Probe> probes;
    for (Probe probe : arity == 1 ? unary_probes(anywhere) : binary_probes(anywhere, anywhere)) {
        for (ProbeInput& input : probe.inputs) input.kind = ProbeInput::Kind::boolean;
        probes.push_back(std::move(probe));
    }
    return probes;
}

const Op& logical_and_op = define(Elementwise{
    .name = "logical_and",
    .math = "z = x and y",
    .forward = logical<2>([](bool x, bool y) { return x & y; }),
    .partials = {logic, logic},
    .probes = [] { return logic_probes(2); },
});

const Op& logical_or_op = define(Elementwise{
    .name = "logical_or",
    .math = "z = x or y",
    .forward = logical<2>([](bool x, bool y) { return x | y; }),
    .partials = {logic, logic},
    .probes = [] { return logic_probes(2); },
});

const Op& logical_xor_op = define(Elementwise{
    .name = "logical_xor",
    .math = "z = either x or y",
    .forward = logical<2>([](bool x, bool y) { return x ^ y; }),
    .partials = {logic, logic},
    .probes = [] { return logic_probes(2); },
});

const Op& logical_not_op = define(Elementwise{
    .name = "logical_not",
    .math = "y = not x",
    .forward = logical<1>([](bool x) { return !x; }),
    .partials = {logic},
    .probes = [] { return logic_probes(1); },
});

Tensor zero_like(const Tensor& g) {
    return algebra::filled(0, g.dtype(), Shape());
}

const Op& where_op = define(Linear{
    .name = "where",
    .math = "z = x where c, y elsewhere",
    .forward = choice([](bool c, auto x, auto y) {
        if constexpr (math::Lane<decltype(x)>) {
            // As a byte that is compared: GCC does not vectorise the choice by a bool that was read.
            return math::select(std::bit_cast<unsigned char>(c) != 0, x, y);
        } else {
            return c ? x : y;
        }
    }),
    .transposes = {Zero{"a mask is a choice, not a quantity"},
                   [](const Record& r, const Tensor& g) { return where(r.input(0), g, zero_like(g)); },
                   [](const Record& r, const Tensor& g) { return where(r.input(0), zero_like(g), g); }},
    .switches = [](const Record& r) { return std::vector<Tensor>{r.input(0)}; },
    .probes = choice_probes(anywhere, anywhere),
});

}  // namespace

Tensor equal(const Operand& x, const Operand& y) {
    return apply(equal_op, x, y);
}
Tensor not_equal(const Operand& x, const Operand& y) {
    return apply(not_equal_op, x, y);
}
Tensor less(const Operand& x, const Operand& y) {
    return apply(less_op, x, y);
}
Tensor less_equal(const Operand& x, const Operand& y) {
    return apply(less_equal_op, x, y);
}
Tensor greater(const Operand& x, const Operand& y) {
    return apply(greater_op, x, y);
}
Tensor greater_equal(const Operand& x, const Operand& y) {
    return apply(greater_equal_op, x, y);
}
Tensor isnan(const Operand& x) {
    return apply(isnan_op, x);
}
Tensor isinf(const Operand& x) {
    return apply(isinf_op, x);
}
Tensor isfinite(const Operand& x) {
    return apply(isfinite_op, x);
}
Tensor logical_and(const Operand& x, const Operand& y) {
    return apply(logical_and_op, x, y);
}
Tensor logical_or(const Operand& x, const Operand& y) {
    return apply(logical_or_op, x, y);
}
Tensor logical_xor(const Operand& x, const Operand& y) {
    return apply(logical_xor_op, x, y);
}
Tensor logical_not(const Operand& x) {
    return apply(logical_not_op, x);
}
Tensor where(const Operand& mask, const Operand& x, const Operand& y) {
    const Promoted pair = promote("where", x, y);
    return apply(where_op, {mask.tensor(), pair.x, pair.y}, {}, mask.location());
}

}  // namespace xgrad
