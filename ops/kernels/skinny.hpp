#pragma once

#include <cstdint>

#include <xgrad/ops/kernels/gemm.hpp>

namespace xgrad::kernels {

/// A has at most this many rows: the product is bound by reading B once, and packing B, as a BLAS does, would cost more
/// than the product.
inline constexpr std::int64_t most_skinny_rows = 4;

/// True if multiply_skinny() can do it: few rows in A, and B without gaps in one direction.
template <class T>
bool is_skinny(const Matrix<T>& A, const Matrix<T>& B) {
    return A.rows <= most_skinny_rows && (B.column_stride == 1 || B.row_stride == 1);
}

/// C_ij = Σ_k A_ik B_kj for a skinny A, with C's strides given. Sums are cut into pieces of fixed length, whose results
/// are added up in order: the bits depend on neither the number of threads nor the instruction set.
template <class T>
void multiply_skinny(const Matrix<T>& A, const Matrix<T>& B, T* C, std::int64_t row_stride, std::int64_t column_stride);

}  // namespace xgrad::kernels
