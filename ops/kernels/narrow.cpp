#include <xgrad/ops/kernels/narrow.hpp>

#include <algorithm>

#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/run/fetch.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/kernels/pieces.hpp>
#include <xgrad/ops/kernels/registers.hpp>
#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/transposition.hpp>
#include <xgrad/ops/kernels/window_product.hpp>  // Into

// This file is compiled with -ffp-contract=fast: multiplications and additions may be one instruction, as in a BLAS.

namespace xgrad::kernels {

namespace {

/// Rows that lie so many numbers apart. While they are read, what lies so many numbers ahead is brought into the second
/// cache, a few lines at a time: some processors drop what is asked of them at once beyond that.
template <class T>
struct Rows {
    T* first;
    std::int64_t stride;
    std::int64_t ahead = 0;

    Rows from(std::int64_t row) const { return {first + row * stride, stride, ahead}; }
};

constexpr int vectors_of_panel(Isa isa) {
    return isa == Isa::baseline ? 2 : 3;
}

/// The tallest tile with so many registers side by side. Of 32 registers of AVX-512 it takes 21, of 16 at most 12, with
/// those of M and one that a number is repeated in; no more rows than general registers can point to: GCC would keep
/// pointers in vector registers, and fetching them takes the place of products.
constexpr int most_rows(Isa isa, int vectors) {
    constexpr int on_avx2[] = {7, 6, 4};
    return isa == Isa::avx512 ? 7 : isa == Isa::avx2 ? on_avx2[vectors - 1] : 4;
}

/// C = X M, or C += X M, where X (rows, terms), M (terms, some registers) and C (rows, some registers). A tile of C
/// stands in registers; for each term every row's number meets the registers of M.
template <class T>
struct Multiply {
    template <Isa isa>
    struct For {
        using Vector = Register<T, isa>;
        static constexpr std::int64_t lane = lanes<T>(isa);

        template <int Height, int Vectors>
        [[gnu::always_inline]] static inline void tile(Rows<const T> X, std::int64_t terms, Rows<const T> M, Rows<T> C,
                                                       Into into) {
            constexpr std::int64_t line = 64 / sizeof(T);
            const T* numbers[Height];
            Vector sums[Height][Vectors];
            for (int i = 0; i < Height; ++i) {
                numbers[i] = X.first + i * X.stride;
                for (int v = 0; v < Vectors; ++v) sums[i][v] = Vector{};
            }
            const T* row = M.first;
            for (std::int64_t begin = 0; begin < terms; begin += line) {
                for (int i = 0; i < Height; ++i) run::fetch(numbers[i] + begin + X.ahead, sizeof(T));
                for (std::int64_t k = begin; k < std::min(terms, begin + line); ++k, row += M.stride) {
                    run::fetch(row + M.ahead, sizeof(Vector[Vectors]));
                    Vector m[Vectors];
#pragma GCC unroll 8
                    for (int v = 0; v < Vectors; ++v) load(row + v * lane, m[v]);
#pragma GCC unroll 8
                    for (int i = 0; i < Height; ++i) {
                        for (int v = 0; v < Vectors; ++v) sums[i][v] += numbers[i][k] * m[v];
                    }
                }
            }
            for (int i = 0; i < Height; ++i) {
                for (int v = 0; v < Vectors; ++v) {
                    T* const target = C.first + i * C.stride + v * lane;
                    Vector before{};
                    if (into == Into::added_to) load(target, before);
                    store(into == Into::added_to ? Vector(before + sums[i][v]) : sums[i][v], target);
                }
            }
        }

        template <int Height, int Vectors>
        [[gnu::always_inline]] static inline void tile_of(std::int64_t height, Rows<const T> X, std::int64_t terms,
                                                          Rows<const T> M, Rows<T> C, Into into) {
            if constexpr (Height > 1) {
                if (height < Height) return tile_of<Height - 1, Vectors>(height, X, terms, M, C, into);
            }
            tile<Height, Vectors>(X, terms, M, C, into);
        }

        template <int Vectors>
        [[gnu::always_inline]] static inline void panel(Rows<const T> X, std::int64_t rows, std::int64_t terms,
                                                        Rows<const T> M, Rows<T> C, Into into) {
            // Tiles of one height, that none is left over with too few rows to keep the processor busy.
            constexpr int most = most_rows(isa, Vectors);
            const std::int64_t tiles = (rows + most - 1) / most, height = (rows + tiles - 1) / tiles;
            for (std::int64_t i = 0; i < rows; i += height) {
                tile_of<most, Vectors>(std::min(height, rows - i), X.from(i), terms, M, C.from(i), into);
                M.ahead = 0;
            }
        }

        [[gnu::always_inline]] static inline void run(Rows<const T> X, std::int64_t rows, std::int64_t terms,
                                                      Rows<const T> M, std::int64_t width, Rows<T> C, Into into) {
            if (vectors_of_panel(isa) > 2 && width > 2 * lane) {
                panel<vectors_of_panel(isa)>(X, rows, terms, M, C, into);
            } else if (width > lane) {
                panel<2>(X, rows, terms, M, C, into);
            } else {
                panel<1>(X, rows, terms, M, C, into);
            }
        }
    };
};

template <class T>
void multiply_panel(Rows<const T> X, std::int64_t rows, std::int64_t terms, Rows<const T> M, std::int64_t width,
                    Rows<T> C, Into into) {
    if (rows > 0) detail::run_for_isa<Multiply<T>>(X, rows, terms, M, width, C, into);
}

/// How many terms are added up together: in pieces of one size, which are bounded in number, since each needs memory.
std::int64_t terms_of_piece(std::int64_t terms) {
    constexpr std::int64_t about = 1024, most_pieces = 64;
    const std::int64_t pieces = std::clamp<std::int64_t>((terms + about / 2) / about, 1, most_pieces);
    return (terms + pieces - 1) / pieces;
}

/// The columns of a part, so that there are some parts, of which none has short rows.
std::int64_t columns_of_part(std::int64_t columns, std::int64_t pieces) {
    constexpr std::int64_t most = 512, least = 128, some = 4;
    const std::int64_t wanted = pieces < some ? std::min(some, columns / least) : 1;
    const std::int64_t strips = std::max({(columns + most - 1) / most, wanted, std::int64_t{1}});
    return (columns + 16 * strips - 1) / (16 * strips) * 16;
}

/// Some terms of the product of A and some columns of B.
template <class T>
struct Part {
    const Matrix<T>& A;
    const Matrix<T>& B;
    std::int64_t first_term, end_term, first_column, end_column;
    std::int64_t lane = lanes<T>(isa());
    std::int64_t panel_width = vectors_of_panel(isa()) * lane;

    std::int64_t padded(std::int64_t columns) const { return (columns + lane - 1) / lane * lane; }

    /// C where B's rows have no gaps: its columns in panels, each of which meets all rows of A.
    void by_rows(Rows<T> C) const {
        constexpr std::int64_t most_terms = 128;  // so many rows of B stay in the second cache, and the next
        const std::int64_t columns = end_column - first_column, panels = (columns + panel_width - 1) / panel_width;
        const Scratch<T> of_A(A.rows * most_terms), of_B(most_terms * panel_width);
        for (std::int64_t k = first_term; k < end_term; k += most_terms) {
            const std::int64_t terms = std::min(most_terms, end_term - k);
            // A's own rows may lie so far apart that they are on top of each other in the first cache.
            copy({A.data + k * A.column_stride, A.row_stride, most_terms}, A.column_stride, A.rows, terms,
                 {of_A.data(), most_terms});
            for (std::int64_t panel = 0; panel < panels; ++panel) {
                const std::int64_t first = panel * panel_width, used = std::min(panel_width, columns - first);
                Rows<const T> M{B.data + k * B.row_stride + first_column + first, B.row_stride,
                                most_terms * B.row_stride};
                if (used != padded(used)) {
                    std::fill_n(of_B.data(), terms * padded(used), T(0));
                    copy(M, 1, terms, used, {of_B.data(), padded(used)});
                    M = {of_B.data(), padded(used)};
                }
                multiply_panel<T>({of_A.data(), most_terms}, A.rows, terms, M, padded(used),
                                  {C.first + first, C.stride}, k == first_term ? Into::overwritten : Into::added_to);
            }
        }
    }

    /// The transpose of C where B's columns have no gaps: they meet the transpose of A, one panel or some.
    void by_columns(Rows<T> C) const {
        constexpr std::int64_t most_terms = 256;      // so many rows of A's transpose stay in the first cache
        constexpr std::int64_t columns_at_once = 28;  // while others are fetched
        const std::int64_t width = padded(A.rows);
        const Scratch<T> of_A(most_terms * width);
        std::fill_n(of_A.data(), most_terms * width, T(0));
        for (std::int64_t k = first_term; k < end_term; k += most_terms) {
            const std::int64_t terms = std::min(most_terms, end_term - k);
            copy({A.data + k * A.column_stride, A.column_stride}, A.row_stride, terms, A.rows, {of_A.data(), width});
            for (std::int64_t j = first_column; j < end_column; j += columns_at_once) {
                Rows<const T> X{B.data + j * B.column_stride + k, B.column_stride, columns_at_once * B.column_stride};
                for (std::int64_t first = 0; first < width; first += panel_width) {
                    multiply_panel<T>(X, std::min(columns_at_once, end_column - j), terms, {of_A.data() + first, width},
                                      std::min(panel_width, width - first),
                                      {C.first + (j - first_column) * C.stride + first, C.stride},
                                      k == first_term ? Into::overwritten : Into::added_to);
                    X.ahead = 0;
                }
            }
        }
    }

  private:
    static void copy(Rows<const T> from, std::int64_t column_stride, std::int64_t rows, std::int64_t columns,
                     Rows<T> to) {
        if (column_stride != 1 && from.stride == 1) {
            return transpose(from.first, columns, rows, column_stride, to.first, to.stride);
        }
        for (std::int64_t i = 0; i < rows; ++i) {
            const T* row = from.first + i * from.stride;
            if (column_stride == 1) run::fetch(row + from.ahead, static_cast<std::size_t>(columns) * sizeof(T));
            for (std::int64_t j = 0; j < columns; ++j) to.first[i * to.stride + j] = row[j * column_stride];
        }
    }
};

/// C_ij = from_ij
template <class T>
void copy_out(Rows<const T> from, std::int64_t rows, std::int64_t columns, T* C, std::int64_t row_stride,
              std::int64_t column_stride) {
    if (row_stride == 1) return transpose(from.first, rows, columns, from.stride, C, column_stride);
    for (std::int64_t i = 0; i < rows; ++i) {
        const T* row = from.first + i * from.stride;
        for (std::int64_t j = 0; j < columns; ++j) C[i * row_stride + j * column_stride] = row[j];
    }
}

}  // namespace

template <class T>
void multiply_narrow(const Matrix<T>& A, const Matrix<T>& B, T* C, std::int64_t row_stride,
                     std::int64_t column_stride) {
    const bool by_rows = B.column_stride == 1;
    const std::int64_t most_terms = terms_of_piece(B.rows), pieces = (B.rows + most_terms - 1) / most_terms;
    const std::int64_t most_columns = std::min(columns_of_part(B.columns, pieces), B.columns);
    const std::int64_t strips = (B.columns + most_columns - 1) / most_columns;
    const std::int64_t parts = pieces * strips;
    // What a part has computed: C as it is, or turned.
    const std::int64_t lane = lanes<T>(isa());
    const std::int64_t sum_row = ((by_rows ? most_columns : A.rows) + lane - 1) / lane * lane;
    const std::int64_t sum_size = sum_row * (by_rows ? A.rows : most_columns);
    const Scratch<T> sums(parts * sum_size);
    const auto out = [&](std::int64_t strip) {
        const std::int64_t first = strip * most_columns, columns = std::min(most_columns, B.columns - first);
        const Rows<const T> from{sums.data() + strip * pieces * sum_size, sum_row};
        T* const target = C + first * column_stride;
        if (by_rows) return copy_out(from, A.rows, columns, target, row_stride, column_stride);
        copy_out(from, columns, A.rows, target, column_stride, row_stride);
    };
    // The pieces of a strip behind each other; in the order of B in memory if it is one strip.
    const auto compute = [&](std::size_t number) {
        const auto strip = static_cast<std::int64_t>(number) / pieces,
                   piece = static_cast<std::int64_t>(number) % pieces;
        const std::int64_t k = piece * most_terms, first = strip * most_columns;
        const Part<T> part{.A = A,
                           .B = B,
                           .first_term = k,
                           .end_term = std::min(B.rows, k + most_terms),
                           .first_column = first,
                           .end_column = std::min(B.columns, first + most_columns)};
        const Rows<T> sum{sums.data() + static_cast<std::int64_t>(number) * sum_size, sum_row};
        by_rows ? part.by_rows(sum) : part.by_columns(sum);
        if (pieces == 1) out(strip);
    };
    run::parallel_for(static_cast<std::size_t>(parts), static_cast<std::size_t>(parts) * run::worth_waking, compute);
    for (std::int64_t strip = 0; strip < strips && pieces > 1; ++strip) {
        add_up_pieces(sums.data() + strip * pieces * sum_size, pieces, sum_size, sum_size);
        out(strip);
    }
}

template void multiply_narrow(const Matrix<float>&, const Matrix<float>&, float*, std::int64_t, std::int64_t);
template void multiply_narrow(const Matrix<double>&, const Matrix<double>&, double*, std::int64_t, std::int64_t);

}  // namespace xgrad::kernels
