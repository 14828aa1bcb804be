#include <xgrad/ops/matrix_parts.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/movement.hpp>

namespace xgrad::linalg {

namespace {

using kernels::columns_of;
using kernels::matrices;
using kernels::rows_of;
using kernels::stack_of;

Tensor diagonal_in(const Tensor& x, std::int64_t offset, std::int64_t rows, std::int64_t columns);

/// A diagonal is a matter of strides: one step down and one to the right at once.
const Op& matrix_diagonal_op = define(Linear{
    .name = "matrix_diagonal",
    .math = "y_i = A_i,i+offset",
    .shape =
        [](const Call& call) {
            const auto offset = call.attributes.at<std::int64_t>("offset");
            const Shape& A = call.shape(0);
            if (A.rank() < 2) call.fail("needs matrices (..., m, n)");
            Shape shape = stack_of(A);
            const std::int64_t length = std::min(rows_of(A) - std::max<std::int64_t>(-offset, 0),
                                                 columns_of(A) - std::max<std::int64_t>(offset, 0));
            shape.push_back(std::max<std::int64_t>(length, 0));
            return Signature{call.dtype(0), shape};
        },
    .forward =
        [](const Array& A, const Attributes& attributes, const Shape& shape) {
            const auto offset = attributes.at<std::int64_t>("offset");
            const std::int64_t down = rows_of(A.strides);
            const std::int64_t right = columns_of(A.strides);
            Strides strides = stack_of(A.strides);
            strides.push_back(down + right);
            const std::int64_t start = offset < 0 ? -offset * down : offset * right;
            return std::optional<Layout>({shape.back() > 0 ? start : 0, strides});
        },
    .transposes = {[](const Record& r, const Tensor& g) {
        const Shape& A = r.shape(0);
        return diagonal_in(g, r.attribute<std::int64_t>("offset"), rows_of(A), columns_of(A));
    }},
    .probes = {Probe{"square", {{{3, 3}}}, [](auto x) { return linalg::diagonal(x[0]); }},
               Probe{"above, of a stack", {{{2, 2, 3}}}, [](auto x) { return linalg::diagonal(x[0], 1); }},
               Probe{"below", {{{4, 2}}}, [](auto x) { return linalg::diagonal(x[0], -1); }},
               Probe{"outside", {{{2, 2}}}, [](auto x) { return linalg::diagonal(x[0], 3); }},
               Probe{"one", {{{1, 1}}}, [](auto x) { return linalg::diagonal(x[0]); }},
               Probe{"empty", {{{0, 2, 2}}}, [](auto x) { return linalg::diagonal(x[0]); }}},
});

/// The transpose of matrix_diagonal.
const Op& diagonal_matrix_op = define(Linear{
    .name = "diagonal_matrix",
    .math = "A_i,i+offset = x_i, 0 elsewhere",
    .shape =
        [](const Call& call) {
            const auto& rows_and_columns = call.attributes.at<Shape>("matrix");
            const Shape& x = call.shape(0);
            return Signature{call.dtype(0),
                             matrices({x.begin(), x.end() - 1}, rows_and_columns[0], rows_and_columns[1])};
        },
    .forward =
        [](const KernelCall& call) {
            const auto offset = call.attributes.at<std::int64_t>("offset");
            const std::int64_t columns = columns_of(call.shape);
            const std::int64_t length = call.inputs[0].shape.back();
            const std::int64_t start = offset < 0 ? -offset * columns : offset;
            const Shape stack = stack_of(call.shape);
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            std::memset(call.output, 0, static_cast<std::size_t>(call.shape.size()) * item_size(call.dtype));
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const T* x = static_cast<const T*>(data);
                for (std::int64_t index = 0; index < stack.size(); ++index) {
                    T* target = call.out<T>() + index * rows_of(call.shape) * columns + start;
                    for (std::int64_t i = 0; i < length; ++i) target[i * (columns + 1)] = *x++;
                }
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
        return linalg::diagonal(g, r.attribute<std::int64_t>("offset"));
    }},
    .probes = {Probe{"vector", {{{3}}}, [](auto x) { return diagonal_matrix(x[0]); }},
               Probe{"above, stack", {{{2, 3}}}, [](auto x) { return diagonal_matrix(x[0], 1); }},
               Probe{"below", {{{2}}}, [](auto x) { return diagonal_matrix(x[0], -2); }},
               Probe{"one", {{{1}}}, [](auto x) { return diagonal_matrix(x[0]); }},
               Probe{"empty", {{{0}}}, [](auto x) { return diagonal_matrix(x[0], 1); }}},
});

Tensor diagonal_in(const Tensor& x, std::int64_t offset, std::int64_t rows, std::int64_t columns) {
    return apply(diagonal_matrix_op, {x}, {{"offset", offset}, {"matrix", Shape{rows, columns}}});
}

/// Its own transpose: every element is multiplied by a number, 1, 0 or the weight.
const Op& lower_triangle_op = define(Linear{
    .name = "lower_triangle",
    .math = "y_ij = A_ij for i > j, weight A_ii for i = j, 0 for i < j",
    .shape =
        [](const Call& call) {
            kernels::require_floating(call);
            if (call.shape(0).rank() < 2) call.fail("needs matrices (..., m, n)");
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t rows = rows_of(call.shape);
            const std::int64_t columns = columns_of(call.shape);
            kernels::for_each_matrix(call, stack, rows * columns, [&]<class T>(T* output, std::int64_t index) {
                const auto weight = static_cast<T>(call.attributes.at<double>("weight"));
                const kernels::Matrix<T> A = kernels::matrix_at<T>(call.inputs[0], index, stack);
                for (std::int64_t i = 0; i < rows; ++i) {
                    for (std::int64_t j = 0; j < columns; ++j) {
                        const auto element = [&] { return A.data[i * A.row_stride + j * A.column_stride]; };
                        // A weight of 0 leaves 0, even of what is not finite.
                        *output++ = i > j ? element() : i == j && weight != 0 ? weight * element() : T(0);
                    }
                }
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return lower_triangle(g, r.attribute<double>("weight")); }},
    .probes = {Probe{"square", {{{3, 3}}}, [](auto x) { return lower_triangle(x[0]); }},
               Probe{"wide, half the diagonal", {{{2, 2, 3}}}, [](auto x) { return lower_triangle(x[0], 0.5); }},
               Probe{"tall, strictly", {{{4, 2}}}, [](auto x) { return lower_triangle(x[0], 0); }},
               Probe{"upper", {{{3, 3}}}, [](auto x) { return upper_triangle(x[0], 0.5); }},
               Probe{"one", {{{1, 1}}}, [](auto x) { return lower_triangle(x[0]); }},
               Probe{"empty", {{{0, 2, 2}}}, [](auto x) { return lower_triangle(x[0]); }}},
});

}  // namespace

Tensor matrix_transpose(const Operand& A) {
    const std::size_t rank = A.tensor().rank();
    if (rank < 2) {
        throw ShapeError("matrix_transpose", "needs matrices (..., m, n)", to_string(A.tensor().shape()),
                         Attribution::resolve(A.location()));
    }
    Shape axes;
    for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
    std::swap(axes[rank - 1], axes[rank - 2]);
    return transpose(Operand(A.tensor(), A.location()), axes);
}

Tensor diagonal(const Operand& A, std::int64_t offset) {
    return apply(matrix_diagonal_op, {A.tensor()}, {{"offset", offset}}, A.location());
}

Tensor diagonal_matrix(const Operand& x, std::int64_t offset) {
    const Attribution attribution(x.location());
    const Tensor& tensor = x.tensor();
    if (tensor.rank() == 0) {
        throw ShapeError("diagonal_matrix", "needs vectors (..., n)", to_string(tensor.shape()),
                         Attribution::resolve(x.location()));
    }
    const std::int64_t n = tensor.shape().back() + std::abs(offset);
    return diagonal_in(tensor, offset, n, n);
}

Tensor lower_triangle(const Operand& A, double weight) {
    return apply(lower_triangle_op, {A.tensor()}, {{"weight", weight}}, A.location());
}

Tensor upper_triangle(const Operand& A, double weight) {
    const Attribution attribution(A.location());
    return matrix_transpose(lower_triangle(matrix_transpose(A.tensor()), weight));
}

Tensor symmetric_part(const Operand& A) {
    const Attribution attribution(A.location());
    const Shape& shape = A.tensor().shape();
    if (!kernels::is_square(shape)) {
        throw ShapeError("symmetric_part", "needs square matrices (..., n, n)", to_string(shape),
                         Attribution::resolve(A.location()));
    }
    return (A.tensor() + matrix_transpose(A.tensor())) * 0.5;
}

Tensor identity(std::int64_t n, DType dtype, const Shape& stack, Location at) {
    const Attribution attribution(at);
    return broadcast_to(diagonal_matrix(ones({n}, dtype)), kernels::matrices(stack, n, n));
}

}  // namespace xgrad::linalg
