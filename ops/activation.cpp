#include <xgrad/ops/activation.hpp>

#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

const Op& sigmoid_op = define(Elementwise{
    .name = "sigmoid",
    .math = "y = 1 / (1 + e^-x)",
    .forward = floating<1>([](auto x) { return math::sigmoid(x); }),
    .partials = {[](const Record& r) { return r.output() * (1 - r.output()); }},  // y' = y (1 - y)
    .probes = unary_probes(between(-3, 3)),
});

const Op& relu_op = define(Elementwise{
    .name = "relu",
    .math = "y = max(0, x)",
    .forward = floating<1>([](auto x) { return x < 0 ? decltype(x)(0) : x; }),  // a NaN is not below 0 and passes
    .partials = {[](const Record& r) { return astype(r.input() >= 0, r.input().dtype()); }},  // y' = [x ≥ 0]
    .probes = unary_probes(between(-2, 2)),
});

const Op& leaky_relu_op = define(Elementwise{
    .name = "leaky_relu",
    .math = "y = x for x >= 0, else slope x",
    .forward = floating<2>([](auto x, auto slope) { return x < 0 ? slope * x : x; }),
    .partials = {[](const Record& r) { return where(r.input(0) >= 0, 1, r.input(1)); },   // 1 or slope
                 [](const Record& r) { return where(r.input(0) >= 0, 0, r.input(0)); }},  // 0 or x
    .probes = binary_probes(between(-2, 2), between(0.01, 0.5)),
});

const Op& softplus_op = define(Elementwise{
    .name = "softplus",
    .math = "y = log(1 + e^x)",
    .forward = floating<1>([](auto x) { return math::softplus(x); }),
    .partials = {[](const Record& r) { return sigmoid(r.input()); }},  // y' = σ(x)
    .probes = unary_probes(between(-3, 3)),
});

/// Calls f(first, stride, count) for every line along the axis of a contiguous array.
template <class F>
void for_each_line(const Shape& shape, std::size_t axis, F&& f) {
    std::int64_t outer = 1;
    std::int64_t inner = 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
    for (std::size_t i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t i = 0; i < inner; ++i) f(o * shape[axis] * inner + i, inner, shape[axis]);
    }
}

std::size_t axis_of(const Attributes& attributes) {
    return static_cast<std::size_t>(attributes.at<std::int64_t>("axis"));
}

/// The kernel of both: with m = max x and s = Σ e^(x-m), softmax is e^(x-m) / s and its logarithm (x - m) - log s.
/// The largest exponent is 0, so nothing overflows and s is at least 1.
template <bool Logarithm>
void softmax_kernel(const KernelCall& call) {
    StorageRef scratch;
    const void* data = run::contiguous(call.inputs[0], scratch);
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T* x = static_cast<const T*>(data);
        T* y = call.out<T>();
        for_each_line(call.shape, axis_of(call.attributes), [&](std::int64_t first, std::int64_t step, std::int64_t n) {
            if (n == 0) return;
            T largest = x[first];
            for (std::int64_t i = 1; i < n; ++i) largest = math::maximum(largest, x[first + i * step]);
            T sum = 0;
            for (std::int64_t i = 0; i < n; ++i) {
                const T shifted = x[first + i * step] - largest;
                const T power = math::exp(shifted);
                sum += power;
                y[first + i * step] = Logarithm ? shifted : power;
            }
            const T log_sum = Logarithm ? math::log(sum) : T(0);
            for (std::int64_t i = 0; i < n; ++i) {
                T& value = y[first + i * step];
                value = Logarithm ? value - log_sum : value / sum;
            }
        });
    });
}

Signature floating_like_input(const Call& call) {
    if (!is_floating(call.dtype(0))) call.fail_dtype("needs float32 or float64");
    return {call.dtype(0), call.shape(0)};
}

std::vector<Probe> axis_probes(Tensor (*function)(const Operand&, std::int64_t)) {
    return {Probe{"axis 0", {{{3, 4}}}, [=](auto x) { return function(x[0], 0); }},
            Probe{"axis -1", {{{2, 3, 2}}}, [=](auto x) { return function(x[0], -1); }},
            Probe{"axis 1", {{{2, 3, 2}}}, [=](auto x) { return function(x[0], 1); }},
            Probe{"empty", {{{3, 0}}}, [=](auto x) { return function(x[0], 0); }}};
}

Tensor axis_sum(const Record& r, const Tensor& x) {
    return sum(x, r.attribute<std::int64_t>("axis"), keepdims);
}

const Op& softmax_op = define(General{
    .name = "softmax",
    .math = "y_i = e^x_i / sum_j e^x_j",
    .shape = floating_like_input,
    .forward = softmax_kernel<false>,
    // ∂yᵢ/∂xⱼ = yᵢ (δᵢⱼ - yⱼ), which is symmetric: vjp and jvp are the same map.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const Tensor y = r.output();
            return y * (g - axis_sum(r, y * g));
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const Tensor y = r.output();
            return y * (t[0] - axis_sum(r, y * t[0]));
        },
    .probes = axis_probes(softmax),
});

const Op& log_softmax_op = define(General{
    .name = "log_softmax",
    .math = "y_i = x_i - log sum_j e^x_j",
    .shape = floating_like_input,
    .forward = softmax_kernel<true>,
    // ∂yᵢ/∂xⱼ = δᵢⱼ - e^yⱼ
    .vjp = [](const Record& r, const Tensor& g, std::size_t) { return g - exp(r.output()) * axis_sum(r, g); },
    .jvp = [](const Record& r, std::span<const Tensor> t) { return t[0] - axis_sum(r, exp(r.output()) * t[0]); },
    .probes = axis_probes(log_softmax),
});

Tensor along_axis(const Op& op, const Operand& x, std::int64_t axis) {
    const std::size_t resolved = resolve_axis(axis, x.tensor().rank(), op.name, x.location());
    return apply(op, {x.tensor()}, {{"axis", static_cast<std::int64_t>(resolved)}}, x.location());
}

}  // namespace

Tensor sigmoid(const Operand& x) {
    return apply(sigmoid_op, {x.tensor()}, {}, x.location());
}
Tensor relu(const Operand& x) {
    return apply(relu_op, {x.tensor()}, {}, x.location());
}
Tensor leaky_relu(const Operand& x, double slope) {
    return apply(leaky_relu_op, x, Operand(slope, x.location()));
}
Tensor softplus(const Operand& x) {
    return apply(softplus_op, {x.tensor()}, {}, x.location());
}
Tensor softmax(const Operand& x, std::int64_t axis) {
    return along_axis(softmax_op, x, axis);
}
Tensor log_softmax(const Operand& x, std::int64_t axis) {
    return along_axis(log_softmax_op, x, axis);
}

}  // namespace xgrad
