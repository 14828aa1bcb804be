#pragma once

#include <span>

#include <xgrad/graph/node.hpp>

namespace xgrad::run {

/// Computes the given nodes and whatever they need that has no value yet.
///
/// Afterwards every root is computed. A node that no gradient needs has let go of its inputs; what reverse mode has
/// recorded has a value only if somebody outside holds the node. If anything throws, nothing has changed, and all of it
/// can be computed again.
void execute(std::span<Node* const> roots);

/// Brings a computed node's value into row-major order if it is not.
void make_contiguous(Node& node);

}  // namespace xgrad::run
