#include <xgrad/ops/comparison.hpp>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/op.hpp>

namespace xgrad {

namespace {

const Zero step{"a comparison is constant between its steps"};
constexpr Interval anywhere = between(-2, 2);

const Op& equal_op = define(Elementwise{
    .name = "equal",
    .math = "z = [x = y]",
    .forward = predicate<2>([](auto x, auto y) { return x == y; }),
    .partials = {step, step},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& not_equal_op = define(Elementwise{
    .name = "not_equal",
    .math = "z = [x != y]",
    .forward = predicate<2>([](auto x, auto y) { return x != y; }),
    .partials = {step, step},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& less_op = define(Elementwise{
    .name = "less",
    .math = "z = [x < y]",
    .forward = predicate<2>([](auto x, auto y) { return x < y; }),
    .partials = {step, step},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& less_equal_op = define(Elementwise{
    .name = "less_equal",
    .math = "z = [x <= y]",
    .forward = predicate<2>([](auto x, auto y) { return x <= y; }),
    .partials = {step, step},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& greater_op = define(Elementwise{
    .name = "greater",
    .math = "z = [x > y]",
    .forward = predicate<2>([](auto x, auto y) { return x > y; }),
    .partials = {step, step},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& greater_equal_op = define(Elementwise{
    .name = "greater_equal",
    .math = "z = [x >= y]",
    .forward = predicate<2>([](auto x, auto y) { return x >= y; }),
    .partials = {step, step},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& isnan_op = define(Elementwise{
    .name = "isnan",
    .math = "y = [x is NaN]",
    .forward = predicate<1>([](auto x) { return x != x; }),
    .partials = {step},
    .probes = unary_probes(anywhere),
});

Tensor zero_like(const Tensor& g) {
    return algebra::filled(0, g.dtype(), Shape());
}

const Op& where_op = define(Linear{
    .name = "where",
    .math = "z = x where c, y elsewhere",
    .forward = choice([](bool c, auto x, auto y) { return c ? x : y; }),
    .transposes = {Zero{"a mask is a choice, not a quantity"},
                   [](const Record& r, const Tensor& g) { return where(r.input(0), g, zero_like(g)); },
                   [](const Record& r, const Tensor& g) { return where(r.input(0), zero_like(g), g); }},
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
    return apply(isnan_op, {x.tensor()}, {}, x.location());
}
Tensor where(const Operand& mask, const Operand& x, const Operand& y) {
    const Promoted pair = promote("where", x, y);
    return apply(where_op, {mask.tensor(), pair.x, pair.y}, {}, mask.location());
}

}  // namespace xgrad
