#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>

namespace xgrad::run {

/// Elementwise operations over one shape as a single pass: a block of elements goes through all of them before the next
/// block is begun, so that what one operation gives to another never leaves the cache, and only what is kept is written
/// to memory. The bits are those of one pass per operation.
class FusedLoop {
  public:
    /// The number of an input or a result within the loop.
    using Value = std::uint32_t;
    static constexpr std::size_t most_inputs = 4;

    explicit FusedLoop(const Shape& shape) : shape_(shape), size_(static_cast<std::size_t>(shape.size())) {}

    /// An array that is read, stretched to the loop's shape. The memory must not change while the loop runs.
    Value input(const Array& array);
    /// An operation on earlier values. With `memory` the result is written there, row-major; without, nobody but later
    /// operations can see it.
    Value apply(BlockKernel kernel, std::span<const Value> inputs, DType dtype, void* memory);
    /// Adds up all elements of a value, which is not empty, to one at `total`.
    void sum(Value value, const BlockSum& rule, DType dtype, void* total);
    /// Runs all of it, on several threads if that is worth while.
    void run();

  private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    /// Where a value stands: in memory, or in a slot of the scratch memory that each thread has for one block.
    struct Source {
        std::byte* memory = nullptr;  // the first element; null: in a slot
        std::size_t step = 0;         // bytes from one element in memory to the next
        std::size_t item = 0;
        std::uint32_t slot = none;
        std::uint32_t packer = none;  // fills the slot, from an array that is not contiguous
        std::uint32_t last_use = 0;   // the operation after which the slot is free again
        bool is_fixed = false;        // one number, repeated: the slot is filled once
        bool is_summed = false;       // needed to the end of the block
    };
    struct Operation {
        BlockKernel kernel;
        std::array<Value, most_inputs> inputs;
        std::uint32_t arity;
        Value result;
    };
    struct Sum {
        Value value;
        const BlockSum* rule;
        DType dtype;
        void* total;
        std::vector<std::byte> of_blocks{};
    };
    /// One thread's scratch memory.
    struct Scratch {
        std::byte* slots;
        std::size_t slot_bytes;
        std::byte* at(const Source& source) const { return slots + source.slot * slot_bytes; }
    };

    std::uint32_t assign_slots();
    void run_blocks(std::size_t first, std::size_t end, std::size_t block, Scratch scratch);

    const Shape& shape_;
    std::size_t size_;
    std::size_t fixed_ = 0;
    std::size_t widest_item_ = 1;
    std::vector<Source> values_;
    std::vector<Packer> packers_;
    std::vector<Operation> operations_;
    std::vector<Sum> sums_;
};

}  // namespace xgrad::run
