#include <xgrad/ops/factorisations.hpp>

#include <limits>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/lapack.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/matrix_probes.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/rearrange.hpp>
#include <xgrad/ops/spectrum.hpp>

namespace xgrad::linalg {

namespace {

using kernels::columns_of;
using kernels::Dense;
using kernels::matrices;
using kernels::matrix_at;
using kernels::rows_of;
using kernels::stack_of;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// U, below it S as one row, below it V.
const Op& svd_op = define(General{
    .name = "svd",
    .math = "A = U diag(x) V^T",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            kernels::require_floating(call);
            const Shape& A = call.shape(0);
            if (A.rank() < 2) call.fail("needs matrices (..., m, n)");
            return Signature{call.dtype(0), matrices(stack_of(A), rows_of(A) + 1 + columns_of(A),
                                                     std::min(rows_of(A), columns_of(A)))};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t k = columns_of(call.shape);
            const std::int64_t size = rows_of(call.shape) * k;
            kernels::for_each_matrix(call, stack, size, [&]<class T>(T* output, std::int64_t index) {
                const Dense<T> A(matrix_at<T>(call.inputs[0], index, stack));
                Dense<T> U(A.rows, k);
                Dense<T> V(A.columns, k);
                std::vector<T> values;
                if (!A.is_finite() || !kernels::svd(A, U, values, V)) {
                    std::fill_n(output, size, static_cast<T>(not_a_number));
                    return;
                }
                U.store(output);
                V.store(std::copy(values.begin(), values.end(), output + A.rows * k));
            });
        },
    // With M = Uᵀ dA V, split into its symmetric and skew part, M = M₊ + M₋:
    //
    //     E_ij = M₊_ij / (x_j - x_i),  G_ij = M₋_ij / (x_j + x_i),  off the diagonal
    //     dU = U (E + G) + (I - U Uᵀ) dA V S⁻¹,  dx = diag M,  dV = V (E - G) + (I - V Vᵀ) dAᵀ U S⁻¹
    //
    // The last terms are there only if U or V is not square. The usual 1 / (x_j² - x_i²) is split in two, which loses
    // no digits to the squares. Back, with Z = Uᵀ gU ± Vᵀ gV over the differences and over the sums:
    //
    //     U (diag gx + Z₊ part + Z₋ part) Vᵀ + (I - U Uᵀ) gU S⁻¹ Vᵀ + U (gV S⁻¹)ᵀ (I - V Vᵀ)
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const std::int64_t m = rows_of(r.shape(0));
            const std::int64_t n = columns_of(r.shape(0));
            const std::int64_t k = columns_of(r.output_shape());
            const Tensor U = rows(r.output(), 0, m);
            const Tensor x = row(r.output(), m);
            const Tensor V = rows(r.output(), m + 1, m + 1 + n);
            const Tensor gU = rows(g, 0, m);
            const Tensor gV = rows(g, m + 1, m + 1 + n);
            const Tensor Ut = matrix_transpose(U);
            const Tensor Vt = matrix_transpose(V);
            const Tensor ZU = matmul(Ut, gU);
            const Tensor ZV = matmul(Vt, gV);
            const Tensor apart = over_gaps(ZU + ZV, x, Gap::singular);
            const Tensor summed = over_gaps(ZU - ZV, x, Gap::sums);
            const Tensor skew = (summed - matrix_transpose(summed)) * 0.5;
            const Tensor inner = xgrad::embed_diagonal(row(g, m)) + symmetric_part(apart) + skew;
            Tensor result = matmul(matmul(U, inner), Vt);
            if (m > k) {
                const Tensor divided = over_gaps(gU, x, Gap::single);
                result = result + matmul(divided - matmul(U, matmul(Ut, divided)), Vt);
            }
            if (n > k) {
                const Tensor divided = over_gaps(gV, x, Gap::single);
                result = result + matmul(U, matrix_transpose(divided - matmul(V, matmul(Vt, divided))));
            }
            return result;
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const std::int64_t m = rows_of(r.shape(0));
            const std::int64_t n = columns_of(r.shape(0));
            const std::int64_t k = columns_of(r.output_shape());
            const Tensor U = rows(r.output(), 0, m);
            const Tensor x = row(r.output(), m);
            const Tensor V = rows(r.output(), m + 1, m + 1 + n);
            const Tensor Ut = matrix_transpose(U);
            const Tensor Vt = matrix_transpose(V);
            const Tensor AV = matmul(t[0], V);
            const Tensor M = matmul(Ut, AV);
            const Tensor E = over_gaps(symmetric_part(M), x, Gap::singular);
            const Tensor G = over_gaps((M - matrix_transpose(M)) * 0.5, x, Gap::sums);
            Tensor dU = matmul(U, E + G);
            Tensor dV = matmul(V, E - G);
            if (m > k) dU = dU + over_gaps(AV - matmul(U, M), x, Gap::single);
            if (n > k) {
                const Tensor AtU = matmul(matrix_transpose(t[0]), U);
                dV = dV + over_gaps(AtU - matmul(V, matmul(Vt, AtU)), x, Gap::single);
            }
            return concatenate({dU, as_row(linalg::diagonal(M)), dV}, -2);
        },
    .probes =
        [] {
            const auto all_three = [](const Tensor& x) {
                const SVD result = svd(x);
                return concatenate({as_row(result.S), matrix_transpose(result.Vt), result.U}, -2);
            };
            std::vector<Probe> probes = tall_probes([=](const Tensor& x) { return all_three(spread_out_singular(x)); });
            probes.push_back({"wide", {{{2, 5}}}, [=](auto x) { return all_three(spread_out_singular(x[0])); }});
            probes.push_back(
                {"wide stack", {{{2, 1, 3}}}, [=](auto x) { return all_three(spread_out_singular(x[0])); }});
            probes.push_back({"values", {{{3, 3}}}, [](auto x) { return svdvals(spread_out_singular(x[0])); }});
            return probes;
        },
});

}  // namespace

Tensor packed_svd(const Tensor& A) {
    return apply(svd_op, {A});
}

SVD svd(const Operand& A) {
    const Attribution attribution(A.location());
    const Tensor packed = packed_svd(A.tensor());
    const std::int64_t m = rows_of(A.tensor().shape());
    return {rows(packed, 0, m), values_in(packed, A.tensor(), m),
            matrix_transpose(rows(packed, m + 1, rows_of(packed.shape())))};
}

Tensor svdvals(const Operand& A) {
    return svd(A).S;
}

}  // namespace xgrad::linalg
