#pragma once

#include <map>
#include <span>
#include <string>

#include <xgrad/xgrad.hpp>

// The cases of tests/reference/operations.txt as calls of ours. What stands before the first dot is the operation.

namespace reference_calls {

using Inputs = std::span<const xgrad::Tensor>;
using Call = xgrad::Tensor (*)(Inputs);

/// One result per element.
const std::map<std::string, Call>& elementwise();
/// Reductions, products, losses, movement.
const std::map<std::string, Call>& of_arrays();

}  // namespace reference_calls
