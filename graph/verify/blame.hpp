#pragma once

#include <optional>

#include <xgrad/graph/verify/checker.hpp>

/// Which operation a wrong derivative comes from. Not installed.
namespace xgrad::verify {

/// The first operation between the parameters and a scalar, in recorded order, whose own derivative differs from
/// differences of its own kernel at the values that it had. An operation that declares its derivative zero, or whose
/// gradient is given by a function, is named only if no other one is wrong.
std::optional<WrongOp> first_wrong_op(const Tensor& scalar, const CheckOptions& options, Location at);

}  // namespace xgrad::verify
