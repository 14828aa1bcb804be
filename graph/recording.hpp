#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

struct BlockKernels;
struct Call;
struct Signature;

/// While alive, a plain number that comes back on this thread, as the 1 in 1 - tanh² does in every layer and a learning
/// rate for every parameter, is one leaf.
class SharedNumbers {
  public:
    SharedNumbers() noexcept;
    ~SharedNumbers();
    SharedNumbers(const SharedNumbers&) = delete;
    SharedNumbers& operator=(const SharedNumbers&) = delete;

    /// This thread's outermost ones; null if there are none.
    static SharedNumbers* outermost() noexcept;
    /// The leaf with this number; an empty one, which is to be filled, if it has not been used lately.
    NodeRef& leaf_for(double number, DType dtype) noexcept;

  private:
    struct Number {
        std::uint64_t bits = 0;
        DType dtype{};
        NodeRef leaf;
    };
    static constexpr std::size_t most_numbers = 8;

    SharedNumbers* previous_;
    Number numbers_[most_numbers];
    std::size_t oldest_ = 0;
};

/// While alive, what this thread records is marked as recomputable: reverse mode's own work, whose values need not be
/// kept for a derivative that nobody has asked for yet.
class TransientScope {
  public:
    TransientScope() noexcept;
    /// For the derivatives of so many nodes.
    explicit TransientScope(std::size_t nodes) noexcept;
    ~TransientScope();
    TransientScope(const TransientScope&) = delete;
    TransientScope& operator=(const TransientScope&) = delete;

    static bool is_active() noexcept;

  private:
    bool previous_;
    std::int64_t previous_bound_;
    SharedNumbers numbers_;
};

/// While alive, what this thread records is for a stand-in without a value, and is not computed: not even eagerly.
class TracingScope {
  public:
    TracingScope() noexcept;
    ~TracingScope();
    TracingScope(const TracingScope&) = delete;
    TracingScope& operator=(const TracingScope&) = delete;
};

/// While alive, what this thread computes keeps its history, although no gradient needs it: for those who want to know
/// how a result depends on numbers by whatever way, through the positions of argsort for one.
class HistoryScope {
  public:
    HistoryScope() noexcept;
    ~HistoryScope();
    HistoryScope(const HistoryScope&) = delete;
    HistoryScope& operator=(const HistoryScope&) = delete;
};
bool is_history_kept() noexcept;

/// While alive, what this thread records is computed as it is typed: by those who know that it keeps its digits.
class AsTypedScope {
  public:
    AsTypedScope() noexcept;
    ~AsTypedScope();
    AsTypedScope(const AsTypedScope&) = delete;
    AsTypedScope& operator=(const AsTypedScope&) = delete;

    static bool is_active() noexcept;

  private:
    bool previous_;
};

/// True within such a scope: a check of values has to wait until they are computed.
bool is_tracing() noexcept;

namespace detail {

/// How often this thread has asked for values, whether or not they were there: a derivative rule that does so may give
/// something else for other values.
std::uint64_t& values_read() noexcept;

}  // namespace detail

/// A leaf that stands for an argument of a function that is traced: it has a shape and a dtype but no value.
Tensor stand_in(DType dtype, Shape shape, Location at);

/// The shape rule of every elementwise kernel: one dtype that it takes, shapes that broadcast.
Signature elementwise_signature(const Call& call, const BlockKernels& kernels);

/// ShapeError if broadcasting is strict and an operand is stretched to the result in a way that is rarely meant.
void refuse_doubtful_stretch(const Call& call, const Shape& result);

/// The node that an operation is recorded with: a parameter's current version, any other tensor's own node.
/// ValueError for an empty handle.
const NodeRef& source(const Tensor& tensor, std::string_view op, Location at);

/// Tensors as arguments of a function whose derivatives are taken: each is a node of its own, so that what xs have to
/// do with each other, or with what the function reads by itself, does not count; but it stays connected to its x.
/// GradientError in the name of op unless they are floating point.
std::vector<Tensor> variables(const std::vector<Tensor>& xs, std::string_view op, Location at);

}  // namespace xgrad
