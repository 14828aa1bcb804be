#pragma once

#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

#include <xgrad/graph/op.hpp>

// Tables of probes that whole families of operations share: a function, and what to call it with. Each call is labelled
// by that. Not installed.

namespace xgrad {

/// Shapes of every rank up to five, with extents of 1 and others beside the widths of SIMD registers; two are empty.
std::vector<Shape> shapes_of_every_rank();

/// f(x) for x of each shape.
Probes shape_probes(std::vector<Shape> shapes, std::function<Tensor(const Tensor&)> f);

/// f(x, y) for x and y of each pair of shapes.
using ShapePair = std::pair<Shape, Shape>;
Probes pair_probes(std::vector<ShapePair> shapes, std::function<Tensor(const Tensor&, const Tensor&)> f);

/// f(x, numbers) for x of each shape with the numbers beside it: axes, counts, another shape, an offset.
using ShapeAndNumbers = std::pair<Shape, Shape>;
Probes number_probes(std::vector<ShapeAndNumbers> table, std::function<Tensor(const Tensor&, const Shape& numbers)> f);

/// f(x, axis) along first, middle and last axes of vectors to arrays of rank 5; one is empty, but not along the axis.
Probes axis_probes(std::function<Tensor(const Tensor&, std::int64_t axis)> f);

/// One list after the other.
Probes joined(Probes first, Probes second);

/// The same probes with numbers from another interval.
Probes drawn(Probes as_given, Interval interval);

}  // namespace xgrad
