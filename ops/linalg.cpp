#include <xgrad/ops/linalg.hpp>

#include <limits>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/gemm.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/probe_tables.hpp>

namespace xgrad {

namespace {

using kernels::matrix_at;
using kernels::stack_of;
using linalg::matrix_transpose;

constexpr std::int64_t few_columns = 16;

/// A_i B_i for all examples i. Many matrices times one are one product, of their rows one after the other. So are one
/// times many, of their columns, if they have so few that bringing them in order pays.
Tensor products_of_examples(const BatchCall& call) {
    const Shape& a = call.shape(0);
    const Shape& b = call.shape(1);
    const std::int64_t m = call.examples();
    if (a.rank() == 2 && b.rank() == 2 && !call.is_batched(1)) {
        const Tensor rows = reshape(call.given(0), {m * a[0], a[1]});
        return reshape(matmul(rows, call.given(1)), {m, a[0], b[1]});
    }
    if (a.rank() == 2 && b.rank() == 2 && !call.is_batched(0) && b[1] < few_columns) {
        const Tensor rows = reshape(matrix_transpose(call.given(1)), {m * b[1], b[0]});
        return matrix_transpose(reshape(matmul(rows, transpose(call.given(0))), {m, b[1], a[0]}));
    }
    return lifted_broadcasting(call);
}

/// Whether the rows of all matrices of a stack follow one another with one stride.
bool are_rows_of_one(const Array& array, const Strides& stack_strides, const Shape& stack) {
    std::int64_t expected = array.shape[array.shape.rank() - 2] * array.strides[array.shape.rank() - 2];
    for (std::size_t axis = stack.rank(); axis-- > 0;) {
        if (stack[axis] != 1 && stack_strides[axis] != expected) return false;
        expected *= stack[axis];
    }
    return true;
}

template <class T>
void multiply_stacks(const KernelCall& call) {
    const Array& A = call.inputs[0];
    const Array& B = call.inputs[1];
    const Shape stack = stack_of(call.shape);
    const std::int64_t n = call.shape[call.shape.rank() - 2], m = call.shape.back(), k = A.shape.back();
    const auto product = [&](std::int64_t index) {
        kernels::gemm(matrix_at<T>(A, index, stack), matrix_at<T>(B, index, stack), call.out<T>() + index * n * m);
    };
    if (stack.size() == 1) return product(0);
    if (stack.size() == 0) return;
    // Many matrices times one are one product, of their rows one after the other.
    const Strides of_A = stretched_strides(stack_of(A.shape), stack_of(A.strides), stack);
    if (B.shape.rank() == 2 && are_rows_of_one(A, of_A, stack)) {
        kernels::Matrix<T> rows = matrix_at<T>(A, 0, stack);
        rows.rows *= stack.size();
        return kernels::gemm(rows, matrix_at<T>(B, 0, stack), call.out<T>());
    }
    // Small ones are shared out to the threads whole, large ones each go to all.
    constexpr double large = 1 << 22;  // multiplications
    if (double(n) * double(m) * double(k) > large) {
        for (std::int64_t index = 0; index < stack.size(); ++index) product(index);
        return;
    }
    constexpr std::int64_t weight = 8;  // of a multiplication: so many are as much work as an addition of bytes
    const std::int64_t work = n * m * k / weight;
    kernels::share_results(stack.size(), work, static_cast<std::size_t>(stack.size() * work) * sizeof(T),
                           [&](std::int64_t first, std::int64_t end) {
                               for (std::int64_t index = first; index < end; ++index) product(index);
                           });
}

const Op& matmul_op = define(Linear{
    .name = "matmul",
    .math = "C = A B",
    .batch = products_of_examples,
    .linearity = Linearity::in_each,
    .shape =
        [](const Call& call) {
            const Shape& A = call.shape(0);
            const Shape& B = call.shape(1);
            if (!is_floating(call.dtype(0)) || call.dtype(0) != call.dtype(1))
                call.fail_dtype("needs float32 or float64");
            if (A.rank() < 2 || B.rank() < 2) call.fail("needs (n, k) and (k, m)");
            for (std::int64_t extent : {A[A.rank() - 2], A.back(), B.back()}) {
                if (extent > std::numeric_limits<int>::max()) call.fail("needs matrices of extents below 2^31");
            }
            Shape shape;
            if (A.back() != B[B.rank() - 2]) call.fail("needs (n, k) and (k, m)");
            if (!broadcast(stack_of(A), stack_of(B), shape)) call.fail("needs stacks of matrices that broadcast");
            shape.push_back(A[A.rank() - 2]);
            shape.push_back(B.back());
            return Signature{call.dtype(0), shape};
        },
    .forward =
        [](const KernelCall& call) {
            visit_floating(call.dtype, [&](auto zero) { multiply_stacks<decltype(zero)>(call); });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
                       return matmul(g, matrix_transpose(r.input(1)));
                   },  // g Bᵀ
                       // Aᵀ g; of many matrices times one it is the sum over all, one product of all their rows.
                   [](const Record& r, const Tensor& g) {
                       const Tensor A = r.input(0);
                       if (r.shape(1).rank() > 2 || A.rank() == 2 || A.rank() < g.rank() || A.size() == 0) {
                           return matmul(matrix_transpose(A), g);
                       }
                       const auto rows = [](const Tensor& x) {
                           return reshape(x, {x.size() / x.shape().back(), x.shape().back()});
                       };
                       return matmul(transpose(rows(A)), rows(g));
                   }},
    .probes = joined(
        {Probe{"(2, 3)(3, 4)", {{{2, 3}}, {{3, 4}}}}, Probe{"(2, 1)(1, 2)", {{{2, 1}}, {{1, 2}}}},
         Probe{"transposed", {{{3, 2}}, {{4, 3}}}, [](auto x) { return matmul(transpose(x[0]), transpose(x[1])); }},
         Probe{"a matrix with itself", {{{3, 3}}}, [](auto x) { return matmul(x[0], transpose(x[0])); }},
         Probe{"stacks", {{{2, 1, 2, 3}}, {{3, 3, 2}}}},
         Probe{"vectors", {{{3}}, {{3}}}, [](auto x) { return matmul(x[0], x[1]); }},
         Probe{"vector and matrix", {{{3}}, {{3, 2}}}, [](auto x) { return matmul(x[0], x[1]); }},
         Probe{"matrix and vector", {{{2, 3}}, {{3}}}, [](auto x) { return matmul(x[0], x[1]); }},
         Probe{"empty inside", {{{2, 0}}, {{0, 3}}}}, Probe{"empty outside", {{{0, 2}}, {{2, 3}}}}},
        pair_probes({{{1, 7}, {7, 1}},
                     {{8, 1}, {1, 2}},
                     {{1, 16}, {16, 1}},
                     {3, {2, 3, 1}},
                     {{2, 1, 3}, 3},
                     {{1, 2, 1, 2, 3}, {2, 3, 1}},
                     {{0, 2, 2}, {2, 1}}},
                    [](auto& A, auto& B) { return matmul(A, B); })),
});

const Op& dot_op = define(Composite{
    .name = "dot",
    .math = "c = a . b",
    .probes = joined({Probe{"vectors", {{{3}}, {{3}}}, [](auto x) { return dot(x[0], x[1]); }},
                      Probe{"matrices", {{{2, 3}}, {{3, 1}}}, [](auto x) { return dot(x[0], x[1]); }},
                      Probe{"scalar and matrix", {{{}}, {{2, 3}}}, [](auto x) { return dot(x[0], x[1]); }}},
                     pair_probes({{{}, {}},
                                  {2, {}},
                                  {7, 7},
                                  {17, 17},
                                  {3, {3, 2}},
                                  {{2, 8}, 8},
                                  {{1, 15}, {15, 1}},
                                  {{16, 1}, {1, 1}},
                                  {{3, 1}, {1, 3}},
                                  {0, 0},
                                  {{2, 0}, {0, 3}},
                                  {{}, {2, 0}}},
                                 [](auto& A, auto& B) { return dot(A, B); })),
});

/// Whether the inner extents of a product of vectors or matrices are equal.
bool have_equal_inner_extents(const Shape& a, const Shape& b) {
    return a.rank() > 0 && b.rank() > 0 && a.back() == b[b.rank() == 1 ? 0 : b.rank() - 2];
}

}  // namespace

Tensor matmul(const Operand& A, const Operand& B) {
    const Promoted pair = promote("matmul", A, B);
    const Attribution attribution(pair.at);
    const Shape& a = pair.x.shape();
    const Shape& b = pair.y.shape();
    if (a.rank() > 1 && b.rank() > 1) return apply(matmul_op, {pair.x, pair.y}, {}, pair.at);
    if (!have_equal_inner_extents(a, b)) {
        explain::refuse("matmul", "needs (n, k) and (k, m)", {pair.x, pair.y}, pair.at,
                        [](auto operands) { return have_equal_inner_extents(operands[0]->shape, operands[1]->shape); });
    }
    const Tensor row = a.rank() == 1 ? reshape(pair.x, {1, a[0]}) : pair.x;
    const Tensor column = b.rank() == 1 ? reshape(pair.y, {b[0], 1}) : pair.y;
    const Tensor product = apply(matmul_op, {row, column}, {}, pair.at);
    Shape shape = product.shape();
    if (b.rank() == 1) shape.erase(shape.rank() - 1);
    if (a.rank() == 1) shape.erase(b.rank() == 1 ? shape.rank() - 1 : shape.rank() - 2);
    return reshape(product, shape);
}

namespace linalg {

Tensor dot(const Operand& A, const Operand& B) {
    const Promoted pair = promote("dot", A, B);
    const Attribution attribution(pair.at);
    if (pair.x.rank() == 0 || pair.y.rank() == 0) return multiply(pair.x, pair.y);
    const Shape& a = pair.x.shape();
    const Shape& b = pair.y.shape();
    const auto fits = [](const Shape& x, const Shape& y) {
        return x.rank() <= 2 && y.rank() <= 2 && have_equal_inner_extents(x, y);
    };
    if (!fits(a, b)) {
        explain::refuse("dot", "needs (n, k) and (k, m)", {pair.x, pair.y}, pair.at,
                        [&](auto operands) { return fits(operands[0]->shape, operands[1]->shape); });
    }
    return matmul(pair.x, pair.y);
}

}  // namespace linalg

}  // namespace xgrad
