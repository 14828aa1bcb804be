#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/ops/axes.hpp>

namespace xgrad {

// What is written with the operations of movement.hpp and indexing.hpp. Negative axes count from the end; ShapeError
// for one that is out of range.

/// All elements in row-major order as a vector.
Tensor flatten(const Operand& x);
/// x with two axes exchanged.
Tensor swapaxes(const Operand& x, std::int64_t first, std::int64_t second);
/// x with the axes at `source` moved to `destination`; the others keep their order.
Tensor moveaxis(const Operand& x, const Axes& source, const Axes& destination);
/// x without axes of extent 1: all of them, or those given. ShapeError if one of those has another extent.
Tensor squeeze(const Operand& x, const Axes& axes = {});
/// x with a new axis of extent 1 at the given place of the result.
Tensor expand_dims(const Operand& x, std::int64_t axis);

/// Tensors of one shape side by side along a new axis.
Tensor stack(const std::vector<Tensor>& tensors, std::int64_t axis = 0, Location at = Location::current());
/// x cut along an axis into equal parts. ShapeError unless the extent divides.
std::vector<Tensor> split(const Operand& x, std::int64_t parts, std::int64_t axis = 0);
/// x cut before each of these positions.
std::vector<Tensor> split(const Operand& x, const std::vector<std::int64_t>& positions, std::int64_t axis = 0);

/// What pad() puts around: a constant, the element at the edge, or the elements mirrored at it (not repeated).
enum class Padding { constant, edge, reflect };
/// x with widths[axis] = {before, after} elements added along every axis. ShapeError for a negative width, or, to
/// mirror, for one that is not below the extent.
Tensor pad(const Operand& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths,
           Padding how = Padding::constant, double constant = 0);

/// x backwards along the given axes, by default all.
Tensor flip(const Operand& x, const Axes& axes = {});
/// x moved along an axis by `shift` places; what leaves at one end comes in at the other.
Tensor roll(const Operand& x, std::int64_t shift, std::int64_t axis = 0);
/// Every element n times in a row along an axis.
Tensor repeat(const Operand& x, std::int64_t n, std::int64_t axis = 0);
/// x laid out like tiles, counts[axis] times along each axis; missing counts in front, or axes of x, count as 1.
Tensor tile(const Operand& x, const std::vector<std::int64_t>& counts);

/// The coordinates of a grid from vectors x_0 (n_0), x_1 (n_1), …: tensor k is (n_0, n_1, …) and holds x_k along axis
/// k.
std::vector<Tensor> meshgrid(const std::vector<Tensor>& vectors, Location at = Location::current());

/// The diagonal x[i, i + offset] of the last two axes, or of those given, as the last axis.
Tensor diagonal(const Operand& x, std::int64_t offset = 0, std::int64_t axis1 = 0, std::int64_t axis2 = 1);
/// The square matrices with x on the diagonal at `offset` and 0 elsewhere: (…, n) → (…, n + |offset|, n + |offset|).
Tensor embed_diagonal(const Operand& x, std::int64_t offset = 0);
/// Of a vector the matrix that has it on a diagonal, of a matrix its diagonal. ShapeError for another rank.
Tensor diag(const Operand& x, std::int64_t offset = 0);
/// x with 0 above diagonal k of its last two axes.
Tensor tril(const Operand& x, std::int64_t k = 0);
/// x with 0 below diagonal k of its last two axes.
Tensor triu(const Operand& x, std::int64_t k = 0);

}  // namespace xgrad
