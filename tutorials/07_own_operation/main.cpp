#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using tutorial::section;

// [elementwise]
const Op& bump_op = define(Elementwise{
    .name = "bump",
    .math = "y = e^(-x^2)",
    .forward = floating<1>([](auto x) { return std::exp(-x * x); }),
    .partials = {[](const Record& r) { return -2 * r.input() * r.output(); }},  // y' = -2 x y
    .probes = unary_probes(between(-2, 2)),
});

Tensor bump(const Operand& x) {
    return apply(bump_op, x);
}
// [/elementwise]

// [linear]
Tensor steps(const Operand& x);

/// What the steps' cotangents g do to x: x_i was taken from step i and added to step i - 1.
Tensor steps_back(const Record&, const Tensor& g) {
    const Tensor nothing = zeros({1}, g.dtype());
    return concatenate({nothing, g}) - concatenate({g, nothing});
}

const Op& steps_op = define(Linear{
    .name = "steps",
    .math = "y_i = x_(i+1) - x_i",
    .shape =
        [](const Call& call) {
            if (call.shape(0).rank() != 1 || call.shape(0)[0] < 1) call.fail("needs a vector of at least one element");
            return Signature{call.dtype(0), {call.shape(0)[0] - 1}};
        },
    .forward =
        [](const KernelCall& call) {
            visit_floating(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const RowMajor<T> x(call.inputs[0]);
                for (std::int64_t i = 0; i < call.shape[0]; ++i) call.out<T>()[i] = x[i + 1] - x[i];
            });
        },
    .transposes = {steps_back},
    .probes = {Probe{"five", {{{5}}}}, Probe{"one", {{{1}}}}},
});

Tensor steps(const Operand& x) {
    return apply(steps_op, x);
}
// [/linear]

// [general]
/// ∂y/∂x = (I - y yᵀ) / ‖x‖, a symmetric matrix: forward and reverse mode multiply by the same.
Tensor away_from(const Record& r, const Tensor& t) {
    const Tensor y = r.output();
    return (t - y * sum(y * t)) / norm(r.input());
}

const Op& direction_op = define(General{
    .name = "direction",
    .math = "y = x / |x|",
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            visit_floating(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const RowMajor<T> x(call.inputs[0]);
                T length = 0;
                for (std::int64_t i = 0; i < call.shape.size(); ++i) length = std::hypot(length, x[i]);
                for (std::int64_t i = 0; i < call.shape.size(); ++i) call.out<T>()[i] = x[i] / length;
            });
        },
    .vjp = [](const Record& r, const Tensor& g, std::size_t) { return away_from(r, g); },
    .jvp = [](const Record& r, std::span<const Tensor> t) { return away_from(r, t[0]); },
    .probes = {Probe{"four", {{{4}, 0.5, 2}}}},
});
// [/general]

// [wrong]
const Op& wrong_op = define(Elementwise{
    .name = "wrong_bump",
    .math = "y = e^(-x^2)",
    .forward = floating<1>([](auto x) { return std::exp(-x * x); }),
    .partials = {[](const Record& r) { return -r.input() * r.output(); }},  // the 2 is missing
    .probes = unary_probes(between(-2, 2)),
});
// [/wrong]

void lesson(const tutorial::Arguments&) {
    section("use");
    const Tensor x = parameter(xt::xarray<double>{0.5, -1, 0, 2}, "x");
    const Tensor y = bump(x), slope = grad(sum(y), x), curvature = grad(sum(slope), x);
    fmt::print("y   {:.4f}\ny'  {:.4f}\ny'' {:.4f}\n", y, slope, curvature);

    section("check");
    fmt::print("bump       {}\n", bool(check_gradients([](auto& t) { return bump(t); }, {x})));
    fmt::print("steps      {}\n", bool(check_gradients([](auto& t) { return steps(t); }, {x})));
    fmt::print("direction  {}\n", bool(check_gradients([](auto& t) { return apply(direction_op, t); }, {x})));
    tutorial::show_error([] { steps(xt::ones<double>({2, 3})); });

    section("caught");
    fmt::print("{}",
               check_gradients([](auto& t) { return apply(wrong_op, t); }, {xt::xarray<double>{0.5}}, {.order = 1}));

    section("overrule");
    const auto straight_through = [](const Tensor& t) {  // rounds, and says that its derivative is 1
        return custom_gradient([](auto& s) { return round(s); },
                               [](auto&, auto&, auto& g) { return std::vector<Tensor>{g}; }, {t});
    };
    const Tensor rounded = straight_through(3 * x);
    fmt::print("{} {}\n", rounded, grad(sum(rounded), x));
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson);
}
