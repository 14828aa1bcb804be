#include <xgrad/ops/kernels/winograd_steps.hpp>

#include <algorithm>
#include <type_traits>

#include <xgrad/graph/per_isa.hpp>

// This file is compiled with -ffp-contract=fast: multiplications and additions may be one instruction, as in a BLAS.

namespace xgrad::kernels {

namespace {

/// A line of a square before and after a transform.
template <int r, Transform transform>
struct LineOf {
    using W = Winograd<r>;
    static constexpr int from = transform == Transform::pixels            ? r + sums_along - 1
                                : transform == Transform::kernel          ? r
                                : transform == Transform::sums_transposed ? sums_along
                                                                          : W::points;
    static constexpr int to = transform == Transform::kernel_transposed ? r
                              : transform == Transform::sums            ? sums_along
                                                                        : W::points;
    template <class V>
    [[gnu::always_inline]] static inline void apply(const V (&x)[from], V (&t)[to]) {
        if constexpr (transform == Transform::pixels) W::pixels(x, t);
        if constexpr (transform == Transform::kernel) W::kernel(x, t);
        if constexpr (transform == Transform::kernel_transposed) W::kernel_transposed(x, t);
        if constexpr (transform == Transform::sums) W::sums(x, t);
        if constexpr (transform == Transform::sums_transposed) W::sums_transposed(x, t);
    }
};

template <int r, Transform transform>
struct TransformSquares {
    using Line = LineOf<r, transform>;

    template <Isa isa>
    struct For {
        using Vector = Register<float, isa>;
        static constexpr std::int64_t lane = lanes<float>(isa);

        [[gnu::always_inline]] static inline void square(const float* from, std::int64_t from_below,
                                                         std::int64_t from_beside, float* to, std::int64_t to_below,
                                                         std::int64_t to_beside) {
            Vector half[Line::from][Line::to];
#pragma GCC unroll 10
            for (int j = 0; j < Line::from; ++j) {
                Vector column[Line::from];
#pragma GCC unroll 10
                for (int i = 0; i < Line::from; ++i) load(from + i * from_below + j * from_beside, column[i]);
                Line::apply(column, half[j]);
            }
#pragma GCC unroll 10
            for (int i = 0; i < Line::to; ++i) {
                Vector row[Line::from];
                Vector result[Line::to];
#pragma GCC unroll 10
                for (int j = 0; j < Line::from; ++j) row[j] = half[j][i];
                Line::apply(row, result);
#pragma GCC unroll 10
                for (int j = 0; j < Line::to; ++j) store(result[j], to + i * to_below + j * to_beside);
            }
        }

        [[gnu::always_inline]] static inline void run(const Squares<const float*>* from, const Squares<float*>* to,
                                                      std::int64_t rows, std::int64_t columns, std::int64_t registers) {
            for (std::int64_t i = 0; i < rows; ++i) {
                const float* source = from->first + i * from->square_below;
                float* target = to->first + i * to->square_below;
                for (std::int64_t j = 0; j < columns; ++j) {
                    for (std::int64_t v = 0; v < registers; ++v) {
                        square(source + v * lane, from->below, from->beside, target + v * lane, to->below, to->beside);
                    }
                    source += from->square_beside;
                    target += to->square_beside;
                }
            }
        }
    };
};

/// As many elements of C as fit the registers are added up there: a panel's width of some rows.
template <bool is_transposed>
struct MultiplyPoint {
    template <Isa isa>
    struct For {
        using Vector = Register<float, isa>;
        static constexpr std::int64_t lane = lanes<float>(isa);
        static constexpr std::int64_t width = 2 * lane;
        static constexpr int most_rows = isa == Isa::avx512 ? 14 : 6;  // of two registers: 28 of 32, or 12 of 16
        static constexpr std::int64_t most_terms = 64;                 // that are added up in turn: short sums err less

        template <int Rows, int Vectors>
        [[gnu::always_inline]] static inline void tile(const float* x, std::int64_t x_panel, std::int64_t terms,
                                                       const float* m, float* c, bool is_added) {
            // Known distances, so that one pointer leads to all rows of x.
            constexpr std::int64_t row = is_transposed ? 1 : width;
            constexpr std::int64_t term = is_transposed ? width : 1;
            constexpr std::int64_t ahead = 16;
            Vector sums[Rows][Vectors];
            for (int a = 0; a < Rows; ++a) {
                for (int v = 0; v < Vectors; ++v) sums[a][v] = Vector{};
            }
            const std::int64_t chunk = is_transposed ? terms : width;
            for (std::int64_t first = 0; first < terms; first += chunk, x += x_panel) {
                const float* number = x;
                for (std::int64_t b = first; b < std::min(terms, first + chunk); ++b, m += width, number += term) {
                    Vector numbers[Vectors];
                    for (int v = 0; v < Vectors; ++v) load(m + v * lane, numbers[v]);
                    for (int v = 0; v < Vectors; ++v) __builtin_prefetch(m + ahead * width + v * lane, 0, 3);
                    for (int a = 0; a < Rows; ++a) {
                        for (int v = 0; v < Vectors; ++v) sums[a][v] += number[a * row] * numbers[v];
                    }
                }
            }
            for (int a = 0; a < Rows; ++a) {
                for (int v = 0; v < Vectors; ++v) {
                    float* const target = c + a * width + v * lane;
                    Vector before{};
                    if (is_added) load(target, before);
                    store(is_added ? Vector(before + sums[a][v]) : sums[a][v], target);
                }
            }
        }

        template <int Rows, int Vectors>
        [[gnu::always_inline]] static inline void tile_of(std::int64_t rows, const float* x, std::int64_t x_panel,
                                                          std::int64_t terms, const float* m, float* c, bool is_added) {
            if constexpr (Rows > 1) {
                if (rows < Rows) return tile_of<Rows - 1, Vectors>(rows, x, x_panel, terms, m, c, is_added);
            }
            tile<Rows, Vectors>(x, x_panel, terms, m, c, is_added);
        }

        /// One panel of C.
        template <int Vectors>
        [[gnu::always_inline]] static inline void panel(const float* x, std::int64_t x_panel, std::int64_t rows,
                                                        std::int64_t terms, const float* m, float* c, bool is_added) {
            // Tiles of one height, that none is left over with too few rows to keep the processor busy.
            const std::int64_t tiles = (rows + most_rows - 1) / most_rows;
            const std::int64_t height = (rows + tiles - 1) / tiles;
            for (std::int64_t a = 0; a < rows; a += height) {
                const float* const first = x + (is_transposed ? a : a * width);
                tile_of<most_rows, Vectors>(std::min(height, rows - a), first, x_panel, terms, m, c + a * width,
                                            is_added);
            }
        }

        /// For one panel of C; X too has one if it is transposed.
        [[gnu::always_inline]] static inline void run(const float* x, std::int64_t x_point, std::int64_t x_panel,
                                                      std::int64_t rows, std::int64_t terms, const float* m,
                                                      std::int64_t m_point, float* c, std::int64_t c_point,
                                                      std::int64_t points, std::int64_t registers, bool is_added) {
            for (std::int64_t point = 0; point < points; ++point, x += x_point, m += m_point, c += c_point) {
                for (std::int64_t first = 0; first < terms; first += most_terms) {
                    const float* const numbers = x + (is_transposed ? first * width : first / width * x_panel);
                    const std::int64_t some = std::min(most_terms, terms - first);
                    if (registers > 1) {
                        panel<2>(numbers, x_panel, rows, some, m + first * width, c, is_added || first > 0);
                    } else {
                        panel<1>(numbers, x_panel, rows, some, m + first * width, c, is_added || first > 0);
                    }
                }
            }
        }
    };
};

struct AreFinite {
    template <Isa isa>
    struct For {
        [[gnu::always_inline]] static inline void run(const float* panel, std::int64_t rows, std::int64_t registers,
                                                      bool* result) {
            using Vector = Register<float, isa>;
            constexpr std::int64_t lane = lanes<float>(isa);
            // 0 times a number is 0, unless it is not finite.
            Vector zeros{};
            for (std::int64_t i = 0; i < rows; ++i, panel += 2 * lane) {
                for (std::int64_t v = 0; v < registers; ++v) {
                    Vector numbers;
                    load(panel + v * lane, numbers);
                    zeros += numbers * 0.F;
                }
            }
            float sum = 0;
            for (std::int64_t l = 0; l < lane; ++l) sum += zeros[l];
            *result = sum == 0.F;
        }
    };
};

template <int r>
void transform_squares(Transform transform, const Squares<const float*>& from, const Squares<float*>& to,
                       std::int64_t rows, std::int64_t columns, std::int64_t registers) {
    const auto run = [&]<Transform t>(std::integral_constant<Transform, t>) {
        detail::run_for_isa<TransformSquares<r, t>>(&from, &to, rows, columns, registers);
    };
    switch (transform) {
        case Transform::pixels:
            return run(std::integral_constant<Transform, Transform::pixels>());
        case Transform::kernel:
            return run(std::integral_constant<Transform, Transform::kernel>());
        case Transform::kernel_transposed:
            return run(std::integral_constant<Transform, Transform::kernel_transposed>());
        case Transform::sums:
            return run(std::integral_constant<Transform, Transform::sums>());
        case Transform::sums_transposed:
            return run(std::integral_constant<Transform, Transform::sums_transposed>());
    }
}

}  // namespace

void transform_squares(int r, Transform transform, const Squares<const float*>& from, const Squares<float*>& to,
                       std::int64_t rows, std::int64_t columns, std::int64_t registers) {
    if (r == 3) {
        transform_squares<3>(transform, from, to, rows, columns, registers);
    } else {
        transform_squares<5>(transform, from, to, rows, columns, registers);
    }
}

void multiply_points(const PointMatrices& X, const PointMatrices& M, const PointMatrices& C, std::int64_t rows) {
    for (std::int64_t p = 0; p < C.panels(); ++p) {
        detail::run_for_isa<MultiplyPoint<false>>(static_cast<const float*>(X.data), X.point(), X.panel(), rows,
                                                  X.columns, static_cast<const float*>(M.data + p * M.panel()),
                                                  M.point(), C.data + p * C.panel(), C.point(), C.points,
                                                  C.registers(p), false);
    }
}

void multiply_points_transposed(const PointMatrices& X, const PointMatrices& M, const PointMatrices& C,
                                std::int64_t terms, bool is_added) {
    const std::int64_t width = panel_width();
    for (std::int64_t p = 0; p < C.panels(); ++p) {
        for (std::int64_t q = 0; q < X.panels(); ++q) {
            detail::run_for_isa<MultiplyPoint<true>>(
                static_cast<const float*>(X.data + q * X.panel()), X.point(), std::int64_t{0},
                std::min(width, X.columns - q * width), terms, static_cast<const float*>(M.data + p * M.panel()),
                M.point(), C.data + p * C.panel() + q * width * width, C.point(), C.points, C.registers(p), is_added);
        }
    }
}

bool are_finite(const float* panel, std::int64_t rows, std::int64_t registers) {
    bool result = false;
    detail::run_for_isa<AreFinite>(panel, rows, registers, &result);
    return result;
}

}  // namespace xgrad::kernels
