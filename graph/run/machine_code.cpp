#include <xgrad/graph/run/machine_code.hpp>

#include <new>

#if defined(XGRAD_HAS_XBYAK) && defined(__x86_64__)
#include <xgrad/graph/run/assembler.hpp>
#endif

namespace xgrad::run {

#if defined(XGRAD_HAS_XBYAK) && defined(__x86_64__)

/// Written first, and then executed, never both.
struct MachineCode::Memory {
    explicit Memory(std::size_t bytes) : size(bytes), begin(allocator.alloc(bytes)) {}
    ~Memory() { allocator.free(begin); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    bool protect(Xbyak::CodeArray::ProtectMode mode) { return Xbyak::CodeArray::protect(begin, size, mode); }

    Xbyak::MmapAllocator allocator;
    std::size_t size;
    std::uint8_t* begin;
};

bool MachineCode::is_available() noexcept {
    return isa() != Isa::baseline;
}

bool MachineCode::knows(Simple function, DType dtype) noexcept {
    return function != Simple::none && (dtype == DType::float32 || dtype == DType::float64);
}

bool MachineCode::fits(const Composition& composition) {
    std::size_t arrays = composition.arrays_read;
    for (const Composition::Step& step : composition.steps) arrays += step.is_written ? 1 : 0;
    if (arrays == composition.arrays_read || arrays > Composition::most_arrays || composition.steps.size() > most_steps)
        return false;
    Registers places(composition);
    for (std::uint32_t number = 0; number < composition.steps.size(); ++number) {
        const Composition::Step& step = composition.steps[number];
        for (std::size_t operand = 0; operand < arity(step.function); ++operand) {
            if (places.holds(step.operands[operand])) continue;
            if (places.free() == 0) return false;
            places.take(step.operands[operand]);
        }
        if (places.free() < Registers::most_temporaries + 1) return false;
        places.release_operands(number);
        places.take(composition.arrays_read + number);
        places.release_result(number);
    }
    return true;
}

MachineCode::MachineCode(const std::vector<Composition>& compositions) {
    // Of a step the longest: two loads, five instructions and a store, of at most 11 bytes, for every width, twice.
    constexpr std::size_t bytes_of_step = 8 * 11 * 4 * 2, bytes_of_loop = 1024;
    std::size_t bytes = 0;
    for (const Composition& composition : compositions) {
        bytes += bytes_of_loop + composition.steps.size() * bytes_of_step;
    }
    memory_ = std::make_unique<Memory>(bytes);
    Assembler assembler(memory_->size, memory_->begin);
    std::vector<std::size_t> begins;
    for (const Composition& composition : compositions) {
        assembler.align(32);
        begins.push_back(assembler.getSize());
        assembler.loop(composition);
    }
    if (!memory_->protect(Xbyak::CodeArray::PROTECT_RE)) throw std::bad_alloc();
    for (const std::size_t begin : begins) {
        kernels_.push_back(reinterpret_cast<BlockKernel>(memory_->begin + begin));
    }
}

#else

struct MachineCode::Memory {};

bool MachineCode::is_available() noexcept {
    return false;
}
bool MachineCode::knows(Simple, DType) noexcept {
    return false;
}
bool MachineCode::fits(const Composition&) {
    return false;
}
MachineCode::MachineCode(const std::vector<Composition>&) {
    throw std::bad_alloc();
}

#endif

MachineCode::~MachineCode() = default;

}  // namespace xgrad::run
