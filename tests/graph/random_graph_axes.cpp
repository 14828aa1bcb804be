#include <limits>

#include "random_graph_kinds.hpp"

// Reductions, scans, products, order and indices.

namespace random_graph {

namespace {

using namespace xgrad;

/// keep, all, axes...
std::optional<Integers> some_axes(Draw& draw, Shapes shapes) {
    Integers result{draw.chance(0.5), draw.chance(0.2)};
    if (!result[1]) {
        const std::int64_t rank = rank_of(shapes[0]);
        Integers axes = shuffled_axes(draw, rank);
        axes.resize(static_cast<std::size_t>(draw.between(std::min<std::int64_t>(rank, 1), rank)));
        for (std::int64_t axis : axes) result.push_back(draw.chance(0.3) ? axis - rank : axis);
    }
    return result;
}
Axes axes_of(const Integers& a) {
    return a[1] ? Axes() : Axes(Shape(a.begin() + 2, a.end()));
}
std::optional<Integers> some_axes_if_not_empty(Draw& draw, Shapes shapes) {
    if (shapes[0].size() == 0) return {};
    return some_axes(draw, shapes);
}
/// axis, then indices of positions along it
std::optional<Integers> positions(Draw& draw, Shapes shapes) {
    const auto axis = one_axis(draw, shapes);
    if (!axis) return {};
    const std::int64_t extent = shapes[0][index_of((*axis)[0], shapes[0])];
    Integers result = *axis;
    for (std::int64_t i = draw.between(0, 4); i > 0 && extent > 0; --i)
        result.push_back(draw.between(-extent, extent - 1));
    return result;
}
Tensor index_tensor(const Integers& a, std::size_t from, const Shape& shape) {
    return support::tensor_of(DType::int64, shape,
                              support::Numbers(a.begin() + static_cast<std::ptrdiff_t>(from), a.end()));
}

Kind reduction(std::string name, std::function<Tensor(const Tensor&, const Axes&, Keepdims)> f) {
    return {std::move(name), "reduction", 1,
            [f](Tensors x, const Integers& a) { return f(x[0], axes_of(a), a[0] != 0); }, some_axes};
}
Kind selection(std::string name, Reduction f) {
    return {std::move(name),
            "reduction",
            1,
            [f](Tensors x, const Integers& a) { return f(x[0], axes_of(a), a[0] != 0); },
            some_axes_if_not_empty,
            [f](Tensors x, const Integers& a) {
                const Tensor chosen = f(x[0], axes_of(a), keepdims);
                return Branches{x[0]<chosen, x[0]> chosen};
            }};
}
Kind along_axis(std::string name, std::string group, std::function<Tensor(const Tensor&, std::int64_t)> f) {
    return {std::move(name), std::move(group), 1, [f](Tensors x, const Integers& a) { return f(x[0], a[0]); },
            one_axis};
}
Kind ordered(std::string name, std::function<Tensor(const Tensor&, std::int64_t)> f) {
    return {std::move(name),
            "order",
            1,
            [f](Tensors x, const Integers& a) { return f(x[0], a[0]); },
            [](Draw& draw, Shapes shapes) { return shapes[0].size() ? one_axis(draw, shapes) : std::nullopt; },
            [](Tensors x, const Integers& a) { return Branches{argsort(x[0], a[0])}; }};
}
void add_products(std::vector<Kind>& all) {
    all.push_back({"linear_recurrence", "scan", 2,
                   [](Tensors x, const Integers& a) { return linear_recurrence(x[0], x[1], a[0]); },
                   [](Draw& draw, Shapes shapes) {
                       Shape both;
                       return broadcast(shapes[0], shapes[1], both) ? one_axis(draw, {&both, 1}) : std::nullopt;
                   }});
    all.push_back({"matmul", "matmul", 2, [](Tensors x, const Integers&) { return matmul(x[0], x[1]); },
                   [](Draw&, Shapes shapes) -> std::optional<Integers> {
                       const Shape &A = shapes[0], &B = shapes[1];
                       if (A.empty() || B.empty() || A.back() != B[B.rank() - std::min<std::size_t>(B.rank(), 2)])
                           return {};
                       if (A.rank() < 3 || B.rank() < 3) return Integers{};
                       Shape both;
                       const bool fit = broadcast({A.begin(), A.end() - 2}, {B.begin(), B.end() - 2}, both);
                       return fit ? std::optional(Integers{}) : std::nullopt;
                   }});
    all.push_back({"matmul(x, swapaxes(y, -1, -2))", "matmul", 2,
                   [](Tensors x, const Integers&) { return matmul(x[0], swapaxes(x[1], -1, -2)); },
                   [](Draw&, Shapes shapes) -> std::optional<Integers> {
                       const Shape &A = shapes[0], &B = shapes[1];
                       if (A.empty() || B.rank() != 2 || A.back() != B.back()) return {};
                       return Integers{};
                   }});
    all.push_back({"dot", "matmul", 2, [](Tensors x, const Integers&) { return xgrad::dot(x[0], x[1]); },
                   [](Draw&, Shapes shapes) -> std::optional<Integers> {
                       const Shape &A = shapes[0], &B = shapes[1];
                       const bool scalar = A.empty() && B.empty();
                       if (!scalar && (A.rank() != B.rank() || A.rank() > 2 || A.back() != B[0])) return {};
                       return Integers{};
                   }});
}

void add_reductions(std::vector<Kind>& all) {
    const std::pair<const char*, Reduction> kinds[] = {
        {"sum", sum}, {"mean", mean}, {"prod", prod}, {"norm", norm}, {"logsumexp", logsumexp}};
    for (const auto& [name, f] : kinds) all.push_back(reduction(name, f));
    all.push_back(reduction("variance", [](auto& x, auto& axes, Keepdims keep) { return variance(x, axes, keep); }));
    all.push_back(
        reduction("variance, ddof 1", [](auto& x, auto& axes, Keepdims keep) { return variance(x, axes, keep, 1); }));
    all.push_back(reduction("stddev", [](auto& x, auto& axes, Keepdims keep) { return stddev(x, axes, keep); }));
    all.push_back(reduction("norm_lp(3) of 1 + x^2",
                            [](auto& x, auto& axes, Keepdims keep) { return norm_lp(1 + square(x), 3, axes, keep); }));
    all.push_back(selection("amax", amax));
    all.push_back(selection("amin", amin));
    all.push_back(selection("median", median));
    all.back().branches = [](Tensors x, const Integers& a) {
        const Tensor& m = x[0];
        return Branches{a[1] ? argsort(flatten(m))
                             : argsort(reduced_last(m, axes_of(a).resolve(m.rank(), "median", {})))};
    };
    Kind largest = selection("norm_lp(inf)", [](auto& x, auto& axes, Keepdims keep) {
        return norm_lp(x, std::numeric_limits<double>::infinity(), axes, keep);
    });
    largest.branches = [](Tensors x, const Integers& a) {
        const Tensor size = xgrad::abs(x[0]);
        return Branches{size<amax(size, axes_of(a), keepdims), x[0]> 0};
    };
    all.push_back(largest);
    Kind taxicab =
        selection("norm_lp(1)", [](auto& x, auto& axes, Keepdims keep) { return norm_lp(x, 1, axes, keep); });
    taxicab.branches = [](Tensors x, const Integers&) { return Branches{x[0] > 0}; };
    all.push_back(taxicab);
    all.push_back(along_axis("softmax", "softmax", [](auto& x, auto axis) { return softmax(x, axis); }));
    all.push_back(along_axis("log_softmax", "softmax", [](auto& x, auto axis) { return log_softmax(x, axis); }));
    all.push_back(along_axis("cumsum", "scan", [](auto& x, auto axis) { return cumsum(x, axis); }));
    all.push_back(along_axis("cumprod", "scan", [](auto& x, auto axis) { return cumprod(x, axis); }));
}

void add_ordered(std::vector<Kind>& all) {
    all.push_back(ordered("sort", [](auto& x, auto axis) { return sort(x, axis); }));
    all.push_back(ordered("sort, descending", [](auto& x, auto axis) { return sort(x, axis, true); }));
    all.push_back(ordered("topk(1)", [](auto& x, auto axis) { return topk(x, 1, axis).values; }));
    all.push_back(ordered("take_along_axis(argsort)",
                          [](auto& x, auto axis) { return take_along_axis(xgrad::sin(x), argsort(x, axis), axis); }));
    all.push_back(ordered("take_along_axis(argmin)",
                          [](auto& x, auto axis) { return take_along_axis(x, argmin(x, axis, keepdims), axis); }));
    all.push_back(ordered("x one_hot(argmax)", [](auto& x, auto axis) {
        const Tensor flat = flatten(x);
        return axis == 0 ? flat * one_hot(argmax(flat), flat.size(), flat.dtype()) : x;
    }));
    all.push_back(
        {"take", "index", 1,
         [](Tensors x, const Integers& a) { return take(x[0], index_tensor(a, 1, Shape(a.size() - 1)), a[0]); },
         positions});
    all.push_back({"scatter_add", "index", 1,
                   [](Tensors x, const Integers& a) {
                       const Tensor taken = take(x[0], index_tensor(a, 1, Shape(a.size() - 1)), a[0]);
                       Shape ones = Shape::of_rank(x[0].rank(), 1);
                       ones[index_of(a[0], x[0].shape())] = static_cast<std::int64_t>(a.size()) - 1;
                       const Tensor indices = broadcast_to(index_tensor(a, 1, ones), taken.shape());
                       return scatter_add(xgrad::sin(x[0]), indices, taken, a[0]);
                   },
                   positions});
}

}  // namespace

void add_along_axes(std::vector<Kind>& all) {
    add_products(all);
    add_reductions(all);
    add_ordered(all);
}

}  // namespace random_graph
