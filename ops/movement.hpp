#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/ops/axes.hpp>

namespace xgrad {

/// x with its axes in another order, by default reversed: y[i, j] = x[j, i]. ShapeError unless `axes` names each once.
Tensor transpose(const Operand& x, const Axes& axes = {});

/// The same elements in row-major order under another shape; one extent may be −1 and is worked out. ShapeError if the
/// numbers of elements differ.
Tensor reshape(const Operand& x, const Shape& shape);

/// x repeated along axes of extent 1 or missing at the front. ShapeError if it does not fit.
Tensor broadcast_to(const Operand& x, const Shape& shape);

/// One step of a view(): an index, a range(), all(), newaxis or ellipsis.
class Slice {
  public:
    enum class Kind { index, range, newaxis, ellipsis };
    /// Stands for a bound that was left out.
    static constexpr std::int64_t open = std::numeric_limits<std::int64_t>::min();

    template <std::integral I>
    Slice(I index) : kind(Kind::index), start(static_cast<std::int64_t>(index)) {}
    Slice(Kind kind_, std::int64_t start_, std::int64_t stop_, std::int64_t step_)
        : kind(kind_), start(start_), stop(stop_), step(step_) {}

    Kind kind;
    std::int64_t start = open;
    std::int64_t stop = open;
    std::int64_t step = 1;
};

/// start ≤ i < stop in steps; negative bounds count from the end, as do negative steps. Bounds beyond the array are
/// cut.
inline Slice range(std::int64_t start, std::int64_t stop, std::int64_t step = 1) {
    return {Slice::Kind::range, start, stop, step};
}
/// The whole axis, forwards or, with step −1, backwards.
inline Slice all(std::int64_t step = 1) {
    return {Slice::Kind::range, Slice::open, Slice::open, step};
}
/// A new axis of extent 1.
inline const Slice newaxis{Slice::Kind::newaxis, 0, 0, 1};
/// As many all() as fit.
inline const Slice ellipsis{Slice::Kind::ellipsis, 0, 0, 1};

/// A part of x: `view(x, {range(1, 3), all(), 0})`; missing slices at the end mean all(). An index drops its axis.
/// ShapeError for too many slices, an index out of range or a step of 0.
Tensor view(const Operand& x, const std::vector<Slice>& slices);

/// Tensors joined along an existing axis; all other extents equal. ShapeError if not, or if there are none.
Tensor concatenate(const std::vector<Tensor>& tensors, std::int64_t axis = 0, Location at = Location::current());

}  // namespace xgrad
