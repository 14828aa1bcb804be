#include <xgrad/graph/run/plan.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/run/watched.hpp>

namespace xgrad::run {

Plan::Work Plan::work(std::size_t step) const {
    const Note& note = notes_[step];
    const std::size_t places = notes_[step + 1].first_place - note.first_place;
    return {steps_[step].kind, std::span(places_).subspan(note.first_place, places), note.arrays_read, note.bytes_read,
            note.bytes_written};
}

void Plan::place(std::byte* working_memory, std::byte** addresses) const {
    for (const Value value : placed_) {
        const Placement& placement = placements_[value];
        std::byte* base = placement.home == Home::shared ? working_memory : addresses[placement.base];
        addresses[value] = base ? base + placement.offset : nullptr;  // null: of what no step of this plan reads
    }
}

void Plan::run(std::span<Node* const> order, Addresses addresses) const {
    begin_computation();
    if (is_watched() && !order.empty()) return run_watched(order, addresses);
    std::size_t step = 0;
    for (std::size_t section = 0; section < sections_.size(); ++section) {
        for (; step < sections_[section].first; ++step) run_step(steps_[step], order, addresses);
        run_section(section, order, addresses);
        step = sections_[section].end;
    }
    for (; step < steps_.size(); ++step) run_step(steps_[step], order, addresses);
}

void Plan::run_step(const Step& step, std::span<Node* const> order, Addresses addresses) const {
    switch (step.kind) {
        case StepKind::loop:
            loops_[step.index].run(addresses);
            break;
        case StepKind::kernel:
            run_kernel(kernels_[step.index], order, addresses);
            break;
        case StepKind::copy:
            run_copy(copies_[step.index], addresses);
            break;
    }
}

void Plan::run_copy(const CopyStep& copy, Addresses addresses) {
    constexpr std::size_t part_size = std::size_t{1} << 14;
    const std::size_t parts = (copy.size + part_size - 1) / part_size, item = copy.packer.item_bytes();
    parallel_for(parts, 2 * copy.size * item, [&](std::size_t part) {
        const std::size_t start = part * part_size, count = std::min(part_size, copy.size - start);
        copy.packer.pack_from(addresses[copy.from], start, count, addresses[copy.to] + start * item);
    });
}

template <class Run>
void Plan::with_call(const KernelStep& step, std::span<Node* const> order, Addresses addresses, const Rows* rows,
                     Run&& run) const {
    // A kernel may itself compute something, so the list of its arguments is not left where that would find it.
    thread_local std::vector<Array> spare;
    std::vector<Array> inputs = std::exchange(spare, {});
    inputs.clear();
    std::array<Shape, Op::most_row_by_row + 1> of_rows;  // of inputs, and of the result
    const auto cut = [&](Shape& cut_shape, const Shape& shape, std::int64_t row_items, DType dtype) {
        cut_shape = shape;
        cut_shape[0] = rows->end - rows->first;
        return rows->first * row_items * static_cast<std::int64_t>(item_size(dtype));
    };
    for (std::uint32_t input = 0; input < step.end_of_operands - step.first_operand; ++input) {
        const Operand& operand = operands_[step.first_operand + input];
        const std::byte* data = addresses[operand.value];
        const bool is_cut = rows && input < step.op->row_by_row;
        if (is_cut) data += cut(of_rows[input], operand.shape, operand.strides[0], operand.dtype);
        inputs.push_back({operand.dtype, is_cut ? of_rows[input] : operand.shape, operand.strides, data});
    }
    std::byte* result = addresses[step.value];
    if (rows) result += cut(of_rows.back(), step.shape, step.shape.size() / step.shape[0], step.dtype);
    const Node* node = order.empty() ? nullptr : order[step.value];
    run(KernelCall{inputs, node ? node->formula().attributes() : step.attributes, step.dtype,
                   rows ? of_rows.back() : step.shape, result, node ? node->location() : step.at});
    spare = std::move(inputs);
}

void Plan::run_kernel(const KernelStep& step, std::span<Node* const> order, Addresses addresses, const Rows* rows,
                      const void* prepared) const {
    with_call(step, order, addresses, rows, [&](KernelCall call) {
        call.prepared = prepared;
        std::get<Kernel>(step.op->forward)(call);
    });
}

StorageRef Plan::prepare(const Section& section, std::span<Node* const> order, Addresses addresses,
                         std::vector<std::size_t>& offsets) const {
    constexpr std::size_t alignment = 64;
    const auto for_each_kernel = [&](auto&& visit) {
        for (std::size_t step = section.first; step < section.end; ++step) {
            if (steps_[step].kind != StepKind::kernel) continue;
            const KernelStep& kernel = kernels_[steps_[step].index];
            if (!kernel.op->prepare.make) continue;
            with_call(kernel, order, addresses, nullptr,
                      [&](const KernelCall& call) { visit(kernel.op->prepare, call, offsets[step - section.first]); });
        }
    };
    offsets.assign(section.end - section.first, not_prepared);
    std::size_t size = 0;
    for_each_kernel([&](const Preparation& preparation, const KernelCall& call, std::size_t& offset) {
        const std::size_t bytes = preparation.bytes(call);
        if (bytes > 0) offset = std::exchange(size, size + (bytes + alignment - 1) / alignment * alignment);
    });
    if (size == 0) return StorageRef();
    StorageRef prepared(Storage::allocate(size));
    for_each_kernel([&](const Preparation& preparation, const KernelCall& call, std::size_t offset) {
        if (offset != not_prepared) preparation.make(call, static_cast<std::byte*>(prepared->data()) + offset);
    });
    return prepared;
}

}  // namespace xgrad::run
