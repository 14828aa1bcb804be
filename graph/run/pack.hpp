#pragma once

#include <cstddef>
#include <cstdint>

#include <xgrad/graph/op.hpp>

namespace xgrad::run {

/// Adds an axis behind the others, as a part of the last of them if both form one run.
void append_axis(Shape& shape, Strides& strides, std::int64_t extent, std::int64_t stride);

/// Reads a strided array in row-major order, a piece at a time, into contiguous memory. The array is seen stretched to
/// `shape`. Neighbouring axes that form one run are merged first, so that the inner loop is as long as it can be.
class Packer {
  public:
    Packer(const Array& array, const Shape& shape);

    /// Copies `count` elements beginning with number `start` to `target`.
    void pack(std::size_t start, std::size_t count, void* target) const { pack_from(data_, start, count, target); }
    /// The same for another array of the same layout, whose first element is at `data`.
    void pack_from(const void* data, std::size_t start, std::size_t count, void* target) const;

    std::size_t item_bytes() const noexcept { return item_bytes_; }
    /// True if the elements lie one after the other, so that nothing need be copied.
    bool is_contiguous() const;
    /// True if there is one element, repeated.
    bool is_repeated() const;
    /// After so many elements they come again, from the first on; 0 if they do not.
    std::size_t period() const;

  private:
    template <class Item>
    void pack_items(const Item* data, std::size_t start, std::size_t count, Item* target) const;

    const void* data_;
    std::size_t item_bytes_;
    Shape shape_;
    Strides strides_;
};

/// The input in row-major order: its own memory if it is so already, else a copy in `scratch`.
const void* contiguous(const Array& array, StorageRef& scratch);

}  // namespace xgrad::run
