#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/loop_sum.hpp>
#include <xgrad/graph/run/machine_code.hpp>
#include <xgrad/graph/run/pack.hpp>

namespace xgrad::run {

/// Where each value of a computation begins in memory.
using Addresses = std::byte* const*;

/// Elementwise operations over one shape as a single pass: a stretch of elements goes through all of them before the
/// next one is begun, so that what one operation gives to another never leaves the cache, and only what is kept is
/// written to memory. The bits are those of one pass per operation.
///
/// First the loop is written down, with the numbers of the values that it reads and writes; then it is run, any number
/// of times, on memory that is given each time.
class FusedLoop {
  public:
    /// The number of an input or a result within the loop.
    using Value = std::uint32_t;
    static constexpr std::size_t most_inputs = 4;
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    explicit FusedLoop(const Shape& shape) : shape_(shape), size_(static_cast<std::size_t>(shape.size())) {}

    /// An array that is read, stretched to the loop's shape; `address` is its number among the addresses.
    Value input(DType dtype, const Shape& shape, const Strides& strides, std::uint32_t address);
    /// An operation on earlier values. The result is written to memory, row-major, if it has an address; if it has
    /// none, nobody but later operations can see it.
    Value apply(const BlockKernels& kernels, DType input_dtype, std::span<const Value> inputs, DType dtype,
                std::uint32_t address);
    /// Adds up a value, which is not empty. The sums of rows are there as soon as the rows are, others in the end.
    void sum(Value value, const LoopSum& sum, DType dtype, std::uint32_t address);
    /// To be called once when everything is written down.
    void finish();

    /// Runs all of it, on several threads if that is worth while. The memory that is read must not change meanwhile.
    void run(Addresses addresses) const;
    /// Runs it on some of the rows, of so many along the first axis, on this thread. If it adds up, these are whole
    /// parts of its sums, which come to `of_blocks`, in which there is room for the sums of all.
    void run_rows(std::int64_t first, std::int64_t end, std::int64_t rows, Addresses addresses,
                  std::byte* of_blocks) const;
    std::size_t bytes_of_blocks() const;
    /// Adds up the sums of all blocks, which are overwritten.
    void add_up(std::byte* of_blocks, Addresses addresses) const;

  private:
    /// Where a value stands: in memory, or in a slot of the scratch memory that each thread has, which holds a stretch
    /// of it, or of what is summed a whole block.
    struct Source {
        std::uint32_t address = none;  // none: in a slot
        std::uint32_t slot = none;
        std::size_t offset = 0;       // of the slot in the scratch memory
        std::uint32_t packer = none;  // fills the slot, from an array that is not contiguous
        std::uint32_t readers = 0;
        std::uint32_t last_use = 0;  // the operation after which the slot is free again
        std::uint8_t item = 0;       // bytes
        bool is_fixed = false;       // one number, repeated, or computed from such: the slot is filled once
        bool is_single = false;      // and this number at the beginning of the slot is enough
        bool is_summed = false;      // needed to the end of the block
        bool is_periodic = false;    // rows that come again in each stretch: the slot is filled once, too
    };
    /// Without a kernel: an array that is not contiguous is brought into a slot.
    struct Operation {
        BlockKernel kernel;
        std::uint32_t first_operand;  // of those that it reads, behind which stand its further results
        std::uint32_t arity;
        std::uint32_t further_results;
        Value result;
        Simple simple;                // if it can be one of several that are computed together
        bool is_composed;             // in machine code
        DType dtype;                  // of the inputs
        std::uint32_t first_fetched;  // of the next stretch: these elements are fetched meanwhile
        std::uint32_t end_fetched;
    };
    struct Packing {
        Packer packer;
        std::uint32_t address;
    };
    struct Sum {
        Value value;
        LoopSum sum;
        DType dtype;
        std::uint32_t address;
    };
    /// An operation as it is called for one stretch.
    struct Call {
        BlockKernel kernel;
        const void** operands;
        std::byte* target;
    };
    /// What a thread works on.
    struct Memory {
        Addresses addresses;
        std::byte* scratch;
        Call* calls;
        const void** operands;
    };
    /// What is elsewhere for the next stretch: an operand of a call, or none: its target.
    struct Moving {
        std::uint32_t call;
        std::uint32_t operand;
        std::uint8_t item;
    };
    /// How often it was run, and the form in which it is run from some time on.
    class Practice;

    std::span<const Value> operands(const Operation& operation) const {
        return std::span(operands_).subspan(operation.first_operand, operation.arity + operation.further_results);
    }
    std::span<const Value> inputs(const Operation& operation) const {
        return operands(operation).first(operation.arity);
    }
    /// Not only by other operations.
    static bool is_seen(const Source& source) { return source.address != none || source.is_summed; }
    static bool is_filled_once(const Source& source) { return source.is_fixed || source.is_periodic; }

    void pair_up();
    bool is_composable(const Operation& operation) const;
    void put_in_turns();
    Composition composition_of(std::size_t first, std::size_t end, std::span<const std::uint32_t> made_by,
                               std::vector<Value>& arrays) const;
    std::size_t end_of_composition(std::size_t first, std::span<const std::uint32_t> made_by) const;
    bool compose();
    void find_single();
    void lay_out();
    void assign_slots();
    void share_fetching();
    void find_moving();
    std::byte* place_of(Value value, std::size_t element, const Memory& memory) const;
    Call call_of(const Operation& operation, std::size_t first, const Memory& memory, const void** operands) const;
    void run_call(const Call& call, const Operation& operation, std::size_t start, std::size_t count,
                  const Memory& memory) const;
    void run_once(std::size_t elements, const Memory& memory) const;
    [[gnu::always_inline]] inline void fetch_share(const Operation& operation, std::size_t start, std::size_t end,
                                                   const Memory& memory) const;
    void run_stretches(std::size_t first, std::size_t end, const Memory& memory, std::byte* of_blocks) const;
    void sum_block(std::size_t start, std::size_t end, const Memory& memory, std::byte* of_blocks) const;
    /// `of_blocks` is for the sums of blocks, those of each sum behind each other.
    void run_part(std::size_t first, std::size_t end, Addresses addresses, std::byte* of_blocks) const;
    void divide();
    void shorten_stretch();
    std::size_t parts_of(const Sum& sum) const { return (size_ + sum.sum.part() - 1) / sum.sum.part(); }
    std::size_t sum_bytes(const Sum& sum) const;

    Shape shape_;
    std::size_t size_;
    std::size_t fixed_ = 0;
    std::size_t widest_item_ = 1;
    std::size_t slots_ = 0;        // for a stretch
    std::size_t block_slots_ = 0;  // for a block, behind the others
    std::size_t slot_bytes_ = 0;
    std::size_t block_bytes_ = 0;
    std::size_t period_ = 1;   // elements after which rows come again
    std::size_t stretch_ = 0;  // elements that go through all operations together: some periods
    std::size_t block_ = 0;    // elements that are summed together: some stretches
    std::size_t part_ = 0;     // elements that one thread goes through: whole blocks of each sum
    std::vector<Source> values_;
    std::vector<Packing> packers_;
    std::vector<Operation> operations_;
    std::vector<Value> operands_;
    std::vector<Operation> written_;  // all of them, as they were written down, if there is practice_
    std::vector<Sum> sums_;
    std::size_t once_ = 0;             // so many operations, the first ones, run once for all stretches
    std::vector<Value> in_memory_;     // not in slots,
    std::size_t bytes_in_memory_ = 0;  // one element of each
    bool fetches_ = false;             // the next stretch while it computes this one
    std::vector<Moving> moving_;
    std::size_t moving_in_slots_ = 0;  // so many, the first ones
    std::shared_ptr<const MachineCode> code_;
    std::shared_ptr<Practice> practice_;  // null if machine code would gain nothing
};

}  // namespace xgrad::run
