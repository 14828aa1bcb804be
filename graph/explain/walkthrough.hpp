#pragma once

#include <span>
#include <string>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// One HTML page, which needs nothing else, that goes through the equations of a scalar y and of its gradients ∂y/∂xs
/// step by step: the graph of what has a name, and with each step its equation and its values. Computes all of them.
/// Throws what grad() throws.
std::string walkthrough(const Tensor& y, std::span<const Tensor> xs, Location at = Location::current());

inline std::string walkthrough(const Tensor& y, const std::vector<Tensor>& xs, Location at = Location::current()) {
    return walkthrough(y, std::span<const Tensor>(xs), at);
}

}  // namespace xgrad
