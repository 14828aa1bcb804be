#pragma once

#include <string_view>

#include <xgrad/graph/op.hpp>

namespace xgrad::explain {

/// How an operation is written. It follows from the formula in the catalogue, so a user's own operation with the
/// formula z = x y is a product like any other; one with none of these formulas is written as a function call.
enum class Writing {
    call,
    add,
    subtract,
    negative,
    multiply,
    divide,
    square,
    reciprocal,
    power,
    matrix_product,
    sum,
    stretch,
    identity,
    transpose,
    reshape,
    cast,
    choice,
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    absolute,
    sigmoid,
    sigmoid_minus,
};

Writing writing_of(const Op& op);

/// The first operation of the catalogue that is written so; null if there is none.
const Op* op_written(Writing writing);

inline bool is_comparison(Writing writing) {
    return writing >= Writing::less && writing <= Writing::not_equal;
}

}  // namespace xgrad::explain
