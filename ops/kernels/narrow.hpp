#pragma once

#include <cstdint>

#include <xgrad/ops/kernels/gemm.hpp>

namespace xgrad::kernels {

/// Up to so many rows of A, a BLAS spends much of its time on packing B.
inline constexpr std::int64_t most_narrow_rows = 24;

/// True if multiply_narrow() can do it and should: few rows in A, B without gaps in one direction, and a B too large
/// for the cache in which a BLAS would have packed it.
template <class T>
bool is_narrow(const Matrix<T>& A, const Matrix<T>& B) {
    constexpr std::int64_t large = std::int64_t{1} << 18;  // numbers
    return A.rows <= most_narrow_rows && (B.column_stride == 1 || B.row_stride == 1) && B.rows * B.columns >= large;
}

/// C_ij = Σ_k A_ik B_kj for a narrow A, with C's strides given. B is read where it lies. Sums are cut into pieces by
/// their length alone, whose results are added up in order: the bits do not depend on the number of threads.
template <class T>
void multiply_narrow(const Matrix<T>& A, const Matrix<T>& B, T* C, std::int64_t row_stride, std::int64_t column_stride);

}  // namespace xgrad::kernels
