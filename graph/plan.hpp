#pragma once

#include <string>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// How these tensors would be computed now, as text; nothing is computed. A line for each step, in order: one operation
/// with a kernel of its own, or a loop with its elementwise operations; what it reads and writes in memory and its
/// floating-point operations, and for each value that a loop has to write although it made it, why. At the end the
/// memory: what stays with its node, and the working memory that the rest shares by lifetime. Values that are there
/// already are not computed again, and what says the same as another value is computed with it.
std::string plan(const std::vector<Tensor>& tensors, Location at = Location::current());
std::string plan(const Tensor& tensor, Location at = Location::current());

}  // namespace xgrad
