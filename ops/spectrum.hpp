#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>

// What eigh and svd have in common. Each gives one packed array, so that one decomposition serves all outputs. The
// values are handed out by an operation of their own, whose derivative has no part in that of the vectors: it exists
// where theirs does not.

namespace xgrad::linalg {

/// The packed decompositions: λ above V, and U above S above V.
Tensor packed_eigh(const Tensor& A);
Tensor packed_svd(const Tensor& A);

/// The row of values of the packed decomposition of A.
Tensor values_in(const Tensor& packed, const Tensor& A, std::int64_t row);

/// The denominators of the vectors' derivatives, made from the values x.
enum class Gap : std::int64_t {
    eigenvalues,  // x_j - x_i, off the diagonal
    singular,     // the same
    sums,         // x_j + x_i, off the diagonal
    single,       // x_j
};

/// X_ij / gap_ij, and 0 for 0 / 0; ValueError for anything else over values that are equal.
Tensor over_gaps(const Tensor& X, const Tensor& values, Gap gap);

/// Row number `index` of each matrix; its rows first ... last - 1; a vector per matrix as a stack of rows.
Tensor row(const Tensor& x, std::int64_t index);
Tensor rows(const Tensor& x, std::int64_t first, std::int64_t last);
Tensor as_row(const Tensor& x);

}  // namespace xgrad::linalg
