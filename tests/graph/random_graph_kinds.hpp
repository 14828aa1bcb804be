#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "random_graph.hpp"

// What the files that define kinds of steps share.

namespace random_graph {

using Unary = xgrad::Tensor (*)(const xgrad::Operand&);
using Binary = xgrad::Tensor (*)(const xgrad::Operand&, const xgrad::Operand&);
using Reduction = xgrad::Tensor (*)(const xgrad::Operand&, const xgrad::Axes&, xgrad::Keepdims);
using Branches = std::vector<xgrad::Tensor>;

inline std::int64_t rank_of(const xgrad::Shape& shape) {
    return static_cast<std::int64_t>(shape.rank());
}
inline std::int64_t drawn_axis(Draw& draw, std::int64_t rank) {
    return draw.between(-rank, rank - 1);
}
inline std::size_t index_of(std::int64_t axis, const xgrad::Shape& shape) {
    return static_cast<std::size_t>(axis < 0 ? axis + rank_of(shape) : axis);
}
inline Integers shuffled_axes(Draw& draw, std::int64_t rank) {
    Integers axes(static_cast<std::size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
    for (std::size_t i = axes.size(); i > 1; --i) {
        std::swap(axes[i - 1], axes[static_cast<std::size_t>(draw.below(static_cast<std::int64_t>(i)))]);
    }
    return axes;
}
inline std::optional<Integers> one_axis(Draw& draw, Shapes shapes) {
    if (shapes[0].empty()) return {};
    return Integers{drawn_axis(draw, rank_of(shapes[0]))};
}

void add_elementwise(std::vector<Kind>& all);
void add_along_axes(std::vector<Kind>& all);
void add_movement(std::vector<Kind>& all);

}  // namespace random_graph
