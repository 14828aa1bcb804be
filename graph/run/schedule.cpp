#include <xgrad/graph/run/schedule.hpp>

#include <xgrad/graph/error.hpp>

namespace xgrad::run {

Schedule::Schedule(std::span<Node* const> roots) {
    for (Node* root : roots) visit(root);
    uses_.resize(order_.size());
    is_root_.resize(order_.size());
    for (Node* node : order_) {
        for (const NodeRef& input : node->inputs) {
            if (contains(*input)) ++uses_[input->slot];
        }
    }
    edges_ = uses_;
    for (Node* root : roots) {
        if (!contains(*root)) continue;
        ++uses_[root->slot];
        is_root_[root->slot] = true;
    }
}

void Schedule::visit(Node* root) {
    if (root->is_computed || contains(*root)) return;
    std::vector<Frame> path{{root, 0}};
    while (!path.empty()) {
        Frame& top = path.back();
        if (top.next_input == top.node->inputs.size()) {
            if (top.node->is_leaf()) {
                throw ValueError("vmap", "needs a function that reads no values",
                                 "one that reads an argument of shape " + to_string(top.node->shape),
                                 top.node->location());
            }
            top.node->slot = static_cast<std::uint32_t>(order_.size());
            order_.push_back(top.node);
            path.pop_back();
            continue;
        }
        Node* input = top.node->inputs[top.next_input++].get();
        if (!input->is_computed && !contains(*input)) path.push_back({input, 0});
    }
}

void Schedule::finish(Node& node) {
    const bool forget = node.is_computed && !node.needs_gradient;
    for (const NodeRef& input : node.inputs) {
        if (!contains(*input)) continue;
        const std::uint32_t slot = input->slot;
        --uses_[slot];
        const bool only_we_hold_it = input->references.load(std::memory_order_relaxed) == edges_[slot];
        if (uses_[slot] == 0 && input->is_transient && input->needs_gradient && only_we_hold_it) input->drop_value();
        if (forget) --edges_[slot];
    }
    if (forget) node.drop_history();
}

}  // namespace xgrad::run
