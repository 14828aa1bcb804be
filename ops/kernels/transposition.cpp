#include <xgrad/ops/kernels/transposition.hpp>

#include <algorithm>
#include <utility>

#include <xgrad/graph/per_isa.hpp>
#include <xgrad/ops/kernels/registers.hpp>

namespace xgrad::kernels {

namespace {

template <class T>
struct Transpose {
    template <Isa isa>
    struct For {
        using Vector = Register<T, isa>;
        static constexpr std::int64_t lane = lanes<T>(isa);

        /// A square of registers. Shuffling row i into row i + lane / 2 like a pack of cards, for all i, moves the
        /// highest bit of an element's row to the lowest of its column and every other bit up by one: done as often as
        /// a column has bits, it has swapped them.
        template <int... J>
        [[gnu::always_inline]] static inline void square(const T* from, std::int64_t from_row, T* to,
                                                         std::int64_t to_row, std::integer_sequence<int, J...>) {
            constexpr int half = lane / 2;
            Vector rows[lane];
#pragma GCC unroll 16
            for (int i = 0; i < lane; ++i) load(from + i * from_row, rows[i]);
#pragma GCC unroll 4
            for (int bits = lane; bits > 1; bits /= 2) {
                Vector shuffled[lane];
#pragma GCC unroll 8
                for (int i = 0; i < half; ++i) {
                    shuffled[2 * i] = __builtin_shufflevector(rows[i], rows[i + half], (J / 2 + J % 2 * lane)...);
                    shuffled[2 * i + 1] =
                        __builtin_shufflevector(rows[i], rows[i + half], (half + J / 2 + J % 2 * lane)...);
                }
#pragma GCC unroll 16
                for (int i = 0; i < lane; ++i) rows[i] = shuffled[i];
            }
#pragma GCC unroll 16
            for (int i = 0; i < lane; ++i) store(rows[i], to + i * to_row);
        }

        [[gnu::always_inline]] static inline void run(const T* from, std::int64_t rows, std::int64_t columns,
                                                      std::int64_t from_row, T* to, std::int64_t to_row) {
            if constexpr (lane > 1) {
                if (rows >= lane && columns >= lane) {
                    // The last squares overlap those before them rather than leave something over.
                    for (std::int64_t i = 0; i < rows; i += lane) {
                        const std::int64_t row = std::min(i, rows - lane);
                        for (std::int64_t j = 0; j < columns; j += lane) {
                            const std::int64_t column = std::min(j, columns - lane);
                            square(from + row * from_row + column, from_row, to + column * to_row + row, to_row,
                                   std::make_integer_sequence<int, lane>());
                        }
                    }
                    return;
                }
            }
            for (std::int64_t j = 0; j < columns; ++j) {
                for (std::int64_t i = 0; i < rows; ++i) to[j * to_row + i] = from[i * from_row + j];
            }
        }
    };
};

}  // namespace

template <class T>
void transpose(const T* from, std::int64_t rows, std::int64_t columns, std::int64_t from_row, T* to,
               std::int64_t to_row) {
    detail::run_for_isa<Transpose<T>>(from, rows, columns, from_row, to, to_row);
}

template void transpose(const float*, std::int64_t, std::int64_t, std::int64_t, float*, std::int64_t);
template void transpose(const double*, std::int64_t, std::int64_t, std::int64_t, double*, std::int64_t);
template void transpose(const long double*, std::int64_t, std::int64_t, std::int64_t, long double*, std::int64_t);

}  // namespace xgrad::kernels
