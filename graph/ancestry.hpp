#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <utility>
#include <vector>

#include <xgrad/graph/node_table.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// The part of a graph that derivatives flow through: everything between results and the parameters, inputs first, and
/// room for what a sweep carries along it. A thread keeps the memory of one for the next.
class Ancestry {
  public:
    static constexpr std::uint32_t none = NodeTable::none;

    /// Nothing beyond a variable among xs is visited: no other x depends on it.
    explicit Ancestry(std::span<const NodeRef> ys, std::span<const Tensor> xs = {});
    ~Ancestry();
    Ancestry(const Ancestry&) = delete;
    Ancestry& operator=(const Ancestry&) = delete;

    std::size_t size() const noexcept { return memory_->order.size(); }
    Node& operator[](std::size_t index) const { return *memory_->order[index]; }
    /// The node whose operation is differentiated: the one that computes the value, or, if an x stands between, the one
    /// that was typed.
    const Node& formula(std::size_t index) const { return *memory_->formulas[index]; }
    /// Where a node stands; none if it is not among the ancestors.
    std::uint32_t index_of(const Node& node) const;
    /// Where the input of a formula stands, if a derivative flows to it; else none.
    std::uint32_t target(std::size_t index, std::size_t input) const {
        return memory_->targets[memory_->first_target[index] + input];
    }
    /// Appends the places of what x stands for: one node, or all versions of a parameter.
    void find(const Tensor& x, std::pmr::vector<std::uint32_t>& places) const;

    /// Marks a node whose cotangent is asked for.
    void want(std::size_t index) { memory_->is_wanted[index] = true; }
    bool is_wanted(std::size_t index) const { return memory_->is_wanted[index]; }
    /// For each node whether it is wanted, or on the way to one that is.
    std::span<const char> needed() const;

    /// A tensor for each node: its cotangent or its tangent. Empty handles at first.
    std::span<Tensor> carried() const noexcept { return memory_->carried; }

  private:
    struct Frame {
        Node* node;
        const Node* formula;
        std::size_t next_input;
    };
    /// Of which parameter, and where it stands.
    using Version = std::pair<const ParameterSlot*, std::uint32_t>;
    struct Memory {
        std::vector<Node*> order;
        std::vector<const Node*> formulas;
        std::vector<std::uint32_t> earlier;  // the place that a node had before
        std::vector<std::uint32_t> targets;
        std::vector<std::uint32_t> first_target;
        std::vector<Version> versions;  // of parameters, sorted
        std::vector<Frame> path;
        std::vector<char> is_wanted;
        std::vector<char> is_needed;
        std::vector<Tensor> carried;
        NodeTable places_of_leaves;
        std::unique_ptr<Memory> next;

        void clear();
    };
    static std::unique_ptr<Memory>& spare();

    bool ends_at(const Node& node) const;
    const Node& formula_of(const Node& node) const;
    void add(Node& node, const Node& formula);
    void visit(Node* root);
    void connect();

    std::span<const Tensor> xs_;
    std::unique_ptr<Memory> memory_;
};

}  // namespace xgrad
