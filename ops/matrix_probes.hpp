#pragma once

#include <functional>
#include <vector>

#include <xgrad/graph/op.hpp>

// Inputs for the derivative checks of matrix functions: made from the numbers drawn, and far from where the function
// is not smooth.

namespace xgrad::linalg {

/// A / 2 + (n + 1/2) I: for elements up to 2 in size invertible, and far from being singular.
Tensor well_conditioned(const Tensor& A);
/// (A + Aᵀ) / 8 + diag(3, 6, 9, ...): symmetric, positive definite, with eigenvalues that keep their distance.
Tensor spread_out(const Tensor& A);
/// A / 8 + 3, 6, 9, ... on the diagonal: the same for singular values, of matrices that need not be square.
Tensor spread_out_singular(const Tensor& A);

/// f of square matrices (n, n) for several n, of stacks and of nothing.
Probes square_probes(std::function<Tensor(const Tensor&)> f);
/// f of matrices (m, n) with m ≥ n, of stacks and of nothing.
Probes tall_probes(std::function<Tensor(const Tensor&)> f);

/// f of A (n, n) and B (n, k) or (n), of stacks of either or both, and of nothing.
Probes square_systems(std::function<Tensor(const Tensor& A, const Tensor& B)> f);
/// f of A (m, n) with m ≥ n and B (m, k) or (m), likewise.
Probes tall_systems(std::function<Tensor(const Tensor& A, const Tensor& B)> f);

}  // namespace xgrad::linalg
