#include <xgrad/ops/exponential.hpp>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/math.hpp>

namespace xgrad {

namespace {

const Op& exp_op = define(Elementwise{
    .name = "exp",
    .math = "y = e^x",
    .forward = floating<1>([](auto x) { return math::exp(x); }),
    .partials = {[](const Record& r) { return r.output(); }},  // y' = y
    .probes = unary_probes(between(-2, 2)),
});

const Op& log_op = define(Elementwise{
    .name = "log",
    .math = "y = log x",
    .forward = floating<1>([](auto x) { return math::log(x); }),
    .partials = {[](const Record& r) { return 1 / r.input(); }},  // y' = 1/x
    .probes = unary_probes(between(0.5, 3)),
});

const Op& tanh_op = define(Elementwise{
    .name = "tanh",
    .math = "y = tanh x",
    .forward = floating<1>([](auto x) { return math::tanh(x); }),
    .partials = {[](const Record& r) { return 1 - square(r.output()); }},  // y' = 1 - y²; cosh² would overflow
    .probes = unary_probes(between(-3, 3)),
});

}  // namespace

Tensor exp(const Operand& x) {
    return apply(exp_op, {x.tensor()}, {}, x.location());
}
Tensor log(const Operand& x) {
    return apply(log_op, {x.tensor()}, {}, x.location());
}
Tensor tanh(const Operand& x) {
    return apply(tanh_op, {x.tensor()}, {}, x.location());
}

}  // namespace xgrad
