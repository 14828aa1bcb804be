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

/// λ as the first row, V below.
const Op& eigh_op = define(General{
    .name = "eigh",
    .math = "A = V diag(x) V^T",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            kernels::require_square(call);
            const std::int64_t n = columns_of(call.shape(0));
            return Signature{call.dtype(0), matrices(stack_of(call.shape(0)), n + 1, n)};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t n = columns_of(call.shape);
            kernels::for_each_matrix(call, stack, (n + 1) * n, [&]<class T>(T* output, std::int64_t index) {
                Dense<T> V(matrix_at<T>(call.inputs[0], index, stack));
                std::vector<T> values(static_cast<std::size_t>(n));
                if (!V.is_finite() || !kernels::eigh(V, values)) {
                    V.fill(static_cast<T>(not_a_number));
                    std::fill(values.begin(), values.end(), static_cast<T>(not_a_number));
                }
                V.store(std::copy(values.begin(), values.end(), output));
            });
        },
    // With F_ij = 1 / (x_j - x_i) off the diagonal: dx = diag(Vᵀ dA V), dV = V (F ∘ Vᵀ dA V), and back
    // V (diag gx + F ∘ Vᵀ gV) Vᵀ (Giles 2008), of which the symmetric part.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const std::int64_t n = columns_of(r.output_shape());
            const Tensor x = row(r.output(), 0);
            const Tensor V = rows(r.output(), 1, n + 1);
            const Tensor turned = over_gaps(matmul(matrix_transpose(V), rows(g, 1, n + 1)), x, Gap::eigenvalues);
            const Tensor inner = xgrad::embed_diagonal(row(g, 0)) + symmetric_part(turned);
            return matmul(matmul(V, inner), matrix_transpose(V));
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const std::int64_t n = columns_of(r.output_shape());
            const Tensor x = row(r.output(), 0);
            const Tensor V = rows(r.output(), 1, n + 1);
            const Tensor change = matmul(matmul(matrix_transpose(V), symmetric_part(t[0])), V);
            const Tensor dV = matmul(V, over_gaps(change, x, Gap::eigenvalues));
            return concatenate({as_row(linalg::diagonal(change)), dV}, -2);
        },
    .probes = square_probes([](const Tensor& x) {
        const Eigen result = eigh(spread_out(x));
        return concatenate({result.vectors, as_row(result.values)}, -2);
    }),
});

}  // namespace

Tensor packed_eigh(const Tensor& A) {
    return apply(eigh_op, {A});
}

Eigen eigh(const Operand& A) {
    const Attribution attribution(A.location());
    const Tensor packed = packed_eigh(A.tensor());
    return {values_in(packed, A.tensor(), 0), rows(packed, 1, rows_of(packed.shape()))};
}

Tensor eigvalsh(const Operand& A) {
    return eigh(A).values;
}

}  // namespace xgrad::linalg
