#pragma once

#include <cstddef>
#include <cstdint>

#include <xgrad/graph/shape.hpp>

namespace xgrad::kernels {

/// Calls f(first, step, count) for every line along one axis of a contiguous array: its elements are first,
/// first + step, and so on.
template <class F>
void for_each_line(const Shape& shape, std::size_t axis, F&& f) {
    std::int64_t outer = 1;
    std::int64_t inner = 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
    for (std::size_t i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t i = 0; i < inner; ++i) f(o * shape[axis] * inner + i, inner, shape[axis]);
    }
}

}  // namespace xgrad::kernels
