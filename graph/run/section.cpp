#include <algorithm>
#include <utility>
#include <vector>

#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/watched.hpp>
#include <xgrad/graph/storage.hpp>

namespace xgrad::run {

namespace {

/// Where values stand for a thread's part of a section, kept for the next one.
std::vector<std::byte*>& spare_addresses() {
    thread_local std::vector<std::byte*> spare;
    return spare;
}

std::vector<std::size_t>& spare_offsets() {
    thread_local std::vector<std::size_t> spare;
    return spare;
}

}  // namespace

void Plan::run_section(std::size_t number, std::span<Node* const> order, Addresses addresses,
                       std::atomic<std::int64_t>* times) const {
    const Section& section = sections_[number];
    const SectionMemory& memory = section_memory_[number];
    std::size_t bytes_of_blocks = 0;
    const auto for_each_loop = [&](auto&& visit) {
        for (std::size_t step = section.first; step < section.end; ++step) {
            if (steps_[step].kind == StepKind::loop) visit(loops_[steps_[step].index]);
        }
    };
    for_each_loop([&](const FusedLoop& loop) { bytes_of_blocks += loop.bytes_of_blocks(); });
    const StorageRef sums(bytes_of_blocks > 0 ? Storage::allocate(bytes_of_blocks) : nullptr);
    std::byte* const all_blocks = sums ? static_cast<std::byte*>(sums->data()) : nullptr;
    std::vector<std::size_t> offsets = std::exchange(spare_offsets(), {});
    const StorageRef prepared = prepare(section, order, addresses, offsets);
    const auto parts = static_cast<std::size_t>((section.rows + section.rows_of_part - 1) / section.rows_of_part);
    parallel_for(parts, section.bytes, [&](std::size_t part) {
        const Rows rows{static_cast<std::int64_t>(part) * section.rows_of_part,
                        std::min(section.rows, static_cast<std::int64_t>(part + 1) * section.rows_of_part)};
        const StorageRef scratch(Storage::allocate(section.scratch_bytes));
        // A kernel may itself compute something, and a section be part of that.
        std::vector<std::byte*> own = std::exchange(spare_addresses(), {});
        if (own.size() < values()) own.resize(values());
        for (const Value value : memory.others) own[value] = addresses[value];
        for (const Local& local : memory.locals) {
            // As if the rows before the first one stood before it.
            const std::size_t before = static_cast<std::size_t>(rows.first) * local.row_bytes;
            own[local.value] =
                reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(scratch->data()) + local.offset - before);
        }
        for (const LocalView& view : memory.views) {
            own[view.value] = reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(own[view.base]) +
                                                           static_cast<std::uintptr_t>(view.offset));
        }
        std::byte* of_blocks = all_blocks;
        for (std::size_t step = section.first; step < section.end; ++step) {
            const Time begin = times ? now() : 0;
            if (steps_[step].kind == StepKind::loop) {
                const FusedLoop& loop = loops_[steps_[step].index];
                loop.run_rows(rows.first, rows.end, section.rows, own.data(), of_blocks);
                of_blocks += loop.bytes_of_blocks();
            } else {
                const std::size_t offset = offsets[step - section.first];
                run_kernel(kernels_[steps_[step].index], order, own.data(), &rows,
                           offset == not_prepared ? nullptr : static_cast<const std::byte*>(prepared->data()) + offset);
            }
            if (times) times[step - section.first] += now() - begin;
        }
        spare_addresses() = std::move(own);
    });
    spare_offsets() = std::move(offsets);
    std::byte* of_blocks = all_blocks;
    for_each_loop([&](const FusedLoop& loop) {
        loop.add_up(of_blocks, addresses);
        of_blocks += loop.bytes_of_blocks();
    });
}

}  // namespace xgrad::run
