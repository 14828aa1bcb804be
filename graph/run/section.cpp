#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/watched.hpp>

namespace xgrad::run {

namespace {

/// What a thread needs for its part of a section, kept for the next one: where values stand, and memory for those that
/// stand nowhere else.
struct PartMemory {
    std::vector<std::byte*> addresses;
    std::vector<std::byte> scratch;
};

/// A section may lie within a part of another one, if a kernel computes something.
PartMemory& spare_memory() {
    thread_local PartMemory spare;
    return spare;
}

std::byte* aligned(std::vector<std::byte>& memory, std::size_t bytes) {
    constexpr std::size_t line = 64;
    if (memory.size() < bytes + line) memory.resize(bytes + line);
    const auto misaligned = reinterpret_cast<std::uintptr_t>(memory.data()) % line;
    return memory.data() + (misaligned ? line - misaligned : 0);
}

}  // namespace

void Plan::run_section(std::size_t number, std::span<Node* const> order, Addresses addresses,
                       std::atomic<std::int64_t>* times) const {
    const Section& section = sections_[number];
    const SectionMemory& memory = section_memory_[number];
    const auto parts = static_cast<std::size_t>((section.rows + section.rows_of_part - 1) / section.rows_of_part);
    parallel_for(parts, section.bytes, [&](std::size_t part) {
        const std::int64_t first = static_cast<std::int64_t>(part) * section.rows_of_part;
        const std::int64_t end = std::min(section.rows, first + section.rows_of_part);
        PartMemory own = std::exchange(spare_memory(), {});
        if (own.addresses.size() < values()) own.addresses.resize(values());
        std::byte* const scratch = aligned(own.scratch, section.scratch_bytes);
        for (const Value value : memory.others) own.addresses[value] = addresses[value];
        for (const Local& local : memory.locals) {
            // As if the rows before the first one stood before it.
            const std::size_t before = static_cast<std::size_t>(first) * local.row_bytes;
            own.addresses[local.value] =
                reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(scratch) + local.offset - before);
        }
        for (std::size_t step = section.first; step < section.end; ++step) {
            const Time begin = times ? now() : 0;
            if (steps_[step].kind == StepKind::loop) {
                loops_[steps_[step].index].run_rows(first, end, section.rows, own.addresses.data());
            } else {
                const KernelStep& kernel = kernels_[steps_[step].index];
                run_kernel(kernel, *order[kernel.value], own.addresses.data(), first, end);
            }
            if (times) times[step - section.first] += now() - begin;
        }
        spare_memory() = std::move(own);
    });
}

/// The kernel is given the rows as if they were all.
void Plan::run_kernel(const KernelStep& step, Node& node, Addresses addresses, std::int64_t first_row,
                      std::int64_t end_row) const {
    thread_local std::vector<Array> spare;
    std::vector<Array> inputs = std::exchange(spare, {});
    inputs.clear();
    const Node& formula = node.formula();
    std::array<Shape, Op::most_row_by_row> shapes;
    for (std::size_t input = 0; input < formula.inputs.size(); ++input) {
        const Operand& operand = operands_[step.first_operand + input];
        const Node& read = *formula.inputs[input];
        const std::byte* data = addresses[operand.value];
        if (input >= formula.op->row_by_row) {
            inputs.push_back({read.dtype, read.shape, operand.strides, data});
            continue;
        }
        shapes[input] = read.shape;
        shapes[input][0] = end_row - first_row;
        const std::int64_t row_bytes = operand.strides[0] * static_cast<std::int64_t>(item_size(read.dtype));
        inputs.push_back({read.dtype, shapes[input], operand.strides, data + first_row * row_bytes});
    }
    Shape shape = node.shape;
    const std::int64_t row_bytes = shape.size() / shape[0] * static_cast<std::int64_t>(item_size(node.dtype));
    shape[0] = end_row - first_row;
    std::get<Kernel>(formula.op->forward)({inputs, formula.attributes, node.dtype, shape,
                                           addresses[step.value] + first_row * row_bytes, node.location()});
    spare = std::move(inputs);
}

}  // namespace xgrad::run
