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
#include <xgrad/ops/solvers.hpp>

namespace xgrad::linalg {

namespace {

using kernels::columns_of;
using kernels::Dense;
using kernels::matrices;
using kernels::matrix_at;
using kernels::rows_of;
using kernels::stack_of;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// X T⁻¹ with T a triangle: (T⁻ᵀ Xᵀ)ᵀ.
Tensor divided_by_triangle(const Tensor& X, const Tensor& T, Triangle triangle) {
    const Triangle other = triangle == Triangle::lower ? Triangle::upper : Triangle::lower;
    return matrix_transpose(solve_triangular(matrix_transpose(T), matrix_transpose(X), other));
}

const Op& cholesky_op = define(General{
    .name = "cholesky",
    .math = "A = L L^T",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            kernels::require_square(call);
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t n = columns_of(call.shape);
            kernels::for_each_matrix(call, stack, n * n, [&]<class T>(T* output, std::int64_t index) {
                Dense<T> L(matrix_at<T>(call.inputs[0], index, stack));
                const bool is_finite = L.is_finite();
                const std::int64_t bad = is_finite ? kernels::cholesky(L) : -1;
                if (bad >= 0) {
                    throw ValueError("cholesky", "needs a positive definite matrix",
                                     "a pivot that is not positive at " + std::to_string(bad) + " in matrix " +
                                         std::to_string(index),
                                     call.at);
                }
                if (!is_finite) L.fill(static_cast<T>(not_a_number));
                L.store(output);
            });
        },
    // dA = dL Lᵀ + L dLᵀ, hence L⁻¹ dL + (L⁻¹ dL)ᵀ = L⁻¹ dA L⁻ᵀ, and dL = L Φ(L⁻¹ dA L⁻ᵀ): Φ takes the lower triangle
    // and half of the diagonal. Back: the symmetric part of L⁻ᵀ Φ(Lᵀ g) L⁻¹ (Murray 2016).
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const Tensor L = r.output();
            const Tensor phi = lower_triangle(matmul(matrix_transpose(L), g), 0.5);
            const Tensor left = solve_triangular(matrix_transpose(L), phi, Triangle::upper);
            return symmetric_part(divided_by_triangle(left, L, Triangle::lower));
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const Tensor L = r.output();
            const Tensor left = solve_triangular(L, symmetric_part(t[0]));
            const Tensor both = divided_by_triangle(left, matrix_transpose(L), Triangle::upper);
            return matmul(L, lower_triangle(both, 0.5));
        },
    .probes = square_probes([](const Tensor& x) {
        const Tensor A = matmul(x, matrix_transpose(x));
        return cholesky(well_conditioned(A));
    }),
});

/// The rows first ... last - 1 of each matrix.
Tensor rows(const Tensor& x, std::int64_t first, std::int64_t last) {
    return view(x, {ellipsis, range(first, last), all()});
}

/// Q on top of R, in one array: one decomposition gives both.
const Op& qr_op = define(General{
    .name = "qr",
    .math = "A = Q R",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            kernels::require_floating(call);
            const Shape& A = call.shape(0);
            if (A.rank() < 2 || rows_of(A) < columns_of(A)) call.fail("needs matrices (..., m, n) with m >= n");
            return Signature{call.dtype(0), matrices(stack_of(A), rows_of(A) + columns_of(A), columns_of(A))};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t n = columns_of(call.shape);
            const std::int64_t size = rows_of(call.shape) * n;
            kernels::for_each_matrix(call, stack, size, [&]<class T>(T* output, std::int64_t index) {
                Dense<T> Q(matrix_at<T>(call.inputs[0], index, stack));
                Dense<T> R(n, n);
                if (Q.is_finite()) {
                    kernels::qr(Q, R);
                } else {
                    Q.fill(static_cast<T>(not_a_number));
                    R.fill(static_cast<T>(not_a_number));
                }
                Q.store(output);
                R.store(output + Q.rows * n);
            });
        },
    // With M = R gRᵀ - gQᵀ Q and its lower triangle copied to the upper one: (gQ + Q copied(M)) R⁻ᵀ
    // (Walter & Lehmann 2018).
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const std::int64_t m = rows_of(r.shape(0));
            const std::int64_t n = columns_of(r.shape(0));
            const Tensor Q = rows(r.output(), 0, m);
            const Tensor R = rows(r.output(), m, m + n);
            const Tensor gQ = rows(g, 0, m);
            const Tensor gR = rows(g, m, m + n);
            const Tensor M = matmul(R, matrix_transpose(gR)) - matmul(matrix_transpose(gQ), Q);
            const Tensor copied = lower_triangle(M) + matrix_transpose(lower_triangle(M, 0));
            return divided_by_triangle(gQ + matmul(Q, copied), matrix_transpose(R), Triangle::lower);
        },
    // With S = dA R⁻¹, W = Qᵀ S and the skew Ω = QᵀdQ, which has W's lower triangle:
    // dR = (W - Ω) R and dQ = S - Q (W - Ω).
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const std::int64_t m = rows_of(r.shape(0));
            const std::int64_t n = columns_of(r.shape(0));
            const Tensor Q = rows(r.output(), 0, m);
            const Tensor R = rows(r.output(), m, m + n);
            const Tensor S = divided_by_triangle(t[0], R, Triangle::upper);
            const Tensor W = matmul(matrix_transpose(Q), S);
            const Tensor strict = lower_triangle(W, 0);
            const Tensor rest = W - strict + matrix_transpose(strict);  // W - Ω
            return concatenate({S - matmul(Q, rest), matmul(rest, R)}, -2);
        },
    .probes = tall_probes([](const Tensor& x) {
        const QR factors = qr(spread_out_singular(x));
        return concatenate({factors.R, factors.Q}, -2);
    }),
});

}  // namespace

Tensor cholesky(const Operand& A) {
    return apply(cholesky_op, {A.tensor()}, {}, A.location());
}

QR qr(const Operand& A) {
    const Attribution attribution(A.location());
    const Tensor packed = apply(qr_op, {A.tensor()});
    const std::int64_t m = rows_of(A.tensor().shape());
    return {rows(packed, 0, m), rows(packed, m, rows_of(packed.shape()))};
}

}  // namespace xgrad::linalg
