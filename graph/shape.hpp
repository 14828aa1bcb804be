#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

namespace xgrad {

/// A short list of integers: the extents of a tensor, one per axis. Up to four stand in the object itself, more on
/// the heap; at most max_rank.
class Shape {
  public:
    using value_type = std::int64_t;
    static constexpr std::size_t max_rank = 32;

    Shape() noexcept {}
    /// The extents one by one, of any integer types: `{2, n}` where a Shape is expected.
    template <std::integral... I>
    requires(sizeof...(I) > 0) Shape(I... extents) { (push_back(static_cast<std::int64_t>(extents)), ...); }
    /// `rank` extents of `fill`.
    static Shape of_rank(std::size_t rank, std::int64_t fill = 0);

    /// Any range of integers, an xtensor shape for example.
    template <class R>
    requires(!std::same_as<R, Shape> &&
             requires(const R& r) {
                 { *std::begin(r) } -> std::convertible_to<std::int64_t>;
                 requires std::integral<std::remove_cvref_t<decltype(*std::begin(r))>>;
                 std::end(r);
             }) Shape(const R& extents)
        : Shape(std::begin(extents), std::end(extents)) {}

    template <std::input_iterator I, std::sentinel_for<I> S>
    Shape(I first, S last) {
        for (; first != last; ++first) push_back(static_cast<std::int64_t>(*first));
    }

    Shape(const Shape& other) {
        if (other.capacity_ > inline_capacity) {
            append(other);
        } else {
            std::copy_n(other.inline_, inline_capacity, inline_);
            rank_ = other.rank_;
        }
    }
    Shape(Shape&& other) noexcept { swap(other); }
    Shape& operator=(Shape other) noexcept {
        swap(other);
        return *this;
    }
    ~Shape() {
        if (capacity_ > inline_capacity) delete[] heap_;
    }
    void swap(Shape& other) noexcept {
        std::swap(inline_, other.inline_);  // the union's larger member: the pointer goes along
        std::swap(rank_, other.rank_);
        std::swap(capacity_, other.capacity_);
    }

    std::size_t rank() const noexcept { return rank_; }
    bool empty() const noexcept { return rank_ == 0; }
    std::int64_t* begin() noexcept { return capacity_ > inline_capacity ? heap_ : inline_; }
    std::int64_t* end() noexcept { return begin() + rank_; }
    const std::int64_t* begin() const noexcept { return capacity_ > inline_capacity ? heap_ : inline_; }
    const std::int64_t* end() const noexcept { return begin() + rank_; }
    std::int64_t& operator[](std::size_t axis) noexcept { return begin()[axis]; }
    std::int64_t operator[](std::size_t axis) const noexcept { return begin()[axis]; }
    std::int64_t back() const noexcept { return begin()[rank_ - 1]; }

    void push_back(std::int64_t extent);
    void append(const Shape& other);
    void erase(std::size_t axis);
    void insert(std::size_t axis, std::int64_t extent);

    /// The number of elements: the product of the extents, 1 for a scalar.
    std::int64_t size() const noexcept {
        std::int64_t product = 1;
        for (std::int64_t extent : *this) product *= extent;
        return product;
    }

    friend bool operator==(const Shape& a, const Shape& b) noexcept {
        return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
    }

  private:
    static constexpr std::uint32_t inline_capacity = 4;
    void grow();

    union {
        std::int64_t inline_[inline_capacity] = {};
        std::int64_t* heap_;
    };
    std::uint32_t rank_ = 0;
    std::uint32_t capacity_ = inline_capacity;
};

/// Distances, in elements, between neighbours along each axis; 0 where an axis is stretched, negative where reversed.
using Strides = Shape;

/// (2, 3), (4,) or (): the way NumPy prints a shape.
std::string to_string(const Shape& shape);

/// The strides of a row-major array without gaps.
Strides row_major(const Shape& shape);

/// NumPy's rule: align shapes at their last axes; extents must be equal or 1. False if they do not fit.
bool broadcast(const Shape& x, const Shape& y, Shape& result);

/// The strides that make an array of `from` look like one of `to`: 0 along stretched axes. `from` must fit.
Strides stretched_strides(const Shape& from, const Strides& strides, const Shape& to);

/// True if every extent is at least 0 and 16-byte elements, as many as the product of those that are not 0, fit the
/// address space of 2^47 bytes.
bool is_valid(const Shape& shape);

}  // namespace xgrad
