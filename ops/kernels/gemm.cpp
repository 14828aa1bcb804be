#include <xgrad/ops/kernels/gemm.hpp>

#include <algorithm>
#include <complex>
#include <limits>
#include <stdexcept>
#include <vector>

#if __has_include(<xflens/cxxblas/cxxblas.cxx>)
#include <xflens/cxxblas/cxxblas.cxx>
#else
#include <xtensor-blas/flens/cxxblas/cxxblas.cxx>
#endif

namespace xgrad::kernels {

namespace {

/// A matrix as the BLAS wants it: one stride is 1, the other at least the length of a line.
template <class T>
struct BlasMatrix {
    const T* data;
    cxxblas::Transpose transpose;
    int leading;
    std::vector<T> copy;

    explicit BlasMatrix(const Matrix<T>& m) {
        const std::int64_t rows = std::max<std::int64_t>(m.rows, 1);
        const std::int64_t columns = std::max<std::int64_t>(m.columns, 1);
        if ((m.column_stride == 1 || columns == 1) && (m.row_stride >= columns || rows == 1)) {
            set(m.data, cxxblas::NoTrans, rows == 1 ? columns : m.row_stride);
        } else if ((m.row_stride == 1 || rows == 1) && (m.column_stride >= rows || columns == 1)) {
            set(m.data, cxxblas::Trans, columns == 1 ? rows : m.column_stride);
        } else {
            copy.reserve(static_cast<std::size_t>(rows * columns));
            for (std::int64_t i = 0; i < m.rows; ++i) {
                for (std::int64_t j = 0; j < m.columns; ++j) {
                    copy.push_back(m.data[i * m.row_stride + j * m.column_stride]);
                }
            }
            set(copy.data(), cxxblas::NoTrans, columns);
        }
    }

  private:
    void set(const T* first, cxxblas::Transpose how, std::int64_t lead) {
        data = first;
        transpose = how;
        leading = static_cast<int>(lead);
    }
};

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
    const BlasMatrix<T> a(A);
    const BlasMatrix<T> b(B);
    const auto n = static_cast<int>(B.columns);
    cxxblas::gemm<int>(cxxblas::RowMajor, a.transpose, b.transpose, static_cast<int>(A.rows), n,
                       static_cast<int>(A.columns), T(1), a.data, a.leading, b.data, b.leading, T(0), C, n);
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
