#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/factorisations.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrix_probes.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/powers.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xgrad::linalg {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

const Op& norm_op = define(Composite{
    .name = "linalg_norm",
    .math = "y = (sum of |x|^p)^(1/p) of vectors; of matrices Frobenius, largest column or row sum, singular values",
    .probes = {Probe{"of all", {{{2, 3, 2}}}, [](auto x) { return linalg::norm(x[0]); }},
               Probe{"1", {{{5}}}, [](auto x) { return linalg::norm(x[0], 1); }},
               Probe{"2 along axis 0, kept", {{{3, 2}}}, [](auto x) { return linalg::norm(x[0], 2, 0, keepdims); }},
               Probe{"3 along axis -1", {{{2, 3}, 0.5, 2}}, [](auto x) { return linalg::norm(x[0], 3, -1); }},
               Probe{"1.5", {{{3}, 0.5, 2}}, [](auto x) { return linalg::norm(x[0], 1.5); }},
               Probe{"infinity", {{{3}}}, [](auto x) { return linalg::norm(x[0], infinity); }},
               Probe{"one", {{{1}}}, [](auto x) { return linalg::norm(x[0], 2); }},
               Probe{"Frobenius", {{{2, 3}}}, [](auto x) { return linalg::norm(x[0], frobenius); }},
               Probe{"columns", {{{3, 3}}}, [](auto x) { return linalg::norm(x[0], 1); }},
               Probe{"rows", {{{2, 3}}}, [](auto x) { return linalg::norm(x[0], infinity); }},
               Probe{"largest singular value", {{{3, 2}}}, [](auto x) { return linalg::norm(spread_out_singular(x[0]), 2); }},
               Probe{"nuclear, of a stack along axes 0 and 2, kept",
                     {{{3, 2, 2}}},
                     [](auto x) {
                         const Tensor apart = spread_out_singular(transpose(x[0], {1, 0, 2}));
                         return linalg::norm(transpose(apart, {1, 0, 2}), nuclear, {0, 2}, keepdims);
                     }},
               Probe{"17 elements", {{{17}}}, [](auto x) { return linalg::norm(x[0], 2); }},
               Probe{"row vectors", {{{4, 1, 7}}}, [](auto x) { return linalg::norm(x[0], 2, {1, 2}); }},
               Probe{"stack of stacks", {{{2, 2, 3, 2}}}, [](auto x) { return linalg::norm(x[0], 1, {-2, -1}, keepdims); }},
               Probe{"rank 5", {{{1, 2, 1, 3, 2}}}, [](auto x) { return linalg::norm(x[0], 2, 3); }},
               Probe{"empty", {{{0, 3}}}, [](auto x) { return linalg::norm(x[0], 2, 0); }}},
});

[[noreturn]] void fail(std::string_view rule, Norm order, Location at) {
    throw ValueError("norm", rule,
                     order.kind == Norm::Kind::frobenius ? "frobenius"
                     : order.kind == Norm::Kind::nuclear ? "nuclear"
                                                         : fmt::format("{}", order.p),
                     at);
}

Tensor of_vectors(const Tensor& x, Norm order, const Axes& axis, Keepdims keep, Location at) {
    if (order.kind != Norm::Kind::number || !(order.p > 0)) fail("needs an order above 0 for vectors", order, at);
    if (order.p == 2) return xgrad::norm(x, axis, keep);
    if (order.p == 1) return sum(abs(x), axis, keep);
    const Tensor size = abs(x);
    if (order.p == infinity) return amax(size, axis, keep);
    const Tensor total = sum(power(size, order.p), axis, keep);
    // As in xgrad::norm: no derivative at 0, and none of its infinity.
    const Tensor is_zero = total == 0;
    return where(is_zero, 0, power(where(is_zero, 1, total), 1 / order.p));
}

Tensor of_matrices(const Tensor& x, Norm order, const Shape& axes, Keepdims keep, Location at) {
    const Shape row_axis{axes[0]};
    const Shape column_axis{axes[1]};
    if (order.kind == Norm::Kind::frobenius) return xgrad::norm(x, axes, keep);
    if (order.kind == Norm::Kind::number && (order.p == 1 || order.p == infinity)) {
        const Tensor sums = sum(abs(x), order.p == 1 ? row_axis : column_axis, keepdims);
        return reshape(amax(sums, axes, keepdims), reduced_shape(x.shape(), axes, keep.value));
    }
    if (order.kind == Norm::Kind::number && order.p != 2) {
        fail("needs order 1, 2, infinity, frobenius or nuclear for matrices", order, at);
    }
    Shape matrices_last;
    for (std::size_t axis = 0; axis < x.rank(); ++axis) {
        const auto number = static_cast<std::int64_t>(axis);
        if (number != axes[0] && number != axes[1]) matrices_last.push_back(number);
    }
    matrices_last.append(axes);
    const Tensor values = svdvals(transpose(x, matrices_last));
    const Tensor result = order.kind == Norm::Kind::nuclear ? sum(values, -1) : amax(values, -1);
    return reshape(result, reduced_shape(x.shape(), axes, keep.value));
}

}  // namespace

Tensor norm(const Operand& x, Norm order, const Axes& axes, Keepdims keep) {
    const Attribution attribution(x.location());
    const Location at = Attribution::resolve(x.location());
    const Tensor& tensor = x.tensor();
    if (!is_floating(tensor.dtype())) {
        throw DTypeError("norm", "needs float32 or float64", std::string(name(tensor.dtype())), at);
    }
    if (order.kind == Norm::Kind::standard) return xgrad::norm(tensor, axes, keep);
    const Shape resolved = axes.resolve(tensor, "norm", at);
    if (resolved.rank() == 1) return of_vectors(tensor, order, resolved, keep, at);
    if (resolved.rank() != 2) {
        throw ShapeError("norm", "needs one axis for vectors or two for matrices",
                         std::to_string(resolved.rank()) + " axes of " + explain::operand_text(tensor), at);
    }
    // Two axes in the order that was given: which are the rows makes the difference between 1 and infinity.
    Shape ordered = resolved;
    for (std::size_t i = 0; i < axes.given().rank(); ++i) {
        ordered[i] = static_cast<std::int64_t>(resolve_axis(axes.given()[i], tensor, "norm", at));
    }
    return of_matrices(tensor, order, ordered, keep, at);
}

}  // namespace xgrad::linalg
