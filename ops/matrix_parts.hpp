#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad::linalg {

// Each works on stacks: the last two axes are a matrix, the leading ones go along. ShapeError for fewer than two axes.

/// Aᵀ: the last two axes exchanged, (..., m, n) → (..., n, m).
Tensor matrix_transpose(const Operand& A);

/// y_i = A_i,i+offset, (..., m, n) → (..., length of that diagonal); empty if the offset lies outside.
Tensor diagonal(const Operand& A, std::int64_t offset = 0);

/// The lower triangle of A, its diagonal times `weight`, 0 above.
Tensor lower_triangle(const Operand& A, double weight = 1);
/// The upper triangle of A, its diagonal times `weight`, 0 below.
Tensor upper_triangle(const Operand& A, double weight = 1);

/// (A + Aᵀ) / 2. ShapeError unless square.
Tensor symmetric_part(const Operand& A);

/// The identity (n, n), repeated over a stack: (stack..., n, n).
Tensor identity(std::int64_t n, DType dtype = DType::float32, const Shape& stack = {},
                Location at = Location::current());

}  // namespace xgrad::linalg
