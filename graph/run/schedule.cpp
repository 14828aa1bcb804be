#include <xgrad/graph/run/schedule.hpp>

#include <algorithm>
#include <bit>
#include <type_traits>

#include <xgrad/graph/deferred.hpp>
#include <xgrad/graph/error.hpp>
#include <xgrad/graph/op.hpp>

namespace xgrad::run {

namespace {

std::uint64_t word_of(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

std::uint64_t packed(std::uint64_t high, std::uint64_t low) {
    return high << 32 | low;
}

/// A derivative of it goes through what it was computed from.
bool has_history(const Node& node) {
    return node.needs_gradient && !node.is_leaf();
}

constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio

}  // namespace

void Schedule::begin(std::span<Node* const> roots, Keeping keeping, Deferred deferred) {
    collect(roots, deferred);
    // Derivative rules may compute something, which has a schedule of its own and gives the nodes other slots.
    while (has_deferred_ && deferred == Deferred::recorded) {
        for (const NodeRef& node : deferred_nodes()) node->inputs();
        collect(roots, deferred);
    }
    flags_.assign(order_.size(), 0);
    readers_.assign(order_.size(), 0);
    for (Node* root : roots) {
        if (!root->is_computed) flags_[root->slot] = is_root;
    }
    connect(keeping);
    describe();
}

std::vector<NodeRef> Schedule::deferred_nodes() const {
    std::vector<NodeRef> nodes;
    for (Node* node : order_) {
        if (node->is_deferred) nodes.push_back(NodeRef::share(*node));
    }
    return nodes;
}

void Schedule::collect(std::span<Node* const> roots, Deferred deferred) {
    order_.clear();
    history_.clear();
    given_.clear();
    reads_.clear();
    first_read_.clear();
    structure_.clear();
    numbers_of_given_.clear();
    has_deferred_ = has_rewritten_ = has_function_ = lacks_history_ = false;
    for (Node* root : roots) visit(root, deferred);
}

void Schedule::visit(Node* root, Deferred deferred) {
    const auto is_new = [&](const Node& node) {
        if (!node.is_computed) return !contains(node);
        return deferred == Deferred::with_history && has_history(node) && !is_in_history(node);
    };
    if (!is_new(*root)) return;
    path_.clear();
    path_.push_back({root, 0});
    while (!path_.empty()) {
        Frame& top = path_.back();
        Node& node = *top.node;
        const Inputs& sources = node.sources();
        if (top.next_input < sources.size()) {
            Node* input = sources[top.next_input++].get();
            if (is_new(*input)) path_.push_back({input, 0});
            continue;
        }
        if (node.is_leaf()) {
            throw ValueError("vmap", "needs a function that reads no values",
                             "one that reads an argument of shape " + to_string(node.shape), node.location());
        }
        has_deferred_ = has_deferred_ || (node.is_deferred && !node.is_computed);
        has_rewritten_ = has_rewritten_ || node.is_rewritten;
        std::vector<Node*>& list = node.is_computed ? history_ : order_;
        node.slot = static_cast<std::uint32_t>(list.size());
        list.push_back(&node);
        path_.pop_back();
    }
}

void Schedule::connect(Keeping keeping) {
    for (const Node* node : history_) {
        for (const NodeRef& input : node->sources()) {
            if (input->is_computed) given_value(input.get());
        }
        given_value(node);
    }
    lacks_history_ = false;  // what was given so far has one
    for (Node* node : order_) {
        first_read_.push_back(static_cast<std::uint32_t>(reads_.size()));
        const std::uint8_t reader = keeping == Keeping::reachable && node->needs_gradient ? has_derivative : 0;
        for (const NodeRef& input : node->sources()) {
            if (input->is_computed) {
                reads_.push_back(given_value(input.get()));
            } else {
                reads_.push_back(input->slot);
                ++readers_[input->slot];
                flags_[input->slot] |= reader;
            }
        }
    }
    first_read_.push_back(static_cast<std::uint32_t>(reads_.size()));
    for (std::size_t place = 0; place < order_.size(); ++place) {
        const bool is_held = keeping == Keeping::reachable && order_[place]->references.count() > readers_[place];
        if (is_held || (flags_[place] & is_root)) flags_[place] |= seen;
    }
}

bool Schedule::is_kept(std::size_t place) const {
    return (flags_[place] & seen) || ((flags_[place] & has_derivative) && !order_[place]->is_transient);
}

Schedule::Value Schedule::given_value(const Node* node) {
    const auto [value, is_new] = numbers_of_given_.enter(node, static_cast<Value>(values()));
    if (is_new) {
        given_.push_back(node);
        lacks_history_ = lacks_history_ || has_history(*node);
    }
    return value;
}

void Schedule::find(const Tensor& x, std::vector<std::uint64_t>& values) const {
    const Node& node = *x.node();
    if (!x.is_parameter()) {
        const Value value = value_of(node);
        if (value != NodeTable::none) values.push_back(value);
        return;
    }
    for (std::size_t index = 0; index < given_.size(); ++index) {
        const Extra* extra = given_[index]->extra.get();
        if (extra && extra->slot == node.extra->slot) values.push_back(size() + index);
    }
}

void Schedule::describe() {
    for (std::size_t place = 0; place < order_.size(); ++place) {
        const std::uint64_t kept = is_kept(place), outside = is_seen_outside(place);
        describe_operation(*order_[place], reads(place), kept << 1 | outside);
    }
    for (const Node* node : given_) describe_given(*node);
    std::vector<Value> inputs;
    for (const Node* node : history_) {
        inputs.clear();
        for (const NodeRef& input : node->sources()) inputs.push_back(value_of(*input));
        describe_operation(*node, inputs, 0);
    }
}

void Schedule::describe_operation(const Node& typed, std::span<const Value> inputs, std::uint64_t flags) {
    const Node& node = typed.formula();
    const std::uint64_t derived = typed.needs_gradient, ends = typed.is_variable;
    // Addresses are even.
    structure_.push_back(node.is_deferred ? 2 * node.extra->deferred->number() + 1 : word_of(node.op()));
    structure_.push_back(packed(inputs.size() << 8 | ends << 3 | derived << 2 | flags,
                                node.shape.rank() << 8 | static_cast<std::uint64_t>(node.dtype)));
    for (std::size_t input = 0; input < inputs.size(); input += 2) {
        structure_.push_back(packed(inputs[input], input + 1 < inputs.size() ? inputs[input + 1] : 0));
    }
    if (node.is_deferred) {
        structure_.push_back(node.extra->deferred_index);
        structure_.push_back(node.extra->deferred->held());
        return;
    }
    // The shape of an elementwise result follows from those of what it reads.
    if (node.op()->is_elementwise_kernel()) return;
    for (const std::int64_t extent : node.shape) structure_.push_back(static_cast<std::uint64_t>(extent));
    describe_attributes(node.attributes());
}

void Schedule::describe_given(const Node& node) {
    const std::uint64_t is_strided = node.strides != nullptr, derived = node.needs_gradient, ends = node.is_variable;
    structure_.push_back(
        packed(ends << 2 | derived << 1 | is_strided, node.shape.rank() << 8 | static_cast<std::uint64_t>(node.dtype)));
    for (const std::int64_t extent : node.shape) structure_.push_back(static_cast<std::uint64_t>(extent));
    if (!node.strides) return;
    for (const std::int64_t stride : *node.strides) structure_.push_back(static_cast<std::uint64_t>(stride));
}

void Schedule::describe_attributes(const Attributes& attributes) {
    for (const Attributes::Entry& entry : attributes) {
        structure_.push_back(entry.value.index());
        std::visit(
            [this](const auto& value) {
                using T = std::decay_t<decltype(value)>;
                if constexpr (std::is_same_v<T, Shape>) {
                    structure_.push_back(value.rank());
                    for (const std::int64_t number : value) structure_.push_back(static_cast<std::uint64_t>(number));
                } else if constexpr (std::is_same_v<T, double>) {
                    structure_.push_back(std::bit_cast<std::uint64_t>(value));
                } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
                    structure_.push_back(static_cast<std::uint64_t>(value));
                } else {
                    // What only the operation knows is read when it is computed, from the node.
                    has_function_ = true;
                }
            },
            entry.value);
    }
}

std::uint64_t Schedule::hash(std::span<const std::uint64_t> structure) noexcept {
    std::uint64_t hash = structure.size();
    for (const std::uint64_t word : structure) hash = (std::rotl(hash, 5) ^ word) * odd;
    return hash ^ hash >> 29;
}

}  // namespace xgrad::run
