#include <xgrad/ops/sorting.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <new>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/kernels/share.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/rearrange.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xgrad {

namespace {

const Zero position{"a position is a whole number"};

std::size_t axis_of(const Attributes& attributes) {
    return static_cast<std::size_t>(attributes.at<std::int64_t>("axis"));
}

/// x < y, with NaN above every number.
template <class T>
bool is_below(T x, T y) {
    return x < y || (y != y && x == x);
}

/// An unsigned number with the order of x, in which the two zeros are one and NaN is above every number.
template <class T>
std::uint64_t order_of(T x) {
    constexpr bool is_floating = std::is_floating_point_v<T>;
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr Bits sign = Bits{1} << (sizeof(Bits) * 8 - 1);
    if constexpr (std::is_same_v<T, bool>) {
        return x;
    } else if constexpr (is_floating) {
        if (x != x) return std::numeric_limits<Bits>::max();
        const auto bits = std::bit_cast<Bits>(x == 0 ? T(0) : x);
        return bits & sign ? static_cast<Bits>(~bits) : static_cast<Bits>(bits | sign);
    } else {
        return static_cast<Bits>(static_cast<Bits>(x) ^ sign);
    }
}

/// Sorts the positions of a line of n elements. Positions decide between equal elements, which makes the order one that
/// does not depend on how it is found.
template <class T>
void sort_line(const T* x, std::int64_t step, std::int64_t n, bool descending, std::int64_t* positions, void* scratch) {
    if constexpr (sizeof(T) > sizeof(double)) {
        auto* order = static_cast<std::int64_t*>(scratch);
        std::iota(order, order + n, std::int64_t{0});
        std::sort(order, order + n, [&](std::int64_t i, std::int64_t j) {
            const T a = x[i * step], b = x[j * step];
            if (is_below(a, b)) return !descending;
            if (is_below(b, a)) return descending;
            return i < j;
        });
        for (std::int64_t i = 0; i < n; ++i) positions[i * step] = order[i];
    } else if (sizeof(T) <= 4 && n <= std::int64_t{1} << 32) {
        // Element and position in one number.
        auto* keys = static_cast<std::uint64_t*>(scratch);
        for (std::int64_t i = 0; i < n; ++i) {
            const std::uint64_t order = order_of(x[i * step]);
            keys[i] = (descending ? ~order : order) << 32 | static_cast<std::uint64_t>(i);
        }
        std::sort(keys, keys + n);
        for (std::int64_t i = 0; i < n; ++i) {
            positions[i * step] = static_cast<std::int64_t>(keys[i] & std::numeric_limits<std::uint32_t>::max());
        }
    } else {
        using Key = std::pair<std::uint64_t, std::int64_t>;
        auto* keys = static_cast<Key*>(scratch);
        for (std::int64_t i = 0; i < n; ++i) {
            const std::uint64_t order = order_of(x[i * step]);
            new (keys + i) Key(descending ? ~order : order, i);
        }
        std::sort(keys, keys + n);
        for (std::int64_t i = 0; i < n; ++i) positions[i * step] = keys[i].second;
    }
}

/// The positions, and how far each element in order is above the one before.
std::vector<Tensor> where_elements_change_places(const Record& r) {
    const auto axis = r.attribute<std::int64_t>("axis");
    const std::int64_t n = r.output_shape()[static_cast<std::size_t>(axis)];
    if (n < 2 || r.input().dtype() == DType::boolean) return {r.output()};
    const Tensor lines = moveaxis(r.input(), axis, -1);
    const Tensor sorted = sort(lines, -1);
    return {r.output(), view(sorted, {ellipsis, range(1, n)}) - view(sorted, {ellipsis, range(0, n - 1)})};
}

const Op& argsort_op = define(General{
    .name = "argsort",
    .math = "y = positions that sort x along an axis",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{DType::int64, call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            const bool descending = call.attributes.at<bool>("descending");
            const kernels::Lines lines(call.shape, axis_of(call.attributes));
            visit(call.inputs[0].dtype, [&](auto zero) {
                const auto* x = static_cast<const decltype(zero)*>(data);
                auto* y = call.out<std::int64_t>();
                constexpr std::int64_t weight = 64, most = 64;
                kernels::share_lines(lines, most, weight, [&](std::int64_t line, std::int64_t count) {
                    const StorageRef keys(
                        Storage::allocate(static_cast<std::size_t>(lines.n) * 2 * sizeof(std::int64_t)));
                    for (std::int64_t l = line; l < line + count; ++l) {
                        const std::int64_t at = lines.first(l);
                        sort_line(x + at, lines.step, lines.n, descending, y + at, keys->data());
                    }
                });
            });
        },
    .vjp = position,
    .jvp = position,
    .switches = where_elements_change_places,
    .probes = joined({Probe{"vector", {{{7}}}, [](auto x) { return argsort(x[0]); }},
                      Probe{"axis 0", {{{4, 3}}}, [](auto x) { return argsort(x[0], 0); }},
                      Probe{"descending", {{{2, 5}}}, [](auto x) { return argsort(x[0], -1, true); }},
                      Probe{"empty", {{{2, 0}}}, [](auto x) { return argsort(x[0]); }}},
                     axis_probes([](auto& x, std::int64_t axis) { return argsort(x, axis); })),
});

Signature position_signature(const Call& call) {
    const std::size_t axis = axis_of(call.attributes);
    Shape shape = call.shape(0);
    if (shape[axis] == 0) call.fail("needs at least one element");
    shape.erase(axis);
    return {DType::int64, shape};
}

/// Where along each line the element is that none is better than.
template <class Better>
void find_best(const KernelCall& call, Better&& better) {
    StorageRef scratch;
    const void* data = run::contiguous(call.inputs[0], scratch);
    const kernels::Lines lines(call.inputs[0].shape, axis_of(call.attributes));
    visit(call.inputs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto* x = static_cast<const T*>(data);
        constexpr std::int64_t most = 64, weight = 2;
        kernels::share_lines(lines, most, weight, [&](std::int64_t line, std::int64_t count) {
            auto* positions = call.out<std::int64_t>() + line;
            const T* row = x + lines.first(line);
            T best[most];
            for (std::int64_t l = 0; l < count; ++l) {
                best[l] = row[l * lines.apart()];
                positions[l] = 0;
            }
            for (std::int64_t i = 1; i < lines.n; ++i) {
                row += lines.step;
                for (std::int64_t l = 0; l < count; ++l) {
                    const T element = row[l * lines.apart()];
                    if (!better(element, best[l])) continue;
                    best[l] = element;
                    positions[l] = i;
                }
            }
        });
    });
}

using Finder = Tensor (*)(const Operand&, std::int64_t, Keepdims);

Probes finder_probes(Finder find) {
    return joined({Probe{"vector", {{{7}}}, [=](auto x) { return find(x[0], 0, {}); }},
                   Probe{"axis 0", {{{4, 3}}}, [=](auto x) { return find(x[0], 0, {}); }},
                   Probe{"axis -1, kept", {{{2, 17}}}, [=](auto x) { return find(x[0], -1, keepdims); }},
                   Probe{"middle axis", {{{2, 3, 2}}}, [=](auto x) { return find(x[0], 1, {}); }}},
                  axis_probes([=](auto& x, std::int64_t axis) { return find(x, axis, {}); }));
}

const Op& argmax_op = define(General{
    .name = "argmax",
    .math = "y = position of the largest x along an axis",
    .batch = lifted,
    .shape = position_signature,
    .forward = [](const KernelCall& call) { find_best(call, [](auto x, auto y) { return is_below(y, x); }); },
    .vjp = position,
    .jvp = position,
    .switches = [](const Record& r) { return std::vector<Tensor>{r.output()}; },
    .probes = finder_probes(argmax),
});

const Op& argmin_op = define(General{
    .name = "argmin",
    .math = "y = position of the smallest x along an axis",
    .batch = lifted,
    .shape = position_signature,
    // A NaN is the result: it is taken for smaller than every number here.
    .forward =
        [](const KernelCall& call) { find_best(call, [](auto x, auto y) { return x < y || (x != x && y == y); }); },
    .vjp = position,
    .jvp = position,
    .switches = [](const Record& r) { return std::vector<Tensor>{r.output()}; },
    .probes = finder_probes(argmin),
});

Tensor position_along(const Op& op, const Operand& x, std::int64_t axis, Keepdims keep) {
    const Attribution attribution(Attribution::resolve(x.location()));
    const std::size_t along = resolve_axis(axis, x.tensor(), op.name, x.location());
    const Tensor found = apply(op, {x.tensor()}, {{"axis", static_cast<std::int64_t>(along)}}, x.location());
    if (!keep.value) return found;
    return reshape(found, reduced_shape(x.tensor().shape(), Shape{along}, true));
}

const Op& sort_op = define(Composite{
    .name = "sort",
    .math = "y = x in order along an axis",
    .probes = joined({Probe{"vector", {{{7}}}, [](auto x) { return sort(x[0]); }},
                      Probe{"axis 0", {{{4, 3}}}, [](auto x) { return sort(x[0], 0); }},
                      Probe{"descending", {{{2, 5}}}, [](auto x) { return sort(x[0], -1, true); }},
                      Probe{"middle axis", {{{2, 3, 2}}}, [](auto x) { return sort(x[0], 1); }},
                      Probe{"empty", {{{2, 0}}}, [](auto x) { return sort(x[0]); }},
                      Probe{"33 elements", {{{33}}}, [](auto x) { return sort(x[0]); }}},
                     axis_probes([](auto& x, std::int64_t axis) { return sort(x, axis); })),
});

const Op& topk_op = define(Composite{
    .name = "topk",
    .math = "y = the k largest x along an axis",
    .probes = joined({Probe{"vector", {{{7}}}, [](auto x) { return topk(x[0], 3).values; }},
                      Probe{"axis 0", {{{4, 3}}}, [](auto x) { return topk(x[0], 2, 0).values; }},
                      Probe{"all", {{{2, 5}}}, [](auto x) { return topk(x[0], 5).values; }},
                      Probe{"none", {{{2, 5}}}, [](auto x) { return topk(x[0], 0).values; }}},
                     axis_probes([](auto& x, std::int64_t axis) { return topk(x, 1, axis).values; })),
});

const Op& median_op = define(Composite{
    .name = "median",
    .math = "y = middle x over axes",
    .probes = joined({Probe{"odd", {{{7}}}, [](auto x) { return median(x[0]); }},
                      Probe{"even", {{{8}}}, [](auto x) { return median(x[0]); }},
                      Probe{"axis 0", {{{4, 3}}}, [](auto x) { return median(x[0], 0); }},
                      Probe{"axes 0 and 2, kept",
                            {{{2, 3, 2}}},
                            [](auto x) {
                                return median(x[0], {0, 2}, keepdims);
                            }}},
                     axis_probes([](auto& x, std::int64_t axis) { return median(x, axis); })),
});

std::vector<Slice> from_axis(std::size_t axis, Slice slice) {
    std::vector<Slice> slices(axis, all());
    slices.push_back(slice);
    return slices;
}

}  // namespace

Tensor argsort(const Operand& x, std::int64_t axis, bool descending) {
    const std::size_t along = resolve_axis(axis, x.tensor(), "argsort", x.location());
    return apply(argsort_op, {x.tensor()}, {{"axis", static_cast<std::int64_t>(along)}, {"descending", descending}},
                 x.location());
}

Tensor sort(const Operand& x, std::int64_t axis, bool descending) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const auto along = static_cast<std::int64_t>(resolve_axis(axis, x.tensor(), "sort", at));
    return take_along_axis(x.tensor(), argsort(x.tensor(), along, descending), along);
}

TopK topk(const Operand& x, std::int64_t k, std::int64_t axis) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const std::size_t along = resolve_axis(axis, x.tensor(), "topk", at);
    const std::int64_t extent = x.tensor().shape()[along];
    if (k < 0 || k > extent) {
        throw ShapeError("topk", "needs 0 <= k <= " + std::to_string(extent),
                         std::to_string(k) + " for " + explain::operand_text(x.tensor()), at);
    }
    const auto axis_number = static_cast<std::int64_t>(along);
    const Tensor indices = view(argsort(x.tensor(), axis_number, true), from_axis(along, range(0, k)));
    return {take_along_axis(x.tensor(), indices, axis_number), indices};
}

Tensor argmax(const Operand& x, std::int64_t axis, Keepdims keep) {
    return position_along(argmax_op, x, axis, keep);
}
Tensor argmin(const Operand& x, std::int64_t axis, Keepdims keep) {
    return position_along(argmin_op, x, axis, keep);
}
Tensor argmax(const Operand& x) {
    const Attribution attribution(Attribution::resolve(x.location()));
    return argmax(reshape(x.tensor(), {-1}), 0);
}
Tensor argmin(const Operand& x) {
    const Attribution attribution(Attribution::resolve(x.location()));
    return argmin(reshape(x.tensor(), {-1}), 0);
}

Tensor median(const Operand& x, const Axes& axes, Keepdims keep) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const Tensor& tensor = x.tensor();
    const Shape resolved = axes.resolve(tensor, "median", at);
    if (!is_floating(tensor.dtype())) {
        throw DTypeError("median", "needs float32 or float64", std::string(name(tensor.dtype())), at);
    }
    const Tensor lines = reduced_last(tensor, resolved);
    const std::int64_t n = lines.shape().back();
    if (n == 0) throw ShapeError("median", "needs at least one element", explain::operand_text(tensor), at);
    const Tensor sorted = sort(lines, -1);
    const Tensor middle = mean(view(sorted, {ellipsis, range((n - 1) / 2, n / 2 + 1)}), -1);
    // NaNs stand at the end.
    const Tensor last = view(sorted, {ellipsis, -1});
    return reshape(where(isnan(last), last, middle), reduced_shape(tensor.shape(), resolved, keep.value));
}

}  // namespace xgrad
