#include <xgrad/ops/scan.hpp>

#include <algorithm>
#include <type_traits>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/kernels/share.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

std::size_t axis_of(const Attributes& attributes) {
    return static_cast<std::size_t>(attributes.at<std::int64_t>("axis"));
}

/// Running sums, each with the part that rounding took from it (Kahan 1965), of up to so many lines that lie side by
/// side: what follows in a line has to wait, another line has not.
template <class X, class Y>
struct RunningSums {
    static constexpr std::int64_t abreast = 32;
    using Sum = std::conditional_t<std::is_same_v<X, float>, double, Y>;

    /// Line l of `width` has its element k at x[l * apart + k * step]; it goes from first to last.
    [[gnu::always_inline]] static inline void run(const X* x, Y* y, std::int64_t n, std::int64_t step,
                                                  std::int64_t apart, std::int64_t width) {
        Sum sums[abreast], lost[abreast];
        for (std::int64_t l = 0; l < width; ++l) sums[l] = lost[l] = 0;
        for (std::int64_t k = 0; k < n; ++k, x += step, y += step) {
            if (apart == 1 && width == abreast) {
                for (std::int64_t l = 0; l < abreast; ++l) add(x[l], sums[l], lost[l], y[l]);
            } else {
                for (std::int64_t l = 0; l < width; ++l) add(x[l * apart], sums[l], lost[l], y[l * apart]);
            }
        }
    }

  private:
    [[gnu::always_inline]] static inline void add(X x, Sum& sum, Sum& lost, Y& y) {
        const Sum corrected = static_cast<Sum>(x) - lost;
        const Sum next = sum + corrected;
        // An infinite sum has lost nothing that could be given back.
        lost = next - next == 0 ? (next - sum) - corrected : Sum(0);
        sum = next;
        y = static_cast<Y>(next);
    }
};

/// The sums along one axis of a contiguous array.
template <class X, class Y>
void running_sums(const KernelCall& call, const X* x, Y* y) {
    using Sums = RunningSums<X, Y>;
    const kernels::Lines lines(call.shape, axis_of(call.attributes));
    const bool reversed = call.attributes.at<bool>("reversed");
    const std::int64_t step = reversed ? -lines.step : lines.step;
    const std::int64_t begin = reversed ? (lines.n - 1) * lines.step : 0;
    constexpr std::int64_t weight = 8, beside = 8;
    kernels::share_lines(lines, lines.are_side_by_side() ? Sums::abreast : beside, weight,
                         [&](std::int64_t line, std::int64_t count) {
                             const std::int64_t at = lines.first(line) + begin;
                             detail::run_per_isa<Sums>(x + at, y + at, lines.n, step, lines.apart(), count);
                         });
}

Tensor scan(const Op& op, std::initializer_list<Tensor> inputs, std::int64_t axis, bool reversed, Location at = {}) {
    return apply(op, inputs, {{"axis", axis}, {"reversed", reversed}}, at);
}

const Op& cumsum_op = define(Linear{
    .name = "cumsum",
    .math = "y_k = x_0 + ... + x_k",
    .batch = lifted,
    .row_by_row = 1,
    .shape =
        [](const Call& call) {
            return Signature{is_floating(call.dtype(0)) ? call.dtype(0) : DType::int64, call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            visit(call.inputs[0].dtype, [&](auto zero) {
                using T = decltype(zero);
                using Y = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
                running_sums(call, static_cast<const T*>(data), call.out<Y>());
            });
        },
    // x_k is part of y_k and all that follow: their cotangents, summed from the other end.
    .transposes = {[](const Record& r, const Tensor& g) {
        return scan(cumsum_op, {g}, r.attribute<std::int64_t>("axis"), !r.attribute<bool>("reversed"));
    }},
    .probes = joined({Probe{"vector", {{{5}}}, [](auto x) { return cumsum(x[0]); }},
                      Probe{"axis 0", {{{3, 4}}}, [](auto x) { return cumsum(x[0], 0); }},
                      Probe{"axis -1", {{{2, 7}}}, [](auto x) { return cumsum(x[0], -1); }},
                      Probe{"middle axis", {{{2, 3, 2}}}, [](auto x) { return cumsum(x[0], 1); }},
                      Probe{"from the end", {{{3, 2}}}, [](auto x) { return scan(cumsum_op, {x[0]}, 0, true); }},
                      Probe{"empty", {{{0, 2}}}, [](auto x) { return cumsum(x[0]); }}},
                     axis_probes([](const Tensor& x, std::int64_t axis) { return cumsum(x, axis); })),
});

/// x moved by one place in the direction of the scan, or against it; 0 comes in.
Tensor moved(const Tensor& x, std::int64_t axis, bool forwards) {
    const std::int64_t n = x.shape()[static_cast<std::size_t>(axis)];
    if (n == 0) return x;
    std::vector<Slice> slices(static_cast<std::size_t>(axis), all());
    slices.push_back(forwards ? range(0, n - 1) : range(1, n));
    Shape one = x.shape();
    one[static_cast<std::size_t>(axis)] = 1;
    const Tensor rest = view(x, slices);
    const Tensor nothing = zeros(one, x.dtype());
    return forwards ? concatenate({nothing, rest}, axis) : concatenate({rest, nothing}, axis);
}

/// y_(k-1) as the recurrence sees it.
Tensor before(const Record& r, const Tensor& y) {
    return moved(y, r.attribute<std::int64_t>("axis"), !r.attribute<bool>("reversed"));
}

Tensor recurrence(const Tensor& a, const Tensor& b, std::int64_t axis, bool reversed);

const Op& linear_recurrence_op = define(General{
    .name = "linear_recurrence",
    .math = "y_k = a_k y_(k-1) + b_k",
    .batch = lifted,
    .row_by_row = 2,
    .shape =
        [](const Call& call) {
            if (!is_floating(call.dtype(0)) || call.dtype(1) != call.dtype(0)) {
                call.fail_dtype("needs float32 or float64");
            }
            if (call.shape(0) != call.shape(1)) call.fail("needs coefficients and terms of one shape");
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch_a, scratch_b;
            const void* coefficients = run::contiguous(call.inputs[0], scratch_a);
            const void* terms = run::contiguous(call.inputs[1], scratch_b);
            const bool reversed = call.attributes.at<bool>("reversed");
            visit_floating(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const T* a = static_cast<const T*>(coefficients);
                const T* b = static_cast<const T*>(terms);
                T* y = call.out<T>();
                const kernels::Lines lines(call.shape, axis_of(call.attributes));
                constexpr std::int64_t weight = 4, most = 64;
                kernels::share_lines(lines, most, weight, [&](std::int64_t line, std::int64_t count) {
                    for (std::int64_t l = line; l < line + count; ++l) {
                        const std::int64_t begin = lines.first(l);
                        T previous = 0;
                        for (std::int64_t k = 0; k < lines.n; ++k) {
                            const std::int64_t at = begin + (reversed ? lines.n - 1 - k : k) * lines.step;
                            // a_0 multiplies nothing, not even if it is infinite.
                            previous = k == 0 ? b[at] : a[at] * previous + b[at];
                            y[at] = previous;
                        }
                    }
                });
            });
        },
    // The cotangent h of y_k, with all that flows through later ones: h_k = g_k + a_(k+1) h_(k+1), a recurrence from
    // the other end. ∂/∂b_k = h_k and ∂/∂a_k = h_k y_(k-1).
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t argument) {
            const auto axis = r.attribute<std::int64_t>("axis");
            const bool reversed = r.attribute<bool>("reversed");
            const Tensor h = recurrence(moved(r.input(0), axis, reversed), g, axis, !reversed);
            return argument == 0 ? h * before(r, r.output()) : h;
        },
    // ẏ_k = a_k ẏ_(k-1) + (ȧ_k y_(k-1) + ḃ_k)
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            Tensor terms;
            if (!t[0].is_empty_handle()) terms = t[0] * before(r, r.output());
            if (!t[1].is_empty_handle()) terms = terms.is_empty_handle() ? t[1] : terms + t[1];
            return recurrence(r.input(0), terms, r.attribute<std::int64_t>("axis"), r.attribute<bool>("reversed"));
        },
    .probes =
        joined({Probe{"vectors", {{{5}}, {{5}}}, [](auto x) { return linear_recurrence(x[0], x[1]); }},
                Probe{"axis -1", {{{2, 4}}, {{2, 4}}}, [](auto x) { return linear_recurrence(x[0], x[1], -1); }},
                Probe{"one coefficient", {{{}}, {{4, 2}}}, [](auto x) { return linear_recurrence(x[0], x[1], 0); }},
                Probe{"from the end", {{{3, 2}}, {{3, 2}}}, [](auto x) { return recurrence(x[0], x[1], 0, true); }},
                Probe{"one step", {{{1, 3}}, {{1, 3}}}, [](auto x) { return linear_recurrence(x[0], x[1]); }},
                Probe{"empty", {{{2, 0}}, {{2, 0}}}, [](auto x) { return linear_recurrence(x[0], x[1], 1); }}},
               // Powers of a coefficient beyond 1 would drown the rest.
               drawn(pair_probes({{{1}, {1}},
                                  {{}, 17},
                                  {16, 1},
                                  {{7, 1}, {7, 2}},
                                  {{2, 1, 3}, {2, 2, 3}},
                                  {{2, 2, 1, 3}, 3},
                                  {1, {1, 2, 1, 3, 2}},
                                  {{3, 1}, {3, 0}}},
                                 [](const Tensor& a, const Tensor& b) { return linear_recurrence(a, b, -1); }),
                     between(-1, 1))),
});

Tensor recurrence(const Tensor& a, const Tensor& b, std::int64_t axis, bool reversed) {
    return scan(linear_recurrence_op, {a, b}, axis, reversed);
}

const Op& cumprod_op = define(Composite{
    .name = "cumprod",
    .math = "y_k = x_0 x_1 ... x_k",
    .probes = joined({Probe{"vector", {{{5}}}, [](auto x) { return cumprod(x[0]); }},
                      Probe{"axis 0", {{{4, 3}}}, [](auto x) { return cumprod(x[0], 0); }},
                      Probe{"axis -1", {{{2, 5}}}, [](auto x) { return cumprod(x[0], -1); }},
                      Probe{"middle axis", {{{2, 3, 2}}}, [](auto x) { return cumprod(x[0], 1); }},
                      Probe{"with a zero",
                            {{{2, 4}}},
                            [](auto x) {
                                return cumprod(x[0] * astype(Tensor(xt::xarray<int>{1, 0, 1, 1}), x[0].dtype()), 1);
                            }},
                      Probe{"empty", {{{0, 2}}}, [](auto x) { return cumprod(x[0]); }}},
                     axis_probes([](const Tensor& x, std::int64_t axis) { return cumprod(x, axis); })),
});

}  // namespace

Tensor cumsum(const Operand& x, std::int64_t axis) {
    const std::size_t along = resolve_axis(axis, x.tensor(), "cumsum", x.location());
    return scan(cumsum_op, {x.tensor()}, static_cast<std::int64_t>(along), false, x.location());
}

Tensor cumprod(const Operand& x, std::int64_t axis) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const Tensor& tensor = x.tensor();
    const std::size_t along = resolve_axis(axis, tensor, "cumprod", at);
    if (!is_floating(tensor.dtype())) {
        throw DTypeError("cumprod", "needs float32 or float64", std::string(name(tensor.dtype())), at);
    }
    const std::int64_t n = tensor.shape()[along];
    if (n < 2) return tensor;
    // y_0 = x_0 and y_k = x_k y_(k-1): a recurrence, whose derivative divides by nothing.
    std::vector<Slice> first(along, all());
    first.push_back(range(0, 1));
    Shape rest = tensor.shape();
    rest[along] = n - 1;
    const auto axis_number = static_cast<std::int64_t>(along);
    const Tensor begin = concatenate({view(tensor, first), zeros(rest, tensor.dtype())}, axis_number);
    return recurrence(tensor, begin, axis_number, false);
}

Tensor linear_recurrence(const Operand& a, const Operand& b, std::int64_t axis) {
    const Promoted pair = promote("linear_recurrence", a, b);
    const Attribution attribution(pair.at);
    Shape shape;
    if (!broadcast(pair.x.shape(), pair.y.shape(), shape)) {
        explain::refuse("linear_recurrence", "needs shapes that broadcast", {pair.x, pair.y}, pair.at,
                        [](auto operands) {
                            Shape joined;
                            return broadcast(operands[0]->shape, operands[1]->shape, joined) &&
                                   explain::is_plain_stretch(operands, joined);
                        });
    }
    const Tensor coefficients = broadcast_to(pair.x, shape);
    const std::size_t along = resolve_axis(axis, coefficients, "linear_recurrence", pair.at);
    return scan(linear_recurrence_op, {coefficients, broadcast_to(pair.y, shape)}, static_cast<std::int64_t>(along),
                false, pair.at);
}

}  // namespace xgrad
