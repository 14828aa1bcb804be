#pragma once

#include <cstdint>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/kernels/dense.hpp>
#include <xgrad/ops/kernels/reduce.hpp>

/// Arrays whose last two axes are matrices and whose leading axes are a stack of them.
namespace xgrad::kernels {

inline Shape stack_of(const Shape& shape) {
    return {shape.begin(), shape.end() - 2};
}
inline std::int64_t rows_of(const Shape& shape) {
    return shape[shape.rank() - 2];
}
inline std::int64_t columns_of(const Shape& shape) {
    return shape.back();
}
inline Shape matrices(Shape stack, std::int64_t rows, std::int64_t columns) {
    stack.push_back(rows);
    stack.push_back(columns);
    return stack;
}

/// Matrix number `index` of an array whose stack is seen stretched to `stack`.
template <class T>
Matrix<T> matrix_at(const Array& array, std::int64_t index, const Shape& stack) {
    const std::size_t rank = array.shape.rank();
    const Strides strides = stretched_strides(stack_of(array.shape), stack_of(array.strides), stack);
    return {array.as<T>() + offset_of(index, stack, strides), array.shape[rank - 2], array.shape[rank - 1],
            array.strides[rank - 2], array.strides[rank - 1]};
}

/// Calls f(output of matrix number `index`, index) for each matrix of the stack, with `size` elements of output each.
template <class F>
void for_each_matrix(const KernelCall& call, const Shape& stack, std::int64_t size, F&& f) {
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t index = 0; index < stack.size(); ++index) f(call.out<T>() + index * size, index);
    });
}

// What the shape rules ask for.

inline void require_floating(const Call& call) {
    for (std::size_t input = 0; input < call.inputs.size(); ++input) {
        if (!is_floating(call.dtype(input)) || call.dtype(input) != call.dtype(0)) {
            call.fail_dtype("needs float32 or float64");
        }
    }
}
inline bool is_square(const Shape& shape) {
    return shape.rank() >= 2 && rows_of(shape) == columns_of(shape);
}
inline void require_square(const Call& call) {
    require_floating(call);
    if (!is_square(call.shape(0))) call.fail("needs square matrices (..., n, n)");
}

}  // namespace xgrad::kernels
