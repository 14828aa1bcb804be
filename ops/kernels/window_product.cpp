#include <xgrad/ops/kernels/window_product.hpp>

#include <algorithm>

#include <xgrad/graph/per_isa.hpp>

// This file is compiled with -ffp-contract=fast: here multiplications and additions may be one instruction, as they are
// in a BLAS. It holds nothing but this kernel.

namespace xgrad::kernels {

namespace {

/// One panel: as many elements of C as fit the registers are added up there, a register's width of some rows; for each
/// b every row's X[a, b] meets the row b of M.
template <class T>
struct MultiplyPanel {
    template <Isa isa>
    struct For {
        using Vector = Register<T, isa>;
        static constexpr std::int64_t lane = lanes<T>(isa);
        static constexpr int most_rows = isa == Isa::avx512 ? 14 : 6;  // of two registers: 28 of 32, or 12 of 16

        template <int Rows, int Vectors>
        [[gnu::always_inline]] static inline void tile(const T* x, const std::int64_t* A, const std::int64_t* B,
                                                       std::int64_t terms, const T* M, T* C, Into into) {
            const T* pixels[Rows];
            Vector sums[Rows][Vectors];
            for (int a = 0; a < Rows; ++a) {
                pixels[a] = x + A[a];
                for (int v = 0; v < Vectors; ++v) sums[a][v] = Vector{};
            }
            for (std::int64_t b = 0; b < terms; ++b, M += Vectors * lane) {
                const std::int64_t cell = B[b];
                Vector m[Vectors];
                for (int v = 0; v < Vectors; ++v) load(M + v * lane, m[v]);
                for (int a = 0; a < Rows; ++a) {
                    for (int v = 0; v < Vectors; ++v) sums[a][v] += pixels[a][cell] * m[v];
                }
            }
            for (int a = 0; a < Rows; ++a, C += Vectors * lane) {
                for (int v = 0; v < Vectors; ++v) {
                    Vector before{};
                    if (into == Into::added_to) load(C + v * lane, before);
                    store(into == Into::added_to ? Vector(before + sums[a][v]) : sums[a][v], C + v * lane);
                }
            }
        }

        template <int Rows, int Vectors>
        [[gnu::always_inline]] static inline void tile_of(std::int64_t rows, const T* x, const std::int64_t* A,
                                                          const std::int64_t* B, std::int64_t terms, const T* M, T* C,
                                                          Into into) {
            if constexpr (Rows > 1) {
                if (rows < Rows) return tile_of<Rows - 1, Vectors>(rows, x, A, B, terms, M, C, into);
            }
            tile<Rows, Vectors>(x, A, B, terms, M, C, into);
        }

        template <int Vectors>
        [[gnu::always_inline]] static inline void panel(const T* x, const std::int64_t* A, std::int64_t rows,
                                                        const std::int64_t* B, std::int64_t terms, const T* M, T* C,
                                                        Into into) {
            // Tiles of one height, that none is left over with too few rows to keep the processor busy.
            const std::int64_t tiles = (rows + most_rows - 1) / most_rows;
            const std::int64_t height = (rows + tiles - 1) / tiles;
            for (std::int64_t a = 0; a < rows; a += height) {
                tile_of<most_rows, Vectors>(std::min(height, rows - a), x, A + a, B, terms, M, C + a * Vectors * lane,
                                            into);
            }
        }

        [[gnu::always_inline]] static inline void run(const T* x, const std::int64_t* A, std::int64_t rows,
                                                      const std::int64_t* B, std::int64_t terms, const T* M,
                                                      std::int64_t width, T* C, Into into) {
            if (width > lane) {
                panel<2>(x, A, rows, B, terms, M, C, into);
            } else {
                panel<1>(x, A, rows, B, terms, M, C, into);
            }
        }
    };
};

}  // namespace

template <class T>
void window_product(const T* x, std::span<const std::int64_t> A, std::span<const std::int64_t> B, const T* M,
                    std::int64_t columns, T* C, Into into) {
    // So many rows of M stay in the first cache while all rows of C meet them.
    constexpr std::int64_t most_terms = 256;
    const auto rows = static_cast<std::int64_t>(A.size());
    const auto terms = static_cast<std::int64_t>(B.size());
    const Panels<T> panels(columns);
    for (std::int64_t panel = 0; panel < panels.count() && rows > 0; ++panel) {
        const std::int64_t width = panels.width(panel);
        const T* m = M + panels.first(panel) * terms;
        T* c = C + panels.first(panel) * rows;
        if (terms == 0 && into == Into::overwritten) std::fill_n(c, rows * width, T(0));
        const std::int64_t chunks = (terms + most_terms - 1) / most_terms;
        const std::int64_t chunk = (terms + chunks - 1) / std::max<std::int64_t>(chunks, 1);
        for (std::int64_t b = 0; b < terms; b += chunk) {
            detail::run_for_isa<MultiplyPanel<T>>(x, A.data(), rows, B.data() + b, std::min(chunk, terms - b),
                                                  m + b * width, width, c, b == 0 ? into : Into::added_to);
        }
    }
}

template void window_product(const float*, std::span<const std::int64_t>, std::span<const std::int64_t>, const float*,
                             std::int64_t, float*, Into);
template void window_product(const double*, std::span<const std::int64_t>, std::span<const std::int64_t>, const double*,
                             std::int64_t, double*, Into);
template void window_product(const long double*, std::span<const std::int64_t>, std::span<const std::int64_t>,
                             const long double*, std::int64_t, long double*, Into);

}  // namespace xgrad::kernels
