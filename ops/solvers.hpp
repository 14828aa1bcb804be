#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad::linalg {

// Each works on stacks of matrices: the last two axes are the matrix, the leading ones go along, and those of two
// arguments broadcast. ShapeError for matrices of the wrong shape, DTypeError unless floating point. A that is not
// finite gives NaN. What depends on values is judged when they are computed.

/// A⁻¹ of (..., n, n). ValueError for a zero pivot.
Tensor inv(const Operand& A);

/// det A of (..., n, n), of shape (...). Its derivatives are right for singular matrices too, to every order.
Tensor det(const Operand& A);

/// What slogdet() gives: det A = sign e^logabsdet.
struct SignAndLog {
    Tensor sign;
    Tensor logabsdet;
};
/// The sign and log |det A| of (..., n, n), which do not overflow where det A would. A singular matrix has sign 0 and
/// logarithm −∞, and no derivative: asking for it is a ValueError.
SignAndLog slogdet(const Operand& A);

/// X with A X = B, for A (..., n, n) and B (..., n, k), or a vector B (n). ValueError for a zero pivot.
Tensor solve(const Operand& A, const Operand& B);

enum class Triangle { lower, upper };
/// X with T X = B, where T is one triangle of A (..., n, n), whatever is in the other; B as for solve(). ValueError for
/// a zero on the diagonal.
Tensor solve_triangular(const Operand& A, const Operand& B, Triangle triangle = Triangle::lower);

/// X for which ‖A X − B‖ is least, for A (..., m, n) of full column rank, m ≥ n, and B (..., m, k), or a vector B (m).
/// ValueError if the columns of A depend on each other, to the precision of its dtype.
Tensor lstsq(const Operand& A, const Operand& B);

/// The Moore-Penrose inverse (..., n, m) of matrices (..., m, n) of full rank. ValueError if the rank is less.
Tensor pinv(const Operand& A);

}  // namespace xgrad::linalg
