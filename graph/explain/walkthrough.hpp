#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

struct WalkthroughOptions {
    std::size_t most_steps = 1000;  ///< of both passes; a page of so many has some 300 kB, and nobody reads more
};

/// One HTML page, which needs nothing else, that goes through the equations of a scalar y and of its gradients ∂y/∂xs
/// step by step: the graph of what has a name, and with each step its equation and its values. Computes all of them.
/// Throws what grad() throws, and ValueError, before anything is computed, for a graph of more steps than asked for or
/// of more than 20 operations to each of them: draw() folds such a graph, derivation() its repeated layers.
std::string walkthrough(const Tensor& y, std::span<const Tensor> xs, const WalkthroughOptions& options = {},
                        Location at = Location::current());

inline std::string walkthrough(const Tensor& y, const std::vector<Tensor>& xs, const WalkthroughOptions& options = {},
                               Location at = Location::current()) {
    return walkthrough(y, std::span<const Tensor>(xs), options, at);
}

}  // namespace xgrad
