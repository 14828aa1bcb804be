#include <algorithm>
#include <vector>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/largest.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/share.hpp>
#include <xgrad/ops/kernels/sums.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xgrad {

namespace {

std::size_t axis_of(const Attributes& attributes) {
    return static_cast<std::size_t>(attributes.at<std::int64_t>("axis"));
}

constexpr std::int64_t tile = kernels::sum_block;
constexpr std::int64_t abreast = 256;

/// With m = max x and s = Σ e^(x-m), softmax is e^(x-m) / s and its logarithm (x - m) - log s. The largest exponent is
/// 0, so nothing overflows and s is at least 1. This is for lines of n > 0 elements, one after the other.
template <bool Logarithm, class T>
struct LinesInTurn {
    [[gnu::always_inline]] static inline void run(const T* x, T* y, std::int64_t lines, std::int64_t n) {
        for (std::int64_t line = 0; line < lines; ++line, x += n, y += n) {
            const T top = kernels::largest_of(x, n);
            kernels::Cascade<T> sum;
            T scratch[Logarithm ? tile : 1];
            for (std::int64_t start = 0; start < n; start += tile) {
                const std::int64_t width = std::min(tile, n - start);
                T* power = Logarithm ? scratch : y + start;
                for (std::int64_t j = 0; j < width; ++j) power[j] = math::exp(x[start + j] - top);
                sum.add(kernels::sum_of_block<T>(power, width));
            }
            if constexpr (Logarithm) {
                const T total = math::log(sum.total());
                for (std::int64_t j = 0; j < n; ++j) y[j] = x[j] - top - total;
            } else {
                const T total = sum.total();
                for (std::int64_t j = 0; j < n; ++j) y[j] /= total;
            }
        }
    }
};

/// The same for lines that lie side by side, `step` elements from one number of a line to the next: `width` lines.
template <bool Logarithm, class T>
struct LinesAbreast {
    [[gnu::always_inline]] static inline void run(const T* x, T* y, std::int64_t n, std::int64_t step,
                                                  std::int64_t width) {
        // Some rows are added up before they are added to the others, which keeps more digits.
        constexpr std::int64_t rows = 32;
        T largest[abreast], sum[abreast], some[abreast];
        for (std::int64_t j = 0; j < width; ++j) largest[j] = x[j];
        for (std::int64_t k = 1; k < n; ++k) {
            for (std::int64_t j = 0; j < width; ++j) largest[j] = math::maximum(largest[j], x[k * step + j]);
        }
        for (std::int64_t j = 0; j < width; ++j) sum[j] = 0;
        for (std::int64_t first = 0; first < n; first += rows) {
            for (std::int64_t j = 0; j < width; ++j) some[j] = 0;
            for (std::int64_t k = first; k < std::min(n, first + rows); ++k) {
                for (std::int64_t j = 0; j < width; ++j) {
                    const T power = math::exp(x[k * step + j] - largest[j]);
                    if constexpr (!Logarithm) y[k * step + j] = power;
                    some[j] += power;
                }
            }
            for (std::int64_t j = 0; j < width; ++j) sum[j] += some[j];
        }
        if constexpr (Logarithm) {
            for (std::int64_t j = 0; j < width; ++j) sum[j] = math::log(sum[j]);
        }
        for (std::int64_t k = 0; k < n; ++k) {
            const T* from = x + k * step;
            T* row = y + k * step;
            for (std::int64_t j = 0; j < width; ++j) {
                row[j] = Logarithm ? from[j] - largest[j] - sum[j] : row[j] / sum[j];
            }
        }
    }
};

/// Lines one after the other that are too short for vectors: some at a time are laid side by side.
template <bool Logarithm, class T>
struct ShortLines {
    static constexpr std::int64_t longest = 31;

    [[gnu::always_inline]] static inline void run(const T* x, T* y, std::int64_t lines, std::int64_t n) {
        constexpr std::int64_t width = 64;
        T from[longest * width], to[longest * width];
        for (std::int64_t first = 0; first < lines; first += width) {
            const std::int64_t count = std::min(width, lines - first);
            for (std::int64_t line = 0; line < count; ++line) {
                for (std::int64_t k = 0; k < n; ++k) from[k * width + line] = x[(first + line) * n + k];
            }
            LinesAbreast<Logarithm, T>::run(from, to, n, width, count);
            for (std::int64_t line = 0; line < count; ++line) {
                for (std::int64_t k = 0; k < n; ++k) y[(first + line) * n + k] = to[k * width + line];
            }
        }
    }
};

template <bool Logarithm>
void softmax_kernel(const KernelCall& call) {
    if (call.shape.size() == 0) return;
    StorageRef scratch;
    const void* data = run::contiguous(call.inputs[0], scratch);
    const kernels::Lines lines(call.shape, axis_of(call.attributes));
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T* x = static_cast<const T*>(data);
        T* y = call.out<T>();
        constexpr std::int64_t weight = 8;  // an element costs as much as so many that are only added up
        kernels::share_lines(lines, abreast, weight, [&](std::int64_t line, std::int64_t count) {
            const std::int64_t at = lines.first(line), n = lines.n;
            if (lines.are_side_by_side()) {
                detail::run_per_isa<LinesAbreast<Logarithm, T>>(x + at, y + at, n, lines.step, count);
            } else if (n > 1 && n <= ShortLines<Logarithm, T>::longest) {
                detail::run_per_isa<ShortLines<Logarithm, T>>(x + at, y + at, count, n);
            } else {
                detail::run_per_isa<LinesInTurn<Logarithm, T>>(x + at, y + at, count, n);
            }
        });
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
    .row_by_row = 1,
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
    .row_by_row = 1,
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
