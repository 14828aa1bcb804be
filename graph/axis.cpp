#include <xgrad/graph/axis.hpp>

#include <optional>
#include <string>

#include <xgrad/graph/error.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

namespace {

std::optional<std::size_t> axis_within(std::int64_t axis, std::size_t rank) {
    const auto limit = static_cast<std::int64_t>(rank);
    if (axis < -limit || axis >= limit) return std::nullopt;
    return static_cast<std::size_t>(axis < 0 ? axis + limit : axis);
}

[[noreturn]] void refuse_axis(std::int64_t axis, const std::string& of, std::string_view op, Location at) {
    throw ShapeError(op, "needs an axis of " + of, std::to_string(axis), Attribution::resolve(at));
}

}  // namespace

std::size_t resolve_axis(std::int64_t axis, std::size_t rank, std::string_view op, Location at) {
    if (const auto resolved = axis_within(axis, rank)) return *resolved;
    refuse_axis(axis, "a tensor of rank " + std::to_string(rank), op, at);
}

std::size_t resolve_axis(std::int64_t axis, const Tensor& x, std::string_view op, Location at) {
    if (const auto resolved = axis_within(axis, x.rank())) return *resolved;
    refuse_axis(axis, explain::operand_text(x), op, at);
}

}  // namespace xgrad
