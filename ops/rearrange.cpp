#include <xgrad/ops/rearrange.hpp>

#include <algorithm>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/movement_probes.hpp>
#include <xgrad/ops/rearrange_parts.hpp>

// The same elements under other axes.

namespace xgrad {

namespace {

const Op& flatten_op =
    enrol_rearrangement("flatten", "y = x as a vector",
                        {{"matrix", {2, 3}, [](const Tensor& x) { return flatten(x); }},
                         {"scalar", {}, [](const Tensor& x) { return flatten(x); }},
                         {"empty", {2, 0}, [](const Tensor& x) { return flatten(x); }}},
                        shape_probes(shapes_of_every_rank(), [](const Tensor& x) { return flatten(x); }));

const Op& swapaxes_op = enrol_rearrangement(
    "swapaxes", "y = x with two axes exchanged",
    {{"matrix", {2, 3}, [](const Tensor& x) { return swapaxes(x, 0, 1); }},
     {"first and last", {2, 3, 4}, [](const Tensor& x) { return swapaxes(x, 0, -1); }},
     {"one with itself", {2, 3}, [](const Tensor& x) { return swapaxes(x, 1, 1); }}},
    number_probes(pairs_of_axes(), [](const Tensor& x, const Shape& axes) { return swapaxes(x, axes[0], axes[1]); }));

const Op& moveaxis_op = enrol_rearrangement(
    "moveaxis", "y = x with axes at other places",
    {{"first to last", {2, 3, 4}, [](const Tensor& x) { return moveaxis(x, 0, -1); }},
     {"two axes",
      {2, 3, 4},
      [](const Tensor& x) {
          return moveaxis(x, {0, 1}, {2, 0});
      }},
     {"of five",
      {1, 2, 1, 2, 3},
      [](const Tensor& x) {
          return moveaxis(x, {4, 1}, {0, 3});
      }}},
    number_probes(pairs_of_axes(), [](const Tensor& x, const Shape& axes) { return moveaxis(x, axes[0], axes[1]); }));

const Op& squeeze_op = enrol_rearrangement("squeeze", "y = x without axes of extent 1",
                                           {{"all", {1, 3, 1}, [](const Tensor& x) { return squeeze(x); }},
                                            {"one", {1, 3, 1}, [](const Tensor& x) { return squeeze(x, -1); }},
                                            {"to a scalar",
                                             {1, 1},
                                             [](const Tensor& x) {
                                                 return squeeze(x, {0, 1});
                                             }}},
                                           squeeze_probes);

const Op& expand_dims_op =
    enrol_rearrangement("expand_dims", "y = x with a new axis of extent 1",
                        {{"front", {2, 3}, [](const Tensor& x) { return expand_dims(x, 0); }},
                         {"end", {2, 3}, [](const Tensor& x) { return expand_dims(x, -1); }},
                         {"of a scalar", {}, [](const Tensor& x) { return expand_dims(x, 0); }}},
                        axis_probes([](const Tensor& x, std::int64_t axis) { return expand_dims(x, axis); }));

Shape axis_numbers(std::size_t rank) {
    Shape numbers;
    for (std::size_t axis = 0; axis < rank; ++axis) numbers.push_back(static_cast<std::int64_t>(axis));
    return numbers;
}

/// The axes in the order in which they were given.
Shape in_order(const Axes& axes, const Entry& x, const char* op) {
    axes.resolve(x.tensor, op, x.at);
    if (axes.all()) return axis_numbers(x.tensor.rank());
    Shape result;
    for (std::int64_t axis : axes.given()) result.push_back(static_cast<std::int64_t>(x.axis(axis, op)));
    return result;
}

}  // namespace

Tensor flatten(const Operand& x) {
    return reshape(x, {-1});
}

Tensor swapaxes(const Operand& x, std::int64_t first, std::int64_t second) {
    const Entry entry(x);
    Shape order = axis_numbers(entry.tensor.rank());
    std::swap(order[entry.axis(first, "swapaxes")], order[entry.axis(second, "swapaxes")]);
    return transpose(entry.tensor, order);
}

Tensor moveaxis(const Operand& x, const Axes& source, const Axes& destination) {
    const Entry entry(x);
    const Shape from = in_order(source, entry, "moveaxis");
    const Shape to = in_order(destination, entry, "moveaxis");
    if (from.rank() != to.rank()) {
        throw ShapeError("moveaxis", "needs as many destinations as sources", to_string(from) + " and " + to_string(to),
                         entry.at);
    }
    Shape order = Shape::of_rank(entry.tensor.rank(), -1);
    for (std::size_t i = 0; i < from.rank(); ++i) order[static_cast<std::size_t>(to[i])] = from[i];
    std::size_t place = 0;
    for (std::int64_t axis : axis_numbers(entry.tensor.rank())) {
        if (std::find(from.begin(), from.end(), axis) != from.end()) continue;
        while (order[place] >= 0) ++place;
        order[place] = axis;
    }
    return transpose(entry.tensor, order);
}

namespace {

/// If one axis was given and one other has extent 1, that was probably meant.
std::string other_axis(const Tensor& x, const Shape& given) {
    const Shape& shape = x.shape();
    if (given.rank() != 1 || std::count(shape.begin(), shape.end(), 1) != 1) return "";
    const std::string called = explain::operand_name(*x.node());
    return "did you mean squeeze(" + (called.empty() ? "..." : called) + ", " +
           std::to_string(std::find(shape.begin(), shape.end(), 1) - shape.begin()) + ")?";
}

}  // namespace

Tensor squeeze(const Operand& x, const Axes& axes) {
    const Entry entry(x);
    const Shape given = axes.resolve(entry.tensor, "squeeze", entry.at);
    Shape shape;
    for (std::size_t axis = 0; axis < entry.tensor.rank(); ++axis) {
        const std::int64_t extent = entry.shape()[axis];
        const bool named = std::find(given.begin(), given.end(), static_cast<std::int64_t>(axis)) != given.end();
        if (named && extent != 1 && !axes.all()) {
            throw ShapeError("squeeze", "needs axes of extent 1",
                             "axis " + std::to_string(axis) + " of " + explain::operand_text(entry.tensor), entry.at,
                             other_axis(entry.tensor, given));
        }
        if (!named || extent != 1) shape.push_back(extent);
    }
    return reshape(entry.tensor, shape);
}

Tensor expand_dims(const Operand& x, std::int64_t axis) {
    const Entry entry(x);
    Shape shape = entry.shape();
    const auto rank = static_cast<std::int64_t>(shape.rank()) + 1;
    if (axis < -rank || axis >= rank) {
        throw ShapeError("expand_dims",
                         "needs an axis from " + std::to_string(-rank) + " to " + std::to_string(rank - 1),
                         std::to_string(axis) + " for " + explain::operand_text(entry.tensor), entry.at);
    }
    const auto place = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
    require_rank(shape.rank() + 1, "expand_dims", entry.at);
    shape.insert(place, 1);
    return reshape(entry.tensor, shape);
}

}  // namespace xgrad
