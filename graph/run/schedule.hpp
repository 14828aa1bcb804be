#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <xgrad/graph/node.hpp>

namespace xgrad::run {

/// What is to be computed, inputs first, with the bookkeeping of who still needs what.
class Schedule {
  public:
    /// The roots and whatever they need that has no value yet. ValueError if that includes a leaf, which is then a
    /// stand-in.
    explicit Schedule(std::span<Node* const> roots);

    const std::vector<Node*>& order() const { return order_; }
    std::size_t size() const { return order_.size(); }
    Node& operator[](std::size_t index) const { return *order_[index]; }
    /// True if the node is among those to be computed; its `slot` is then its place.
    bool contains(const Node& node) const { return node.slot < order_.size() && order_[node.slot] == &node; }
    /// True if the value can be seen by anything else than the nodes of this schedule: a handle, or a node outside.
    bool is_seen_outside(const Node& node) const {
        return is_root_[node.slot] || node.references.load(std::memory_order_relaxed) > edges_[node.slot];
    }

    /// Called for each node in turn when it is done with, whether or not its value was kept: gives back what nobody
    /// will read again.
    void finish(Node& node);

  private:
    struct Frame {
        Node* node;
        std::size_t next_input;
    };

    void visit(Node* root);

    // A node's slot says where it would stand in order_; it is there only if order_ agrees, so slots need no reset.
    std::vector<Node*> order_;
    std::vector<std::uint32_t> uses_;   // readers that have not been computed
    std::vector<std::uint32_t> edges_;  // readers that still hold a reference
    std::vector<bool> is_root_;
};

}  // namespace xgrad::run
