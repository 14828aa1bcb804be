#include <xgrad/graph/axis.hpp>

#include <string>

#include <xgrad/graph/error.hpp>

namespace xgrad {

std::size_t resolve_axis(std::int64_t axis, std::size_t rank, std::string_view op, Location at) {
    const auto limit = static_cast<std::int64_t>(rank);
    if (axis < -limit || axis >= limit) {
        throw ShapeError(op, "needs an axis of a tensor of rank " + std::to_string(rank), std::to_string(axis),
                         Attribution::resolve(at));
    }
    return static_cast<std::size_t>(axis < 0 ? axis + limit : axis);
}

}  // namespace xgrad
