#include <bit>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/execute.hpp>

namespace xgrad {

namespace {

// Recorded work is computed when it passes one of these bounds, so that a loop that never reads anything runs in
// bounded memory. A million nodes take some 200 MB.
constexpr std::int64_t most_pending_nodes = std::int64_t{1} << 20;
// A derivative has a few times as many nodes as what it is of. It belongs together with that, if it is not too much
// already.
constexpr std::int64_t most_pending_with_derivative = 4 * most_pending_nodes;
constexpr std::int64_t most_pending_leaf_bytes = std::int64_t{1} << 30;

bool environment_says(const char* variable, std::string_view what) {
    const char* value = std::getenv(variable);
    return value && value == what;
}

std::atomic<bool> eager{environment_says("XGRAD_EAGER", "1")};
std::atomic<bool> rewrites{!environment_says("XGRAD_REWRITES", "0")};
thread_local SharedNumbers* outermost_numbers = nullptr;
thread_local bool recording_derivatives = false;
thread_local std::int64_t most_pending = most_pending_nodes;
thread_local bool as_typed = false;
thread_local int tracing = 0;
thread_local int keeping_history = 0;
thread_local std::uint64_t times_values_were_read = 0;

void bound_pending(Node& newest) {
    detail::Pending& pending = detail::pending();
    const bool many_nodes = pending.nodes > most_pending;
    const bool many_bytes = pending.leaf_bytes - pending.leaf_bytes_at_last_flush > most_pending_leaf_bytes;
    if (!many_nodes && !many_bytes) return;
    Node* root = &newest;
    run::execute({&root, 1});
    pending.leaf_bytes_at_last_flush = pending.leaf_bytes;
}

}  // namespace

void set_eager(bool value) noexcept {
    eager = value;
}

bool is_eager() noexcept {
    return eager.load(std::memory_order_relaxed);
}

void set_rewrites(bool value) noexcept {
    rewrites = value;
}

bool has_rewrites() noexcept {
    return rewrites.load(std::memory_order_relaxed);
}

SharedNumbers::SharedNumbers() noexcept : previous_(outermost_numbers) {
    if (!previous_) outermost_numbers = this;
}

SharedNumbers::~SharedNumbers() {
    outermost_numbers = previous_;
}

SharedNumbers* SharedNumbers::outermost() noexcept {
    return outermost_numbers;
}

NodeRef& SharedNumbers::leaf_for(double number, DType dtype) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(number);
    for (Number& known : numbers_) {
        if (known.leaf && known.bits == bits && known.dtype == dtype) return known.leaf;
    }
    Number& next = numbers_[oldest_];
    oldest_ = (oldest_ + 1) % most_numbers;
    next = {bits, dtype, {}};
    return next.leaf;
}

TransientScope::TransientScope() noexcept
    : previous_(std::exchange(recording_derivatives, true)), previous_bound_(most_pending) {}
TransientScope::TransientScope(std::size_t nodes) noexcept : TransientScope() {
    if (nodes <= static_cast<std::size_t>(most_pending_nodes)) most_pending = most_pending_with_derivative;
}

TransientScope::~TransientScope() {
    recording_derivatives = previous_;
    most_pending = previous_bound_;
}

bool TransientScope::is_active() noexcept {
    return recording_derivatives;
}

AsTypedScope::AsTypedScope() noexcept : previous_(std::exchange(as_typed, true)) {}

AsTypedScope::~AsTypedScope() {
    as_typed = previous_;
}

bool AsTypedScope::is_active() noexcept {
    return as_typed;
}

HistoryScope::HistoryScope() noexcept {
    ++keeping_history;
}

HistoryScope::~HistoryScope() {
    --keeping_history;
}

bool is_history_kept() noexcept {
    return keeping_history > 0;
}

TracingScope::TracingScope() noexcept {
    ++tracing;
}

TracingScope::~TracingScope() {
    --tracing;
}

bool is_tracing() noexcept {
    return tracing > 0;
}

std::uint64_t& detail::values_read() noexcept {
    return times_values_were_read;
}

Tensor stand_in(DType dtype, Shape shape, Location at) {
    NodeRef leaf(new Node(dtype, std::move(shape)));
    leaf->file = at.file;
    leaf->line = at.line;
    leaf->needs_gradient = leaf->is_variable = is_floating(dtype);
    return Tensor(std::move(leaf));
}

namespace {

Signature signature_of(const Op& op, const Call& call) {
    try {
        return op.shape(call);
    } catch (const std::length_error&) {
        throw ShapeError(op.name, "needs at most 32 axes", explain::operands_text(call.inputs), call.at);
    }
}

/// Lets a node be computed by a better formula, if there is one. Not what reverse mode records: it differentiates the
/// better formula already.
void rewrite(Node& node) {
    if (recording_derivatives || as_typed || !has_rewrites()) return;
    const Attribution attribution(node.location());
    const Rewritten better = node.op()->rewrite.better(Record(node));
    if (better.value.is_empty_handle()) return;
    if (!node.extra) node.extra = std::make_unique<Extra>();
    node.extra->instead = better.value.node();
    node.extra->argument = better.argument.node();
    node.is_rewritten = true;
}

/// Records an operation on nodes that somebody holds. `at` is resolved already.
Tensor record(const Op& op, std::span<Node* const> inputs, Attributes attributes, Location at) {
    const Call call{op.name, inputs, attributes, at};
    Signature signature =
        op.broadcasts ? elementwise_signature(call, std::get<BlockKernels>(op.forward)) : signature_of(op, call);
    const bool is_known = op.broadcasts && signature.shape == inputs[0]->shape;
    if (!is_known && !is_valid(signature.shape)) {
        throw ShapeError(op.name, "needs extents that are not negative and fit memory", to_string(signature.shape), at);
    }
    NodeRef node(new Node(signature.dtype, std::move(signature.shape)));
    node->define(op, std::move(attributes), inputs);
    node->file = at.file;
    node->line = at.line;
    node->is_transient = recording_derivatives;
    bool needs_gradient = false;
    for (const Node* input : inputs) needs_gradient = needs_gradient || input->needs_gradient;
    node->needs_gradient =
        needs_gradient && is_floating(node->dtype) && !(op.family == Op::Family::general && op.zero_reason(0));
    detail::mark_pending(*node);
    if (op.rewrite.is_possible && op.rewrite.is_possible(*node)) rewrite(*node);
    if (is_tracing()) return Tensor(std::move(node));
    if (is_eager()) {
        Node* root = node.get();
        run::execute({&root, 1});
    } else {
        bound_pending(*node);
    }
    return Tensor(std::move(node));
}

}  // namespace

const NodeRef& source(const Tensor& tensor, std::string_view op, Location at) {
    const NodeRef& node = tensor.node();
    if (!node) throw ValueError(op, "needs a tensor", "an empty handle", at);
    return node->is_parameter() ? node->extra->current : node;
}

Tensor apply(const Op& op, std::span<const Tensor> tensors, Attributes attributes, Location at) {
    at = Attribution::resolve(at);
    constexpr std::size_t few = 4;
    Node* on_stack[few];
    std::vector<Node*> on_heap;
    if (tensors.size() > few) on_heap.resize(tensors.size());
    Node** inputs = tensors.size() > few ? on_heap.data() : on_stack;
    for (std::size_t index = 0; index < tensors.size(); ++index) {
        inputs[index] = source(tensors[index], op.name, at).get();
    }
    return record(op, {inputs, tensors.size()}, std::move(attributes), at);
}

Tensor apply(const Op& op, std::initializer_list<Tensor> inputs, Attributes attributes, Location at) {
    return apply(op, std::span<const Tensor>(inputs.begin(), inputs.size()), std::move(attributes), at);
}

namespace {

/// The dtype that a plain number takes on beside a tensor.
DType dtype_beside(const Operand& number, DType tensor) {
    if (is_floating(tensor)) return tensor;
    if (!number.is_whole()) return DType::float64;
    return tensor == DType::boolean ? DType::int64 : tensor;
}

Tensor new_number(const Operand& operand, DType dtype, std::string_view op) {
    NodeRef leaf = detail::new_leaf(dtype, Shape(), operand.location());
    visit(dtype, [&](auto zero) {
        using T = decltype(zero);
        const double number = operand.number();
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
            // Not by way of a double, which holds 53 bits. They differ where an unsigned number exceeds int64.
            const std::int64_t whole = operand.whole();
            if (static_cast<double>(whole) != number || whole < std::numeric_limits<T>::min() ||
                whole > std::numeric_limits<T>::max()) {
                throw ValueError(op, "needs a number that fits " + std::string(name(dtype)),
                                 fmt::format("{:.0f}", number), Attribution::resolve(operand.location()));
            }
            *static_cast<T*>(leaf->data) = static_cast<T>(whole);
        } else {
            *static_cast<T*>(leaf->data) = static_cast<T>(number);
        }
    });
    return Tensor(std::move(leaf));
}

Tensor number_as(const Operand& operand, DType dtype, std::string_view op) {
    SharedNumbers* const numbers = SharedNumbers::outermost();
    if (!numbers || !is_floating(dtype)) return new_number(operand, dtype, op);
    NodeRef& leaf = numbers->leaf_for(operand.number(), dtype);
    if (!leaf) leaf = new_number(operand, dtype, op).node();
    return Tensor(leaf);
}

Tensor as(const Tensor& tensor, DType dtype) {
    return tensor.dtype() == dtype ? tensor : algebra::cast(tensor, dtype);
}

}  // namespace

Promoted promote(std::string_view op, const Operand& x, const Operand& y) {
    const Location at = Attribution::resolve(x.location());
    if (x.is_number() && y.is_number()) {
        return {Tensor(x.number(), at), Tensor(y.number(), at), at};
    }
    if (x.is_number() || y.is_number()) {
        const Tensor& tensor = x.is_number() ? y.handle() : x.handle();
        const Operand& number = x.is_number() ? x : y;
        const DType own = source(tensor, op, at)->dtype;
        const DType dtype = dtype_beside(number, own);
        DType meeting = dtype;
        if (!xgrad::promote(own, dtype, meeting)) {
            throw DTypeError(op, "has no common dtype without losing digits; use astype",
                             std::string(name(own)) + " and a number with a fraction", at);
        }
        Tensor left = x.is_number() ? number_as(x, dtype, op) : as(x.handle(), dtype);
        Tensor right = y.is_number() ? number_as(y, dtype, op) : as(y.handle(), dtype);
        return {std::move(left), std::move(right), at};
    }
    const DType left = source(x.handle(), op, at)->dtype;
    const DType right = source(y.handle(), op, at)->dtype;
    DType dtype = left;
    if (left != right && !promote(left, right, dtype)) {
        throw DTypeError(op, "has no common dtype without losing digits; use astype",
                         std::string(name(left)) + " and " + std::string(name(right)), at);
    }
    if (left == right) return {x.handle(), y.handle(), at};
    const Attribution attribution(at);
    return {as(x.handle(), dtype), as(y.handle(), dtype), at};
}

Tensor apply(const Op& op, const Operand& x) {
    const Location at = Attribution::resolve(x.location());
    Node* input = source(x.handle(), op.name, at).get();
    return record(op, {&input, 1}, {}, at);
}

Tensor apply(const Op& op, const Operand& x, const Operand& y) {
    if (!x.is_number() && !y.is_number()) {
        const Location at = Attribution::resolve(x.location());
        Node* inputs[] = {source(x.handle(), op.name, at).get(), source(y.handle(), op.name, at).get()};
        if (inputs[0]->dtype == inputs[1]->dtype) return record(op, inputs, {}, at);
    }
    const Promoted pair = promote(op.name, x, y);
    Node* inputs[] = {source(pair.x, op.name, pair.at).get(), source(pair.y, op.name, pair.at).get()};
    return record(op, inputs, {}, pair.at);
}

}  // namespace xgrad
