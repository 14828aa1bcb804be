#pragma once

#include <string_view>
#include <vector>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/ops/axes.hpp>

namespace xgrad {

/// The matrix product (n, k)(k, m) → (n, m). A vector counts as a row on the left and as a column on the right; leading
/// axes are a stack of matrices and broadcast. ShapeError if the inner extents differ or an argument is a scalar;
/// DTypeError unless both are floating point.
Tensor matmul(const Operand& A, const Operand& B);

namespace linalg {

using xgrad::matmul;

/// np.dot for what the notes use: scalars multiply, vectors give Σ a b, matrices their product. ShapeError for more
/// than two axes; matmul takes those.
Tensor dot(const Operand& A, const Operand& B);

/// Σ a b over all elements, of any shapes with the same number of them.
Tensor vdot(const Operand& a, const Operand& b);

/// C_ij = a_i b_j, of all elements of a and of b.
Tensor outer(const Operand& a, const Operand& b);

/// Σ over the last `axes` axes of A and the first of B: the axes of A that are left, then those of B. ShapeError unless
/// their extents agree.
Tensor tensordot(const Operand& A, const Operand& B, int axes = 2);
/// Σ over the axes that are named, one of A with one of B.
Tensor tensordot(const Operand& A, const Operand& B, const std::vector<int>& axes_of_A,
                 const std::vector<int>& axes_of_B);

/// A sum of products in Einstein's notation, as np.einsum: one letter per axis, operands separated by commas, after
/// "->" the axes of the result. Without "->" these are the letters that stand once, in alphabetical order. A letter
/// twice in one operand is its diagonal; "..." are the axes that have no letter, and broadcast (others do not).
/// Operands are joined in pairs from left to right.
///
///     einsum("ij,jk->ik", {A, B})    einsum("ii", {A})    einsum("...ij,...j->...i", {A, x})
///
/// ShapeError for subscripts that cannot be read or do not fit.
Tensor einsum(std::string_view subscripts, const std::vector<Tensor>& operands, Location at = Location::current());

/// The Kronecker product: block (i, j) is A_ij B. Of any rank; the lesser one is filled up with ones.
Tensor kron(const Operand& A, const Operand& B);

/// Σ A_i,i+offset, (..., m, n) → (...).
Tensor trace(const Operand& A, std::int64_t offset = 0);

/// Aⁿ of (..., n, n) by repeated squaring; for n < 0 of A⁻¹, for n = 0 the identity, which does not depend on A.
Tensor matrix_power(const Operand& A, std::int64_t n);

/// Which norm: a number, or frobenius or nuclear. Infinity is std::numeric_limits<double>::infinity().
class Norm {
  public:
    enum class Kind { standard, number, frobenius, nuclear };
    constexpr Norm() = default;
    constexpr Norm(Kind kind_) : kind(kind_) {}
    template <Number S>
    constexpr Norm(S p_) : kind(Kind::number), p(static_cast<double>(p_)) {}

    Kind kind = Kind::standard;
    double p = 2;
};
inline constexpr Norm frobenius{Norm::Kind::frobenius};
inline constexpr Norm nuclear{Norm::Kind::nuclear};

/// The norm of vectors along one axis or of matrices along two, or of all of x: a vector if x has one axis, a matrix if
/// it has two. Without an order √Σ x², over all axes.
///
///     vectors    p: (Σ |x|^p)^1/p, p > 0;   1: Σ |x|;   2: √Σ x²;   ∞: max |x|
///     matrices   frobenius: √Σ x²;   1, ∞: the largest Σ |x| of a column, a row;   2: the largest singular value;
///                nuclear: the sum of the singular values
///
/// ValueError for another order, ShapeError for other axes.
Tensor norm(const Operand& x, Norm order = {}, const Axes& axes = {}, Keepdims keep = {});

}  // namespace linalg

using linalg::dot;

}  // namespace xgrad
