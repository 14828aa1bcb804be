#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad::linalg {

// Each works on stacks of matrices: the last two axes are the matrix, the leading ones go along. ShapeError for
// matrices of the wrong shape, DTypeError unless floating point. A matrix that is not finite gives NaN. What depends on
// values is judged when they are computed.
//
// A vector that is determined up to its sign, in eigh and svd, is turned so that its first component of at least 0.37
// of the largest is positive.

/// L with A = L Lᵀ, lower triangular with a positive diagonal, for symmetric A (..., n, n). Only A's lower triangle is
/// read; the gradient is symmetric. ValueError unless A is positive definite.
Tensor cholesky(const Operand& A);

struct QR {
    Tensor Q;
    Tensor R;
};
/// A = Q R with QᵀQ = I and R upper triangular, its diagonal not negative, for (..., m, n), m ≥ n: Q is (..., m, n), R
/// (..., n, n). The derivative needs independent columns: ValueError for a zero on R's diagonal.
QR qr(const Operand& A);

struct Eigen {
    Tensor values;
    Tensor vectors;
};
/// A = V diag(λ) Vᵀ for symmetric A (..., n, n): values λ ascending (..., n), vectors in the columns of V (..., n, n).
/// Only A's lower triangle is read; the gradient is symmetric.
///
/// Where eigenvalues are equal, their vectors have no derivative: a ValueError, unless what is differentiated does not
/// depend on them to first order (their cotangent is 0 there, and so is taken what they contribute). The first
/// derivative of the values alone is right where it exists; the second one goes through the vectors.
Eigen eigh(const Operand& A);
/// The eigenvalues alone.
Tensor eigvalsh(const Operand& A);

struct SVD {
    Tensor U;
    Tensor S;
    Tensor Vt;
};
/// A = U diag(S) Vᵀ for (..., m, n), with k = min(m, n) singular values S, descending: U (..., m, k), S (..., k), Vᵀ
/// (..., k, n).
///
/// Where singular values are equal, or zero, their vectors have no derivative; as for eigh().
SVD svd(const Operand& A);
/// The singular values alone.
Tensor svdvals(const Operand& A);

}  // namespace xgrad::linalg
