#include <vector>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/lines.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xgrad {

namespace {

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
        kernels::for_each_line(call.shape, axis_of(call.attributes),
                               [&](std::int64_t first, std::int64_t step, std::int64_t n) {
                                   if (n == 0) return;
                                   T largest = x[first];
                                   for (std::int64_t i = 1; i < n; ++i)
                                       largest = math::maximum(largest, x[first + i * step]);
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

std::vector<Probe> softmax_probes(Tensor (*function)(const Operand&, std::int64_t)) {
    return joined({Probe{"axis 0", {{{3, 4}}}, [=](auto x) { return function(x[0], 0); }},
                   Probe{"axis -1", {{{2, 3, 2}}}, [=](auto x) { return function(x[0], -1); }},
                   Probe{"axis 1", {{{2, 3, 2}}}, [=](auto x) { return function(x[0], 1); }},
                   Probe{"empty", {{{3, 0}}}, [=](auto x) { return function(x[0], 0); }}},
                  axis_probes(function));
}

Tensor axis_sum(const Record& r, const Tensor& x) {
    return sum(x, r.attribute<std::int64_t>("axis"), keepdims);
}

const Op& softmax_op = define(General{
    .name = "softmax",
    .math = "y_i = e^x_i / sum_j e^x_j",
    .batch = lifted,
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
    .probes = softmax_probes(softmax),
});

const Op& log_softmax_op = define(General{
    .name = "log_softmax",
    .math = "y_i = x_i - log sum_j e^x_j",
    .batch = lifted,
    .shape = floating_like_input,
    .forward = softmax_kernel<true>,
    // ∂yᵢ/∂xⱼ = δᵢⱼ - e^yⱼ
    .vjp = [](const Record& r, const Tensor& g, std::size_t) { return g - exp(r.output()) * axis_sum(r, g); },
    .jvp = [](const Record& r, std::span<const Tensor> t) { return t[0] - axis_sum(r, exp(r.output()) * t[0]); },
    .probes = softmax_probes(log_softmax),
});

Tensor along_axis(const Op& op, const Operand& x, std::int64_t axis) {
    const std::size_t resolved = resolve_axis(axis, x.tensor().rank(), op.name, x.location());
    return apply(op, {x.tensor()}, {{"axis", static_cast<std::int64_t>(resolved)}}, x.location());
}

}  // namespace

Tensor softmax(const Operand& x, std::int64_t axis) {
    return along_axis(softmax_op, x, axis);
}
Tensor log_softmax(const Operand& x, std::int64_t axis) {
    return along_axis(log_softmax_op, x, axis);
}

}  // namespace xgrad
