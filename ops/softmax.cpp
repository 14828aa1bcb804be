#include <algorithm>
#include <vector>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/reduce.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xgrad {

namespace {

std::size_t axis_of(const Attributes& attributes) {
    return static_cast<std::size_t>(attributes.at<std::int64_t>("axis"));
}

constexpr BlockKernels exponentials = floating<1>([](auto x) { return math::exp(x); });

template <class T>
void exp_into(const T* x, T* y, std::int64_t n) {
    const void* const inputs[] = {x};
    exponentials.kernel(dtype_of<T>)(inputs, y, static_cast<std::size_t>(n));
}

constexpr std::int64_t tile = kernels::sum_block;

/// With m = max x and s = Σ e^(x-m), softmax is e^(x-m) / s and its logarithm (x - m) - log s. The largest exponent is
/// 0, so nothing overflows and s is at least 1. This is for one line of n > 0 elements that lie next to each other.
template <bool Logarithm, class T>
void softmax_line(const T* x, T* y, std::int64_t n) {
    constexpr std::int64_t strands = 16;
    T tops[strands];
    std::fill_n(tops, strands, x[0]);
    std::int64_t i = 0;
    for (; i + strands <= n; i += strands) {
        for (std::int64_t s = 0; s < strands; ++s) tops[s] = math::maximum(tops[s], x[i + s]);
    }
    for (; i < n; ++i) tops[0] = math::maximum(tops[0], x[i]);
    for (std::int64_t s = 1; s < strands; ++s) tops[0] = math::maximum(tops[0], tops[s]);

    kernels::Cascade<T> sum;
    T scratch[tile];
    for (std::int64_t start = 0; start < n; start += tile) {
        const std::int64_t width = std::min(tile, n - start);
        T* shifted = Logarithm ? y + start : scratch;
        T* power = Logarithm ? scratch : y + start;
        for (std::int64_t j = 0; j < width; ++j) shifted[j] = x[start + j] - tops[0];
        exp_into(shifted, power, width);
        sum.add(kernels::sum_of_block<T>(power, width));
    }
    const T total = Logarithm ? math::log(sum.total()) : sum.total();
    for (std::int64_t j = 0; j < n; ++j) y[j] = Logarithm ? y[j] - total : y[j] / total;
}

/// The same for lines that lie side by side, `step` elements from one number of a line to the next: `width` lines.
template <bool Logarithm, class T>
void softmax_lines(const T* x, T* y, std::int64_t n, std::int64_t step, std::int64_t width) {
    T largest[tile], sum[tile] = {}, scratch[tile];
    std::copy_n(x, width, largest);
    for (std::int64_t k = 1; k < n; ++k) {
        for (std::int64_t j = 0; j < width; ++j) largest[j] = math::maximum(largest[j], x[k * step + j]);
    }
    for (std::int64_t k = 0; k < n; ++k) {
        T* row = y + k * step;
        T* shifted = Logarithm ? row : scratch;
        T* power = Logarithm ? scratch : row;
        for (std::int64_t j = 0; j < width; ++j) shifted[j] = x[k * step + j] - largest[j];
        exp_into(shifted, power, width);
        for (std::int64_t j = 0; j < width; ++j) sum[j] += power[j];
    }
    if constexpr (Logarithm) {
        for (std::int64_t j = 0; j < width; ++j) sum[j] = math::log(sum[j]);
    }
    for (std::int64_t k = 0; k < n; ++k) {
        T* row = y + k * step;
        for (std::int64_t j = 0; j < width; ++j) row[j] = Logarithm ? row[j] - sum[j] : row[j] / sum[j];
    }
}

template <bool Logarithm>
void softmax_kernel(const KernelCall& call) {
    StorageRef scratch;
    const void* data = run::contiguous(call.inputs[0], scratch);
    const std::size_t axis = axis_of(call.attributes);
    const std::int64_t n = call.shape[axis];
    if (call.shape.size() == 0) return;
    std::int64_t outer = 1, inner = 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= call.shape[i];
    for (std::size_t i = axis + 1; i < call.shape.rank(); ++i) inner *= call.shape[i];
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T* x = static_cast<const T*>(data);
        T* y = call.out<T>();
        for (std::int64_t o = 0; o < outer; ++o, x += n * inner, y += n * inner) {
            if (inner == 1) {
                softmax_line<Logarithm>(x, y, n);
                continue;
            }
            for (std::int64_t first = 0; first < inner; first += tile) {
                softmax_lines<Logarithm>(x + first, y + first, n, inner, std::min(tile, inner - first));
            }
        }
    });
}

Signature floating_like_input(const Call& call) {
    if (!is_floating(call.dtype(0))) call.fail_dtype("needs float32 or float64");
    return {call.dtype(0), call.shape(0)};
}

Probes softmax_probes(Tensor (*function)(const Operand&, std::int64_t)) {
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
    const std::size_t resolved = resolve_axis(axis, x.tensor(), op.name, x.location());
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
