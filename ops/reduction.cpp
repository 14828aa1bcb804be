#include <xgrad/ops/reduction.hpp>

#include <algorithm>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/kernels/largest.hpp>
#include <xgrad/ops/kernels/sums.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/reduction_parts.hpp>
#include <xgrad/ops/scan.hpp>
#include <xgrad/ops/sorting.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

Shape reduced_shape(const Shape& shape, const Shape& axes, bool keep) {
    Shape result;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        const bool reduced = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) != axes.end();
        if (!reduced) result.push_back(shape[axis]);
        if (reduced && keep) result.push_back(1);
    }
    return result;
}

Tensor reduced_last(const Tensor& x, const Shape& axes) {
    Shape order, kept;
    for (std::size_t axis = 0; axis < x.rank(); ++axis) {
        if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) != axes.end()) continue;
        order.push_back(static_cast<std::int64_t>(axis));
        kept.push_back(x.shape()[axis]);
    }
    std::int64_t count = 1;
    for (std::int64_t axis : axes) {
        order.push_back(axis);
        count *= x.shape()[static_cast<std::size_t>(axis)];
    }
    kept.push_back(count);
    return reshape(x.rank() > 1 ? transpose(x, order) : x, kept);
}

namespace {

DType sum_dtype(DType dtype) {
    return is_floating(dtype) ? dtype : DType::int64;
}

constexpr BlockSum sum_by_blocks{
    .block = static_cast<std::size_t>(kernels::sum_block),
    .sum_blocks =
        [](DType dtype, const void* values, std::size_t count, std::size_t length, void* sums) {
            visit_floating(dtype, [&](auto zero) {
                using T = decltype(zero);
                const auto whole = static_cast<std::int64_t>(count / length), n = static_cast<std::int64_t>(length);
                const auto rest = static_cast<std::int64_t>(count % length);
                const auto* const first = static_cast<const T*>(values);
                auto* const of_blocks = static_cast<T*>(sums);
                using Sums = kernels::RowSums<T, T>;
                if (whole > 0) detail::run_per_isa<Sums>(first, whole, n, n, of_blocks);
                if (rest == 0) return;
                detail::run_per_isa<Sums>(first + whole * n, std::int64_t{1}, n, rest, of_blocks + whole);
            });
        },
    .rows_of_block = static_cast<std::size_t>(kernels::rows_of_block),
    .add_rows =
        [](DType dtype, const void* values, std::size_t first, std::size_t count, std::size_t columns, void* sums) {
            visit_floating(dtype, [&](auto zero) {
                using T = decltype(zero);
                detail::run_per_isa<kernels::AddToBlocks<T>>(
                    static_cast<const T*>(values), static_cast<std::int64_t>(first), static_cast<std::int64_t>(count),
                    static_cast<std::int64_t>(columns), static_cast<T*>(sums));
            });
        },
    .add_up =
        [](DType dtype, void* sums, std::size_t blocks, std::size_t columns, void* totals) {
            visit_floating(dtype, [&](auto zero) {
                using T = decltype(zero);
                kernels::add_up_blocks(static_cast<T*>(sums), static_cast<std::int64_t>(blocks),
                                       static_cast<std::int64_t>(columns), static_cast<T*>(totals));
            });
        },
};

const Op& sum_op = define(Linear{
    .name = "sum",
    .math = "y = sum of x over axes",
    .batch = lifted,
    .row_by_row = 1,
    .shape =
        [](const Call& call) {
            const auto& attributes = call.attributes;
            return Signature{sum_dtype(call.dtype(0)), reduced_shape(call.shape(0), attributes.at<Shape>("axes"),
                                                                     attributes.at<bool>("keepdims"))};
        },
    .forward =
        [](const KernelCall& call) {
            const auto& axes = call.attributes.at<Shape>("axes");
            visit(call.inputs[0].dtype, [&](auto zero) {
                using T = decltype(zero);
                using A = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
                kernels::sum<A, T>(call.inputs[0], axes, call.out<A>());
            });
        },
    .block_sum = &sum_by_blocks,
    // Every summand has the derivative 1: the cotangent is stretched back over the axes.
    .transposes = {[](const Record& r, const Tensor& g) { return broadcast_to(with_axes(r, g), r.shape(0)); }},
    .probes = reduction_probes(sum),
});

/// The product of all elements of each line but the one: those before it times those after it. No division, so that
/// zeros do no harm.
Tensor product_of_others(const Tensor& lines) {
    const std::int64_t n = lines.shape().back();
    if (n < 2) return ones_like(lines);
    const auto axis = static_cast<std::int64_t>(lines.rank()) - 1;
    Shape one = lines.shape();
    one[lines.rank() - 1] = 1;
    const Tensor begin = ones(one, lines.dtype());
    const Tensor before = concatenate({begin, view(cumprod(lines, axis), {ellipsis, range(0, n - 1)})}, axis);
    const Tensor backwards = view(lines, {ellipsis, all(-1)});
    const Tensor after = concatenate({begin, view(cumprod(backwards, axis), {ellipsis, range(0, n - 1)})}, axis);
    return before * view(after, {ellipsis, all(-1)});
}

/// A reduced cotangent or result as lines of one element: (…, 1).
Tensor as_line(const Record& r, const Tensor& reduced) {
    Shape shape = reduced_shape(r.shape(0), r.attribute<Shape>("axes"), false);
    shape.push_back(1);
    return reshape(reduced, shape);
}

/// The inverse of reduced_last().
Tensor unlined(const Record& r, const Tensor& lines) {
    const auto& axes = r.attribute<Shape>("axes");
    const Shape& shape = r.shape(0);
    Shape order, ordered;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) != axes.end()) continue;
        order.push_back(static_cast<std::int64_t>(axis));
    }
    order.append(axes);
    Shape inverse = order;
    for (std::size_t axis = 0; axis < order.rank(); ++axis) {
        ordered.push_back(shape[static_cast<std::size_t>(order[axis])]);
        inverse[static_cast<std::size_t>(order[axis])] = static_cast<std::int64_t>(axis);
    }
    const Tensor reshaped = reshape(lines, ordered);
    return shape.rank() > 1 ? transpose(reshaped, inverse) : reshaped;
}

/// Columns of x made 0 where the mask is.
Tensor masked(const Tensor& x, const xt::xarray<int>& mask) {
    return x * astype(Tensor(mask), x.dtype());
}

std::vector<Probe> prod_probes() {
    std::vector<Probe> probes = reduction_probes(prod);
    probes.push_back({"one zero", {{{2, 3}}}, [](auto x) { return prod(masked(x[0], {1, 0, 1}), 1); }});
    probes.push_back({"two zeros", {{{2, 4}}}, [](auto x) { return prod(masked(x[0], {0, 1, 0, 1}), 1); }});
    probes.push_back({"empty", {{{3, 0}}}, [](auto x) { return prod(x[0], 1); }});
    return probes;
}

const Op& prod_op = define(General{
    .name = "prod",
    .math = "y = product of x over axes",
    .batch = lifted,
    .row_by_row = 1,
    .shape =
        [](const Call& call) {
            const auto& attributes = call.attributes;
            return Signature{sum_dtype(call.dtype(0)), reduced_shape(call.shape(0), attributes.at<Shape>("axes"),
                                                                     attributes.at<bool>("keepdims"))};
        },
    .forward =
        [](const KernelCall& call) {
            visit(call.inputs[0].dtype, [&](auto zero) {
                using T = decltype(zero);
                using A = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
                kernels::prod<A, T>(call.inputs[0], call.attributes.at<Shape>("axes"), call.out<A>());
            });
        },
    // ∂y/∂xᵢ = Π_{j≠i} xⱼ
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const Tensor lines = reduced_last(r.input(), r.attribute<Shape>("axes"));
            return unlined(r, as_line(r, g) * product_of_others(lines));
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const auto& axes = r.attribute<Shape>("axes");
            const Tensor others = product_of_others(reduced_last(r.input(), axes));
            return reshape(sum(reduced_last(t[0], axes) * others, -1), r.output_shape());
        },
    .probes = prod_probes,
});

const Op& mean_op = define(Composite{
    .name = "mean",
    .math = "y = 1/n sum of x over axes",
    .probes = reduction_probes(mean),
});

/// 1 where x attains the maximum.
Tensor winners(const Record& r) {
    return astype(r.input() == with_axes(r, r.output()), r.input().dtype());
}

const Op& amax_op = define(General{
    .name = "amax",
    .math = "y = largest x over axes",
    .batch = lifted,
    .row_by_row = 1,
    .shape =
        [](const Call& call) {
            const auto& axes = call.attributes.at<Shape>("axes");
            for (std::int64_t axis : axes) {
                if (call.shape(0)[static_cast<std::size_t>(axis)] == 0) call.fail("needs at least one element");
            }
            return Signature{call.dtype(0), reduced_shape(call.shape(0), axes, call.attributes.at<bool>("keepdims"))};
        },
    .forward =
        [](const KernelCall& call) {
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                kernels::amax<T>(call.inputs[0], call.attributes.at<Shape>("axes"), call.out<T>());
            });
        },
    // Equal winners share the cotangent: g w / Σ w.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const Tensor w = winners(r);
            return with_axes(r, g) * w / sum(w, r.attribute<Shape>("axes"), keepdims);
        },
    // The mean of the winners' tangents.
    .jvp =
        [](const Record& r, std::span<const Tensor> tangents) {
            const Tensor w = winners(r);
            const auto& axes = r.attribute<Shape>("axes");
            const bool keep = r.attribute<bool>("keepdims");
            return sum(w * tangents[0], axes, keep) / sum(w, axes, keep);
        },
    // How far the winner is above the second, and the others below the winner.
    .switches =
        [](const Record& r) {
            const Tensor lines = reduced_last(r.input(), r.attribute<Shape>("axes"));
            if (lines.shape().back() < 2 || lines.size() == 0 || !is_floating(lines.dtype())) {
                return std::vector<Tensor>{};
            }
            const Tensor best = topk(lines, 2).values;
            const Tensor first = view(best, {ellipsis, range(0, 1)}), second = view(best, {ellipsis, range(1, 2)});
            return std::vector<Tensor>{lines - where(lines == first, second, first)};
        },
    .probes = reduction_probes(amax),
});

}  // namespace

Tensor sum(const Operand& x, const Axes& axes, Keepdims keep) {
    const Shape resolved = axes.resolve(x.tensor(), "sum", x.location());
    return apply(sum_op, {x.tensor()}, {{"axes", resolved}, {"keepdims", keep.value}}, x.location());
}

Tensor mean(const Operand& x, const Axes& axes, Keepdims keep) {
    const Attribution attribution(x.location());
    const Tensor& tensor = x.tensor();
    const Shape resolved = axes.resolve(tensor, "mean", x.location());
    if (!is_floating(tensor.dtype())) {
        throw DTypeError("mean", "needs float32 or float64", std::string(name(tensor.dtype())),
                         Attribution::resolve(x.location()));
    }
    std::int64_t count = 1;
    for (std::int64_t axis : resolved) count *= tensor.shape()[static_cast<std::size_t>(axis)];
    return sum(tensor, resolved, keep) / static_cast<double>(count);
}

Tensor prod(const Operand& x, const Axes& axes, Keepdims keep) {
    const Shape resolved = axes.resolve(x.tensor(), "prod", x.location());
    return apply(prod_op, {x.tensor()}, {{"axes", resolved}, {"keepdims", keep.value}}, x.location());
}

Tensor amax(const Operand& x, const Axes& axes, Keepdims keep) {
    const Shape resolved = axes.resolve(x.tensor(), "amax", x.location());
    return apply(amax_op, {x.tensor()}, {{"axes", resolved}, {"keepdims", keep.value}}, x.location());
}

}  // namespace xgrad
