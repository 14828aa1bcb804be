#include <numeric>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/matrix_probes.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/solvers.hpp>

namespace xgrad::linalg {

namespace {

const Op& vdot_op = define(Composite{
    .name = "vdot",
    .math = "c = sum of a_i b_i",
    .probes = joined({Probe{"vectors", {{{3}}, {{3}}}, [](auto x) { return vdot(x[0], x[1]); }},
                      Probe{"one", {{{1}}, {{1}}}, [](auto x) { return vdot(x[0], x[1]); }},
                      Probe{"scalars", {{{}}, {{}}}, [](auto x) { return vdot(x[0], x[1]); }},
                      Probe{"matrices", {{{2, 3}}, {{2, 3}}}, [](auto x) { return vdot(x[0], x[1]); }},
                      Probe{"transposed", {{{2, 3}}, {{3, 2}}}, [](auto x) { return vdot(transpose(x[0]), x[1]); }},
                      Probe{"empty", {{{0}}, {{0}}}, [](auto x) { return vdot(x[0], x[1]); }}},
                     pair_probes({{7, 7},
                                  {16, 16},
                                  {17, {1, 17}},
                                  {{2, 4}, 8},
                                  {{2, 1, 3}, {3, 2}},
                                  {{2, 2, 1, 2}, {2, 2, 2}},
                                  {{1, 2, 1, 3, 1}, {2, 3}},
                                  {{0, 3}, {2, 0}}},
                                 [](auto& a, auto& b) { return vdot(a, b); })),
});

const Op& outer_op = define(Composite{
    .name = "outer",
    .math = "C_ij = a_i b_j",
    .probes = joined({Probe{"vectors", {{{3}}, {{2}}}, [](auto x) { return linalg::outer(x[0], x[1]); }},
                      Probe{"with itself", {{{3}}}, [](auto x) { return linalg::outer(x[0], x[0]); }},
                      Probe{"one", {{{1}}, {{1}}}, [](auto x) { return linalg::outer(x[0], x[1]); }},
                      Probe{"scalar", {{{}}, {{2}}}, [](auto x) { return linalg::outer(x[0], x[1]); }},
                      Probe{"matrices", {{{2, 2}}, {{1, 3}}}, [](auto x) { return linalg::outer(x[0], x[1]); }},
                      Probe{"empty", {{{0}}, {{3}}}, [](auto x) { return linalg::outer(x[0], x[1]); }}},
                     pair_probes({{7, 3},
                                  {2, 8},
                                  {15, 1},
                                  {1, 16},
                                  {{2, 1, 2}, 3},
                                  {{1, 2, 1, 2}, {2, 1}},
                                  {{1, 2, 1, 2, 1}, {1, 2, 1, 1, 2}},
                                  {{2, 0}, {3, 1}}},
                                 [](auto& a, auto& b) { return linalg::outer(a, b); })),
});

const Op& tensordot_op = define(Composite{
    .name = "tensordot",
    .math = "C = sum of A B over pairs of axes",
    .probes = joined(
        {Probe{"2", {{{2, 2, 3}}, {{2, 3, 2}}}, [](auto x) { return tensordot(x[0], x[1]); }},
         Probe{"1", {{{2, 3}}, {{3, 2, 2}}}, [](auto x) { return tensordot(x[0], x[1], 1); }},
         Probe{"0", {{{2}}, {{3}}}, [](auto x) { return tensordot(x[0], x[1], 0); }},
         Probe{"axes 0 and 2 with -1 and 0",
               {{{2, 3, 4}}, {{4, 1, 2}}},
               [](auto x) {
                   return tensordot(x[0], x[1], {0, 2}, {-1, 0});
               }},
         Probe{
             "transposed", {{{3, 2}}, {{2, 3}}}, [](auto x) { return tensordot(transpose(x[0]), transpose(x[1]), 1); }},
         Probe{"empty", {{{2, 0}}, {{0, 3}}}, [](auto x) { return tensordot(x[0], x[1], 1); }}},
        joined(
            pair_probes({{7, 7}, {{1, 8}, 8}, {{2, 1, 3}, {3, 1}}, {{2, 1, 2, 2}, {2, 3}}, {{1, 2, 1, 1, 3}, {3, 2}}},
                        [](auto& A, auto& B) { return tensordot(A, B, 1); }),
            pair_probes({{{2, 3}, {3, 2}}, {{2, 1, 3}, {3, 1, 2}}, {{2, 2, 1, 3}, {3, 1, 1, 2}}, {{0, 3}, {3, 0}}},
                        [](auto& A, auto& B) {
                            return tensordot(A, B, {-1, 0}, {0, -1});
                        }))),
});

const Op& kron_op = define(Composite{
    .name = "kron",
    .math = "block (i, j) of C is A_ij B",
    .probes = joined({Probe{"matrices", {{{2, 3}}, {{3, 1}}}, [](auto x) { return linalg::kron(x[0], x[1]); }},
                      Probe{"vectors", {{{2}}, {{3}}}, [](auto x) { return linalg::kron(x[0], x[1]); }},
                      Probe{"vector and matrix", {{{2}}, {{2, 2}}}, [](auto x) { return linalg::kron(x[0], x[1]); }},
                      Probe{"three axes", {{{2, 1, 2}}, {{1, 2, 2}}}, [](auto x) { return linalg::kron(x[0], x[1]); }},
                      Probe{"with itself", {{{2, 2}}}, [](auto x) { return linalg::kron(x[0], transpose(x[0])); }},
                      Probe{"empty", {{{0, 2}}, {{2, 2}}}, [](auto x) { return linalg::kron(x[0], x[1]); }}},
                     pair_probes({{{}, {}},
                                  {{}, 7},
                                  {8, 1},
                                  {{1, 3}, {2, 1}},
                                  {{2, 2}, 3},
                                  {{2, 1, 2, 1}, {1, 2}},
                                  {{1, 2, 1, 2, 1}, {2, 1, 1, 1, 2}},
                                  {0, {2, 2}}},
                                 [](auto& A, auto& B) { return linalg::kron(A, B); })),
});

const Op& trace_op = define(Composite{
    .name = "trace",
    .math = "y = sum of A_i,i+offset",
    .probes = joined({Probe{"square", {{{3, 3}}}, [](auto x) { return linalg::trace(x[0]); }},
                      Probe{"stack", {{{2, 3, 3}}}, [](auto x) { return linalg::trace(x[0]); }},
                      Probe{"above", {{{2, 3}}}, [](auto x) { return linalg::trace(x[0], 1); }},
                      Probe{"below", {{{5, 2}}}, [](auto x) { return linalg::trace(x[0], -2); }},
                      Probe{"one", {{{1, 1}}}, [](auto x) { return linalg::trace(x[0]); }},
                      Probe{"empty", {{{0, 0}}}, [](auto x) { return linalg::trace(x[0]); }}},
                     number_probes({{{1, 8}, 0},
                                    {{7, 1}, -6},
                                    {{4, 4}, 2},
                                    {{2, 1, 3}, 1},
                                    {{2, 2, 2, 3}, -1},
                                    {{1, 2, 1, 3, 2}, 0},
                                    {{0, 3}, 0},
                                    {{2, 3}, 5}},
                                   [](auto& A, auto& offset) { return linalg::trace(A, offset[0]); })),
});

const Op& matrix_power_op = define(Composite{
    .name = "matrix_power",
    .math = "Y = A^n",
    .probes = joined({Probe{"1", {{{2, 2}}}, [](auto x) { return matrix_power(x[0], 1); }},
                      Probe{"2", {{{3, 3}}}, [](auto x) { return matrix_power(x[0], 2); }},
                      Probe{"5, of a stack", {{{2, 2, 2}}}, [](auto x) { return matrix_power(x[0], 5); }},
                      Probe{"-1", {{{2, 2}}}, [](auto x) { return matrix_power(well_conditioned(x[0]), -1); }},
                      Probe{"-3", {{{3, 3}}}, [](auto x) { return matrix_power(well_conditioned(x[0]), -3); }},
                      Probe{"one", {{{1, 1}}}, [](auto x) { return matrix_power(x[0], 4); }},
                      Probe{"empty", {{{0, 0}}}, [](auto x) { return matrix_power(x[0], 3); }}},
                     number_probes({{{2, 2}, 0},
                                    {{4, 4}, 2},
                                    {{7, 7}, -1},
                                    {{1, 3, 3}, 3},
                                    {{5, 1, 1}, 7},
                                    {{2, 1, 2, 2}, -2},
                                    {{1, 2, 1, 2, 2}, 4},
                                    {{2, 0, 0}, 2}},
                                   [](auto& A, auto& n) { return matrix_power(well_conditioned(A) * 0.5, n[0]); })),
});

/// Checks the axes, and moves those that are summed over to the end of A and to the front of B.
Tensor contracted(const Promoted& pair, const Shape& of_A, const Shape& of_B) {
    const Shape& a = pair.x.shape();
    const Shape& b = pair.y.shape();
    const auto left_over = [](std::size_t rank, const Shape& taken) {
        Shape rest;
        for (std::size_t axis = 0; axis < rank; ++axis) {
            const auto number = static_cast<std::int64_t>(axis);
            if (std::find(taken.begin(), taken.end(), number) == taken.end()) rest.push_back(number);
        }
        return rest;
    };
    Shape result;
    std::int64_t rows = 1;
    std::int64_t columns = 1;
    std::int64_t inner = 1;
    Shape order_A = left_over(a.rank(), of_A);
    Shape order_B = of_B;
    const Shape rest_B = left_over(b.rank(), of_B);
    for (std::int64_t axis : order_A) {
        result.push_back(a[static_cast<std::size_t>(axis)]);
        rows *= result.back();
    }
    for (std::int64_t axis : rest_B) {
        result.push_back(b[static_cast<std::size_t>(axis)]);
        columns *= result.back();
    }
    for (std::int64_t axis : of_A) inner *= a[static_cast<std::size_t>(axis)];
    order_A.append(of_A);
    order_B.append(rest_B);
    const Tensor left = reshape(transpose(pair.x, order_A), {rows, inner});
    const Tensor right = reshape(transpose(pair.y, order_B), {inner, columns});
    return reshape(matmul(left, right), result);
}

Tensor flat(const Tensor& x) {
    return reshape(x, {x.size()});
}

}  // namespace

Tensor vdot(const Operand& a, const Operand& b) {
    const Promoted pair = promote("vdot", a, b);
    const Attribution attribution(pair.at);
    if (pair.x.size() != pair.y.size()) {
        throw ShapeError("vdot", "needs equally many elements",
                         explain::operand_text(pair.x) + " and " + explain::operand_text(pair.y), pair.at);
    }
    return matmul(flat(pair.x), flat(pair.y));
}

Tensor outer(const Operand& a, const Operand& b) {
    const Promoted pair = promote("outer", a, b);
    const Attribution attribution(pair.at);
    return reshape(pair.x, {pair.x.size(), 1}) * flat(pair.y);
}

Tensor tensordot(const Operand& A, const Operand& B, int axes) {
    const Promoted pair = promote("tensordot", A, B);
    const Attribution attribution(pair.at);
    const Shape& a = pair.x.shape();
    const Shape& b = pair.y.shape();
    const auto count = static_cast<std::size_t>(std::max(axes, 0));
    const auto fits = [=](const Shape& x, const Shape& y) {
        return axes >= 0 && count <= x.rank() && count <= y.rank() &&
               std::equal(y.begin(), y.begin() + count, x.end() - axes);
    };
    if (!fits(a, b)) {
        explain::refuse("tensordot", "needs the last " + std::to_string(axes) + " extents of A to be the first of B",
                        {pair.x, pair.y}, pair.at,
                        [&](auto operands) { return fits(operands[0]->shape, operands[1]->shape); });
    }
    Shape of_A;
    Shape of_B;
    for (std::size_t axis = 0; axis < count; ++axis) {
        of_A.push_back(static_cast<std::int64_t>(a.rank() - count + axis));
        of_B.push_back(static_cast<std::int64_t>(axis));
    }
    return contracted(pair, of_A, of_B);
}

Tensor tensordot(const Operand& A, const Operand& B, const std::vector<int>& axes_of_A,
                 const std::vector<int>& axes_of_B) {
    const Promoted pair = promote("tensordot", A, B);
    const Attribution attribution(pair.at);
    const auto resolved = [&](const Tensor& x, const std::vector<int>& axes) {
        Axes(axes).resolve(x, "tensordot", pair.at);
        Shape result;
        for (int axis : axes) {
            result.push_back(static_cast<std::int64_t>(resolve_axis(axis, x, "tensordot", pair.at)));
        }
        return result;
    };
    const Shape of_A = resolved(pair.x, axes_of_A);
    const Shape of_B = resolved(pair.y, axes_of_B);
    bool fits = of_A.rank() == of_B.rank();
    for (std::size_t i = 0; fits && i < of_A.rank(); ++i) {
        fits = pair.x.shape()[static_cast<std::size_t>(of_A[i])] == pair.y.shape()[static_cast<std::size_t>(of_B[i])];
    }
    if (!fits) {
        throw ShapeError("tensordot", "needs pairs of axes of equal extents",
                         "axes " + to_string(Shape(axes_of_A)) + " of " + explain::operand_text(pair.x) + " and axes " +
                             to_string(Shape(axes_of_B)) + " of " + explain::operand_text(pair.y),
                         pair.at);
    }
    return contracted(pair, of_A, of_B);
}

Tensor kron(const Operand& A, const Operand& B) {
    const Promoted pair = promote("kron", A, B);
    const Attribution attribution(pair.at);
    const std::size_t rank = std::max(pair.x.rank(), pair.y.rank());
    Shape a = pair.x.shape();
    Shape b = pair.y.shape();
    while (a.rank() < rank) a.insert(0, 1);
    while (b.rank() < rank) b.insert(0, 1);
    // A along every even axis, B along every odd one; their product broadcasts, and each pair is one axis of the
    // result.
    Shape spread_A;
    Shape spread_B;
    Shape result;
    for (std::size_t axis = 0; axis < rank; ++axis) {
        spread_A.append({a[axis], 1});
        spread_B.append({1, b[axis]});
        result.push_back(a[axis] * b[axis]);
    }
    return reshape(reshape(pair.x, spread_A) * reshape(pair.y, spread_B), result);
}

Tensor trace(const Operand& A, std::int64_t offset) {
    const Attribution attribution(A.location());
    if (A.tensor().rank() < 2) {
        throw ShapeError("trace", "needs matrices (..., m, n)", explain::operand_text(A.tensor()),
                         Attribution::resolve(A.location()));
    }
    return sum(linalg::diagonal(A.tensor(), offset), -1);
}

Tensor matrix_power(const Operand& A, std::int64_t n) {
    const Attribution attribution(A.location());
    const Tensor& tensor = A.tensor();
    const Location at = Attribution::resolve(A.location());
    if (!kernels::is_square(tensor.shape())) {
        throw ShapeError("matrix_power", "needs square matrices (..., n, n)", explain::operand_text(tensor), at);
    }
    if (!is_floating(tensor.dtype())) {
        throw DTypeError("matrix_power", "needs float32 or float64", std::string(name(tensor.dtype())), at);
    }
    if (n == 0) return identity(tensor.shape().back(), tensor.dtype(), kernels::stack_of(tensor.shape()));
    // The squares of which the binary digits of |n| say whether they are factors.
    Tensor square = n < 0 ? inv(tensor) : tensor;
    Tensor result;
    for (std::uint64_t rest = n < 0 ? -static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n); rest > 0;) {
        if (rest & 1) result = result.is_empty_handle() ? square : matmul(result, square);
        rest >>= 1;
        if (rest > 0) square = matmul(square, square);
    }
    return result;
}

}  // namespace xgrad::linalg
