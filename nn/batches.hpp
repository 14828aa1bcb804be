#pragma once

#include <cstdint>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad::nn {

/// Some of the examples.
struct Batch {
    Tensor X;
    Tensor Y;
    std::int64_t examples = 0;
};

/// A data set cut into mini-batches, in an order that each shuffle() draws anew from the seed.
///
/// The last axis of X, (features, m), and of Y, (m), (1, m) or (k, m), counts the examples. They are copied once, one
/// example after the other, so that gathering a batch reads whole rows.
class Batches {
  public:
    /// `size` 0 means all examples in one batch; the last batch may be smaller than the others.
    /// ShapeError if X and Y differ in their number of examples, ValueError if there are none or the size is negative.
    Batches(const Tensor& X, const Tensor& Y, std::int64_t size = 0, std::uint64_t seed = 0,
            Location at = Location::current());

    std::int64_t examples() const { return examples_; }
    std::int64_t count() const { return (examples_ + size_ - 1) / size_; }
    /// Draws a new order (Fisher and Yates' shuffle).
    void shuffle();
    /// Batch number `index` in the present order.
    Batch operator[](std::int64_t index) const;

  private:
    Tensor gather(const Tensor& rows, bool is_vector, std::int64_t first, std::int64_t count) const;

    Tensor X_;
    Tensor Y_;
    Tensor X_rows_;
    Tensor Y_rows_;
    std::int64_t examples_;
    std::int64_t size_;
    std::uint64_t seed_;
    std::uint64_t draws_ = 0;
    std::vector<std::int64_t> order_;
};

}  // namespace xgrad::nn
