#pragma once

#include <span>

#include <xgrad/graph/node.hpp>

namespace xgrad::run {

/// Computes the given nodes and whatever they need that has no value yet.
///
/// Afterwards every root is computed. A node that no gradient needs has let go of its inputs; the value of a node that
/// reverse mode recorded is given back after its last use, unless somebody outside holds the node. If anything throws,
/// what was computed stays computed and the rest can be computed again.
void execute(std::span<Node* const> roots);

/// Brings a computed node's value into row-major order if it is not.
void make_contiguous(Node& node);

}  // namespace xgrad::run
