#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/kernels/share.hpp>

/// What reductions over any axes of arrays with any strides have in common; sums.hpp and largest.hpp have the two that
/// most of the time is spent on.
namespace xgrad::kernels {

/// An array split into the axes that stay and those that are summed away. Neighbours that form one run are merged, and
/// extents of 1 left out, so that loops are as long as they can be. The first axis stands for itself, so that some of
/// its rows are treated, and added up, as all are.
struct Split {
    Shape kept_shape;
    Strides kept_strides;
    Shape reduced_shape;
    Strides reduced_strides;
    bool first_is_kept = false;

    Split(const Array& array, const Shape& axes) {
        for (std::size_t axis = 0; axis < array.shape.rank(); ++axis) {
            const bool reduced = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) != axes.end();
            Shape& shape = reduced ? reduced_shape : kept_shape;
            Strides& strides = reduced ? reduced_strides : kept_strides;
            const std::int64_t extent = array.shape[axis], stride = array.strides[axis];
            if (axis == 0) {
                first_is_kept = !reduced;
                shape.push_back(extent);
                strides.push_back(stride);
            } else if (extent != 1) {
                run::append_axis(shape, strides, extent, stride);
            }
        }
    }
};

/// Where element number `index` (in row-major order) of a strided array lies.
inline std::int64_t offset_of(std::int64_t index, const Shape& shape, const Strides& strides) {
    std::int64_t offset = 0;
    for (std::size_t axis = shape.rank(); axis-- > 1;) {
        offset += index % shape[axis] * strides[axis];
        index /= shape[axis];
    }
    return shape.rank() == 0 ? 0 : offset + index * strides[0];
}

/// Elements that a reduction takes together.
inline constexpr std::int64_t reduced_block = 1024;

/// Calls f(values, count) for the reduced elements first ... end - 1 of one result, in blocks of fixed size, packed
/// where they are not contiguous.
template <class T, class F>
inline void for_each_block(const run::Packer& packer, const T* data, std::int64_t first, std::int64_t end, F&& f) {
    const bool is_contiguous = packer.is_contiguous();
    T scratch[reduced_block];
    for (std::int64_t start = first; start < end; start += reduced_block) {
        const std::int64_t length = std::min(reduced_block, end - start);
        if (!is_contiguous) {
            packer.pack_from(data, static_cast<std::size_t>(start), static_cast<std::size_t>(length), scratch);
        }
        f(is_contiguous ? data + start : static_cast<const T*>(scratch), length);
    }
}

inline constexpr std::int64_t no_column = -1;

/// The axis along which many results lie side by side as their first elements do, or no_column.
inline std::int64_t column_axis(const Split& split) {
    for (std::size_t axis = 0; axis < split.kept_shape.rank(); ++axis) {
        const bool is_first = axis == 0 && split.first_is_kept;
        const bool are_rows =
            split.reduced_shape.rank() > 0 && split.reduced_strides[split.reduced_shape.rank() - 1] == 1;
        const bool is_wide = is_first ? !are_rows : split.kept_shape[axis] >= 8;
        if (split.kept_strides[axis] == 1 && is_wide) return static_cast<std::int64_t>(axis);
    }
    return no_column;
}

/// Reductions over outer axes while one contiguous axis stays: whole rows are taken together, a tile of columns at a
/// time.
struct Columns {
    static constexpr std::int64_t tile = 1024;

    const Split& split;
    std::size_t axis;
    std::int64_t columns, rows, tiles;
    Shape outer_shape;
    Strides output_strides;

    Columns(const Split& given, std::int64_t along)
        : split(given),
          axis(static_cast<std::size_t>(along)),
          columns(split.kept_shape[axis]),
          rows(split.reduced_shape.size()),
          tiles((columns + tile - 1) / tile),
          outer_shape(split.kept_shape),
          output_strides(row_major(split.kept_shape)) {
        outer_shape[axis] = 1;
    }
    std::int64_t parts() const { return outer_shape.size() * tiles; }
    std::int64_t width(std::int64_t part) const { return std::min(tile, columns - part % tiles * tile); }
    template <class T>
    const T* source(const T* data, std::int64_t part) const {
        return data + offset_of(part / tiles, outer_shape, split.kept_strides) + part % tiles * tile;
    }
    template <class A>
    void write(std::int64_t part, const A* results, A* output) const {
        const std::int64_t step = output_strides[axis];
        A* target = output + offset_of(part / tiles, outer_shape, output_strides) + part % tiles * tile * step;
        for (std::int64_t c = 0; c < width(part); ++c) target[c * step] = results[c];
    }
    /// Body::run(values, rows, stride, width, results) for the rows first ... end - 1 of a part, where they follow one
    /// another with one stride.
    template <class Body, class A, class T>
    void take(std::int64_t part, const T* data, std::int64_t first, std::int64_t end, A* results) const {
        const T* base = source(data, part);
        const std::size_t rank = split.reduced_shape.rank();
        const std::int64_t extent = rank == 0 ? 1 : split.reduced_shape[rank - 1];
        const std::int64_t stride = rank == 0 ? 0 : split.reduced_strides[rank - 1];
        for (std::int64_t row = first; row < end;) {
            const std::int64_t run = rank < 2 ? end - row : std::min(end - row, extent - row % extent);
            const T* values = base + offset_of(row, split.reduced_shape, split.reduced_strides);
            xgrad::detail::run_per_isa<Body>(values, run, stride, width(part), results);
            row += run;
        }
    }
};

/// Calls f(packer over the reduced elements, first element, number of the result) for each result.
template <class T, class F>
inline void for_each_result(const Array& array, const Split& split, F&& f) {
    const run::Packer packer(Array{array.dtype, split.reduced_shape, split.reduced_strides, array.data},
                             split.reduced_shape);
    const std::size_t bytes = static_cast<std::size_t>(array.shape.size()) * sizeof(T);
    share_results(split.kept_shape.size(), split.reduced_shape.size(), bytes,
                  [&](std::int64_t first, std::int64_t end) {
                      for (std::int64_t result = first; result < end; ++result) {
                          f(packer, array.as<T>() + offset_of(result, split.kept_shape, split.kept_strides), result);
                      }
                  });
}

/// output = Π over `axes` of the array, with A the type in which it is multiplied; 1 over no elements.
template <class A, class T>
inline void prod(const Array& array, const Shape& axes, A* output) {
    const Split split(array, axes);
    const std::int64_t count = split.reduced_shape.size();
    for_each_result<T>(array, split, [&](const run::Packer& packer, const T* first, std::int64_t result) {
        A product = 1;
        for_each_block(packer, first, 0, count, [&](const T* values, std::int64_t length) {
            for (std::int64_t i = 0; i < length; ++i) product *= static_cast<A>(values[i]);
        });
        output[result] = product;
    });
}

}  // namespace xgrad::kernels
