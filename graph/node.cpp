#include <xgrad/graph/node.hpp>

#include <algorithm>
#include <atomic>
#include <new>
#include <string>

#include <xgrad/graph/deferred.hpp>
#include <xgrad/graph/error.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/spare_memory.hpp>

namespace xgrad {

namespace {

/// Nodes made minus nodes freed, per thread, so that recording touches no shared counter. A thread that frees what
/// another made goes negative; the sum is right.
struct Counter {
    std::atomic<std::int64_t> nodes{0};
    detail::Pending pending;
    Counter* next = nullptr;
    std::atomic<bool> in_use{true};
};

std::atomic<Counter*> counters{nullptr};

/// Hands each thread a counter; one left by a finished thread is taken over with its sum. None is ever freed.
Counter& acquire_counter() {
    for (Counter* counter = counters.load(); counter; counter = counter->next) {
        bool free = false;
        if (counter->in_use.compare_exchange_strong(free, true)) {
            counter->pending = {};
            return *counter;
        }
    }
    auto* fresh = new Counter;
    fresh->next = counters.load();
    while (!counters.compare_exchange_weak(fresh->next, fresh)) {
    }
    return *fresh;
}

struct CounterHandle {
    Counter& counter = acquire_counter();
    ~CounterHandle() { counter.in_use = false; }
};

thread_local constinit Counter* own_counter = nullptr;

Counter& enter_thread() noexcept {
    thread_local CounterHandle handle;
    own_counter = &handle.counter;
    return handle.counter;
}

Counter& this_thread() noexcept {
    return own_counter ? *own_counter : enter_thread();
}

void count(std::int64_t change) noexcept {
    auto& nodes = this_thread().nodes;
    nodes.store(nodes.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

}  // namespace

void* Node::operator new(std::size_t) {
    return detail::SpareMemory<sizeof(Node)>::take();
}

void Node::operator delete(void* memory) noexcept {
    detail::SpareMemory<sizeof(Node)>::give_back(memory);
}

void* Extra::operator new(std::size_t) {
    return detail::SpareMemory<sizeof(Extra)>::take();
}

void Extra::operator delete(void* memory) noexcept {
    detail::SpareMemory<sizeof(Extra)>::give_back(memory);
}

void* OwnStrides::operator new(std::size_t) {
    return detail::SpareMemory<sizeof(OwnStrides)>::take();
}

void OwnStrides::operator delete(void* memory) noexcept {
    detail::SpareMemory<sizeof(OwnStrides)>::give_back(memory);
}

std::int64_t live_nodes() noexcept {
    std::int64_t sum = 0;
    for (Counter* counter = counters.load(); counter; counter = counter->next) {
        sum += counter->nodes.load(std::memory_order_relaxed);
    }
    return sum;
}

void Inputs::assign(std::span<Node* const> inputs) {
    if (inputs.size() > inline_capacity) heap_ = std::make_unique<NodeRef[]>(inputs.size());
    count_ = static_cast<std::uint32_t>(inputs.size());
    std::transform(inputs.begin(), inputs.end(), begin(), [](Node* input) { return NodeRef::share(*input); });
}

void Inputs::swap(Inputs& other) noexcept {
    std::swap(inline_, other.inline_);
    std::swap(heap_, other.heap_);
    std::swap(count_, other.count_);
}

void Inputs::clear() noexcept {
    NodeRef* edges = begin();
    const std::uint32_t count = std::exchange(count_, 0);
    for (std::uint32_t index = 0; index < count; ++index) edges[index] = NodeRef();
    heap_.reset();
}

Node::Node(DType dtype_, Shape shape_) : dtype(dtype_), shape(std::move(shape_)) {
    count(+1);
}

Node::~Node() {
    count(-1);
    if (is_parameter()) extra->slot->parameter = nullptr;
    if (is_deferred) leave_deferred();
    if (owns_pending) --detail::pending().nodes;
    if (is_leaf() && storage) detail::pending().leaf_bytes -= static_cast<std::int64_t>(storage->bytes());
}

void Node::replace(Node& recorded) noexcept {
    if (is_deferred) leave_deferred();
    op_ = recorded.op_;
    attributes_ = recorded.attributes_;
    inputs_.swap(recorded.inputs_);
    needs_gradient = recorded.needs_gradient;
    file = recorded.file;
    line = recorded.line;
}

void Node::record_deferred() const {
    // The last of them to be replaced lets go of what they have in common.
    const std::shared_ptr<DeferredDerivatives> deferred = extra->deferred;
    deferred->record();
}

void Node::leave_deferred() noexcept {
    is_deferred = false;
    extra->deferred->forget(extra->deferred_index);
    extra->deferred.reset();
}

void Node::allocate() {
    strides.reset();
    const std::int64_t size = shape.size();
    if (size <= 1) {
        storage = StorageRef();
        data = scalar;
    } else {
        storage = new_storage();
        data = storage->data();
    }
}

StorageRef Node::new_storage() const {
    try {
        return StorageRef(Storage::allocate(static_cast<std::size_t>(shape.size()) * item_size(dtype)));
    } catch (const std::bad_alloc&) {
        refuse_memory();
    }
}

void Node::refuse_memory() const {
    const std::size_t bytes = static_cast<std::size_t>(shape.size()) * item_size(dtype);
    throw OutOfMemory(op_ ? op_->name : "Tensor", "needs " + std::to_string(bytes) + " bytes for " + to_string(shape),
                      location());
}

void Node::drop_value() noexcept {
    storage = StorageRef();
    strides.reset();
    data = nullptr;
    is_computed = false;
}

void Node::mark_computed() noexcept {
    is_computed = true;
    mark_settled();
}

void Node::mark_settled() noexcept {
    if (owns_pending) {
        owns_pending = false;
        --detail::pending().nodes;
    }
}

namespace detail {

Pending& pending() noexcept {
    return this_thread().pending;
}

void mark_pending(Node& node) noexcept {
    node.owns_pending = true;
    ++pending().nodes;
}

void destroy(Node* node) noexcept {
    // Freeing a node lets go of its inputs, which may free them in turn. A list instead of recursion: the depth of a
    // graph is not bounded by the stack.
    thread_local Node* waiting = nullptr;  // linked through `data`, so that nothing is allocated
    thread_local bool is_draining = false;
    node->data = waiting;
    waiting = node;
    if (is_draining) return;
    is_draining = true;
    while (waiting) {
        Node* next = waiting;
        waiting = static_cast<Node*>(next->data);
        delete next;
    }
    is_draining = false;
}

}  // namespace detail

}  // namespace xgrad
