#include <algorithm>

#include <fmt/format.h>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/movement_probes.hpp>
#include <xgrad/ops/rearrange.hpp>
#include <xgrad/ops/rearrange_parts.hpp>

// Elements joined, parted, repeated and put in another order.

namespace xgrad {

namespace {

const Op& stack_op = enrol_rearrangement("stack", "y = x1, x2, ... along a new axis",
                                         {{"with itself",
                                           {2, 3},
                                           [](const Tensor& x) {
                                               return stack({x, x});
                                           }},
                                          {"at the end",
                                           {3},
                                           [](const Tensor& x) {
                                               return stack({x, flip(x), x}, -1);
                                           }}},
                                         joined(axis_probes([](const Tensor& x, std::int64_t axis) {
                                                    return stack({x, flip(x)}, axis);
                                                }),
                                                pair_probes({{{}, {}}, {7, 7}}, [](const Tensor& x, const Tensor& y) {
                                                    return stack({x, y, x});
                                                })));

const Op& split_op = enrol_rearrangement("split", "y1, y2, ... = x cut along an axis",
                                         {{"halves", {4, 3}, [](const Tensor& x) { return split(x, 2)[1]; }},
                                          {"at positions",
                                           {2, 5},
                                           [](const Tensor& x) {
                                               return split(x, std::vector<std::int64_t>{1, 3}, 1)[1];
                                           }}},
                                         axis_probes([](const Tensor& x, std::int64_t axis) {
                                             return split(x, std::vector<std::int64_t>{1, 1}, axis)[2];
                                         }));

const Op& pad_op = enrol_rearrangement("pad", "y = x with a margin",
                                       {{"zeros",
                                         {2, 3},
                                         [](const Tensor& x) {
                                             return pad(x, {{1, 0}, {2, 1}});
                                         }},
                                        {"a constant",
                                         {2, 3},
                                         [](const Tensor& x) {
                                             return pad(x, {{1, 1}, {0, 1}}, Padding::constant, 2.5);
                                         }},
                                        {"edge",
                                         {2, 3},
                                         [](const Tensor& x) {
                                             return pad(x, {{2, 1}, {0, 2}}, Padding::edge);
                                         }},
                                        {"reflect",
                                         {3, 4},
                                         [](const Tensor& x) {
                                             return pad(x, {{2, 1}, {0, 3}}, Padding::reflect);
                                         }},
                                        {"empty",
                                         {0, 2},
                                         [](const Tensor& x) {
                                             return pad(x, {{1, 1}, {0, 0}});
                                         }}},
                                       pad_probes);

const Op& flip_op = enrol_rearrangement("flip", "y = x backwards along axes",
                                        {{"all", {2, 3}, [](const Tensor& x) { return flip(x); }},
                                         {"one", {2, 3, 4}, [](const Tensor& x) { return flip(x, 1); }},
                                         {"two",
                                          {2, 3, 4},
                                          [](const Tensor& x) {
                                              return flip(x, {0, -1});
                                          }}},
                                        axis_probes([](const Tensor& x, std::int64_t axis) { return flip(x, axis); }));

const Op& roll_op =
    enrol_rearrangement("roll", "y = x moved around along an axis",
                        {{"forwards", {5}, [](const Tensor& x) { return roll(x, 2); }},
                         {"backwards", {2, 5}, [](const Tensor& x) { return roll(x, -7, 1); }},
                         {"empty", {0}, [](const Tensor& x) { return roll(x, 3); }}},
                        axis_probes([](const Tensor& x, std::int64_t axis) { return roll(x, axis - 4, axis); }));

const Op& repeat_op =
    enrol_rearrangement("repeat", "y = every x n times along an axis",
                        {{"vector", {3}, [](const Tensor& x) { return repeat(x, 2); }},
                         {"axis -1", {2, 3}, [](const Tensor& x) { return repeat(x, 3, -1); }},
                         {"never", {3}, [](const Tensor& x) { return repeat(x, 0); }}},
                        axis_probes([](const Tensor& x, std::int64_t axis) { return repeat(x, 2, axis); }));

const Op& tile_op = enrol_rearrangement("tile", "y = x again and again along axes",
                                        {{"matrix",
                                          {2, 3},
                                          [](const Tensor& x) {
                                              return tile(x, {2, 2});
                                          }},
                                         {"fewer counts", {2, 3}, [](const Tensor& x) { return tile(x, {3}); }},
                                         {"more counts",
                                          {3},
                                          [](const Tensor& x) {
                                              return tile(x, {2, 1, 2});
                                          }}},
                                        tile_probes);

const Op& meshgrid_op = enrol_rearrangement("meshgrid", "y_k[i_0, i_1, ...] = x_k[i_k]",
                                            {{"first",
                                              {3},
                                              [](const Tensor& x) {
                                                  return meshgrid({x, zeros({2}, x.dtype())})[0];
                                              }},
                                             {"last",
                                              {3},
                                              [](const Tensor& x) {
                                                  return meshgrid({zeros({2}, x.dtype()), zeros({1}, x.dtype()), x})[2];
                                              }}},
                                            meshgrid_probes);

/// The part start ≤ i < stop of one axis.
Tensor cut(const Tensor& x, std::size_t axis, std::int64_t start, std::int64_t stop) {
    std::vector<Slice> slices(axis, all());
    slices.push_back(range(start, stop));
    return view(x, slices);
}

/// More elements along one axis than any memory holds.
constexpr std::int64_t widest = std::int64_t{1} << 48;
constexpr std::int64_t most_empty_parts = 1000;

}  // namespace

Tensor stack(const std::vector<Tensor>& tensors, std::int64_t axis, Location at) {
    at = Attribution::resolve(at);
    const Attribution attribution(at);
    if (tensors.empty()) throw ShapeError("stack", "needs at least one tensor", "none", at);
    resolve_axis(axis, tensors[0].rank() + 1, "stack", at);
    require_rank(tensors[0].rank() + 1, "stack", at);
    std::vector<Tensor> expanded;
    for (const Tensor& tensor : tensors) {
        if (tensor.shape() != tensors[0].shape()) {
            explain::refuse("stack", "needs tensors of one shape", tensors, at, [](auto operands) {
                return std::all_of(operands.begin(), operands.end(),
                                   [&](const Node* operand) { return operand->shape == operands[0]->shape; });
            });
        }
        expanded.push_back(expand_dims(tensor, axis));
    }
    return concatenate(expanded, axis, at);
}

std::vector<Tensor> split(const Operand& x, std::int64_t parts, std::int64_t axis) {
    const Entry entry(x);
    const std::int64_t extent = entry.shape()[entry.axis(axis, "split")];
    // No elements divide into any number of parts, each of which is a tensor.
    if (parts < 1 || extent % parts != 0 || parts > std::max(extent, most_empty_parts)) {
        throw ShapeError("split", "needs a number of parts that divides " + std::to_string(extent),
                         std::to_string(parts) + " for " + explain::operand_text(entry.tensor), entry.at);
    }
    std::vector<std::int64_t> positions;
    for (std::int64_t i = 1; i < parts; ++i) positions.push_back(i * (extent / parts));
    return split(entry.tensor, positions, axis);
}

std::vector<Tensor> split(const Operand& x, const std::vector<std::int64_t>& positions, std::int64_t axis) {
    const Entry entry(x);
    const std::size_t along = entry.axis(axis, "split");
    const std::int64_t extent = entry.shape()[along];
    std::vector<Tensor> parts;
    std::int64_t start = 0;
    for (std::size_t i = 0; i <= positions.size(); ++i) {
        const std::int64_t stop = i < positions.size() ? positions[i] : extent;
        if (stop < start || stop > extent) {
            throw ShapeError("split", "needs ascending positions up to " + std::to_string(extent),
                             std::to_string(stop) + " for " + explain::operand_text(entry.tensor), entry.at);
        }
        parts.push_back(cut(entry.tensor, along, start, stop));
        start = stop;
    }
    return parts;
}

namespace {

/// The margin of `width` elements at the front or the end of an axis.
Tensor margin(const Tensor& x, std::size_t axis, std::int64_t width, bool at_front, Padding how, double constant) {
    const std::int64_t extent = x.shape()[axis];
    Shape shape = x.shape();
    shape[axis] = width;
    switch (how) {
        case Padding::constant:
            return full(shape, constant, x.dtype());
        case Padding::edge:
            return broadcast_to(at_front ? cut(x, axis, 0, 1) : cut(x, axis, extent - 1, extent), shape);
        default:
            return flip(at_front ? cut(x, axis, 1, width + 1) : cut(x, axis, extent - 1 - width, extent - 1), axis);
    }
}

}  // namespace

Tensor pad(const Operand& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, Padding how,
           double constant) {
    const Entry entry(x);
    if (widths.size() != entry.tensor.rank()) {
        throw ShapeError("pad", "needs one pair of widths per axis of " + explain::operand_text(entry.tensor),
                         std::to_string(widths.size()), entry.at);
    }
    Tensor result = entry.tensor;
    Shape padded = entry.shape();
    for (std::size_t axis = 0; axis < widths.size(); ++axis) {
        const auto [before, after] = widths[axis];
        const std::int64_t extent = padded[axis];
        const std::int64_t mirrored = std::max<std::int64_t>(extent - 1, 0);
        const std::int64_t most = how == Padding::reflect ? mirrored : how == Padding::edge && extent == 0 ? 0 : widest;
        if (std::min(before, after) < 0 || std::max(before, after) > most) {
            throw ShapeError(
                "pad", "needs widths from 0 to " + std::to_string(most),
                fmt::format("{} and {} along axis {} of {}", before, after, axis, explain::operand_text(entry.tensor)),
                entry.at);
        }
        padded[axis] += before + after;
    }
    if (!is_valid(padded)) {
        throw ShapeError("pad", "needs a result that fits memory",
                         to_string(padded) + " for " + explain::operand_text(entry.tensor), entry.at);
    }
    for (std::size_t axis = 0; axis < widths.size(); ++axis) {
        const auto [before, after] = widths[axis];
        if (before == 0 && after == 0) continue;
        result = concatenate({margin(result, axis, before, true, how, constant), result,
                              margin(result, axis, after, false, how, constant)},
                             static_cast<std::int64_t>(axis));
    }
    return result;
}

Tensor flip(const Operand& x, const Axes& axes) {
    const Entry entry(x);
    std::vector<Slice> slices(entry.tensor.rank(), all());
    for (std::int64_t axis : axes.resolve(entry.tensor, "flip", entry.at))
        slices[static_cast<std::size_t>(axis)] = all(-1);
    return view(entry.tensor, slices);
}

Tensor roll(const Operand& x, std::int64_t shift, std::int64_t axis) {
    const Entry entry(x);
    const std::size_t along = entry.axis(axis, "roll");
    const std::int64_t extent = entry.shape()[along];
    if (extent == 0) return entry.tensor;
    const std::int64_t places = (shift % extent + extent) % extent;
    if (places == 0) return entry.tensor;
    return concatenate(
        {cut(entry.tensor, along, extent - places, extent), cut(entry.tensor, along, 0, extent - places)},
        static_cast<std::int64_t>(along));
}

Tensor repeat(const Operand& x, std::int64_t n, std::int64_t axis) {
    const Entry entry(x);
    const std::size_t along = entry.axis(axis, "repeat");
    if (n < 0)
        throw ShapeError("repeat", "needs n >= 0", std::to_string(n) + " for " + explain::operand_text(entry.tensor),
                         entry.at);
    require_rank(entry.tensor.rank() + 1, "repeat", entry.at);
    Shape stretched = entry.shape();
    stretched.insert(along + 1, n);
    Shape result = entry.shape();
    if (__builtin_mul_overflow(result[along], n, &result[along]) || !is_valid(stretched)) {
        throw ShapeError("repeat", "needs a result that fits memory",
                         std::to_string(n) + " for " + explain::operand_text(entry.tensor), entry.at);
    }
    return reshape(broadcast_to(expand_dims(entry.tensor, static_cast<std::int64_t>(along) + 1), stretched), result);
}

Tensor tile(const Operand& x, const std::vector<std::int64_t>& counts) {
    const Entry entry(x);
    const std::size_t rank = std::max(entry.tensor.rank(), counts.size());
    // Each axis becomes (count, extent), of which the first is stretched.
    require_rank(2 * rank, "tile", entry.at);
    Shape pairs, stretched, result;
    for (std::size_t axis = 0; axis < rank; ++axis) {
        const std::size_t missing = rank - entry.tensor.rank();
        const std::int64_t extent = axis < missing ? 1 : entry.shape()[axis - missing];
        const std::int64_t count = axis < rank - counts.size() ? 1 : counts[axis - (rank - counts.size())];
        std::int64_t product = 0;
        if (count < 0 || __builtin_mul_overflow(count, extent, &product)) {
            throw ShapeError("tile", "needs counts >= 0 and a result that fits memory",
                             std::to_string(count) + " for " + explain::operand_text(entry.tensor), entry.at);
        }
        for (const std::int64_t e : {std::int64_t{1}, extent}) pairs.push_back(e);
        for (const std::int64_t e : {count, extent}) stretched.push_back(e);
        result.push_back(product);
    }
    if (!is_valid(stretched)) {
        throw ShapeError("tile", "needs counts >= 0 and a result that fits memory",
                         to_string(result) + " for " + explain::operand_text(entry.tensor), entry.at);
    }
    return reshape(broadcast_to(reshape(entry.tensor, pairs), stretched), result);
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& vectors, Location at) {
    at = Attribution::resolve(at);
    const Attribution attribution(at);
    require_rank(vectors.size(), "meshgrid", at);
    Shape grid;
    for (const Tensor& vector : vectors) {
        if (vector.rank() != 1) {
            explain::refuse("meshgrid", "needs vectors", vectors, at, [](auto operands) {
                return std::all_of(operands.begin(), operands.end(),
                                   [](const Node* operand) { return operand->shape.rank() == 1; });
            });
        }
        grid.push_back(vector.shape()[0]);
    }
    if (!is_valid(grid)) throw ShapeError("meshgrid", "needs a grid that fits memory", to_string(grid), at);
    std::vector<Tensor> result;
    for (std::size_t axis = 0; axis < vectors.size(); ++axis) {
        Shape shape = Shape::of_rank(grid.rank(), 1);
        shape[axis] = grid[axis];
        result.push_back(broadcast_to(reshape(vectors[axis], shape), grid));
    }
    return result;
}

}  // namespace xgrad
