#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <xgrad/graph/explain/expression.hpp>

namespace xgrad::explain {

/// The node's operation on arguments that have been made expressions.
Ref expression_of(Algebra& algebra, const Node& node, const std::vector<Ref>& arguments);

/// The number that a computed node holds, if it has one element and no axes, or is one number repeated.
std::optional<double> repeated_number(const Node& node);

/// The arguments with which a computed node's operation gives its value to the bit: the data (no value) and 0 or 1, or
/// the other way round. Empty if there are none.
std::vector<std::optional<double>> arguments_that_give(Node& node, const Node& data);

/// The axis along which a matrix that depends on no parameter adds up to exactly 1 everywhere: 0 for labels one-hot in
/// columns.
std::optional<std::int64_t> distribution_axis(Node& node);

}  // namespace xgrad::explain
