#include "random_graph_kinds.hpp"

// Views and what moves elements.

namespace random_graph {

namespace {

using namespace xgrad;

Kind moving(std::string name, std::function<Tensor(const Tensor&, const Integers&)> f,
            std::function<std::optional<Integers>(Draw&, const Shape&)> draw) {
    return {std::move(name), "movement", 1, [f](Tensors x, const Integers& a) { return f(x[0], a); },
            [draw](Draw& d, Shapes shapes) { return draw(d, shapes[0]); }};
}

std::optional<Integers> drawn_slices(Draw& draw, const Shape& shape) {
    Integers result;
    const auto push = [&](Slice::Kind kind, std::int64_t start, std::int64_t stop, std::int64_t step) {
        for (std::int64_t number : {static_cast<std::int64_t>(kind), start, stop, step}) result.push_back(number);
    };
    for (const std::int64_t extent : shape) {
        if (draw.chance(0.1)) push(Slice::Kind::newaxis, 0, 0, 1);
        if (extent > 0 && draw.chance(0.15)) {
            push(Slice::Kind::index, draw.between(-extent, extent - 1), 0, 1);
            continue;
        }
        const std::int64_t steps[] = {1, 1, 1, -1, -1, 2, -2, 3, -3};
        const auto bound = [&] { return draw.chance(0.6) ? Slice::open : draw.between(-extent - 1, extent + 1); };
        const std::int64_t start = bound();
        push(Slice::Kind::range, start, bound(), steps[draw.below(9)]);
    }
    if (draw.chance(0.1)) push(Slice::Kind::ellipsis, 0, 0, 1);
    return result;
}

std::optional<Integers> drawn_reshape(Draw& draw, const Shape& shape) {
    std::int64_t rest = shape.size();
    Integers result;
    if (rest == 0) return Integers(shape.begin(), shape.end());
    while (result.size() < 4 && (rest > 1 || draw.chance(0.3))) {
        const std::int64_t factor = draw.between(1, rest);
        if (rest % factor) continue;
        result.push_back(factor);
        rest /= factor;
    }
    if (rest > 1) result.push_back(rest);
    if (!result.empty() && draw.chance(0.3))
        result[static_cast<std::size_t>(draw.below(static_cast<std::int64_t>(result.size())))] = -1;
    return result;
}

std::optional<Integers> drawn_axis_and(Draw& draw, const Shape& shape, std::int64_t low, std::int64_t high) {
    if (shape.empty()) return {};
    return Integers{drawn_axis(draw, rank_of(shape)), draw.between(low, high)};
}
std::optional<Integers> drawn_diagonal(Draw& draw, const Shape& shape) {
    if (shape.rank() < 2) return {};
    return Integers{draw.between(-2, 2)};
}

Kind joining(std::string name, std::size_t arity, bool is_new_axis) {
    return {std::move(name), "joining", arity,
            [is_new_axis](Tensors x, const Integers& a) {
                const std::vector<Tensor> tensors(x.begin(), x.end());
                return is_new_axis ? stack(tensors, a[0]) : concatenate(tensors, a[0]);
            },
            [is_new_axis](Draw& draw, Shapes shapes) -> std::optional<Integers> {
                const std::int64_t rank = rank_of(shapes[0]) + is_new_axis;
                if (rank == 0) return {};
                const std::int64_t axis = drawn_axis(draw, rank);
                for (const Shape& shape : shapes) {
                    if (shape.rank() != shapes[0].rank()) return {};
                    Shape other = shape;
                    if (!is_new_axis) other[index_of(axis, shape)] = shapes[0][index_of(axis, shape)];
                    if (other != shapes[0]) return {};
                }
                return Integers{axis};
            }};
}

}  // namespace

void add_movement(std::vector<Kind>& all) {
    const auto view_of = [](const Tensor& x, const Integers& a) {
        std::vector<Slice> slices;
        for (std::size_t i = 0; i < a.size(); i += 4) {
            slices.emplace_back(static_cast<Slice::Kind>(a[i]), a[i + 1], a[i + 2], a[i + 3]);
        }
        return view(x, slices);
    };
    for (const char* name : {"view", "view"}) all.push_back(moving(name, view_of, drawn_slices));  // twice as likely
    all.push_back(moving(
        "transpose", [](auto& x, auto& a) { return transpose(x, Shape(a)); },
        [](Draw& draw, const Shape& shape) { return std::optional(shuffled_axes(draw, rank_of(shape))); }));
    all.push_back(moving(
        "reshape", [](auto& x, auto& a) { return reshape(x, Shape(a)); }, drawn_reshape));
    all.push_back(moving(
        "broadcast_to", [](auto& x, auto& a) { return broadcast_to(x, Shape(a)); },
        [](Draw& draw, const Shape& shape) {
            Integers result(shape.begin(), shape.end());
            for (std::int64_t& extent : result) extent = extent == 1 ? draw.between(1, 3) : extent;
            if (draw.chance(0.5)) result.insert(result.begin(), draw.between(1, 3));
            return std::optional(result);
        }));
    all.push_back(moving(
        "flip", [](auto& x, auto& a) { return flip(x, Shape(a)); },
        [](Draw& draw, const Shape& shape) {
            Integers axes = shuffled_axes(draw, rank_of(shape));
            axes.resize(static_cast<std::size_t>(draw.between(0, rank_of(shape))));
            return std::optional(axes);
        }));
    all.push_back(moving(
        "roll", [](auto& x, auto& a) { return roll(x, a[1], a[0]); },
        [](Draw& draw, const Shape& shape) { return drawn_axis_and(draw, shape, -5, 5); }));
    all.push_back(moving(
        "repeat", [](auto& x, auto& a) { return repeat(x, a[1], a[0]); },
        [](Draw& draw, const Shape& shape) { return drawn_axis_and(draw, shape, 0, 3); }));
    all.push_back(moving(
        "tile", [](auto& x, auto& a) { return tile(x, a); },
        [](Draw& draw, const Shape& shape) {
            Integers counts(static_cast<std::size_t>(draw.between(0, rank_of(shape) + 1)));
            for (std::int64_t& count : counts) count = draw.between(1, 2);
            return std::optional(counts);
        }));
    all.push_back(moving(
        "pad(how, constant, before, after...)",
        [](auto& x, auto& a) {
            std::vector<std::pair<std::int64_t, std::int64_t>> widths;
            for (std::size_t i = 1; i < a.size(); i += 2) widths.emplace_back(a[i], a[i + 1]);
            return pad(x, widths, static_cast<Padding>(a[0]), 0.5);
        },
        [](Draw& draw, const Shape& shape) -> std::optional<Integers> {
            Integers result{draw.between(0, 2)};
            for (std::int64_t extent : shape) {
                if (extent == 0) return {};
                const std::int64_t most = result[0] == 2 ? std::min<std::int64_t>(extent - 1, 2) : 2;
                result.push_back(draw.between(0, most));
                result.push_back(draw.between(0, most));
            }
            return result;
        }));
    all.push_back(moving(
        "split(2)[0]",
        [](auto& x, auto& a) {
            return split(x, std::vector<std::int64_t>{a[1]}, a[0])[static_cast<std::size_t>(a[1] % 2)];
        },
        [](Draw& draw, const Shape& shape) {
            auto a = drawn_axis_and(draw, shape, 0, 3);
            if (a && (*a)[1] > shape[index_of((*a)[0], shape)]) a.reset();
            return a;
        }));
    all.push_back(moving(
        "expand_dims", [](auto& x, auto& a) { return expand_dims(x, a[0]); },
        [](Draw& draw, const Shape& shape) { return std::optional(Integers{drawn_axis(draw, rank_of(shape) + 1)}); }));
    all.push_back(moving(
        "squeeze", [](auto& x, auto&) { return squeeze(x); },
        [](Draw&, const Shape&) { return std::optional(Integers{}); }));
    all.push_back(moving(
        "flatten", [](auto& x, auto&) { return flatten(x); },
        [](Draw&, const Shape&) { return std::optional(Integers{}); }));
    all.push_back(moving(
        "moveaxis", [](auto& x, auto& a) { return moveaxis(x, a[0], a[1]); },
        [](Draw& draw, const Shape& shape) {
            return drawn_axis_and(draw, shape, -rank_of(shape), rank_of(shape) - 1);
        }));
    all.push_back(moving(
        "diagonal", [](auto& x, auto& a) { return diagonal(x, a[0], -1, 0); }, drawn_diagonal));
    all.push_back(moving(
        "tril", [](auto& x, auto& a) { return tril(x, a[0]); }, drawn_diagonal));
    all.push_back(moving(
        "triu", [](auto& x, auto& a) { return triu(x, a[0]); }, drawn_diagonal));
    all.push_back(moving(
        "diag", [](auto& x, auto& a) { return diag(x, a[0]); },
        [](Draw& draw, const Shape& shape) {
            return shape.rank() == 1 || shape.rank() == 2 ? std::optional(Integers{draw.between(-1, 1)}) : std::nullopt;
        }));
    all.push_back({"meshgrid[1]", "joining", 2,
                   [](Tensors x, const Integers&) {
                       return meshgrid({x[0], x[1]})[1];
                   },
                   [](Draw&, Shapes shapes) {
                       return shapes[0].rank() == 1 && shapes[1].rank() == 1 ? std::optional(Integers{}) : std::nullopt;
                   }});
    all.push_back(joining("concatenate", 2, false));
    all.push_back(joining("concatenate", 3, false));
    all.push_back(joining("stack", 2, true));
    all.push_back(joining("stack", 3, true));
}

}  // namespace random_graph
