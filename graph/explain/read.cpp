#include <xgrad/graph/explain/read.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/explain/notation.hpp>

namespace xgrad::explain {

namespace {

/// x^p with a small whole p.
bool is_small_whole(std::optional<double> exponent) {
    return exponent && std::abs(*exponent) <= 8 && *exponent == std::floor(*exponent);
}

/// The same value as an uncomputed node's, recorded once more: computing it takes no history from anything.
Tensor copy_of(Node& node, int depth) {
    if (node.is_computed) return Record(node).output();
    if (depth == 0 || node.inputs().empty()) return {};
    std::vector<Tensor> inputs;
    for (const NodeRef& input : node.inputs()) {
        inputs.push_back(copy_of(*input, depth - 1));
        if (inputs.back().is_empty_handle()) return {};
    }
    return apply(*node.op(), inputs, node.attributes(), node.location());
}

template <class T>
bool adds_up_to_one(const T* values, std::int64_t rows, std::int64_t columns, std::int64_t axis) {
    const std::int64_t lines = axis == 0 ? columns : rows;
    const std::int64_t length = axis == 0 ? rows : columns;
    for (std::int64_t line = 0; line < lines; ++line) {
        T total = 0;
        for (std::int64_t i = 0; i < length; ++i)
            total += axis == 0 ? values[i * columns + line] : values[line * columns + i];
        if (total != 1) return false;
    }
    return true;
}

}  // namespace

Ref expression_of(Algebra& algebra, const Node& node, const std::vector<Ref>& arguments) {
    const Op& op = *node.op();
    const DType dtype = node.dtype;
    const Shape& shape = node.shape;
    const Writing writing = writing_of(op);
    const auto plain = [&] { return algebra.call(op, arguments, node.attributes(), dtype, shape); };
    switch (writing) {
        case Writing::identity:
            return arguments[0];
        case Writing::stretch:
            return algebra.stretched(arguments[0], shape);
        case Writing::transpose:
            return algebra.permuted(op, arguments[0], node.attributes(), shape);
        case Writing::reshape:
            return algebra.reshaped(op, arguments[0], node.attributes(), shape);
        case Writing::cast:
            if (const auto value = as_number(arguments[0]); value && is_floating(dtype)) {
                return algebra.stretched(algebra.number(*value, dtype), shape);
            }
            return plain();
        default:
            break;
    }
    if (!is_floating(dtype) || writing == Writing::call) return plain();
    const auto quantity = [&](std::size_t index) { return arguments[index]; };
    switch (writing) {
        case Writing::add:
            return algebra.sum({{1, quantity(0)}, {1, quantity(1)}}, dtype, shape);
        case Writing::subtract:
            return algebra.sum({{1, quantity(0)}, {-1, quantity(1)}}, dtype, shape);
        case Writing::sigmoid_minus: {
            const Ref x = quantity(0);
            return algebra.sum(
                {{1, algebra.call(*op_written(Writing::sigmoid), {x}, {}, dtype, x->shape)}, {-1, quantity(1)}}, dtype,
                shape);
        }
        case Writing::negative:
            return algebra.sum({{-1, quantity(0)}}, dtype, shape);
        case Writing::multiply:
            return algebra.product({{quantity(0), 1}, {quantity(1), 1}}, dtype, shape);
        case Writing::divide:
            return algebra.product({{quantity(0), 1}, {quantity(1), -1}}, dtype, shape);
        case Writing::square:
            return algebra.product({{quantity(0), 2}}, dtype, shape);
        case Writing::reciprocal:
            return algebra.product({{quantity(0), -1}}, dtype, shape);
        case Writing::power:
            if (!is_small_whole(as_number(arguments[1]))) return plain();
            return algebra.product({{quantity(0), *as_number(arguments[1])}}, dtype, shape);
        case Writing::matrix_product:
            return algebra.matrix_product(arguments[0], arguments[1], dtype, shape);
        case Writing::sum:
            if (arguments[0]->dtype != dtype) return plain();
            return algebra.total(op, arguments[0], node.attributes(), shape);
        default:
            return plain();
    }
}

std::optional<double> repeated_number(const Node& node) {
    if (!node.is_computed || !node.data || node.shape.size() == 0) return std::nullopt;
    const Strides strides = node.layout();
    bool is_one_element = strides.rank() == 0;
    for (std::size_t axis = 0; axis < strides.rank(); ++axis) {
        if (node.shape[axis] == 1) continue;
        if (strides[axis] != 0) return std::nullopt;
        is_one_element = true;
    }
    if (!is_one_element) return std::nullopt;
    return visit(node.dtype, [&](auto zero) {
        const auto value = *static_cast<const decltype(zero)*>(node.data);
        const auto number = static_cast<double>(value);
        return static_cast<decltype(zero)>(number) == value ? std::optional(number) : std::nullopt;
    });
}

std::vector<std::optional<double>> arguments_that_give(Node& node, const Node& data) {
    if (!node.op()->is_elementwise_kernel() || node.op()->partials.size() + node.op()->transposes.each_.size() != 2)
        return {};
    const Tensor known = Record(const_cast<Node&>(data)).output();
    const NodeRef value = detail::readable(Record(node).output(), node.dtype, node.location());
    const auto count = static_cast<std::size_t>(node.shape.size()) * item_size(node.dtype);
    for (const auto& arguments : {std::vector<std::optional<double>>{1, {}}, {{}, 0}, {{}, 1}}) {
        std::vector<Tensor> inputs;
        for (const auto& number : arguments) {
            inputs.push_back(number ? algebra::filled(*number, data.dtype, Shape()) : known);
        }
        try {
            const Tensor again = apply(*node.op(), inputs, node.attributes(), node.location());
            if (again.dtype() != node.dtype || again.shape() != node.shape) continue;
            const NodeRef computed = detail::readable(again, node.dtype, node.location());
            if (std::memcmp(computed->data, value->data, count) == 0) return arguments;
        } catch (const Error&) {
            continue;  // not an operation on these dtypes
        }
    }
    return {};
}

std::optional<std::int64_t> distribution_axis(Node& node) {
    if (node.needs_gradient || node.shape.rank() != 2 || !is_floating(node.dtype)) return std::nullopt;
    if (node.shape.size() == 0 || node.shape[0] == 1 || node.shape[1] == 1) return std::nullopt;
    const Tensor copy = copy_of(node, 4);
    if (copy.is_empty_handle()) return std::nullopt;
    const NodeRef values = detail::readable(copy, copy.dtype(), node.location());
    for (const std::int64_t axis : {0, 1}) {
        const bool is_one = visit_floating(values->dtype, [&](auto zero) {
            return adds_up_to_one(static_cast<const decltype(zero)*>(values->data), node.shape[0], node.shape[1], axis);
        });
        if (is_one) return axis;
    }
    return std::nullopt;
}

}  // namespace xgrad::explain
