#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// The matrix product (n, k)(k, m) → (n, m). A vector counts as a row on the left and as a column on the right; leading
/// axes are a stack of matrices and broadcast. ShapeError if the inner extents differ or an argument is a scalar;
/// DTypeError unless both are floating point.
Tensor matmul(const Operand& A, const Operand& B);

namespace linalg {

/// np.dot for what the notes use: scalars multiply, vectors give Σ a b, matrices their product. ShapeError for more
/// than two axes; matmul takes those.
Tensor dot(const Operand& A, const Operand& B);

}  // namespace linalg

using linalg::dot;

}  // namespace xgrad
