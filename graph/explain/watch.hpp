#pragma once

#include <span>

#include <xgrad/graph/node.hpp>

/// What the executor does while WatchNonFinite is alive. Not installed.
namespace xgrad::explain {

bool is_watching() noexcept;

/// Computes the roots, and throws the ValueError of WatchNonFinite if one of them is not finite.
void watch(std::span<Node* const> roots, void (*compute)(std::span<Node* const>));

}  // namespace xgrad::explain
