#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <xgrad/graph/attributes.hpp>
#include <xgrad/graph/dtype.hpp>
#include <xgrad/graph/location.hpp>
#include <xgrad/graph/reference_count.hpp>
#include <xgrad/graph/shape.hpp>
#include <xgrad/graph/storage.hpp>

namespace xgrad {

struct Node;
struct Op;

/// Owns one reference to a Node, or none. The last one frees the node and, without recursion, what only it held.
class NodeRef {
  public:
    NodeRef() noexcept = default;
    explicit NodeRef(Node* owned) noexcept : node_(owned) {}
    /// One more reference to a node that somebody else owns.
    static inline NodeRef share(Node& node) noexcept;
    inline NodeRef(const NodeRef& other) noexcept;
    NodeRef(NodeRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    NodeRef& operator=(NodeRef other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    inline ~NodeRef();

    Node* get() const noexcept { return node_; }
    Node& operator*() const noexcept { return *node_; }
    Node* operator->() const noexcept { return node_; }
    explicit operator bool() const noexcept { return node_ != nullptr; }
    friend bool operator==(const NodeRef&, const NodeRef&) noexcept = default;

  private:
    Node* node_ = nullptr;
};

/// The edges from a node to its inputs: up to three in the node itself, more on the heap.
class Inputs {
  public:
    Inputs() noexcept = default;
    Inputs(const Inputs&) = delete;
    Inputs& operator=(const Inputs&) = delete;
    ~Inputs() { clear(); }

    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    const NodeRef* begin() const noexcept { return count_ > inline_capacity ? heap_.get() : inline_; }
    const NodeRef* end() const noexcept { return begin() + count_; }
    NodeRef* begin() noexcept { return count_ > inline_capacity ? heap_.get() : inline_; }
    const NodeRef& operator[](std::size_t index) const noexcept { return begin()[index]; }
    /// Fills empty edges.
    void assign(std::span<Node* const> inputs);
    void swap(Inputs& other) noexcept;
    void clear() noexcept;

  private:
    static constexpr std::uint32_t inline_capacity = 3;
    NodeRef inline_[inline_capacity];
    std::unique_ptr<NodeRef[]> heap_;
    std::uint32_t count_ = 0;
};

/// What a parameter and all versions of its value share: their common identity, and the gradient that backward()
/// leaves there.
struct ParameterSlot {
    NodeRef gradient;
    Node* parameter = nullptr;  // the node that stands for it, while there is one

    /// The version that holds the parameter's value; null once nobody holds the parameter.
    inline const Node* current() const noexcept;
};

/// Fills a leaf anew before a computation that was recorded once runs again: the place of a random draw.
struct Refill {
    virtual ~Refill() = default;
    virtual void fill(void* data) const = 0;
};

class DeferredDerivatives;

/// The rarely used part of a node.
///
/// A parameter's node stands for its identity and has a current version, a node of its own with which operations are
/// recorded; so assigning a new value leaves everything recorded before as it was.
struct Extra {
    static void* operator new(std::size_t bytes);  // as for nodes
    static void operator delete(void* memory) noexcept;

    std::string name;
    std::shared_ptr<ParameterSlot> slot;  // of a parameter or one of its versions
    NodeRef current;                      // of a parameter only
    std::unique_ptr<const Refill> refill{};
    NodeRef instead{};   // of a rewritten node: the same value by a formula that keeps more digits
    NodeRef argument{};  // and what both formulas are functions of
    std::shared_ptr<DeferredDerivatives> deferred{};  // of a deferred node: what it is a derivative of
    std::uint32_t deferred_index = 0;                 // and the place among these
};

/// The strides of a node whose elements do not stand one after the other.
struct OwnStrides : Strides {
    explicit OwnStrides(const Strides& strides) : Strides(strides) {}
    static void* operator new(std::size_t bytes);  // as for nodes
    static void operator delete(void* memory) noexcept;
};

/// One recorded value: how it is computed, what it looks like and, once computed, its numbers.
///
/// Nodes belong to the thread that records them until they are computed; computed leaves may be read by any thread.
struct Node {
    Node(DType dtype, Shape shape);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // Nodes are made and freed by the thousand: each thread keeps the memory of some.
    static void* operator new(std::size_t bytes);
    static void operator delete(void* memory) noexcept;

    detail::ReferenceCount references;
    DType dtype;
    bool needs_gradient : 1 = false;  // a parameter is among its ancestors
    bool is_computed : 1 = false;
    bool is_transient : 1 = false;  // recorded by reverse mode: recomputed rather than kept
    bool owns_pending : 1 = false;  // counted as recorded but not computed
    bool is_variable : 1 = false;   // an argument of a function: derivatives with respect to it end there
    bool is_rewritten : 1 = false;  // computed and differentiated by another formula than the one that was typed
    bool is_deferred : 1 = false;   // a derivative whose inputs are recorded when somebody looks at them
    std::uint32_t line = 0;
    std::uint32_t slot = 0;   // index in the schedule that is being executed; garbage otherwise
    std::uint32_t place = 0;  // the same for a derivative that is being taken
    const char* file = "";

  private:
    const Op* op_ = nullptr;
    Attributes attributes_;
    Inputs inputs_;

  public:
    Shape shape;
    void* data = nullptr;                       // the first element
    StorageRef storage;                         // empty while the value stands in `scalar`
    std::unique_ptr<const OwnStrides> strides;  // empty: row-major without gaps
    std::unique_ptr<Extra> extra;
    alignas(16) std::byte scalar[16];  // room for one element of any dtype

    /// The operation that computes the value; null: a leaf.
    const Op* op() const noexcept { return op_; }
    const Attributes& attributes() const noexcept { return attributes_; }
    /// Looking at the inputs of a deferred node records what it is computed by.
    const Inputs& inputs() const {
        if (is_deferred) [[unlikely]]
            record_deferred();
        return inputs_;
    }
    /// What the value depends on: the inputs of its formula or, of a deferred node, what it is a derivative of.
    const Inputs& sources() const noexcept { return formula().inputs_; }

    /// Becomes the result of an operation.
    void define(const Op& op, Attributes attributes, std::span<Node* const> inputs) {
        op_ = &op;
        attributes_ = std::move(attributes);
        inputs_.assign(inputs);
    }
    /// Takes the place of a node that nobody else holds and that has no value yet.
    void replace(Node& recorded) noexcept;

    Location location() const noexcept { return {file, line}; }
    bool is_leaf() const noexcept { return !op_; }
    bool is_parameter() const noexcept { return extra && extra->current; }
    /// The node by whose operation and inputs this one is computed: itself, unless it is rewritten.
    const Node& formula() const noexcept { return is_rewritten ? *extra->instead : *this; }
    Strides layout() const { return strides ? static_cast<const Strides&>(*strides) : row_major(shape); }

    /// Takes memory for the value, row-major: in the node itself if there is one element. Throws std::bad_alloc.
    void allocate();
    /// New memory for the value, outside the node. Throws OutOfMemory with the node's place.
    StorageRef new_storage() const;
    /// Throws OutOfMemory with the node's operation, shape and place.
    [[noreturn]] void refuse_memory() const;
    /// Gives the value's memory back; the node can be computed again.
    void drop_value() noexcept;
    void mark_computed() noexcept;
    /// No longer waiting to be computed: what needed it has been, without keeping it.
    void mark_settled() noexcept;
    /// Lets go of the inputs: the node becomes a constant.
    void drop_history() noexcept {
        if (is_rewritten) extra->instead = extra->argument = NodeRef();
        if (is_deferred) leave_deferred();
        is_rewritten = false;
        inputs_.clear();
    }

  private:
    void record_deferred() const;
    void leave_deferred() noexcept;
};

/// How many nodes are alive in the process. Two equal readings around a piece of code show that it left none behind.
std::int64_t live_nodes() noexcept;

namespace detail {

/// This thread's recorded work that has not been computed, and the bytes of the leaves it has made.
struct Pending {
    std::int64_t nodes = 0;
    std::int64_t leaf_bytes = 0;
    std::int64_t leaf_bytes_at_last_flush = 0;
};
Pending& pending() noexcept;

void destroy(Node* node) noexcept;
void mark_pending(Node& node) noexcept;

}  // namespace detail

inline const Node* ParameterSlot::current() const noexcept {
    return parameter ? parameter->extra->current.get() : nullptr;
}

inline NodeRef NodeRef::share(Node& node) noexcept {
    node.references.add();
    return NodeRef(&node);
}

inline NodeRef::NodeRef(const NodeRef& other) noexcept : node_(other.node_) {
    if (node_) node_->references.add();
}

inline NodeRef::~NodeRef() {
    if (node_ && node_->references.drop()) detail::destroy(node_);
}

}  // namespace xgrad
