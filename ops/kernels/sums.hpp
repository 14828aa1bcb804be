#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include <xgrad/graph/storage.hpp>
#include <xgrad/ops/kernels/reduce.hpp>

/// Sums over any axes of arrays with any strides. They are cascaded: blocks of fixed size are added up, then pairs of
/// blocks, then pairs of pairs, so that the error grows with log n, and the number of threads does not change the
/// order.
namespace xgrad::kernels {

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

inline constexpr std::int64_t sum_block = reduced_block;

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
        for (; row + 2 <= rows; row += 2) {
            const T* next = values + row * stride;
            for (std::int64_t c = 0; c < width; ++c) {
                sums[c] = sums[c] + static_cast<A>(next[c]) + static_cast<A>(next[stride + c]);
            }
        }
        for (; row < rows; ++row) {
            for (std::int64_t c = 0; c < width; ++c) sums[c] += static_cast<A>(values[row * stride + c]);
        }
    }
};

// Blocks that are added up apart from the others: whole branches of the cascade, so that it does not matter to the sum.
inline constexpr std::int64_t blocks_of_chunk = 64;

/// Rows that are added up one after the other where sums lie side by side.
inline constexpr std::int64_t rows_of_block = 64;

/// Sums that lie side by side.
template <class A, std::int64_t Width>
struct RowOfSums {
    A sums[Width];
    RowOfSums operator+(const RowOfSums& other) const {
        RowOfSums result;
        for (std::int64_t c = 0; c < Width; ++c) result.sums[c] = sums[c] + other.sums[c];
        return result;
    }
};

/// Adds elements first ... first + count - 1 of rows that follow each other to the sums of their blocks of rows.
template <class T>
struct AddToBlocks {
    [[gnu::always_inline]] static inline void run(const T* values, std::int64_t first, std::int64_t count,
                                                  std::int64_t columns, T* sums) {
        for (std::int64_t row = first / columns, column = first % columns; count > 0;) {
            T* const of_block = sums + row / rows_of_block * columns + column;
            const std::int64_t width = std::min(columns - column, count);
            const std::int64_t rows =
                width < columns ? 1 : std::min(count / columns, rows_of_block - row % rows_of_block);
            if (row % rows_of_block == 0) std::fill_n(of_block, width, T{});
            AddRows<T, T>::run(values, rows, columns, width, of_block);
            values += rows * width;
            count -= rows * width;
            row += rows;
            column += width;
            if (column < columns) return;
            column = 0;
        }
    }
};

/// The totals of columns, from the sums of all of their blocks: neighbours are added to each other until there is one,
/// which is the tree of a cascade. The sums are overwritten.
template <class T>
inline void add_up_blocks(T* sums, std::int64_t blocks, std::int64_t columns, T* totals) {
    for (; blocks > 1; blocks = (blocks + 1) / 2) {
        for (std::int64_t pair = 0; pair < blocks / 2; ++pair) {
            const T* const two = sums + 2 * pair * columns;
            for (std::int64_t c = 0; c < columns; ++c) sums[pair * columns + c] = two[c] + two[columns + c];
        }
        if (blocks % 2 == 1) std::copy_n(sums + (blocks - 1) * columns, columns, sums + blocks / 2 * columns);
    }
    std::copy_n(sums, columns, totals);
}

/// Many results that lie side by side, at most `Width` to a tile.
template <std::int64_t Width, class A, class T>
inline void sum_columns(const T* data, const Columns& columns, A* output) {
    constexpr std::size_t levels = 3;  // of a cascade with as many blocks as a chunk has
    constexpr std::int64_t rows_of_chunk = rows_of_block << (levels - 1);
    using Row = RowOfSums<A, Width>;
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
            Row block{};
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

}  // namespace xgrad::kernels
