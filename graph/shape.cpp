#include <xgrad/graph/shape.hpp>

#include <stdexcept>

namespace xgrad {

Shape Shape::of_rank(std::size_t rank, std::int64_t fill) {
    Shape shape;
    for (std::size_t axis = 0; axis < rank; ++axis) shape.push_back(fill);
    return shape;
}

void Shape::grow() {
    if (rank_ >= max_rank) throw std::length_error("xgrad: a shape has at most 32 axes");
    auto* larger = new std::int64_t[2 * capacity_];
    std::copy(begin(), end(), larger);
    if (capacity_ > inline_capacity) delete[] heap_;
    heap_ = larger;
    capacity_ *= 2;
}

void Shape::push_back(std::int64_t extent) {
    if (rank_ == capacity_) grow();
    begin()[rank_++] = extent;
}

void Shape::append(const Shape& other) {
    for (std::int64_t extent : other) push_back(extent);
}

void Shape::erase(std::size_t axis) {
    std::copy(begin() + axis + 1, end(), begin() + axis);
    --rank_;
}

void Shape::insert(std::size_t axis, std::int64_t extent) {
    push_back(extent);
    std::rotate(begin() + axis, end() - 1, end());
}

std::string to_string(const Shape& shape) {
    std::string text = "(";
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        if (axis > 0) text += ", ";
        text += std::to_string(shape[axis]);
    }
    return text + (shape.rank() == 1 ? ",)" : ")");
}

Strides row_major(const Shape& shape) {
    Strides strides = Strides::of_rank(shape.rank());
    std::int64_t step = 1;
    for (std::size_t axis = shape.rank(); axis-- > 0;) {
        strides[axis] = step;
        step *= shape[axis];
    }
    return strides;
}

bool broadcast(const Shape& x, const Shape& y, Shape& result) {
    const Shape& longer = x.rank() >= y.rank() ? x : y;
    const Shape& shorter = x.rank() >= y.rank() ? y : x;
    result = longer;
    const std::size_t offset = longer.rank() - shorter.rank();
    for (std::size_t axis = 0; axis < shorter.rank(); ++axis) {
        std::int64_t& extent = result[offset + axis];
        if (extent == 1) {
            extent = shorter[axis];
        } else if (shorter[axis] != 1 && shorter[axis] != extent) {
            return false;
        }
    }
    return true;
}

Strides stretched_strides(const Shape& from, const Strides& strides, const Shape& to) {
    Strides result = Strides::of_rank(to.rank());
    const std::size_t offset = to.rank() - from.rank();
    for (std::size_t axis = 0; axis < from.rank(); ++axis) {
        result[offset + axis] = from[axis] == 1 ? 0 : strides[axis];
    }
    return result;
}

namespace {

// What a process can address.
constexpr std::int64_t most_bytes = std::int64_t{1} << 47;

}  // namespace

bool is_valid(const Shape& shape) {
    // An extent of 0 does not excuse the others: strides are products of some of them.
    std::int64_t bytes = 16;
    for (std::int64_t extent : shape) {
        if (extent < 0 || extent > most_bytes / bytes) return false;
        if (extent > 0) bytes *= extent;
    }
    return true;
}

}  // namespace xgrad
