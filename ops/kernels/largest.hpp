#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/reduce.hpp>

/// The largest elements over any axes of arrays with any strides.
namespace xgrad::kernels {

/// Replaces each of the results, which begin with an element each, by the largest of its column.
template <class T>
struct LargestOfRows {
    [[gnu::always_inline]] static inline void run(const T* values, std::int64_t rows, std::int64_t stride,
                                                  std::int64_t width, T* largest) {
        for (std::int64_t row = 0; row < rows; ++row) {
            for (std::int64_t c = 0; c < width; ++c) largest[c] = math::maximum(largest[c], values[row * stride + c]);
        }
    }
};

/// The largest of `count` elements, of which there must be one.
template <class T>
[[gnu::always_inline]] inline T largest_of(const T* values, std::int64_t count) {
    // So many that the compiler does not write out the inner loop, and so turns it into vector code.
    constexpr std::int64_t strands = 32;
    if (count < strands) {
        T largest = values[0];
        for (std::int64_t i = 1; i < count; ++i) largest = math::maximum(largest, values[i]);
        return largest;
    }
    T largest[strands];
    for (std::int64_t s = 0; s < strands; ++s) largest[s] = values[0];
    std::int64_t i = 0;
    for (; i + strands <= count; i += strands) {
        for (std::int64_t s = 0; s < strands; ++s) largest[s] = math::maximum(largest[s], values[i + s]);
    }
    for (std::int64_t s = 0; s < count - i; ++s) largest[s] = math::maximum(largest[s], values[i + s]);
    for (std::int64_t width = strands / 2; width > 0; width /= 2) {
        for (std::int64_t s = 0; s < width; ++s) largest[s] = math::maximum(largest[s], largest[s + width]);
    }
    return largest[0];
}

template <class T>
struct LargestOf {
    [[gnu::always_inline]] static inline void run(const T* values, std::int64_t count, T* largest) {
        *largest = largest_of(values, count);
    }
};

/// output = the largest element over `axes`; NaN if there is one. The reduced axes must not be empty.
template <class T>
inline void amax(const Array& array, const Shape& axes, T* output) {
    const Split split(array, axes);
    const std::int64_t count = split.reduced_shape.size();
    if (const std::int64_t axis = column_axis(split); axis != no_column && split.kept_shape.size() > 0) {
        const Columns columns(split, axis);
        const std::size_t bytes = static_cast<std::size_t>(array.shape.size()) * sizeof(T);
        run::parallel_for(static_cast<std::size_t>(columns.parts()), bytes, [&](std::size_t number) {
            const auto part = static_cast<std::int64_t>(number);
            T largest[Columns::tile];
            std::copy_n(columns.source(array.as<T>(), part), columns.width(part), largest);
            columns.take<LargestOfRows<T>>(part, array.as<T>(), 0, count, largest);
            columns.write(part, largest, output);
        });
        return;
    }
    for_each_result<T>(array, split, [&](const run::Packer& packer, const T* first, std::int64_t result) {
        T largest = *first;
        for_each_block(packer, first, 0, count, [&](const T* values, std::int64_t length) {
            T of_block;
            xgrad::detail::run_per_isa<LargestOf<T>>(values, length, &of_block);
            largest = math::maximum(largest, of_block);
        });
        output[result] = largest;
    });
}

}  // namespace xgrad::kernels
