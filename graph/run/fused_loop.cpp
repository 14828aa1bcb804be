#include <xgrad/graph/run/fused_loop.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>

#include <xgrad/graph/run/fetch.hpp>
#include <xgrad/graph/run/pairs.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/run/practice.hpp>

namespace xgrad::run {

namespace {

// What the slots of one stretch may take together: they should stay in the first cache.
constexpr std::size_t most_slot_bytes = std::size_t{32} << 10;
constexpr std::size_t largest_stretch = 1024;
constexpr std::size_t smallest_stretch = 128;
// Several blocks to a part: a thread that takes a part fills its fixed slots once.
constexpr std::size_t least_part = std::size_t{1} << 14;
// Less memory than this is in the second cache already, or soon is.
constexpr std::size_t worth_fetching = std::size_t{1} << 21;
// Stretches of more memory are short: memory is read and computed with in turns, and should not wait for the other
// long.
constexpr std::size_t stretch_of_memory = 256;
// More numbers than these would crowd the cache; the others are repeated anew for each stretch.
constexpr std::size_t most_fixed = 16;

constexpr std::size_t line = 64;

constexpr std::size_t rounded_up(std::size_t bytes, std::size_t to) {
    return (bytes + to - 1) / to * to;
}

/// At least so much of the memory, aligned to a cache line. It is kept for the next loop.
std::byte* of_lines(std::vector<std::byte>& memory, std::size_t bytes) {
    if (memory.size() < bytes + line) memory.resize(bytes + line);
    const auto misaligned = reinterpret_cast<std::uintptr_t>(memory.data()) % line;
    return memory.data() + (misaligned ? line - misaligned : 0);
}

/// This thread's scratch memory.
std::byte* thread_scratch(std::size_t bytes) {
    thread_local std::vector<std::byte> memory;
    return of_lines(memory, bytes);
}

/// The sums of parts of the loop that this thread has begun.
std::byte* thread_sums(std::size_t bytes) {
    thread_local std::vector<std::byte> memory;
    return of_lines(memory, bytes);
}

}  // namespace

FusedLoop::Value FusedLoop::input(DType dtype, const Shape& shape, const Strides& strides, std::uint32_t address) {
    const auto value = static_cast<Value>(values_.size());
    Source source;
    source.item = static_cast<std::uint8_t>(item_size(dtype));
    widest_item_ = std::max<std::size_t>(widest_item_, source.item);
    Packer packer({dtype, shape, strides, nullptr}, shape_);
    if (packer.is_contiguous()) {
        source.address = address;
    } else {
        source.is_fixed = packer.is_repeated() && fixed_ < most_fixed;
        if (source.is_fixed) ++fixed_;
        source.packer = static_cast<std::uint32_t>(packers_.size());
        packers_.push_back({std::move(packer), address});
        Operation fill{};
        fill.result = value;
        operations_.push_back(fill);
    }
    values_.push_back(source);
    return value;
}

FusedLoop::Value FusedLoop::apply(const BlockKernels& kernels, DType input_dtype, std::span<const Value> inputs,
                                  DType dtype, std::uint32_t address) {
    Operation operation{};
    operation.kernel = kernels.kernel(input_dtype);
    operation.first_operand = static_cast<std::uint32_t>(operands_.size());
    operation.arity = static_cast<std::uint32_t>(inputs.size());
    operation.result = static_cast<Value>(values_.size());
    operation.simple = kernels.simple;
    operation.dtype = input_dtype;
    bool are_fixed = address == none && fixed_ < most_fixed;
    for (const Value input : inputs) {
        operands_.push_back(input);
        ++values_[input].readers;
        are_fixed = are_fixed && values_[input].is_fixed;
    }
    Source result;
    result.is_fixed = are_fixed;
    if (are_fixed) ++fixed_;
    result.item = static_cast<std::uint8_t>(item_size(dtype));
    widest_item_ = std::max<std::size_t>(widest_item_, result.item);
    result.address = address;
    operations_.push_back(operation);
    values_.push_back(result);
    return operation.result;
}

/// Computes each simple operation whose result only another one reads together with that.
void FusedLoop::pair_up() {
    std::vector<std::uint32_t> maker(values_.size());
    for (std::uint32_t number = 0; number < operations_.size(); ++number) {
        Operation& outer = operations_[number];
        maker[outer.result] = number;
        if (outer.simple == Simple::none || values_[outer.result].is_fixed) continue;
        for (std::uint32_t position = 0; position < outer.arity; ++position) {
            const Source& between = values_[inputs(outer)[position]];
            if (between.readers != 1 || between.is_fixed || is_seen(between)) continue;
            Operation& inner = operations_[maker[inputs(outer)[position]]];
            const BlockKernel kernel = kernel_of_pair(outer.simple, position, inner.simple, outer.dtype);
            if (!kernel) continue;
            const auto first = static_cast<std::uint32_t>(operands_.size());
            for (std::uint32_t input = 0; input < outer.arity; ++input) {
                if (input != position) {
                    operands_.push_back(inputs(outer)[input]);
                } else {
                    for (std::uint32_t of = 0; of < inner.arity; ++of) operands_.push_back(inputs(inner)[of]);
                }
            }
            outer.first_operand = first;
            outer.arity += inner.arity - 1;
            outer.kernel = kernel;
            outer.simple = Simple::none;
            inner.arity = none;
            break;
        }
    }
    std::erase_if(operations_, [](const Operation& operation) { return operation.arity == none; });
}

void FusedLoop::assign_slots() {
    const auto results = [this](const Operation& operation, auto&& use) {
        use(values_[operation.result]);
        for (const Value further : operands(operation).subspan(operation.arity)) use(values_[further]);
    };
    for (std::uint32_t number = 0; number < operations_.size(); ++number) {
        results(operations_[number], [&](Source& result) { result.last_use = number; });
        for (const Value input : inputs(operations_[number])) values_[input].last_use = number;
    }
    std::uint32_t slots = 0, block_slots = 0;
    for (Source& source : values_) {
        source.slot = none;
        if (source.is_summed && source.address == none) {
            source.slot = block_slots++;
        } else if (is_filled_once(source)) {
            source.slot = slots++;
        }
    }
    std::vector<std::uint32_t> free;
    for (std::uint32_t number = 0; number < operations_.size(); ++number) {
        const Operation& operation = operations_[number];
        // A kernel's output overlaps no input, so the inputs' slots come free only after it has one.
        results(operation, [&](Source& result) {
            if (result.address != none || result.slot != none) return;
            result.slot = free.empty() ? slots++ : free.back();
            if (!free.empty()) free.pop_back();
        });
        for (const Value input : inputs(operation)) {
            Source& source = values_[input];
            if (source.slot == none || is_filled_once(source) || source.is_summed || source.last_use != number)
                continue;
            free.push_back(source.slot);
            source.last_use = none;  // x x: once only
        }
    }
    slots_ = slots;
    block_slots_ = block_slots;
    for (Value value = 0; value < values_.size(); ++value) {
        if (values_[value].address == none) continue;
        in_memory_.push_back(value);
        bytes_in_memory_ += values_[value].item;
    }
}

/// Notes what the calls of operations read and write somewhere else in each stretch: first slots for a block, then
/// memory.
void FusedLoop::find_moving() {
    const auto note = [&](Value value, std::size_t call, std::uint32_t operand, bool in_memory) {
        const Source& source = values_[value];
        const bool moves =
            in_memory ? source.address != none : source.address == none && source.is_summed && !source.is_fixed;
        if (moves) moving_.push_back({static_cast<std::uint32_t>(call), operand, source.item});
    };
    for (const bool in_memory : {false, true}) {
        for (std::size_t number = once_; number < operations_.size(); ++number) {
            const Operation& operation = operations_[number];
            const std::span<const Value> all = operands(operation);
            for (std::uint32_t operand = 0; operand < all.size(); ++operand) {
                note(all[operand], number - once_, operand, in_memory);
            }
            note(operation.result, number - once_, none, in_memory);
        }
        if (!in_memory) moving_in_slots_ = moving_.size();
    }
}

void FusedLoop::finish() {
    practice_ = Practice::of(*this);
    if (practice_) written_ = operations_;
    pair_up();
    lay_out();
}

/// What comes first, where everything stands, and in what steps the loop runs.
void FusedLoop::lay_out() {
    in_memory_.clear();
    bytes_in_memory_ = 0;
    moving_.clear();
    divide();
    assign_slots();
    const auto repeated =
        std::stable_partition(operations_.begin(), operations_.end(),
                              [&](const Operation& operation) { return is_filled_once(values_[operation.result]); });
    once_ = static_cast<std::size_t>(repeated - operations_.begin());
    shorten_stretch();
    share_fetching();
    if (sums_.empty()) block_ = stretch_;
    slot_bytes_ = rounded_up(std::min(stretch_, size_) * widest_item_, line);
    block_bytes_ = rounded_up(std::min(block_, size_) * widest_item_, line);
    for (Source& source : values_) {
        source.offset =
            source.is_summed ? slots_ * slot_bytes_ + source.slot * block_bytes_ : source.slot * slot_bytes_;
    }
    find_moving();
}

/// How long blocks and parts are, and stretches at most, so that whatever is added up of them is complete. Rows that
/// come again need be brought into their slots only once if each stretch is some whole rows.
void FusedLoop::divide() {
    std::size_t block = 1, part = 1;
    for (const Sum& sum : sums_) {
        block = std::lcm(block, sum.sum.block());
        part = std::lcm(part, sum.sum.part());
    }
    period_ = 1;
    for (Source& source : values_) {
        source.is_periodic = false;
        if (source.packer == none || source.is_fixed) continue;
        const std::size_t period = packers_[source.packer].packer.period();
        if (period == 0 || period > largest_stretch || std::lcm(block, period) > largest_stretch) continue;
        source.is_periodic = true;
        period_ = std::lcm(period_, period);
        block = std::lcm(block, period);
    }
    block_ = block * std::max<std::size_t>(largest_stretch / block, 1);
    part_ = rounded_up(least_part, std::lcm(block, part));
    stretch_ = std::min(block_, largest_stretch);
}

/// Until the slots have room in the first cache.
void FusedLoop::shorten_stretch() {
    const std::size_t single = static_cast<std::size_t>(
        std::count_if(values_.begin(), values_.end(), [](const Source& source) { return source.is_single; }));
    while (stretch_ > smallest_stretch && (slots_ - single) * stretch_ * widest_item_ > most_slot_bytes) {
        const std::size_t shorter = rounded_up((stretch_ + 1) / 2, period_);
        if (shorter == stretch_) return;
        stretch_ = shorter;
    }
}

/// Has each operation fetch a share of the next stretch meanwhile, unless memory is read all the time anyway: that is
/// what loops in machine code do, and what the processor foresees.
void FusedLoop::share_fetching() {
    const auto repeated = std::span(operations_).subspan(once_);
    const bool reads_on =
        std::all_of(repeated.begin(), repeated.end(), [](const Operation& op) { return op.is_composed; });
    fetches_ = size_ * bytes_in_memory_ > worth_fetching && !reads_on;
    if (!fetches_) return;
    stretch_ = std::min(stretch_, rounded_up(stretch_of_memory, period_));
    const auto share = [&](std::size_t turns) { return turns * stretch_ / repeated.size() / line * line; };
    for (std::size_t turn = 0; turn < repeated.size(); ++turn) {
        repeated[turn].first_fetched = static_cast<std::uint32_t>(share(turn));
        repeated[turn].end_fetched = static_cast<std::uint32_t>(share(turn + 1));
    }
}

std::byte* FusedLoop::place_of(Value value, std::size_t element, const Memory& memory) const {
    const Source& source = values_[value];
    return source.address == none ? memory.scratch + source.offset
                                  : memory.addresses[source.address] + element * source.item;
}

FusedLoop::Call FusedLoop::call_of(const Operation& operation, std::size_t first, const Memory& memory,
                                   const void** operands) const {
    const std::span<const Value> all = this->operands(operation);
    for (std::size_t operand = 0; operand < all.size(); ++operand) {
        operands[operand] = place_of(all[operand], first, memory);
    }
    return {operation.kernel, operands, place_of(operation.result, first, memory)};
}

void FusedLoop::run_call(const Call& call, const Operation& operation, std::size_t start, std::size_t count,
                         const Memory& memory) const {
    if (call.kernel) return call.kernel(call.operands, call.target, count);
    const Packing& packing = packers_[values_[operation.result].packer];
    packing.packer.pack_from(memory.addresses[packing.address], start, count, call.target);
}

/// Fills the slots of what is the same for all stretches.
void FusedLoop::run_once(std::size_t elements, const Memory& memory) const {
    const std::size_t count = std::min(stretch_, elements), all = std::min(block_, elements);
    for (const Operation& operation : std::span(operations_).first(once_)) {
        const Call call = call_of(operation, 0, memory, memory.operands);
        const Source& source = values_[operation.result];
        run_call(call, operation, 0, source.is_single ? 1 : count, memory);
        // A slot for a block is longer than those that its number is computed from.
        for (std::size_t filled = count; source.is_summed && filled < all; filled += count) {
            std::memcpy(call.target + filled * source.item, call.target, std::min(count, all - filled) * source.item);
        }
    }
}

/// Brings an operation's share of what the next stretch reads and writes in memory into the second cache. The processor
/// by itself would wait until the next stretch begins, and all at once there would be more than it can have on the way.
void FusedLoop::fetch_share(const Operation& operation, std::size_t start, std::size_t end,
                            const Memory& memory) const {
    const std::size_t first = std::min(end, start + operation.first_fetched);
    const std::size_t last = std::min(end, start + operation.end_fetched);
    if (first == last) return;
    for (const Value value : in_memory_) {
        const Source& source = values_[value];
        fetch(memory.addresses[source.address] + first * source.item, (last - first) * source.item);
    }
}

/// One stretch after the other. The calls are written down once, and what is in memory moves on with each stretch.
void FusedLoop::run_stretches(std::size_t first, std::size_t end, const Memory& memory, std::byte* of_blocks) const {
    const auto repeated = std::span(operations_).subspan(once_);
    Call* const calls = memory.calls;
    const void** operands = memory.operands;
    for (std::size_t number = 0; number < repeated.size(); ++number) {
        calls[number] = call_of(repeated[number], first, memory, operands);
        operands += this->operands(repeated[number]).size();
    }
    const auto move = [&](std::span<const Moving> all, std::ptrdiff_t elements) {
        for (const Moving& moving : all) {
            Call& call = calls[moving.call];
            const std::ptrdiff_t bytes = elements * moving.item;
            if (moving.operand == none) {
                call.target += bytes;
            } else {
                call.operands[moving.operand] = static_cast<const std::byte*>(call.operands[moving.operand]) + bytes;
            }
        }
    };
    for (std::size_t start = first; start < end; start += block_) {
        const std::size_t block_end = std::min(end, start + block_);
        for (std::size_t at = start; at < block_end; at += stretch_) {
            const std::size_t count = std::min(stretch_, block_end - at), next = at + count;
            for (std::size_t number = 0; number < repeated.size(); ++number) {
                if (fetches_) fetch_share(repeated[number], next, next + std::min(stretch_, end - next), memory);
                run_call(calls[number], repeated[number], at, count, memory);
            }
            move(moving_, static_cast<std::ptrdiff_t>(count));
        }
        // A slot for a block begins anew with the next one.
        move(std::span(moving_).first(moving_in_slots_),
             static_cast<std::ptrdiff_t>(start) - static_cast<std::ptrdiff_t>(block_end));
        sum_block(start, block_end, memory, of_blocks);
    }
}

void FusedLoop::run_part(std::size_t first, std::size_t end, Addresses addresses, std::byte* of_blocks) const {
    const std::size_t slots = slots_ * slot_bytes_ + block_slots_ * block_bytes_;
    const bool is_one_stretch = end - first <= stretch_;
    const std::size_t calls = is_one_stretch ? 0 : (operations_.size() - once_) * sizeof(Call);
    const std::size_t operands = is_one_stretch ? Composition::most_arrays : operands_.size();
    std::byte* const scratch = thread_scratch(slots + calls + operands * sizeof(const void*));
    const Memory memory{addresses, scratch, reinterpret_cast<Call*>(scratch + slots),
                        reinterpret_cast<const void**>(scratch + slots + calls)};
    run_once(end - first, memory);
    if (!is_one_stretch) return run_stretches(first, end, memory, of_blocks);
    for (const Operation& operation : std::span(operations_).subspan(once_)) {
        run_call(call_of(operation, first, memory, memory.operands), operation, first, end - first, memory);
    }
    sum_block(first, end, memory, of_blocks);
}

void FusedLoop::run(Addresses addresses) const {
    if (size_ == 0) return;
    if (const FusedLoop* assembled = practice_ ? practice_->form_of(*this) : nullptr) return assembled->run(addresses);
    std::byte* const of_blocks = thread_sums(bytes_of_blocks());
    const std::size_t parts = (size_ + part_ - 1) / part_;
    parallel_for(parts, size_ * widest_item_ * operations_.size(), [&](std::size_t part) {
        run_part(part * part_, std::min(size_, (part + 1) * part_), addresses, of_blocks);
    });
    add_up(of_blocks, addresses);
}

void FusedLoop::run_rows(std::int64_t first, std::int64_t end, std::int64_t rows, Addresses addresses,
                         std::byte* of_blocks) const {
    if (const FusedLoop* assembled = practice_ ? practice_->form_of(*this) : nullptr) {
        return assembled->run_rows(first, end, rows, addresses, of_blocks);
    }
    const std::size_t row = size_ / static_cast<std::size_t>(rows);
    run_part(static_cast<std::size_t>(first) * row, static_cast<std::size_t>(end) * row, addresses, of_blocks);
}

}  // namespace xgrad::run
