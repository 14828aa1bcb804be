#include <xgrad/graph/run/fused_loop.hpp>

#include <algorithm>

#include <xgrad/graph/run/parallel.hpp>

namespace xgrad::run {

namespace {

// What the slots of one block may take together: they should stay in the first cache.
constexpr std::size_t most_slot_bytes = std::size_t{32} << 10;
constexpr std::size_t largest_block = 1024;
constexpr std::size_t smallest_block = 128;
// Several blocks to a part: a thread that takes a part fills its fixed slots once.
constexpr std::size_t part_size = std::size_t{1} << 14;
// More numbers than these would crowd the cache; the others are repeated anew for each block.
constexpr std::size_t most_fixed = 16;

constexpr std::size_t line = 64;

/// This thread's scratch memory, at least so large and aligned to a cache line. It is kept for the next loop.
std::byte* thread_scratch(std::size_t bytes) {
    thread_local std::vector<std::byte> memory;
    if (memory.size() < bytes + line) memory.resize(bytes + line);
    const auto misaligned = reinterpret_cast<std::uintptr_t>(memory.data()) % line;
    return memory.data() + (misaligned ? line - misaligned : 0);
}

}  // namespace

FusedLoop::Value FusedLoop::input(const Array& array) {
    Source source;
    source.item = item_size(array.dtype);
    widest_item_ = std::max(widest_item_, source.item);
    Packer packer(array, shape_);
    if (packer.is_contiguous()) {
        source.memory = static_cast<std::byte*>(const_cast<void*>(array.data));  // no result: it is only read
        source.step = source.item;
    } else {
        source.is_fixed = packer.is_repeated() && fixed_ < most_fixed;
        if (source.is_fixed) ++fixed_;
        source.packer = static_cast<std::uint32_t>(packers_.size());
        packers_.push_back(std::move(packer));
    }
    values_.push_back(source);
    return static_cast<Value>(values_.size() - 1);
}

FusedLoop::Value FusedLoop::apply(BlockKernel kernel, std::span<const Value> inputs, DType dtype, void* memory) {
    const auto number = static_cast<std::uint32_t>(operations_.size());
    Operation operation{kernel, {}, static_cast<std::uint32_t>(inputs.size()), static_cast<Value>(values_.size())};
    for (std::size_t input = 0; input < inputs.size(); ++input) {
        operation.inputs[input] = inputs[input];
        values_[inputs[input]].last_use = number;
    }
    Source result;
    result.item = item_size(dtype);
    widest_item_ = std::max(widest_item_, result.item);
    result.memory = static_cast<std::byte*>(memory);
    if (memory) result.step = result.item;
    result.last_use = number;
    operations_.push_back(operation);
    values_.push_back(result);
    return operation.result;
}

void FusedLoop::sum(Value value, const BlockSum& rule, DType dtype, void* total) {
    values_[value].is_summed = true;
    sums_.push_back({value, &rule, dtype, total});
}

std::uint32_t FusedLoop::assign_slots() {
    std::uint32_t slots = 0;
    for (Source& source : values_) {
        if (source.is_fixed) source.slot = slots++;
    }
    std::vector<std::uint32_t> free;
    const auto take = [&](Source& source) {
        if (source.memory || source.slot != none) return;
        if (free.empty()) {
            source.slot = slots++;
        } else {
            source.slot = free.back();
            free.pop_back();
        }
    };
    for (std::uint32_t number = 0; number < operations_.size(); ++number) {
        const Operation& operation = operations_[number];
        for (std::uint32_t input = 0; input < operation.arity; ++input) take(values_[operation.inputs[input]]);
        // A kernel's output overlaps no input, so the inputs' slots come free only after it has one.
        take(values_[operation.result]);
        for (std::uint32_t input = 0; input < operation.arity; ++input) {
            Source& source = values_[operation.inputs[input]];
            if (source.slot == none || source.is_fixed || source.is_summed || source.last_use != number) continue;
            free.push_back(source.slot);
            source.last_use = none;  // x x: once only
        }
    }
    return slots;
}

void FusedLoop::run_blocks(std::size_t first, std::size_t end, std::size_t block, Scratch scratch) {
    for (const Source& source : values_) {
        if (source.is_fixed) packers_[source.packer].pack(0, std::min(block, end - first), scratch.at(source));
    }
    std::vector<bool> is_packed(packers_.size());
    for (std::size_t start = first; start < end; start += block) {
        const std::size_t count = std::min(block, end - start);
        std::fill(is_packed.begin(), is_packed.end(), false);
        for (const Operation& operation : operations_) {
            const void* inputs[most_inputs];
            for (std::uint32_t input = 0; input < operation.arity; ++input) {
                const Source& source = values_[operation.inputs[input]];
                if (source.memory) {
                    inputs[input] = source.memory + start * source.step;
                    continue;
                }
                inputs[input] = scratch.at(source);
                if (source.packer == none || source.is_fixed || is_packed[source.packer]) continue;
                packers_[source.packer].pack(start, count, scratch.at(source));
                is_packed[source.packer] = true;
            }
            const Source& result = values_[operation.result];
            void* output = result.memory ? result.memory + start * result.step : scratch.at(result);
            operation.kernel(inputs, output, count);
        }
        for (Sum& sum : sums_) {
            const Source& source = values_[sum.value];
            const void* values = source.memory ? source.memory + start * source.step : scratch.at(source);
            sum.rule->sum_block(sum.dtype, values, count, sum.of_blocks.data() + start / block * source.item);
        }
    }
}

void FusedLoop::run() {
    if (size_ == 0) return;
    const std::size_t slots = assign_slots();
    std::size_t block = largest_block;
    if (sums_.empty()) {
        while (block > smallest_block && slots * block * widest_item_ > most_slot_bytes) block /= 2;
    } else {
        block = sums_[0].rule->block;
    }
    const std::size_t blocks = (size_ + block - 1) / block;
    for (Sum& sum : sums_) sum.of_blocks.resize(blocks * values_[sum.value].item);
    block = std::min(block, size_);
    const std::size_t slot_bytes = (block * widest_item_ + line - 1) / line * line;
    const std::size_t parts = (size_ + part_size - 1) / part_size;
    parallel_for(parts, size_ * widest_item_ * operations_.size(), [&](std::size_t part) {
        const Scratch scratch{thread_scratch(slots * slot_bytes), slot_bytes};
        run_blocks(part * part_size, std::min(size_, (part + 1) * part_size), block, scratch);
    });
    for (const Sum& sum : sums_) sum.rule->add_up(sum.dtype, sum.of_blocks.data(), blocks, sum.total);
}

}  // namespace xgrad::run
