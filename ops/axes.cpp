#include <xgrad/ops/axes.hpp>

#include <algorithm>
#include <string>

#include <xgrad/graph/error.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

void require_rank(std::size_t rank, std::string_view op, Location at) {
    if (rank <= Shape::max_rank) return;
    throw ShapeError(op, "needs at most " + std::to_string(Shape::max_rank) + " axes", std::to_string(rank),
                     Attribution::resolve(at));
}

Shape Axes::resolve(const Tensor& x, std::string_view op, Location at) const {
    Shape result;
    if (all_) {
        for (std::size_t axis = 0; axis < x.rank(); ++axis) result.push_back(static_cast<std::int64_t>(axis));
        return result;
    }
    for (std::int64_t axis : axes_) {
        const auto resolved = static_cast<std::int64_t>(resolve_axis(axis, x, op, at));
        if (std::find(result.begin(), result.end(), resolved) != result.end()) {
            throw ShapeError(op, "needs each axis once", to_string(axes_) + " for " + explain::operand_text(x),
                             Attribution::resolve(at));
        }
        result.push_back(resolved);
    }
    std::sort(result.begin(), result.end());
    return result;
}

}  // namespace xgrad
