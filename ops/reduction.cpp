#include <xgrad/ops/reduction.hpp>

#include <algorithm>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/kernels/reduce.hpp>
#include <xgrad/ops/movement.hpp>
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

namespace {

std::vector<Probe> reduction_probes(Tensor (*reduce)(const Operand&, const Axes&, Keepdims)) {
    return {
        Probe{"all of a scalar", {{{}}}, [=](auto x) { return reduce(x[0], {}, {}); }},
        Probe{"all of a matrix", {{{3, 4}}}, [=](auto x) { return reduce(x[0], {}, {}); }},
        Probe{"axis 0", {{{3, 4}}}, [=](auto x) { return reduce(x[0], 0, {}); }},
        Probe{"axis 0 of a wide matrix", {{{3, 17}}}, [=](auto x) { return reduce(x[0], 0, {}); }},
        Probe{"axis -1, kept", {{{3, 4}}}, [=](auto x) { return reduce(x[0], -1, keepdims); }},
        Probe{"axes 0 and 2",
              {{{2, 3, 2}}},
              [=](auto x) {
                  return reduce(x[0], {0, 2}, {});
              }},
        Probe{"axis 1 of a stack, kept", {{{2, 3, 9}}}, [=](auto x) { return reduce(x[0], 1, keepdims); }},
    };
}

/// A reduced cotangent or result with its axes back, so that it broadcasts against the input.
Tensor with_axes(const Record& r, const Tensor& reduced) {
    return reshape(reduced, reduced_shape(r.shape(0), r.attribute<Shape>("axes"), true));
}

DType sum_dtype(DType dtype) {
    return is_floating(dtype) ? dtype : DType::int64;
}

const Op& sum_op = define(Linear{
    .name = "sum",
    .math = "y = sum of x over axes",
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
    // Every summand has the derivative 1: the cotangent is stretched back over the axes.
    .transposes = {[](const Record& r, const Tensor& g) { return broadcast_to(with_axes(r, g), r.shape(0)); }},
    .probes = reduction_probes(sum),
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
    .probes = reduction_probes(amax),
});

const Op& norm_op = define(Composite{
    .name = "norm",
    .math = "y = sqrt(sum of x^2 over axes)",
    .probes = reduction_probes(norm),
});

}  // namespace

Tensor sum(const Operand& x, const Axes& axes, Keepdims keep) {
    const Shape resolved = axes.resolve(x.tensor().rank(), "sum", x.location());
    return apply(sum_op, {x.tensor()}, {{"axes", resolved}, {"keepdims", keep.value}}, x.location());
}

Tensor mean(const Operand& x, const Axes& axes, Keepdims keep) {
    const Attribution attribution(x.location());
    const Tensor& tensor = x.tensor();
    const Shape resolved = axes.resolve(tensor.rank(), "mean", x.location());
    if (!is_floating(tensor.dtype())) {
        throw DTypeError("mean", "needs float32 or float64", std::string(name(tensor.dtype())),
                         Attribution::resolve(x.location()));
    }
    std::int64_t count = 1;
    for (std::int64_t axis : resolved) count *= tensor.shape()[static_cast<std::size_t>(axis)];
    return sum(tensor, resolved, keep) / static_cast<double>(count);
}

Tensor amax(const Operand& x, const Axes& axes, Keepdims keep) {
    const Shape resolved = axes.resolve(x.tensor().rank(), "amax", x.location());
    return apply(amax_op, {x.tensor()}, {{"axes", resolved}, {"keepdims", keep.value}}, x.location());
}

Tensor norm(const Operand& x, const Axes& axes, Keepdims keep) {
    const Attribution attribution(x.location());
    const Shape resolved = axes.resolve(x.tensor().rank(), "norm", x.location());
    const Tensor s = sum(square(x.tensor()), resolved, keep);
    // √ has no derivative at 0; the inner choice keeps its infinity out, the outer one gives the value.
    const Tensor is_zero = s == 0;
    return where(is_zero, 0, sqrt(where(is_zero, 1, s)));
}

}  // namespace xgrad
