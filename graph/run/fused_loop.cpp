#include <xgrad/graph/run/fused_loop.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <xgrad/graph/run/fetch.hpp>
#include <xgrad/graph/run/parallel.hpp>

namespace xgrad::run {

namespace {

// What the slots of one stretch may take together: they should stay in the first cache.
constexpr std::size_t most_slot_bytes = std::size_t{32} << 10;
constexpr std::size_t largest_stretch = 1024;
constexpr std::size_t smallest_stretch = 128;
// Several blocks to a part: a thread that takes a part fills its fixed slots once.
constexpr std::size_t part_size = std::size_t{1} << 14;
// More numbers than these would crowd the cache; the others are repeated anew for each stretch.
constexpr std::size_t most_fixed = 16;

constexpr std::size_t line = 64;

constexpr std::size_t rounded_up(std::size_t bytes, std::size_t to) {
    return (bytes + to - 1) / to * to;
}

/// This thread's scratch memory, at least so large and aligned to a cache line. It is kept for the next loop.
std::byte* thread_scratch(std::size_t bytes) {
    thread_local std::vector<std::byte> memory;
    if (memory.size() < bytes + line) memory.resize(bytes + line);
    const auto misaligned = reinterpret_cast<std::uintptr_t>(memory.data()) % line;
    return memory.data() + (misaligned ? line - misaligned : 0);
}

/// The sums of blocks of the loop that this thread has begun.
std::byte* thread_sums(std::size_t bytes) {
    thread_local std::vector<std::byte> memory;
    if (memory.size() < bytes) memory.resize(bytes);
    return memory.data();
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
        operations_.push_back({nullptr, {}, 0, value, 0, 0});
    }
    values_.push_back(source);
    return value;
}

FusedLoop::Value FusedLoop::apply(BlockKernel kernel, std::span<const Value> inputs, DType dtype,
                                  std::uint32_t address) {
    const auto number = static_cast<std::uint32_t>(operations_.size());
    Operation operation{kernel, {}, static_cast<std::uint32_t>(inputs.size()), static_cast<Value>(values_.size()),
                        0,      0};
    bool are_fixed = address == none && fixed_ < most_fixed;
    for (std::size_t input = 0; input < inputs.size(); ++input) {
        operation.inputs[input] = inputs[input];
        values_[inputs[input]].last_use = number;
        are_fixed = are_fixed && values_[inputs[input]].is_fixed;
    }
    Source result;
    result.is_fixed = are_fixed;
    if (are_fixed) ++fixed_;
    result.item = static_cast<std::uint8_t>(item_size(dtype));
    widest_item_ = std::max<std::size_t>(widest_item_, result.item);
    result.address = address;
    result.last_use = number;
    operations_.push_back(operation);
    values_.push_back(result);
    return operation.result;
}

void FusedLoop::sum(Value value, const BlockSum& rule, DType dtype, std::uint32_t address) {
    values_[value].is_summed = true;
    sums_.push_back({value, &rule, dtype, address});
}

void FusedLoop::assign_slots() {
    std::uint32_t slots = 0, block_slots = 0;
    for (Source& source : values_) {
        if (source.is_summed && source.address == none) {
            source.slot = block_slots++;
        } else if (source.is_fixed) {
            source.slot = slots++;
        }
    }
    std::vector<std::uint32_t> free;
    for (std::uint32_t number = 0; number < operations_.size(); ++number) {
        const Operation& operation = operations_[number];
        // A kernel's output overlaps no input, so the inputs' slots come free only after it has one.
        Source& result = values_[operation.result];
        if (result.address == none && result.slot == none) {
            result.slot = free.empty() ? slots++ : free.back();
            if (!free.empty()) free.pop_back();
        }
        for (std::uint32_t input = 0; input < operation.arity; ++input) {
            Source& source = values_[operation.inputs[input]];
            if (source.slot == none || source.is_fixed || source.is_summed || source.last_use != number) continue;
            free.push_back(source.slot);
            source.last_use = none;  // x x: once only
        }
    }
    slots_ = slots;
    block_slots_ = block_slots;
    for (Value value = 0; value < values_.size(); ++value) {
        if (values_[value].address != none) in_memory_.push_back(value);
    }
}

void FusedLoop::finish() {
    assign_slots();
    const auto repeated =
        std::stable_partition(operations_.begin(), operations_.end(),
                              [&](const Operation& operation) { return values_[operation.result].is_fixed; });
    once_ = static_cast<std::size_t>(repeated - operations_.begin());
    const std::size_t turns = operations_.size() - once_;
    for (std::size_t turn = 0; turn < turns; ++turn) {
        Operation& operation = operations_[once_ + turn];
        operation.first_fetched = static_cast<std::uint32_t>(turn * in_memory_.size() / turns);
        operation.end_fetched = static_cast<std::uint32_t>((turn + 1) * in_memory_.size() / turns);
    }
    stretch_ = sums_.empty() ? largest_stretch : std::min(largest_stretch, sums_[0].rule->block);
    while (stretch_ > smallest_stretch && slots_ * stretch_ * widest_item_ > most_slot_bytes) stretch_ /= 2;
    block_ = sums_.empty() ? stretch_ : sums_[0].rule->block;
    slot_bytes_ = rounded_up(std::min(stretch_, size_) * widest_item_, line);
    block_bytes_ = rounded_up(std::min(block_, size_) * widest_item_, line);
}

/// Where a slot is in the scratch memory.
std::size_t FusedLoop::offset_of(const Source& source) const {
    return source.is_summed ? slots_ * slot_bytes_ + source.slot * block_bytes_ : source.slot * slot_bytes_;
}

std::size_t FusedLoop::sum_bytes(const Sum& sum) const {
    return rounded_up(blocks() * values_[sum.value].item, alignof(std::max_align_t));
}

void FusedLoop::run_operation(const Operation& operation, const Place* places, std::size_t start, std::size_t count,
                              Addresses addresses) const {
    std::byte* const target = places[operation.result][start];
    if (!operation.kernel) {
        const Packing& packing = packers_[values_[operation.result].packer];
        return packing.packer.pack_from(addresses[packing.address], start, count, target);
    }
    const void* inputs[most_inputs];
    for (std::uint32_t input = 0; input < operation.arity; ++input) {
        inputs[input] = places[operation.inputs[input]][start];
    }
    operation.kernel(inputs, target, count);
}

/// Brings what the next stretch reads and writes in memory into the second cache, a share of it with each operation.
/// The processor by itself would begin anew with every array.
void FusedLoop::fetch_share(const Operation& operation, const Place* places, std::size_t start, std::size_t end) const {
    for (std::uint32_t index = operation.first_fetched; index < operation.end_fetched; ++index) {
        const Place& place = places[in_memory_[index]];
        fetch(place[start], (end - start) * place.step);
    }
}

void FusedLoop::run_blocks(std::size_t first, std::size_t end, Addresses addresses, std::byte* of_blocks) const {
    const std::size_t slot_memory = slots_ * slot_bytes_ + block_slots_ * block_bytes_;
    std::byte* scratch = thread_scratch(slot_memory + values_.size() * sizeof(Place));
    auto* places = reinterpret_cast<Place*>(scratch + slot_memory);
    for (std::size_t value = 0; value < values_.size(); ++value) {
        const Source& source = values_[value];
        places[value] = source.address == none ? Place{scratch + offset_of(source), 0}
                                               : Place{addresses[source.address], source.item};
    }
    for (const Operation& operation : std::span(operations_).first(once_)) {
        // A slot for a block is longer than those that its number is computed from.
        const std::size_t count = std::min(stretch_, end - first), all = std::min(block_, end - first);
        run_operation(operation, places, 0, count, addresses);
        const Source& source = values_[operation.result];
        for (std::size_t filled = count; source.is_summed && filled < all; filled += count) {
            std::memcpy(places[operation.result].first + filled * source.item, places[operation.result].first,
                        std::min(count, all - filled) * source.item);
        }
    }
    for (std::size_t start = first; start < end; start += block_) {
        const std::size_t block_end = std::min(end, start + block_);
        for (const Sum& sum : sums_) {
            const Source& source = values_[sum.value];
            if (source.address != none || source.is_fixed) continue;
            places[sum.value] = {scratch + offset_of(source), source.item, start};
        }
        for (std::size_t at = start; at < block_end; at += stretch_) {
            const std::size_t count = std::min(stretch_, block_end - at), next = at + count;
            for (const Operation& operation : std::span(operations_).subspan(once_)) {
                fetch_share(operation, places, next, next + std::min(stretch_, end - next));
                run_operation(operation, places, at, count, addresses);
            }
        }
        std::byte* sums = of_blocks;
        for (const Sum& sum : sums_) {
            sum.rule->sum_block(sum.dtype, places[sum.value][start], block_end - start,
                                sums + start / block_ * values_[sum.value].item);
            sums += sum_bytes(sum);
        }
    }
}

void FusedLoop::run(Addresses addresses) const {
    if (size_ == 0) return;
    std::size_t bytes = 0;
    for (const Sum& sum : sums_) bytes += sum_bytes(sum);
    std::byte* of_blocks = thread_sums(bytes);
    const std::size_t parts = (size_ + part_size - 1) / part_size;
    parallel_for(parts, size_ * widest_item_ * operations_.size(), [&](std::size_t part) {
        run_blocks(part * part_size, std::min(size_, (part + 1) * part_size), addresses, of_blocks);
    });
    for (const Sum& sum : sums_) {
        sum.rule->add_up(sum.dtype, of_blocks, blocks(), addresses[sum.address]);
        of_blocks += sum_bytes(sum);
    }
}

}  // namespace xgrad::run
