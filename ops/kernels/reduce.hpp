#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/storage.hpp>
#include <xgrad/ops/kernels/math.hpp>

/// Reductions over any axes of arrays with any strides. Sums are cascaded: blocks of fixed size are added up, then
/// pairs of blocks, then pairs of pairs, so that the error grows with log n, and neither the number of threads nor the
/// strides change the order.
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
            const std::size_t last = shape.rank() - 1;
            if (axis == 0) {
                first_is_kept = !reduced;
            } else if (extent == 1) {
                continue;
            } else if (shape.rank() > 0 && strides[last] == stride * extent) {
                shape[last] *= extent;
                strides[last] = stride;
                continue;
            }
            shape.push_back(extent);
            strides.push_back(stride);
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

/// Adds values, fewer than 2^Levels, as the leaves of a binary tree, keeping one partial sum per level.
template <class T, std::size_t Levels = 64>
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
    std::array<T, Levels> levels_;
    std::uint64_t count_ = 0;
};

inline constexpr std::int64_t sum_block = 1024;

/// The sum of one contiguous block, in sixteen strands.
template <class A, class T>
[[gnu::always_inline]] inline A sum_of_block(const T* values, std::int64_t count) {
    constexpr std::int64_t strands = 16;
    if (count < strands) {
        A sum{};
        for (std::int64_t i = 0; i < count; ++i) sum += static_cast<A>(values[i]);
        return sum;
    }
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

/// Rows of at most sum_block elements, `stride` from one to the next: the sum of each.
template <class A, class T>
struct RowSums {
    [[gnu::always_inline]] static inline void run(const T* values, std::int64_t rows, std::int64_t stride,
                                                  std::int64_t count, A* sums) {
        for (std::int64_t row = 0; row < rows; ++row) sums[row] = sum_of_block<A>(values + row * stride, count);
    }
};

/// Adds rows, `stride` from one to the next, to one row of sums.
template <class A, class T>
struct AddRows {
    [[gnu::always_inline]] static inline void run(const T* values, std::int64_t rows, std::int64_t stride,
                                                  std::int64_t width, A* sums) {
        std::int64_t row = 0;
        for (; row + 4 <= rows; row += 4) {
            const T* next = values + row * stride;
            for (std::int64_t c = 0; c < width; ++c) {
                A sum = sums[c] + static_cast<A>(next[c]);
                sum += static_cast<A>(next[stride + c]);
                sum += static_cast<A>(next[2 * stride + c]);
                sums[c] = sum + static_cast<A>(next[3 * stride + c]);
            }
        }
        for (; row < rows; ++row) {
            for (std::int64_t c = 0; c < width; ++c) sums[c] += static_cast<A>(values[row * stride + c]);
        }
    }
};

/// Calls f(values, count) for the reduced elements first ... end - 1 of one result, in blocks of fixed size, packed
/// where they are not contiguous.
template <class T, class F>
inline void for_each_block(const run::Packer& packer, const T* data, std::int64_t first, std::int64_t end, F&& f) {
    const bool is_contiguous = packer.is_contiguous();
    T scratch[sum_block];
    for (std::int64_t start = first; start < end; start += sum_block) {
        const std::int64_t length = std::min(sum_block, end - start);
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

// Blocks that are added up apart from the others: whole branches of the cascade, so that it does not matter to the sum.
inline constexpr std::int64_t blocks_of_chunk = 64;

/// Many results that lie side by side, at most `Width` to a tile.
template <std::int64_t Width, class A, class T>
inline void sum_columns(const T* data, const Columns& columns, A* output) {
    constexpr std::int64_t rows_of_block = 64;
    constexpr std::size_t levels = 3;  // of a cascade with as many blocks as a chunk has
    constexpr std::int64_t rows_of_chunk = rows_of_block << (levels - 1);
    struct Row {
        A sums[Width] = {};
        Row operator+(const Row& other) const {
            Row result;
            for (std::int64_t c = 0; c < Width; ++c) result.sums[c] = sums[c] + other.sums[c];
            return result;
        }
    };
    const std::int64_t rows = columns.rows, chunks = (rows + rows_of_chunk - 1) / rows_of_chunk;
    const auto parts = static_cast<std::size_t>(columns.parts() * chunks);
    const StorageRef scratch(chunks > 1 ? Storage::allocate(parts * sizeof(Row)) : nullptr);
    Row* const of_chunks = scratch ? static_cast<Row*>(scratch->data()) : nullptr;
    const std::size_t bytes = static_cast<std::size_t>(rows * columns.split.kept_shape.size()) * sizeof(T);
    run::parallel_for(parts, bytes, [&](std::size_t number) {
        const std::int64_t part = static_cast<std::int64_t>(number) / chunks;
        const std::int64_t first = static_cast<std::int64_t>(number) % chunks * rows_of_chunk;
        const std::int64_t end = std::min(rows, first + rows_of_chunk);
        const auto sum_of = [&](std::int64_t from, std::int64_t to) {
            Row block;
            columns.take<AddRows<A, T>>(part, data, from, to, block.sums);
            return block;
        };
        if (rows <= rows_of_block) return columns.write(part, sum_of(first, end).sums, output);
        Cascade<Row, levels> cascade;
        for (std::int64_t start = first; start < end; start += rows_of_block) {
            cascade.add(sum_of(start, std::min(end, start + rows_of_block)));
        }
        if (chunks > 1) {
            new (of_chunks + number) Row(cascade.total());
        } else {
            columns.write(part, cascade.total().sums, output);
        }
    });
    if (chunks == 1) return;
    run::parallel_for(static_cast<std::size_t>(columns.parts()), parts * sizeof(Row), [&](std::size_t number) {
        const auto part = static_cast<std::int64_t>(number);
        A sums[Width];
        for (std::int64_t c = 0; c < columns.width(part); ++c) {
            Cascade<A> cascade;
            for (std::int64_t chunk = 0; chunk < chunks; ++chunk) cascade.add(of_chunks[part * chunks + chunk].sums[c]);
            sums[c] = cascade.total();
        }
        columns.write(part, sums, output);
    });
}

/// Calls f(first, end) for shares of `results` results with `count` elements each.
template <class F>
inline void share_results(std::int64_t results, std::int64_t count, std::size_t bytes, F&& f) {
    // Few results of many elements each are work for many threads too.
    constexpr std::int64_t elements_of_part = std::int64_t{1} << 15;
    const std::int64_t of_part = std::max<std::int64_t>(elements_of_part / std::max<std::int64_t>(count, 1), 1);
    run::parallel_for(static_cast<std::size_t>((results + of_part - 1) / of_part), bytes, [&](std::size_t part) {
        const std::int64_t first = static_cast<std::int64_t>(part) * of_part;
        f(first, std::min(results, first + of_part));
    });
}

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

/// The sum of the reduced elements first ... end - 1 of one result.
template <class A, class T>
inline A sum_of_range(const run::Packer& packer, const T* data, std::int64_t first, std::int64_t end) {
    Cascade<A> cascade;
    for_each_block(packer, data, first, end, [&](const T* values, std::int64_t length) {
        A of_block;
        xgrad::detail::run_per_isa<RowSums<A, T>>(values, std::int64_t{1}, std::int64_t{0}, length, &of_block);
        cascade.add(of_block);
    });
    return cascade.total();
}

/// Few results of very many elements each.
template <class A, class T>
inline void sum_in_chunks(const Array& array, const Split& split, A* output) {
    constexpr std::int64_t chunk = sum_block * blocks_of_chunk;
    const run::Packer packer(Array{array.dtype, split.reduced_shape, split.reduced_strides, array.data},
                             split.reduced_shape);
    const std::int64_t results = split.kept_shape.size(), count = split.reduced_shape.size();
    const std::int64_t chunks = (count + chunk - 1) / chunk;
    const auto parts = static_cast<std::size_t>(results * chunks);
    const StorageRef scratch(Storage::allocate(parts * sizeof(A)));
    A* const of_chunks = static_cast<A*>(scratch->data());
    run::parallel_for(parts, static_cast<std::size_t>(results * count) * sizeof(T), [&](std::size_t part) {
        const std::int64_t result = static_cast<std::int64_t>(part) / chunks;
        const std::int64_t first = static_cast<std::int64_t>(part) % chunks * chunk;
        const T* data = array.as<T>() + offset_of(result, split.kept_shape, split.kept_strides);
        of_chunks[part] = sum_of_range<A>(packer, data, first, std::min(count, first + chunk));
    });
    for (std::int64_t result = 0; result < results; ++result) {
        Cascade<A> cascade;
        for (std::int64_t i = 0; i < chunks; ++i) cascade.add(of_chunks[result * chunks + i]);
        output[result] = cascade.total();
    }
}

/// output = Σ over `axes` of the array, with A the type in which it is added up.
template <class A, class T>
inline void sum(const Array& array, const Shape& axes, A* output) {
    const Split split(array, axes);
    const std::int64_t count = split.reduced_shape.size(), results = split.kept_shape.size();
    if (count == 0 || results == 0) {
        std::fill_n(output, results, A{});
        return;
    }
    if (const std::int64_t axis = column_axis(split); axis != no_column) {
        const Columns columns(split, axis);
        constexpr std::int64_t few = 32, some = 256;
        if (columns.columns <= few) return sum_columns<few>(array.as<T>(), columns, output);
        if (columns.columns <= some) return sum_columns<some>(array.as<T>(), columns, output);
        return sum_columns<Columns::tile>(array.as<T>(), columns, output);
    }
    const bool are_rows = split.kept_shape.rank() == 1 && split.reduced_shape.rank() == 1 &&
                          split.reduced_strides[0] == 1 && count <= sum_block;
    if (are_rows) {
        const std::int64_t stride = split.kept_strides[0];
        return share_results(results, count, static_cast<std::size_t>(results * count) * sizeof(T),
                             [&](std::int64_t first, std::int64_t end) {
                                 xgrad::detail::run_per_isa<RowSums<A, T>>(array.as<T>() + first * stride, end - first,
                                                                           stride, count, output + first);
                             });
    }
    constexpr std::int64_t few = 16;
    if (results < few && count >= 2 * sum_block * blocks_of_chunk) return sum_in_chunks<A, T>(array, split, output);
    for_each_result<T>(array, split, [&](const run::Packer& packer, const T* first, std::int64_t result) {
        output[result] = sum_of_range<A>(packer, first, 0, count);
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
