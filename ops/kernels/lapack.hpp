#pragma once

#include <xgrad/ops/kernels/dense.hpp>

/// Decompositions of one matrix: float and double by LAPACK, long double by decompositions.hpp. Signs are fixed in the
/// same way for all of them. The elements must be finite; std::length_error if an extent is beyond LAPACK's integers.
namespace xgrad::kernels {

/// P A = L U in place, with the row exchanges. The place of the first zero pivot, −1 if there is none.
template <class T>
std::int64_t lu(Dense<T>& A, std::vector<int>& swaps);

/// B ← A⁻¹ B from what lu() has left.
template <class T>
void lu_solve(const Dense<T>& LU, const std::vector<int>& swaps, Dense<T>& B);

/// B ← T⁻¹ B with T the lower or upper triangle of A, which has no zero on its diagonal.
template <class T>
void solve_triangular(const Dense<T>& A, bool lower, Dense<T>& B);

/// A = L Lᵀ from the lower triangle; L replaces A, zeros above. The place of the first pivot that is not positive, −1
/// if there is none.
template <class T>
std::int64_t cholesky(Dense<T>& A);

/// A = Q R with rows ≥ columns, R (columns, columns), its diagonal not negative. Q replaces A.
template <class T>
void qr(Dense<T>& A, Dense<T>& R);

/// A = V Λ Vᵀ from the lower triangle, values ascending, vectors oriented. V replaces A. False if it did not converge.
template <class T>
bool eigh(Dense<T>& A, std::vector<T>& values);

/// A = U S Vᵀ with k = min(rows, columns) values, descending; U (rows, k) is oriented and V (columns, k) goes along.
/// False if it did not converge.
template <class T>
bool svd(const Dense<T>& A, Dense<T>& U, std::vector<T>& values, Dense<T>& V);

}  // namespace xgrad::kernels
