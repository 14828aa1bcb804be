#include <xgrad/ops/kernels/gemm.hpp>

#include <algorithm>
#include <bit>
#include <complex>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

#if __has_include(<xflens/cxxblas/cxxblas.cxx>)
#include <xflens/cxxblas/cxxblas.cxx>
#else
#include <xtensor-blas/flens/cxxblas/cxxblas.cxx>
#endif

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/storage.hpp>
#include <xgrad/ops/kernels/blas_alone.hpp>
#include <xgrad/ops/kernels/narrow.hpp>
#include <xgrad/ops/kernels/onednn.hpp>
#include <xgrad/ops/kernels/skinny.hpp>
#include <xgrad/ops/kernels/slow_blas.hpp>

namespace xgrad::kernels {

namespace {

/// A matrix as the BLAS wants it: one stride is 1, the other at least the length of a line.
template <class T>
struct BlasMatrix {
    const T* data;
    cxxblas::Transpose transpose;
    int leading;
    StorageRef copy;

    explicit BlasMatrix(const Matrix<T>& m) {
        const std::int64_t rows = std::max<std::int64_t>(m.rows, 1);
        const std::int64_t columns = std::max<std::int64_t>(m.columns, 1);
        if ((m.column_stride == 1 || columns == 1) && (m.row_stride >= columns || rows == 1)) {
            set(m.data, cxxblas::NoTrans, rows == 1 ? columns : m.row_stride);
        } else if ((m.row_stride == 1 || rows == 1) && (m.column_stride >= rows || columns == 1)) {
            set(m.data, cxxblas::Trans, columns == 1 ? rows : m.column_stride);
        } else {
            const Array array{dtype_of<T>, {m.rows, m.columns}, {m.row_stride, m.column_stride}, m.data};
            const T* const packed = static_cast<const T*>(run::contiguous(array, copy));
            set(packed, cxxblas::NoTrans, columns);
        }
    }

    /// Where a row or a column begins.
    const T* row(std::int64_t index) const { return data + (transpose == cxxblas::NoTrans ? index * leading : index); }
    const T* column(std::int64_t index) const {
        return data + (transpose == cxxblas::NoTrans ? index : index * leading);
    }

  private:
    void set(const T* first, cxxblas::Transpose how, std::int64_t lead) {
        data = first;
        transpose = how;
        leading = static_cast<int>(lead);
    }
};

/// How many pieces a product is cut into, by its size alone: each is one call of the BLAS on one thread.
std::int64_t pieces_of(std::int64_t m, std::int64_t n, std::int64_t k) {
    constexpr std::int64_t work_per_piece = std::int64_t{1} << 23;  // multiplications
    constexpr std::int64_t most_pieces = 16;
    constexpr std::int64_t least_lines = 32;
    const std::int64_t longest = std::max(m, n);
    const std::int64_t wanted = m * n / work_per_piece * k + m * n % work_per_piece * k / work_per_piece;
    const std::int64_t most = std::clamp<std::int64_t>(longest / least_lines, 1, most_pieces);
    // A power of two: two threads, or four, are done with their pieces at the same time.
    return std::min(
        most, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(wanted, 1)))));
}

/// One call of the fastest library: C = op(a) op(b), row-major, on this thread alone. A piece of something large is
/// worth a word about a slow BLAS.
template <class T>
void library_gemm(const BlasMatrix<T>& a, const T* left, const BlasMatrix<T>& b, const T* right, int m, int n, int k,
                  T* C, int leading, bool is_of_large) {
    const BlasAlone alone;
    if constexpr (std::is_same_v<T, float>) {
        if (const OnednnSgemm sgemm = onednn_sgemm()) {
            const auto letter = [](const BlasMatrix<T>& x) { return x.transpose == cxxblas::NoTrans ? 'N' : 'T'; };
            if (sgemm(letter(a), letter(b), m, n, k, 1, left, a.leading, right, b.leading, 0, C, leading) == 0) return;
        }
    }
    if (is_of_large) report_slow_blas();
    cxxblas::gemm<int>(cxxblas::RowMajor, a.transpose, b.transpose, m, n, k, T(1), left, a.leading, right, b.leading,
                       T(0), C, leading);
}

template <class T>
void blas_gemm(const Matrix<T>& A, const Matrix<T>& B, T* C);

/// All rows of A are the same, as those of a number that was stretched are: so are those of C.
template <class T>
void multiply_equal_rows(Matrix<T> A, const Matrix<T>& B, T* C) {
    const std::int64_t rows = std::exchange(A.rows, 1);
    blas_gemm(A, B, C);
    const std::size_t bytes = static_cast<std::size_t>(rows * B.columns) * sizeof(T);
    run::parallel_for(static_cast<std::size_t>(rows - 1), bytes, [&](std::size_t row) {
        std::copy_n(C, B.columns, C + static_cast<std::int64_t>(row + 1) * B.columns);
    });
}

/// The same for the columns of B.
template <class T>
void multiply_equal_columns(const Matrix<T>& A, Matrix<T> B, T* C) {
    const std::int64_t columns = std::exchange(B.columns, 1);
    const std::size_t bytes = static_cast<std::size_t>(A.rows * columns) * sizeof(T);
    const StorageRef scratch(Storage::allocate(static_cast<std::size_t>(A.rows) * sizeof(T)));
    T* const column = static_cast<T*>(scratch->data());
    blas_gemm(A, B, column);
    run::parallel_for(static_cast<std::size_t>(A.rows), bytes, [&](std::size_t row) {
        std::fill_n(C + static_cast<std::int64_t>(row) * columns, columns, column[row]);
    });
}

template <class T>
void blas_gemm(const Matrix<T>& A, const Matrix<T>& B, T* C) {
    if (A.rows == 0 || B.columns == 0) return;
    if (A.columns == 0) {
        std::fill_n(C, A.rows * B.columns, T(0));
        return;
    }
    for (std::int64_t extent :
         {A.rows, A.columns, B.columns, A.row_stride, A.column_stride, B.row_stride, B.column_stride}) {
        if (extent > std::numeric_limits<int>::max()) throw std::length_error("matmul: an extent beyond 2^31 - 1");
    }
    if (A.row_stride == 0 && A.rows > 1) return multiply_equal_rows(A, B, C);
    if (B.column_stride == 0 && B.columns > 1) return multiply_equal_columns(A, B, C);
    if (is_skinny(A, B)) return multiply_skinny(A, B, C, B.columns, std::int64_t{1});
    const Matrix<T> flipped_A{A.data, A.columns, A.rows, A.column_stride, A.row_stride};
    const Matrix<T> flipped_B{B.data, B.columns, B.rows, B.column_stride, B.row_stride};
    if (is_skinny(flipped_B, flipped_A)) return multiply_skinny(flipped_B, flipped_A, C, std::int64_t{1}, B.columns);
    if (is_narrow(A, B)) return multiply_narrow(A, B, C, B.columns, std::int64_t{1});
    if (is_narrow(flipped_B, flipped_A)) return multiply_narrow(flipped_B, flipped_A, C, std::int64_t{1}, B.columns);

    const BlasMatrix<T> a(A);
    const BlasMatrix<T> b(B);
    const auto n = static_cast<int>(B.columns);
    const std::int64_t pieces = pieces_of(A.rows, B.columns, A.columns);
    const std::int64_t longest = std::max(A.rows, B.columns);
    // Whole vectors to a piece, so that the BLAS has edges to treat in the last one only.
    const std::int64_t lines = (longest + 16 * pieces - 1) / (16 * pieces) * 16;
    constexpr double large = 1e7;  // multiplications
    const bool is_large = double(A.rows) * double(A.columns) * double(B.columns) > large;
    // A piece is worth waking a thread for, however little memory it touches.
    const auto count = static_cast<std::size_t>((longest + lines - 1) / lines);
    run::parallel_for(count, count * run::worth_waking, [&](std::size_t piece) {
        const std::int64_t first = static_cast<std::int64_t>(piece) * lines;
        const auto length = static_cast<int>(std::min(lines, longest - first));
        const bool by_rows = A.rows >= B.columns;
        const T* left = by_rows ? a.row(first) : a.data;
        const T* right = by_rows ? b.data : b.column(first);
        T* target = C + (by_rows ? first * n : first);
        library_gemm(a, left, b, right, by_rows ? length : static_cast<int>(A.rows), by_rows ? n : length,
                     static_cast<int>(A.columns), target, n, is_large);
    });
}

}  // namespace

void gemm(const Matrix<float>& A, const Matrix<float>& B, float* C) {
    blas_gemm(A, B, C);
}

void gemm(const Matrix<double>& A, const Matrix<double>& B, double* C) {
    blas_gemm(A, B, C);
}

void gemm(const Matrix<long double>& A, const Matrix<long double>& B, long double* C) {
    for (std::int64_t i = 0; i < A.rows; ++i) {
        for (std::int64_t j = 0; j < B.columns; ++j) {
            long double sum = 0;
            for (std::int64_t k = 0; k < A.columns; ++k) {
                sum += A.data[i * A.row_stride + k * A.column_stride] * B.data[k * B.row_stride + j * B.column_stride];
            }
            C[i * B.columns + j] = sum;
        }
    }
}

}  // namespace xgrad::kernels
