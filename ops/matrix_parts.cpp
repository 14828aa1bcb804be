#include <xgrad/ops/matrix_parts.hpp>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/rearrange.hpp>

namespace xgrad::linalg {

Tensor matrix_transpose(const Operand& A) {
    const std::size_t rank = A.tensor().rank();
    if (rank < 2) {
        throw ShapeError("matrix_transpose", "needs matrices (..., m, n)", explain::operand_text(A.tensor()),
                         Attribution::resolve(A.location()));
    }
    Shape axes;
    for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
    std::swap(axes[rank - 1], axes[rank - 2]);
    return transpose(Operand(A.tensor(), A.location()), axes);
}

Tensor diagonal(const Operand& A, std::int64_t offset) {
    const Attribution attribution(A.location());
    return xgrad::diagonal(A.tensor(), offset, -2, -1);
}

Tensor lower_triangle(const Operand& A, double weight) {
    const Attribution attribution(A.location());
    if (weight == 1) return tril(A.tensor());
    if (weight == 0) return tril(A.tensor(), -1);
    return weight * tril(A.tensor()) + (1 - weight) * tril(A.tensor(), -1);
}

Tensor upper_triangle(const Operand& A, double weight) {
    const Attribution attribution(A.location());
    return matrix_transpose(lower_triangle(matrix_transpose(A.tensor()), weight));
}

Tensor symmetric_part(const Operand& A) {
    const Attribution attribution(A.location());
    const Shape& shape = A.tensor().shape();
    if (!kernels::is_square(shape)) {
        throw ShapeError("symmetric_part", "needs square matrices (..., n, n)", explain::operand_text(A.tensor()),
                         Attribution::resolve(A.location()));
    }
    return (A.tensor() + matrix_transpose(A.tensor())) * 0.5;
}

Tensor identity(std::int64_t n, DType dtype, const Shape& stack, Location at) {
    const Attribution attribution(at);
    return broadcast_to(eye(n, n, 0, dtype), kernels::matrices(stack, n, n));
}

}  // namespace xgrad::linalg
