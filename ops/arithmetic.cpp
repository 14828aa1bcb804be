#include <xgrad/ops/arithmetic.hpp>

#include <array>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/quotient.hpp>
#include <xgrad/ops/kernels/simple.hpp>
#include <xgrad/ops/rewrites.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

constexpr Interval anywhere = between(-2, 2);
constexpr Interval positive = between(0.5, 2);

std::vector<Probe> clip_probes() {
    const std::array<Shape, 3> patterns[] = {
        {Shape{2, 3}, Shape{}, Shape{}},      {Shape{17}, Shape{}, Shape{}},
        {Shape{2, 3}, Shape{3}, Shape{2, 1}}, {Shape{3}, Shape{2, 1}, Shape{2, 3}},
        {Shape{}, Shape{}, Shape{}},          {Shape{0}, Shape{1}, Shape{}},
        {Shape{2, 1, 3}, Shape{}, Shape{1}},  {Shape{33}, Shape{33}, Shape{33}},
        {Shape{1}, Shape{1}, Shape{1}},       {Shape{16}, Shape{}, Shape{16}},
        {Shape{1, 7}, Shape{2, 1}, Shape{1}}, {Shape{2, 2, 1, 3}, Shape{3}, Shape{}},
        {Shape{0, 3}, Shape{3}, Shape{0, 1}}, {Shape{1, 2, 1, 3, 2}, Shape{2, 1, 2}, Shape{1, 1, 2, 1, 1}}};
    std::vector<Probe> probes;
    for (const auto& [x, low, high] : patterns) {
        probes.push_back({to_string(x) + " " + to_string(low) + " " + to_string(high),
                          {{x, -2, 2}, {low, -1.5, -0.5}, {high, 0.5, 1.5}}});
    }
    return probes;
}

/// 1 where the mask is true, ½ where the two are equal, 0 elsewhere.
Tensor share(const Tensor& wins, const Tensor& ties, DType dtype) {
    return astype(wins, dtype) + 0.5 * astype(ties, dtype);
}

/// The two change places where they are equal.
std::vector<Tensor> difference(const Record& r) {
    return {r.input(0) - r.input(1)};
}

const Op& add_op = define(Linear{
    .name = "add",
    .math = "z = x + y",
    .forward = numeric<2>(simple::Add{}),
    .transposes = {[](const Record&, const Tensor& g) { return g; }, [](const Record&, const Tensor& g) { return g; }},
    .rewrite = rewrites::sum,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& subtract_op = define(Linear{
    .name = "subtract",
    .math = "z = x - y",
    .forward = numeric<2>(simple::Subtract{}),
    .transposes = {[](const Record&, const Tensor& g) { return g; }, [](const Record&, const Tensor& g) { return -g; }},
    .rewrite = rewrites::difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& negative_op = define(Linear{
    .name = "negative",
    .math = "y = -x",
    .forward = numeric<1>(simple::Negative{}),
    .transposes = {[](const Record&, const Tensor& g) { return -g; }},
    .probes = unary_probes(anywhere),
});

const Op& multiply_op = define(Elementwise{
    .name = "multiply",
    .math = "z = x y",
    .forward = numeric<2>(simple::Multiply{}),
    .partials = {[](const Record& r) { return r.input(1); },   // ∂z/∂x = y
                 [](const Record& r) { return r.input(0); }},  // ∂z/∂y = x
    .probes = binary_probes(anywhere, anywhere),
});

const Op& divide_op = define(Elementwise{
    .name = "divide",
    .math = "z = x / y",
    .forward = floating<2>(math::Quotient{}),
    .partials = {[](const Record& r) { return 1 / r.input(1); },             // ∂z/∂x = 1/y
                 [](const Record& r) { return -r.output() / r.input(1); }},  // ∂z/∂y = -x/y² = -z/y
    .rewrite = rewrites::quotient,
    .probes = binary_probes(anywhere, positive),
});

const Op& maximum_op = define(Elementwise{
    .name = "maximum",
    .math = "z = max(x, y)",
    .forward = numeric<2>([](auto x, auto y) { return math::maximum(x, y); }),
    .partials = {
        [](const Record& r) { return share(r.input(0) > r.input(1), r.input(0) == r.input(1), r.output().dtype()); },
        [](const Record& r) { return share(r.input(1) > r.input(0), r.input(0) == r.input(1), r.output().dtype()); }},
    .switches = difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& minimum_op = define(Elementwise{
    .name = "minimum",
    .math = "z = min(x, y)",
    .forward = numeric<2>([](auto x, auto y) { return math::minimum(x, y); }),
    .partials = {
        [](const Record& r) { return share(r.input(0) < r.input(1), r.input(0) == r.input(1), r.output().dtype()); },
        [](const Record& r) { return share(r.input(1) < r.input(0), r.input(0) == r.input(1), r.output().dtype()); }},
    .switches = difference,
    .probes = binary_probes(anywhere, anywhere),
});

const Op& clip_op = define(Elementwise{
    .name = "clip",
    .math = "y = min(max(x, low), high)",
    .forward = numeric<3>([](auto x, auto low, auto high) { return math::minimum(math::maximum(x, low), high); }),
    .partials = {// x at a bound is still x
                 [](const Record& r) {
                     return astype(logical_and(r.input(0) >= r.input(1), r.input(0) <= r.input(2)), r.output().dtype());
                 },
                 [](const Record& r) {
                     return astype(logical_and(r.input(0) < r.input(1), r.input(1) <= r.input(2)), r.output().dtype());
                 },
                 [](const Record& r) {
                     return astype(logical_or(r.input(0) > r.input(2), r.input(1) > r.input(2)), r.output().dtype());
                 }},
    .switches =
        [](const Record& r) {
            return std::vector<Tensor>{r.input(0) - r.input(1), r.input(0) - r.input(2), r.input(1) - r.input(2)};
        },
    .probes = clip_probes,
});

const Op& abs_op = define(Elementwise{
    .name = "abs",
    .math = "y = |x|",
    .forward = numeric<1>([](auto x) { return x < 0 ? -x : x + 0; }),
    .partials = {[](const Record& r) { return sign(r.input()); }},  // y' = sign x
    .switches = [](const Record& r) { return std::vector<Tensor>{r.input(0)}; },
    .probes = unary_probes(anywhere),
});

const Op& sign_op = define(Elementwise{
    .name = "sign",
    .math = "y = sign x",
    .forward = numeric<1>([](auto x) -> decltype(x) { return x > 0    ? 1
                                                             : x < 0  ? -1
                                                             : x == 0 ? 0
                                                                      : x; }),
    .partials = {Zero{"constant between its steps"}},
    .switches = [](const Record& r) { return std::vector<Tensor>{r.input(0)}; },
    .probes = unary_probes(anywhere),
});

}  // namespace

Tensor add(const Operand& x, const Operand& y) {
    return apply(add_op, x, y);
}
Tensor subtract(const Operand& x, const Operand& y) {
    return apply(subtract_op, x, y);
}
Tensor multiply(const Operand& x, const Operand& y) {
    return apply(multiply_op, x, y);
}
Tensor divide(const Operand& x, const Operand& y) {
    return apply(divide_op, x, y);
}
Tensor maximum(const Operand& x, const Operand& y) {
    return apply(maximum_op, x, y);
}
Tensor minimum(const Operand& x, const Operand& y) {
    return apply(minimum_op, x, y);
}
Tensor clip(const Operand& x, const Operand& low, const Operand& high) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const Promoted below = promote("clip", x, low);
    const Promoted above = promote("clip", below.x, high);
    const Promoted bounds = promote("clip", above.y, below.y);
    return apply(clip_op, {above.x, bounds.y, bounds.x}, {}, at);
}
Tensor negative(const Operand& x) {
    return apply(negative_op, x);
}
Tensor abs(const Operand& x) {
    return apply(abs_op, x);
}
Tensor sign(const Operand& x) {
    return apply(sign_op, x);
}

}  // namespace xgrad
