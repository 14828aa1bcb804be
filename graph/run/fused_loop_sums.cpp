#include <cstddef>

#include <xgrad/graph/run/fused_loop.hpp>

// What a loop adds up, while it is in the cache.

namespace xgrad::run {

void FusedLoop::sum(Value value, const LoopSum& sum, DType dtype, std::uint32_t address) {
    values_[value].is_summed = true;
    sums_.push_back({value, sum, dtype, address});
}

std::size_t FusedLoop::sum_bytes(const Sum& sum) const {
    constexpr std::size_t line = 64;
    const std::size_t bytes = parts_of(sum) * sum.sum.sums_of_part() * item_size(sum.dtype);
    return (bytes + line - 1) / line * line;
}

std::size_t FusedLoop::bytes_of_blocks() const {
    std::size_t bytes = 0;
    for (const Sum& sum : sums_) bytes += sum_bytes(sum);
    return bytes;
}

void FusedLoop::sum_block(std::size_t start, std::size_t end, const Memory& memory, std::byte* of_blocks) const {
    for (const Sum& each : sums_) {
        const LoopSum& sum = each.sum;
        const std::byte* const values = place_of(each.value, start, memory);
        if (sum.of == LoopSum::Of::columns) {
            sum.rule->add_rows(each.dtype, values, start, end - start, sum.length, of_blocks);
        } else {
            std::byte* const sums = sum.of == LoopSum::Of::all ? of_blocks : memory.addresses[each.address];
            const std::size_t item = item_size(each.dtype), block = sum.block();
            sum.rule->sum_blocks(each.dtype, values, end - start, block, sums + start / block * item);
        }
        of_blocks += sum_bytes(each);
    }
}

void FusedLoop::add_up(std::byte* of_blocks, Addresses addresses) const {
    for (const Sum& sum : sums_) {
        const std::size_t columns = sum.sum.sums_of_part();
        if (columns > 0) sum.sum.rule->add_up(sum.dtype, of_blocks, parts_of(sum), columns, addresses[sum.address]);
        of_blocks += sum_bytes(sum);
    }
}

}  // namespace xgrad::run
