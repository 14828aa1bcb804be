#include <xgrad/ops/solvers.hpp>

#include <limits>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/factorisations.hpp>
#include <xgrad/ops/kernels/lapack.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/matrix_probes.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/probe_tables.hpp>

namespace xgrad::linalg {

namespace {

using kernels::columns_of;
using kernels::Dense;
using kernels::matrices;
using kernels::matrix_at;
using kernels::rows_of;
using kernels::stack_of;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::string place(std::int64_t pivot, std::int64_t index) {
    return std::to_string(pivot) + " in matrix " + std::to_string(index);
}

/// B ← A⁻¹ B.
template <class T>
void solve_in_place(std::string_view op, Dense<T> A, Dense<T>& B, std::int64_t index, Location at) {
    if (!A.is_finite()) return B.fill(static_cast<T>(not_a_number));
    std::vector<int> swaps;
    const std::int64_t zero = kernels::lu(A, swaps);
    if (zero >= 0) throw ValueError(op, "needs an invertible matrix", "a zero pivot at " + place(zero, index), at);
    kernels::lu_solve(A, swaps, B);
}

const Op& inv_op = define(General{
    .name = "inv",
    .math = "Y = A^-1",
    .batch = lifted_broadcasting,
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
                auto Y = Dense<T>::identity(n);
                solve_in_place("inv", Dense<T>(matrix_at<T>(call.inputs[0], index, stack)), Y, index, call.at);
                Y.store(output);
            });
        },
    // dY = -Y dA Y, so the cotangent of A is -Yᵀ g Yᵀ.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const Tensor Yt = matrix_transpose(r.output());
            return -matmul(matmul(Yt, g), Yt);
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const Tensor Y = r.output();
            return -matmul(matmul(Y, t[0]), Y);
        },
    .probes = square_probes([](const Tensor& x) { return inv(well_conditioned(x)); }),
});

constexpr const char* square_rule = "needs (..., n, n) and (..., n, k)";
constexpr const char* tall_rule = "needs (..., m, n) with m >= n and (..., m, k)";

bool are_square_system(const Shape& A, const Shape& B) {
    return kernels::is_square(A) && B.rank() >= 2 && rows_of(B) == rows_of(A);
}

bool are_tall_system(const Shape& A, const Shape& B) {
    return A.rank() >= 2 && B.rank() >= 2 && rows_of(A) >= columns_of(A) && rows_of(A) == rows_of(B);
}

/// The shape rule of both: A (..., n, n), B (..., n, k).
Signature solution(const Call& call) {
    kernels::require_floating(call);
    const Shape& A = call.shape(0);
    const Shape& B = call.shape(1);
    if (!are_square_system(A, B)) call.fail(square_rule);
    Shape stack;
    if (!broadcast(stack_of(A), stack_of(B), stack)) call.fail("needs stacks of matrices that broadcast");
    return {call.dtype(0), matrices(stack, rows_of(B), columns_of(B))};
}

const Op& solve_op = define(General{
    .name = "solve",
    .math = "A X = B",
    .batch = lifted_broadcasting,
    .shape = solution,
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t size = rows_of(call.shape) * columns_of(call.shape);
            kernels::for_each_matrix(call, stack, size, [&]<class T>(T* output, std::int64_t index) {
                Dense<T> X(matrix_at<T>(call.inputs[1], index, stack));
                solve_in_place("solve", Dense<T>(matrix_at<T>(call.inputs[0], index, stack)), X, index, call.at);
                X.store(output);
            });
        },
    // A dX = dB - dA X: with h = A⁻ᵀ g, the cotangent of B is h and that of A is -h Xᵀ.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t argument) {
            const Tensor h = solve(matrix_transpose(r.input(0)), g);
            return argument == 1 ? h : -matmul(h, matrix_transpose(r.output()));
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            Tensor change = t[1];
            if (!t[0].is_empty_handle()) {
                const Tensor turned = matmul(t[0], r.output());
                change = change.is_empty_handle() ? -turned : change - turned;
            }
            return solve(r.input(0), change);
        },
    .probes = square_systems([](auto& A, auto& B) { return solve(well_conditioned(A), B); }),
});

Tensor triangle_of(const Tensor& A, bool lower) {
    return lower ? lower_triangle(A) : upper_triangle(A);
}

Tensor solve_triangle(const Tensor& A, const Tensor& B, bool lower);

const Op& solve_triangular_op = define(General{
    .name = "solve_triangular",
    .math = "T X = B, T a triangle of A",
    .batch = lifted_broadcasting,
    .shape = solution,
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const bool lower = call.attributes.at<bool>("lower");
            const std::int64_t size = rows_of(call.shape) * columns_of(call.shape);
            kernels::for_each_matrix(call, stack, size, [&]<class T>(T* output, std::int64_t index) {
                const Dense<T> A(matrix_at<T>(call.inputs[0], index, stack));
                Dense<T> X(matrix_at<T>(call.inputs[1], index, stack));
                for (std::int64_t i = 0; i < A.rows; ++i) {
                    if (A(i, i) != 0) continue;
                    throw ValueError("solve_triangular", "needs a diagonal without zeros", "0 at " + place(i, index),
                                     call.at);
                }
                kernels::solve_triangular(A, lower, X);
                X.store(output);
            });
        },
    // As for solve(), but only the triangle counts.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t argument) {
            const bool lower = r.attribute<bool>("lower");
            const Tensor h = solve_triangle(matrix_transpose(r.input(0)), g, !lower);
            return argument == 1 ? h : -triangle_of(matmul(h, matrix_transpose(r.output())), lower);
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const bool lower = r.attribute<bool>("lower");
            Tensor change = t[1];
            if (!t[0].is_empty_handle()) {
                const Tensor turned = matmul(triangle_of(t[0], lower), r.output());
                change = change.is_empty_handle() ? -turned : change - turned;
            }
            return solve_triangle(r.input(0), change, lower);
        },
    .probes = square_systems([](auto& A, auto& B) {
        const Tensor T = well_conditioned(A);
        return solve_triangular(T, solve_triangular(T, B), Triangle::upper);
    }),
});

Tensor solve_triangle(const Tensor& A, const Tensor& B, bool lower) {
    return apply(solve_triangular_op, {A, B}, {{"lower", lower}});
}

/// Throws unless the columns are independent: no element on the diagonal of R may be lost in the rounding of another.
template <class T>
void require_full_rank(const Dense<T>& R, std::int64_t rows, std::int64_t index, Location at) {
    T largest = 0;
    for (std::int64_t i = 0; i < R.rows; ++i) largest = std::max(largest, R(i, i));
    const T rounding = std::numeric_limits<T>::epsilon() * static_cast<T>(rows) * largest;
    for (std::int64_t i = 0; i < R.rows; ++i) {
        if (R(i, i) > rounding) continue;
        throw ValueError("lstsq", "needs columns that do not depend on each other",
                         "a column that does, " + place(i, index), at);
    }
}

const Op& lstsq_op = define(General{
    .name = "lstsq",
    .math = "X = argmin ||A X - B||",
    .batch = lifted_broadcasting,
    .shape =
        [](const Call& call) {
            kernels::require_floating(call);
            const Shape& A = call.shape(0);
            const Shape& B = call.shape(1);
            if (!are_tall_system(A, B)) call.fail(tall_rule);
            Shape stack;
            if (!broadcast(stack_of(A), stack_of(B), stack)) call.fail("needs stacks of matrices that broadcast");
            return Signature{call.dtype(0), matrices(stack, columns_of(A), columns_of(B))};
        },
    // R X = Qᵀ B
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t n = rows_of(call.shape);
            const std::int64_t k = columns_of(call.shape);
            kernels::for_each_matrix(call, stack, n * k, [&]<class T>(T* output, std::int64_t index) {
                Dense<T> Q(matrix_at<T>(call.inputs[0], index, stack));
                Dense<T> Xt(k, n);  // whose columns are the rows of X
                if (!Q.is_finite()) {
                    Xt.fill(static_cast<T>(not_a_number));
                } else {
                    const std::int64_t rows = Q.rows;
                    Dense<T> R(n, n);
                    kernels::qr(Q, R);
                    require_full_rank(R, rows, index, call.at);
                    kernels::gemm(Q.transposed().matrix(), matrix_at<T>(call.inputs[1], index, stack), Xt.data.data());
                    Dense<T> X = Xt.transposed();
                    kernels::solve_triangular(R, false, X);
                    Xt = X.transposed();
                }
                std::copy(Xt.data.begin(), Xt.data.end(), output);
            });
        },
    // AᵀA X = AᵀB. With K = (AᵀA)⁻¹ g = R⁻¹ R⁻ᵀ g, the cotangent of B is A K, and that of A is (B - A X) Kᵀ - A K Xᵀ.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t argument) {
            const Tensor A = r.input(0);
            const Tensor X = r.output();
            const Tensor R = qr(A).R;
            const Tensor K = solve_triangle(R, solve_triangle(matrix_transpose(R), g, true), false);
            const Tensor AK = matmul(A, K);
            if (argument == 1) return AK;
            return matmul(r.input(1) - matmul(A, X), matrix_transpose(K)) - matmul(AK, matrix_transpose(X));
        },
    // AᵀA dX = Aᵀ(dB - dA X) + dAᵀ(B - A X)
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const Tensor A = r.input(0);
            const Tensor X = r.output();
            const Tensor R = qr(A).R;
            Tensor change;
            if (!t[1].is_empty_handle()) change = matmul(matrix_transpose(A), t[1]);
            if (!t[0].is_empty_handle()) {
                const Tensor moved = matmul(matrix_transpose(t[0]), r.input(1) - matmul(A, X)) -
                                     matmul(matrix_transpose(A), matmul(t[0], X));
                change = change.is_empty_handle() ? moved : change + moved;
            }
            return solve_triangle(R, solve_triangle(matrix_transpose(R), change, true), false);
        },
    .probes = tall_systems([](auto& A, auto& B) { return lstsq(spread_out_singular(A), B); }),
});

const Op& pinv_op = define(Composite{
    .name = "pinv",
    .math = "Y = (A^T A)^-1 A^T for m >= n, A^T (A A^T)^-1 for m < n",
    .probes =
        joined({Probe{"(1, 1)", {{{1, 1}}}, [](auto x) { return pinv(spread_out_singular(x[0])); }},
                Probe{"(2, 2)", {{{2, 2}}}, [](auto x) { return pinv(spread_out_singular(x[0])); }},
                Probe{"transposed", {{{2, 3}}}, [](auto x) { return pinv(transpose(spread_out_singular(x[0]))); }}},
               shape_probes({{3, 2},
                             {2, 5},
                             {2, 2, 3},
                             {3, 0},
                             {0, 3},
                             {3, 3},
                             {1, 7},
                             {8, 1},
                             {4, 3},
                             {1, 3, 2},
                             {2, 1, 2, 2},
                             {1, 2, 1, 2, 3},
                             {0, 2, 2}},
                            [](auto& A) { return pinv(spread_out_singular(A)); })),
});

/// Calls f(A, B) with a vector B as a column, and gives a vector back. What does not fit is refused as what it is.
template <class F>
Tensor with_columns(std::string_view op, const Operand& A, const Operand& B,
                    bool (*fit)(const Shape& A, const Shape& B), const char* rule, F&& f) {
    const Promoted pair = promote(op, A, B);
    const Attribution attribution(pair.at);
    const auto as_column = [](const Shape& shape) {
        return shape.rank() == 1 ? Shape{shape[0], std::int64_t{1}} : shape;
    };
    if (!fit(pair.x.shape(), as_column(pair.y.shape()))) {
        explain::refuse(op, rule, {pair.x, pair.y}, pair.at, [&](auto operands) {
            const Shape a = operands[0]->shape, b = as_column(operands[1]->shape);
            Shape stack;
            return fit(a, b) && broadcast(stack_of(a), stack_of(b), stack);
        });
    }
    if (pair.y.rank() != 1) return f(pair.x, pair.y);
    const Tensor X = f(pair.x, reshape(pair.y, {pair.y.size(), 1}));
    Shape shape = X.shape();
    shape.erase(shape.rank() - 1);
    return reshape(X, shape);
}

}  // namespace

Tensor inv(const Operand& A) {
    return apply(inv_op, {A.tensor()}, {}, A.location());
}

Tensor solve(const Operand& A, const Operand& B) {
    return with_columns("solve", A, B, are_square_system, square_rule, [](const Tensor& a, const Tensor& b) {
        return apply(solve_op, {a, b});
    });
}

Tensor solve_triangular(const Operand& A, const Operand& B, Triangle triangle) {
    return with_columns(
        "solve_triangular", A, B, are_square_system, square_rule,
        [&](const Tensor& a, const Tensor& b) { return solve_triangle(a, b, triangle == Triangle::lower); });
}

Tensor lstsq(const Operand& A, const Operand& B) {
    return with_columns("lstsq", A, B, are_tall_system, tall_rule, [](const Tensor& a, const Tensor& b) {
        return apply(lstsq_op, {a, b});
    });
}

Tensor pinv(const Operand& A) {
    const Attribution attribution(A.location());
    const Tensor& tensor = A.tensor();
    if (tensor.rank() < 2) {
        throw ShapeError("pinv", "needs matrices (..., m, n)", explain::operand_text(tensor),
                         Attribution::resolve(A.location()));
    }
    const std::int64_t m = rows_of(tensor.shape());
    const std::int64_t n = columns_of(tensor.shape());
    if (m >= n) return lstsq(tensor, identity(m, tensor.dtype()));
    return matrix_transpose(lstsq(matrix_transpose(tensor), identity(n, tensor.dtype())));
}

}  // namespace xgrad::linalg
