#pragma once

#include <cstdint>

namespace xgrad::kernels {

/// A matrix somewhere in memory, with any strides.
template <class T>
struct Matrix {
    const T* data;
    std::int64_t rows;
    std::int64_t columns;
    std::int64_t row_stride;
    std::int64_t column_stride;
};

/// C = A B with C row-major without gaps. float and double go to the BLAS, through xtensor-blas, unless a factor has so
/// few rows that packing the other takes longer (skinny.hpp, narrow.hpp).
void gemm(const Matrix<float>& A, const Matrix<float>& B, float* C);
void gemm(const Matrix<double>& A, const Matrix<double>& B, double* C);
void gemm(const Matrix<long double>& A, const Matrix<long double>& B, long double* C);

}  // namespace xgrad::kernels
