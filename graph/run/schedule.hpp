#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <xgrad/graph/node.hpp>
#include <xgrad/graph/node_table.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad::run {

/// What is to be computed, inputs first, and what it looks like: its structure, in which everything stands that a plan
/// depends on, and nothing else. Two schedules with equal structures have one plan.
///
/// Values are numbered: those to be computed by their place in the order, then the computed ones that they read, which
/// are called given. The memory of a schedule is kept from one to the next.
class Schedule {
  public:
    using Value = std::uint32_t;

    /// Which values are to stay: those that anybody can still ask for, or only the roots.
    enum class Keeping : std::uint8_t { reachable, roots };

    /// What becomes of deferred derivatives: they are recorded, and then computed like everything else, or stay one
    /// node each, for which there has to be a Substitute. What such a derivative is of may have been computed before;
    /// with_history, by what it was computed is in the structure too.
    enum class Deferred : std::uint8_t { recorded, kept, with_history };

    /// Forgets what was there and takes the roots and whatever they need that has no value yet.
    /// ValueError if that includes a leaf, which is then a stand-in.
    void begin(std::span<Node* const> roots, Keeping keeping = Keeping::reachable,
               Deferred deferred = Deferred::recorded);

    std::size_t size() const noexcept { return order_.size(); }
    std::span<Node* const> order() const noexcept { return order_; }
    Node& operator[](std::size_t place) const { return *order_[place]; }

    std::span<const Node* const> given() const noexcept { return given_; }
    std::size_t values() const noexcept { return order_.size() + given_.size(); }
    const Node& node(Value value) const { return value < size() ? *order_[value] : *given_[value - size()]; }
    bool is_given(Value value) const { return value >= size(); }
    /// The values that a node reads, one per input.
    std::span<const Value> reads(std::size_t place) const {
        return std::span(reads_).subspan(first_read_[place], first_read_[place + 1] - first_read_[place]);
    }

    /// True if the value can be seen by anything else than the nodes of this schedule: a handle, or a node outside.
    bool is_seen_outside(std::size_t place) const { return flags_[place] & seen; }
    /// True if the value, once it is in memory, is to stay there: it can be seen, or a derivative of what reads it may
    /// still be asked for. What reverse mode has recorded for itself is computed again in such a case.
    bool is_kept(std::size_t place) const;

    /// This schedule with common subexpressions merged: of values that say the same the first one is computed, and the
    /// readers of all read that one. What costs next to nothing stays: it is computed again rather than stored.
    Schedule merged() const;
    /// True for a value that is not computed, because it is that of its only input.
    bool is_merged(std::size_t place) const { return flags_[place] & is_same; }
    /// The first of the values that say the same as this one, merged or not. Of a merged schedule.
    Value first_same(std::size_t place) const { return first_same_[place]; }

    bool has_deferred() const noexcept { return has_deferred_; }
    bool has_rewritten() const noexcept { return has_rewritten_; }
    /// True if an operation was told a function, which is not in the structure.
    bool has_function() const noexcept { return has_function_; }
    /// True if a derivative of something that is computed already may be asked for: by what it is computed is not in
    /// the structure.
    bool lacks_history() const noexcept { return lacks_history_; }
    /// The value of a node; NodeTable::none if it is not there.
    Value value_of(const Node& node) const noexcept {
        return contains(node) ? node.slot : numbers_of_given_.find(&node);
    }
    /// Appends the values that x stands for: one, or all versions of a parameter.
    void find(const Tensor& x, std::vector<std::uint64_t>& values) const;

    std::span<const std::uint64_t> structure() const noexcept { return structure_; }
    std::uint64_t hash() const noexcept { return hash(structure_); }
    static std::uint64_t hash(std::span<const std::uint64_t> structure) noexcept;

  private:
    enum Flag : std::uint8_t { is_root = 1, seen = 2, has_derivative = 4, is_same = 8 };
    struct Frame {
        Node* node;
        std::size_t next_input;
    };
    // A node's slot says where it would stand in order_; it is there only if order_ agrees, so slots need no reset.
    bool contains(const Node& node) const { return node.slot < order_.size() && order_[node.slot] == &node; }
    void collect(std::span<Node* const> roots, Deferred deferred);
    std::vector<NodeRef> deferred_nodes() const;
    bool is_in_history(const Node& node) const { return node.slot < history_.size() && history_[node.slot] == &node; }
    void visit(Node* root, Deferred deferred);
    void connect(Keeping keeping);
    Value given_value(const Node* node);
    void describe();
    void describe_operation(const Node& node, std::span<const Value> inputs, std::uint64_t flags);
    void describe_given(const Node& node);
    void describe_attributes(const Attributes& attributes);

    std::vector<Node*> order_;
    std::vector<Node*> history_;  // computed, inputs first: given values by which others are derived
    std::vector<const Node*> given_;
    std::vector<Value> reads_;
    std::vector<std::uint32_t> first_read_;
    std::vector<std::uint32_t> readers_;  // that hold a reference
    std::vector<std::uint8_t> flags_;
    std::vector<std::uint64_t> structure_;
    std::vector<Frame> path_;
    std::vector<Value> first_same_;
    NodeTable numbers_of_given_;
    bool has_deferred_ = false;
    bool has_rewritten_ = false;
    bool has_function_ = false;
    bool lacks_history_ = false;
};

}  // namespace xgrad::run
