#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <xgrad/graph/op.hpp>

namespace xgrad {

/// An operation that vmap() is about to apply to all examples at once: how it was recorded for one of them, and its
/// inputs, of which those that differ from example to example have the examples along a new first axis.
class BatchCall {
  public:
    BatchCall(const Node& recorded, std::span<const Tensor> inputs, std::int64_t examples) noexcept
        : recorded_(recorded), inputs_(inputs), examples_(examples) {}

    const Op& op() const { return *recorded_.op(); }
    const Attributes& attributes() const { return recorded_.attributes(); }
    std::int64_t examples() const { return examples_; }
    std::size_t inputs() const { return inputs_.size(); }
    /// An input's shape for one example.
    const Shape& shape(std::size_t input) const { return recorded_.inputs()[input]->shape; }
    /// The result's shape for one example.
    const Shape& shape() const { return recorded_.shape; }
    bool is_batched(std::size_t input) const { return inputs_[input].rank() > shape(input).rank(); }
    /// The input as it is.
    const Tensor& given(std::size_t input) const { return inputs_[input]; }
    /// The input with the examples along its first axis, repeated if it is the same for all.
    Tensor whole(std::size_t input) const;
    /// The input, fit to be broadcast: if it is batched, with axes of extent 1 behind the examples up to the result's
    /// rank.
    Tensor aligned(std::size_t input) const;

  private:
    const Node& recorded_;
    std::span<const Tensor> inputs_;
    std::int64_t examples_;
};

/// The batch rule of an operation that can be told of a new first axis by its attributes: `axis` and the numbers in
/// `axes` go up by one, `shape` gets the examples in front, `starts` a 0 and `steps` a 1. An operation on the last axes
/// of its inputs, such as one on stacks of matrices, has no such attributes and needs none.
Tensor lifted(const BatchCall& call);

/// The same for an operation that broadcasts its inputs, or stacks of matrices in them, aligned at their last axes to
/// the rank of the result: an input of lower rank gets axes of extent 1 behind the examples.
Tensor lifted_broadcasting(const BatchCall& call);

/// The attributes as lifted() changes them.
Attributes lifted_attributes(const BatchCall& call);

/// The operation on the examples one after the other along the first axis, for an operation that treats the members of
/// that axis each by itself. The inputs after the first `joined` ones have no such axis and are the same for all.
Tensor joined_along_first(const BatchCall& call, std::size_t joined);

/// A shape with the examples in front.
Shape with_examples(std::int64_t examples, const Shape& shape);

}  // namespace xgrad
