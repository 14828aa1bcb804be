#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/parallel.hpp>

/// Reductions over any axes of arrays with any strides. Sums are cascaded: blocks of fixed size are added up, then
/// pairs of blocks, then pairs of pairs, so that the error grows with log n, and neither the number of threads nor the
/// strides change the order.
namespace xgrad::kernels {

/// An array split into the axes that stay and those that are summed away.
struct Split {
    Shape kept_shape;
    Strides kept_strides;
    Shape reduced_shape;
    Strides reduced_strides;

    Split(const Array& array, const Shape& axes) {
        for (std::size_t axis = 0; axis < array.shape.rank(); ++axis) {
            const bool reduced = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) != axes.end();
            (reduced ? reduced_shape : kept_shape).push_back(array.shape[axis]);
            (reduced ? reduced_strides : kept_strides).push_back(array.strides[axis]);
        }
    }
};

/// Where element number `index` (in row-major order) of a strided array lies.
inline std::int64_t offset_of(std::int64_t index, const Shape& shape, const Strides& strides) {
    std::int64_t offset = 0;
    for (std::size_t axis = shape.rank(); axis-- > 0;) {
        offset += index % shape[axis] * strides[axis];
        index /= shape[axis];
    }
    return offset;
}

/// Adds values as the leaves of a binary tree, keeping one partial sum per level.
template <class T>
class Cascade {
  public:
    void add(T value) {
        std::size_t level = 0;
        for (std::uint64_t full = count_; full & 1; full >>= 1) value = levels_[level++] + value;
        levels_[level] = value;
        ++count_;
    }
    T total() const {
        T sum{};
        std::size_t level = 0;
        for (std::uint64_t full = count_; full; full >>= 1, ++level) {
            if (full & 1) sum = levels_[level] + sum;
        }
        return sum;
    }

  private:
    std::array<T, 64> levels_;
    std::uint64_t count_ = 0;
};

inline constexpr std::int64_t sum_block = 1024;

/// The sum of one contiguous block, in sixteen strands.
template <class A, class T>
inline A sum_of_block(const T* values, std::int64_t count) {
    constexpr std::int64_t strands = 16;
    A sums[strands] = {};
    std::int64_t i = 0;
    for (; i + strands <= count; i += strands) {
        for (std::int64_t s = 0; s < strands; ++s) sums[s] += static_cast<A>(values[i + s]);
    }
    for (; i < count; ++i) sums[i % strands] += static_cast<A>(values[i]);
    for (std::int64_t width = strands / 2; width > 0; width /= 2) {
        for (std::int64_t s = 0; s < width; ++s) sums[s] += sums[s + width];
    }
    return sums[0];
}

/// Calls f(values, count) for the reduced elements of one result, in blocks of fixed size, packed where they are not
/// contiguous.
template <class T, class F>
inline void for_each_block(const run::Packer& packer, const T* data, std::int64_t count, F&& f) {
    if (packer.is_contiguous()) {
        for (std::int64_t start = 0; start < count; start += sum_block) {
            f(data + start, std::min(sum_block, count - start));
        }
        return;
    }
    T scratch[sum_block];
    for (std::int64_t start = 0; start < count; start += sum_block) {
        const std::int64_t length = std::min(sum_block, count - start);
        packer.pack_from(data, static_cast<std::size_t>(start), static_cast<std::size_t>(length), scratch);
        f(static_cast<const T*>(scratch), length);
    }
}

/// Sums over outer axes while one contiguous axis stays: rows are added to rows, a tile of columns at a time.
template <class A, class T>
inline void sum_columns(const T* data, const Split& split, std::size_t column_axis, A* output) {
    constexpr std::int64_t tile = 256;
    constexpr std::int64_t rows_per_block = 64;
    const std::int64_t columns = split.kept_shape[column_axis];
    const std::int64_t rows = split.reduced_shape.size();
    Shape outer_shape = split.kept_shape;
    outer_shape[column_axis] = 1;
    const Strides output_strides = row_major(split.kept_shape);
    const std::int64_t tiles = (columns + tile - 1) / tile;
    const auto parts = static_cast<std::size_t>(outer_shape.size() * tiles);
    const std::size_t bytes = static_cast<std::size_t>(rows * split.kept_shape.size()) * sizeof(T);
    run::parallel_for(parts, bytes, [&](std::size_t part) {
        struct Row {
            A sums[tile] = {};
            Row operator+(const Row& other) const {
                Row result;
                for (std::int64_t c = 0; c < tile; ++c) result.sums[c] = sums[c] + other.sums[c];
                return result;
            }
        };
        const auto outer = static_cast<std::int64_t>(part) / tiles;
        const std::int64_t first = static_cast<std::int64_t>(part) % tiles * tile;
        const std::int64_t width = std::min(tile, columns - first);
        const T* base = data + offset_of(outer, outer_shape, split.kept_strides) + first;
        Cascade<Row> cascade;
        for (std::int64_t start = 0; start < rows; start += rows_per_block) {
            Row block;
            for (std::int64_t row = start; row < std::min(rows, start + rows_per_block); ++row) {
                const T* values = base + offset_of(row, split.reduced_shape, split.reduced_strides);
                for (std::int64_t c = 0; c < width; ++c) block.sums[c] += static_cast<A>(values[c]);
            }
            cascade.add(block);
        }
        const Row total = cascade.total();
        A* target = output + offset_of(outer, outer_shape, output_strides) + first * output_strides[column_axis];
        for (std::int64_t c = 0; c < width; ++c) target[c * output_strides[column_axis]] = total.sums[c];
    });
}

/// Calls f(packer over the reduced elements, first element, number of the result) for each result.
template <class T, class F>
inline void for_each_result(const Array& array, const Split& split, F&& f) {
    const run::Packer packer(Array{array.dtype, split.reduced_shape, split.reduced_strides, array.data},
                             split.reduced_shape);
    const auto results = static_cast<std::size_t>(split.kept_shape.size());
    // Few results of many elements each are work for many threads too.
    constexpr std::int64_t elements_per_part = std::int64_t{1} << 15;
    const std::int64_t count = std::max<std::int64_t>(split.reduced_shape.size(), 1);
    const auto per_part = static_cast<std::size_t>(std::clamp<std::int64_t>(elements_per_part / count, 1, 64));
    const std::size_t bytes = static_cast<std::size_t>(array.shape.size()) * sizeof(T);
    run::parallel_for((results + per_part - 1) / per_part, bytes, [&](std::size_t part) {
        for (std::size_t index = part * per_part; index < std::min(results, (part + 1) * per_part); ++index) {
            const auto result = static_cast<std::int64_t>(index);
            f(packer, array.as<T>() + offset_of(result, split.kept_shape, split.kept_strides), result);
        }
    });
}

/// output = Σ over `axes` of the array, with A the type in which it is added up.
template <class A, class T>
inline void sum(const Array& array, const Shape& axes, A* output) {
    const Split split(array, axes);
    const std::int64_t count = split.reduced_shape.size();
    if (count == 0 || split.kept_shape.size() == 0) {
        std::fill_n(output, split.kept_shape.size(), A{});
        return;
    }
    for (std::size_t axis = 0; axis < split.kept_shape.rank(); ++axis) {
        if (split.kept_strides[axis] == 1 && split.kept_shape[axis] >= 8) {
            sum_columns<A>(array.as<T>(), split, axis, output);
            return;
        }
    }
    for_each_result<T>(array, split, [&](const run::Packer& packer, const T* first, std::int64_t result) {
        Cascade<A> cascade;
        for_each_block(packer, first, count,
                       [&](const T* values, std::int64_t length) { cascade.add(sum_of_block<A>(values, length)); });
        output[result] = cascade.total();
    });
}

/// output = Π over `axes` of the array, with A the type in which it is multiplied; 1 over no elements.
template <class A, class T>
inline void prod(const Array& array, const Shape& axes, A* output) {
    const Split split(array, axes);
    const std::int64_t count = split.reduced_shape.size();
    for_each_result<T>(array, split, [&](const run::Packer& packer, const T* first, std::int64_t result) {
        A product = 1;
        for_each_block(packer, first, count, [&](const T* values, std::int64_t length) {
            for (std::int64_t i = 0; i < length; ++i) product *= static_cast<A>(values[i]);
        });
        output[result] = product;
    });
}

/// output = the largest element over `axes`; NaN if there is one. The reduced axes must not be empty.
template <class T>
inline void amax(const Array& array, const Shape& axes, T* output) {
    const Split split(array, axes);
    const std::int64_t count = split.reduced_shape.size();
    for_each_result<T>(array, split, [&](const run::Packer& packer, const T* first, std::int64_t result) {
        T largest = *first;
        for_each_block(packer, first, count, [&](const T* values, std::int64_t length) {
            for (std::int64_t i = 0; i < length; ++i) {
                // A NaN compares false with everything: it wins here and is never replaced.
                if (!(values[i] <= largest) && largest == largest) largest = values[i];
            }
        });
        output[result] = largest;
    });
}

}  // namespace xgrad::kernels
