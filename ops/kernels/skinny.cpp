#include <xgrad/ops/kernels/skinny.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/kernels/pieces.hpp>
#include <xgrad/ops/kernels/registers.hpp>
#include <xgrad/ops/kernels/scratch.hpp>

namespace xgrad::kernels {

namespace {

/// sums[j] += Σ_k a[k] b[k stride + j] for j < n, four rows of b at a time.
struct AddRows {
    template <class T>
    [[gnu::always_inline]] static inline void run(const T* a, const T* b, std::int64_t stride, std::int64_t rows,
                                                  std::int64_t n, T* __restrict sums) {
        std::int64_t k = 0;
        for (; k + 4 <= rows; k += 4) {
            const T *b0 = b + k * stride, *b1 = b0 + stride, *b2 = b1 + stride, *b3 = b2 + stride;
            const T a0 = a[k], a1 = a[k + 1], a2 = a[k + 2], a3 = a[k + 3];
            for (std::int64_t j = 0; j < n; ++j) {
                sums[j] += (a0 * b0[j] + a1 * b1[j]) + (a2 * b2[j] + a3 * b3[j]);
            }
        }
        for (; k < rows; ++k) {
            const T* bk = b + k * stride;
            for (std::int64_t j = 0; j < n; ++j) sums[j] += a[k] * bk[j];
        }
    }
};

/// Two registers as one: of every piece of so many lanes, the upper half is added to the lower.
template <int piece, class Vector, int... J>
[[gnu::always_inline]] inline void fold(const Vector& x, const Vector& y, Vector& sum,
                                        std::integer_sequence<int, J...>) {
    constexpr int half = piece / 2;
    sum = __builtin_shufflevector(x, y, (J / half * piece + J % half)...) +
          __builtin_shufflevector(x, y, (J / half * piece + J % half + half)...);
}

/// Every piece of a register as one number, side by side in the first lanes.
template <int piece, class Vector, int... J>
[[gnu::always_inline]] inline void fold_all(Vector& x, std::integer_sequence<int, J...> lanes) {
    if constexpr (piece > 1) {
        fold<piece>(x, x, x, lanes);
        fold_all<piece / 2>(x, lanes);
    }
}

/// sums[c] = Σ_k a[k] b[c stride + k] for each of some columns, one or four, in as many strands as a cache line has
/// numbers, whose sums are the same on every instruction set: an upper half is added to the lower until one is left.
template <class T, int columns>
struct Dots {
    template <Isa isa>
    struct For {
        using Vector = Register<T, isa>;
        static constexpr int lane = lanes<T>(isa), strands = 64 / sizeof(T), vectors = strands / lane;

        [[gnu::always_inline]] static inline void run(const T* a, const T* b, std::int64_t stride, std::int64_t count,
                                                      T* sums) {
            // The compiler finds these registers by itself for one column, but not for several.
            Vector all[columns][vectors] = {};
            std::int64_t k = 0;
            for (; k + strands <= count; k += strands) {
#pragma GCC unroll 8
                for (int v = 0; v < vectors; ++v) {
                    Vector ak, bk;
                    load(a + k + v * lane, ak);
#pragma GCC unroll 8
                    for (int c = 0; c < columns; ++c) {
                        load(b + c * stride + k + v * lane, bk);
                        all[c][v] += ak * bk;
                    }
                }
            }
            T rest[columns] = {};
            for (; k < count; ++k) {
                for (int c = 0; c < columns; ++c) rest[c] += a[k] * b[c * stride + k];
            }
            for (int half = vectors / 2; half > 0; half /= 2) {
                for (int c = 0; c < columns; ++c) {
                    for (int v = 0; v < half; ++v) all[c][v] += all[c][v + half];
                }
            }
            add_lanes(all, sums);
            for (int c = 0; c < columns; ++c) sums[c] += rest[c];
        }

      private:
        [[gnu::always_inline]] static inline void add_lanes(Vector (&all)[columns][vectors], T* sums) {
            constexpr std::make_integer_sequence<int, lane> lanes;
            if constexpr (columns == 4 && lane >= 4) {
                fold<lane>(all[0][0], all[1][0], all[0][0], lanes);
                fold<lane>(all[2][0], all[3][0], all[2][0], lanes);
                fold<lane / 2>(all[0][0], all[2][0], all[0][0], lanes);
                fold_all<lane / 4>(all[0][0], lanes);
                std::memcpy(sums, &all[0][0], columns * sizeof(T));
            } else {
                for (int c = 0; c < columns; ++c) {
                    fold_all<lane>(all[c][0], lanes);
                    sums[c] = all[c][0][0];
                }
            }
        }
    };
};

constexpr std::int64_t columns_per_part = 512;
constexpr int together = 4;  // columns, which then share what is loaded of a row

/// B's rows have no gaps: pieces of them are added up into rows of C.
template <class T>
void by_rows(const Matrix<T>& A, const T* a, const Matrix<T>& B, T* C, std::int64_t row_stride,
             std::int64_t column_stride) {
    constexpr std::int64_t rows_per_piece = 512;
    const std::int64_t pieces = std::max<std::int64_t>((B.rows + rows_per_piece - 1) / rows_per_piece, 1);
    const std::int64_t row_sums = A.rows * B.columns;
    // One piece may be added up where its sums belong.
    const bool in_place = pieces == 1 && column_stride == 1 && row_stride == B.columns;
    const Scratch<T> scratch(in_place ? 0 : pieces * row_sums);
    T* const sums = in_place ? C : scratch.data();
    std::fill_n(sums, pieces * row_sums, T(0));
    const std::int64_t strips = (B.columns + columns_per_part - 1) / columns_per_part;
    const auto bytes = static_cast<std::size_t>(B.rows * B.columns) * sizeof(T);
    run::parallel_for(static_cast<std::size_t>(pieces * strips), bytes, [&](std::size_t part) {
        const std::int64_t piece = static_cast<std::int64_t>(part) / strips;
        const std::int64_t first = static_cast<std::int64_t>(part) % strips * columns_per_part;
        const std::int64_t k = piece * rows_per_piece;
        for (std::int64_t i = 0; i < A.rows; ++i) {
            xgrad::detail::run_per_isa<AddRows>(a + i * A.columns + k, B.data + k * B.row_stride + first, B.row_stride,
                                                std::min(rows_per_piece, B.rows - k),
                                                std::min(columns_per_part, B.columns - first),
                                                sums + piece * row_sums + i * B.columns + first);
        }
    });
    add_up_pieces(sums, pieces, row_sums, row_sums);
    for (std::int64_t i = 0; i < A.rows && !in_place; ++i) {
        for (std::int64_t j = 0; j < B.columns; ++j) {
            C[i * row_stride + j * column_stride] = sums[i * B.columns + j];
        }
    }
}

/// The dot products of a row with some columns of B, each piece by piece.
template <int columns, class T>
void dots(const T* row, const Matrix<T>& B, std::int64_t first, T* result, std::int64_t stride) {
    constexpr std::int64_t most_per_piece = 4096;
    T totals[columns] = {};
    for (std::int64_t k = 0; k < B.rows; k += most_per_piece) {
        T sums[columns];
        xgrad::detail::run_for_isa<Dots<T, columns>>(row + k, B.data + first * B.column_stride + k, B.column_stride,
                                                     std::min(most_per_piece, B.rows - k), &sums[0]);
        for (int c = 0; c < columns; ++c) totals[c] += sums[c];
    }
    for (int c = 0; c < columns; ++c) result[c * stride] = totals[c];
}

/// B's columns have no gaps: every element of C is a dot product.
template <class T>
void by_columns(const Matrix<T>& A, const T* a, const Matrix<T>& B, T* C, std::int64_t row_stride,
                std::int64_t column_stride) {
    const std::int64_t parts = (B.columns + columns_per_part - 1) / columns_per_part;
    const auto bytes = static_cast<std::size_t>(B.rows * B.columns) * sizeof(T);
    run::parallel_for(static_cast<std::size_t>(parts), bytes, [&](std::size_t part) {
        const std::int64_t first = static_cast<std::int64_t>(part) * columns_per_part;
        const std::int64_t end = std::min(B.columns, first + columns_per_part);
        for (std::int64_t i = 0; i < A.rows; ++i) {
            const T* row = a + i * A.columns;
            T* const result = C + i * row_stride;
            std::int64_t j = first;
            for (; j + together <= end; j += together)
                dots<together>(row, B, j, result + j * column_stride, column_stride);
            for (; j < end; ++j) dots<1>(row, B, j, result + j * column_stride, column_stride);
        }
    });
}

}  // namespace

template <class T>
void multiply_skinny(const Matrix<T>& A, const Matrix<T>& B, T* C, std::int64_t row_stride,
                     std::int64_t column_stride) {
    // A is small: its rows without gaps.
    const bool has_gaps = A.column_stride != 1 || (A.rows > 1 && A.row_stride != A.columns);
    const Scratch<T> copy(has_gaps ? A.rows * A.columns : 0);
    const T* const a = has_gaps ? copy.data() : A.data;
    for (std::int64_t i = 0; i < A.rows && has_gaps; ++i) {
        for (std::int64_t k = 0; k < A.columns; ++k) {
            copy.data()[i * A.columns + k] = A.data[i * A.row_stride + k * A.column_stride];
        }
    }
    if (B.column_stride == 1 && (B.row_stride != 1 || B.columns > 1)) {
        by_rows(A, a, B, C, row_stride, column_stride);
    } else {
        by_columns(A, a, B, C, row_stride, column_stride);
    }
}

template void multiply_skinny(const Matrix<float>&, const Matrix<float>&, float*, std::int64_t, std::int64_t);
template void multiply_skinny(const Matrix<double>&, const Matrix<double>&, double*, std::int64_t, std::int64_t);

}  // namespace xgrad::kernels
