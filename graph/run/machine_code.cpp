#include <xgrad/graph/run/machine_code.hpp>

#include <algorithm>
#include <new>

#if defined(XGRAD_HAS_XBYAK)
#include <xbyak/xbyak.h>
#endif

namespace xgrad::run {

#if defined(XGRAD_HAS_XBYAK) && defined(__x86_64__)

namespace {

constexpr std::uint32_t registers = 16;
constexpr std::size_t most_temporaries = 2;
// More repeated divisors are divided by as if they were not.
constexpr std::size_t most_reciprocals = 2;
constexpr std::uint32_t never = ~std::uint32_t{0};

using Step = Composition::Step;

std::size_t arity(Simple function) {
    constexpr std::array unary{Simple::negative, Simple::square, Simple::square_root, Simple::relu};
    return std::find(unary.begin(), unary.end(), function) != unary.end() ? 1 : 2;
}

/// The repeated numbers that are divided by, or some of them: their reciprocals stand in the last registers.
std::vector<std::uint32_t> repeated_divisors(const Composition& composition) {
    std::vector<std::uint32_t> divisors;
    for (const Step& step : composition.steps) {
        const std::uint32_t divisor = step.operands[1];
        if (step.function != Simple::divide || divisor >= composition.arrays_read) continue;
        if (!composition.is_repeated[divisor] || divisors.size() == most_reciprocals) continue;
        if (std::find(divisors.begin(), divisors.end(), divisor) == divisors.end()) divisors.push_back(divisor);
    }
    return divisors;
}

/// For each array and each step the last step that reads it, or never.
std::vector<std::uint32_t> last_readers(const Composition& composition) {
    std::vector<std::uint32_t> last(composition.arrays_read + composition.steps.size(), never);
    for (std::uint32_t number = 0; number < composition.steps.size(); ++number) {
        const Step& step = composition.steps[number];
        for (std::size_t operand = 0; operand < arity(step.function); ++operand) last[step.operands[operand]] = number;
    }
    return last;
}

/// Which values stand in registers while a composition is computed, step by step: an array from its first reader to
/// its last, a result from its step on.
class Registers {
  public:
    explicit Registers(const Composition& composition)
        : composition_(composition), last_(last_readers(composition)), place_(last_.size(), never) {
        for (auto number = static_cast<std::uint32_t>(registers - repeated_divisors(composition).size());
             number-- > 0;) {
            free_.push_back(number);
        }
    }

    bool holds(std::uint32_t value) const { return place_[value] != never; }
    std::uint32_t of(std::uint32_t value) const { return place_[value]; }
    std::size_t free() const { return free_.size(); }
    void take(std::uint32_t value) {
        place_[value] = free_.back();
        free_.pop_back();
    }
    /// Some that are free, and stay so.
    std::uint32_t temporary(std::size_t number) const { return free_[free_.size() - 1 - number]; }

    /// Gives back what the step was the last to read. The registers keep their numbers until they are taken.
    void release_operands(std::uint32_t number) {
        const Step& step = composition_.steps[number];
        for (std::size_t operand = 0; operand < arity(step.function); ++operand) {
            const std::uint32_t value = step.operands[operand];
            if (last_[value] != number || !holds(value) || released_twice(step, operand)) continue;
            free_.push_back(place_[value]);
        }
    }
    /// Gives back what nobody reads.
    void release_result(std::uint32_t number) {
        const std::uint32_t value = composition_.arrays_read + number;
        if (last_[value] == never) free_.push_back(place_[value]);
    }

  private:
    static bool released_twice(const Step& step, std::size_t operand) {
        return operand == 1 && step.operands[0] == step.operands[1];
    }

    const Composition& composition_;
    std::vector<std::uint32_t> last_;
    std::vector<std::uint32_t> place_;
    std::vector<std::uint32_t> free_;
};

/// Writes the loops down, one behind the other.
class Assembler : public Xbyak::CodeGenerator {
  public:
    Assembler(std::size_t bytes, std::uint8_t* memory) : CodeGenerator(bytes, memory) {}

    /// inputs in rdi, the output in rsi, n in rdx.
    void loop(const Composition& composition) {
        composition_ = &composition;
        divisors_ = repeated_divisors(composition);
        const std::size_t pointers = load_pointers();
        Xbyak::Label with_quotients, end;
        multiplies_ = !divisors_.empty();
        if (multiplies_) {
            for (const std::uint32_t divisor : divisors_) unless_power_of_two(pointer(divisor), with_quotients);
            load_reciprocals();
            all_turns();
            jmp(end, T_NEAR);
            multiplies_ = false;
        }
        L(with_quotients);
        all_turns();
        L(end);
        vzeroupper();
        for (std::size_t saved = pointers; saved-- > 0;) {
            if (is_callers(pointer(saved))) pop(pointer(saved));
        }
        ret();
    }

  private:
    const Xbyak::Reg64& offset = rax;
    const Xbyak::Reg64& rest = rdx;

    std::size_t item() const { return item_size(composition_->dtype); }
    bool is_single() const { return composition_->dtype == DType::float32; }

    /// For the arrays that are read and then the results but the first. The one that holds the inputs comes last.
    Xbyak::Reg64 pointer(std::size_t number) const {
        const std::array<Xbyak::Reg64, MachineCode::most_arrays - 1> all{rcx, r8,  r9,  r10, r11, rbx,
                                                                         rbp, r12, r13, r14, r15, rdi};
        return all[number];
    }
    static bool is_callers(const Xbyak::Reg64& pointer) {
        return pointer.getIdx() == 3 || pointer.getIdx() == 5 || pointer.getIdx() >= 12;
    }

    std::size_t load_pointers() {
        const auto written = static_cast<std::size_t>(std::count_if(
            composition_->steps.begin(), composition_->steps.end(), [](const Step& step) { return step.is_written; }));
        const std::size_t pointers = composition_->arrays_read + written - 1;
        for (std::size_t number = 0; number < pointers; ++number) {
            if (is_callers(pointer(number))) push(pointer(number));
            mov(pointer(number), ptr[rdi + 8 * number]);
        }
        return pointers;
    }

    /// Where multiplying by the reciprocal would round otherwise than dividing. The bounds are those of math::Quotient.
    void unless_power_of_two(const Xbyak::Reg64& divisor, Xbyak::Label& otherwise) {
        constexpr int bits_beside_fraction_of_double = 12;
        if (is_single()) {
            mov(eax, dword[divisor]);
            test(eax, 0x007FFFFF);
        } else {
            mov(rax, qword[divisor]);
            shl(rax, bits_beside_fraction_of_double);
        }
        jnz(otherwise, T_NEAR);
        mov(eax, is_single() ? dword[divisor] : dword[divisor + 4]);
        and_(eax, is_single() ? 0x7F800000 : 0x7FF00000);
        jz(otherwise, T_NEAR);
        cmp(eax, is_single() ? 0x7F000000 : 0x7FE00000);
        jae(otherwise, T_NEAR);
    }

    int reciprocal(std::uint32_t divisor) const {
        const auto number = std::find(divisors_.begin(), divisors_.end(), divisor) - divisors_.begin();
        return static_cast<int>(registers - 1 - number);
    }
    void load_reciprocals() {
        for (const std::uint32_t divisor : divisors_) {
            const Xbyak::Xmm one(reciprocal(divisor));
            if (is_single()) {
                mov(eax, 0x3F800000);
                vmovd(one, eax);
                vdivss(one, one, dword[pointer(divisor)]);
            } else {
                mov(rax, 0x3FF0000000000000);
                vmovq(one, rax);
                vdivsd(one, one, qword[pointer(divisor)]);
            }
            if (isa() == Isa::avx512) {
                const Xbyak::Zmm all(one.getIdx());
                is_single() ? vbroadcastss(all, one) : vbroadcastsd(all, one);
            } else {
                const Xbyak::Ymm all(one.getIdx());
                is_single() ? vbroadcastss(all, one) : vbroadcastsd(all, one);
            }
        }
    }
    bool is_multiplied(const Step& step) const {
        return multiplies_ && step.function == Simple::divide &&
               std::find(divisors_.begin(), divisors_.end(), step.operands[1]) != divisors_.end();
    }

    void all_turns() {
        xor_(offset, offset);
        if (isa() == Isa::avx512) turns<Xbyak::Zmm>(64);
        turns<Xbyak::Ymm>(32);
        turns<Xbyak::Xmm>(16);
        turns<Xbyak::Xmm>(item());
    }

    /// As many turns of so many bytes as there are left.
    template <class Register>
    void turns(std::size_t bytes) {
        const auto lanes = static_cast<std::uint32_t>(bytes / item());
        Xbyak::Label turn, end;
        cmp(rest, lanes);
        jb(end, T_NEAR);
        align(16);
        L(turn);
        compute<Register>(bytes);
        add(offset, static_cast<std::uint32_t>(bytes));
        sub(rest, lanes);
        cmp(rest, lanes);
        jae(turn, T_NEAR);
        L(end);
    }

    template <class Register>
    void compute(std::size_t bytes) {
        Registers places(*composition_);
        std::size_t results = 0;
        for (std::uint32_t number = 0; number < composition_->steps.size(); ++number) {
            const Step& step = composition_->steps[number];
            const std::size_t operands = is_multiplied(step) ? 1 : arity(step.function);
            for (std::size_t operand = 0; operand < operands; ++operand) {
                const std::uint32_t value = step.operands[operand];
                if (places.holds(value)) continue;
                places.take(value);
                const Register to(static_cast<int>(places.of(value)));
                composition_->is_repeated[value] ? repeat(to, pointer(value)) : load(to, pointer(value), bytes);
            }
            const auto place = [&](std::uint32_t value) { return Register(static_cast<int>(places.of(value))); };
            const Register x = place(step.operands[0]);
            const Register y =
                is_multiplied(step) ? Register(reciprocal(step.operands[1])) : place(step.operands[operands - 1]);
            const std::array<Register, most_temporaries> temporaries{Register(static_cast<int>(places.temporary(0))),
                                                                     Register(static_cast<int>(places.temporary(1)))};
            places.release_operands(number);
            places.take(composition_->arrays_read + number);
            const Register result = place(composition_->arrays_read + number);
            apply(is_multiplied(step) ? Simple::multiply : step.function, result, x, y, temporaries);
            if (step.is_written) {
                store(result, results == 0 ? rsi : pointer(composition_->arrays_read + results - 1), bytes);
                ++results;
            }
            places.release_result(number);
        }
    }

    template <class Register>
    void load(const Register& to, const Xbyak::Reg64& from, std::size_t bytes) {
        const auto address = ptr[from + offset];
        if (bytes == 4) {
            vmovss(Xbyak::Xmm(to.getIdx()), address);
        } else if (bytes == 8) {
            vmovsd(Xbyak::Xmm(to.getIdx()), address);
        } else {
            vmovups(to, address);
        }
    }
    template <class Register>
    void repeat(const Register& to, const Xbyak::Reg64& from) {
        if (is_single()) {
            vbroadcastss(to, dword[from]);
        } else if constexpr (std::is_same_v<Register, Xbyak::Xmm>) {
            vmovddup(to, qword[from]);
        } else {
            vbroadcastsd(to, qword[from]);
        }
    }
    template <class Register>
    void store(const Register& from, const Xbyak::Reg64& to, std::size_t bytes) {
        const auto address = ptr[to + offset];
        if (bytes == 4) {
            vmovss(address, Xbyak::Xmm(from.getIdx()));
        } else if (bytes == 8) {
            vmovsd(address, Xbyak::Xmm(from.getIdx()));
        } else {
            vmovups(address, from);
        }
    }

    /// The result's register may be one of the operands'.
    template <class Register>
    void apply(Simple function, const Register& to, const Register& x, const Register& y,
               const std::array<Register, most_temporaries>& temporaries) {
        const bool single = is_single();
        switch (function) {
            case Simple::none:
                break;
            case Simple::add:
                return single ? vaddps(to, x, y) : vaddpd(to, x, y);
            case Simple::subtract:
                return single ? vsubps(to, x, y) : vsubpd(to, x, y);
            case Simple::multiply:
                return single ? vmulps(to, x, y) : vmulpd(to, x, y);
            case Simple::square:
                return single ? vmulps(to, x, x) : vmulpd(to, x, x);
            case Simple::divide:
                return single ? vdivps(to, x, y) : vdivpd(to, x, y);
            case Simple::square_root:
                return single ? vsqrtps(to, x) : vsqrtpd(to, x);
            case Simple::relu:
                return cut_at_zero(to, x, temporaries[0]);
            case Simple::negative:
                return negate(to, x, temporaries[0]);
            case Simple::scale_cotangent:
                return scale_cotangent(to, x, y, temporaries);
        }
    }

    template <class Register>
    void negate(const Register& to, const Register& x, const Register& sign) {
        if constexpr (std::is_same_v<Register, Xbyak::Zmm>) {
            vpternlogd(sign, sign, sign, 0xFF);
        } else {
            vpcmpeqd(sign, sign, sign);
        }
        if (is_single()) {
            vpslld(sign, sign, 31);
        } else {
            vpsllq(sign, sign, 63);
        }
        if constexpr (std::is_same_v<Register, Xbyak::Zmm>) {
            vpxord(to, x, sign);
        } else {
            vpxor(to, x, sign);
        }
    }

    /// 0 where x < 0, which a NaN is not.
    template <class Register>
    void cut_at_zero(const Register& to, const Register& x, const Register& zero) {
        constexpr std::uint8_t less = 1, not_less = 5;
        if constexpr (std::is_same_v<Register, Xbyak::Zmm>) {
            vpxord(zero, zero, zero);
            is_single() ? vcmpps(k1, x, zero, not_less) : vcmppd(k1, x, zero, not_less);
            is_single() ? vmovaps(to | k1 | T_z, x) : vmovapd(to | k1 | T_z, x);
        } else {
            vpxor(zero, zero, zero);
            is_single() ? vcmpps(zero, x, zero, less) : vcmppd(zero, x, zero, less);
            vpandn(to, zero, x);
        }
    }

    /// g p, but g where it is 0.
    template <class Register>
    void scale_cotangent(const Register& to, const Register& g, const Register& p,
                         const std::array<Register, most_temporaries>& temporaries) {
        constexpr std::uint8_t equal = 0;
        const auto& [zero, product] = temporaries;
        is_single() ? vmulps(product, g, p) : vmulpd(product, g, p);
        if constexpr (std::is_same_v<Register, Xbyak::Zmm>) {
            vpxord(zero, zero, zero);
            if (is_single()) {
                vcmpps(k1, g, zero, equal);
                vblendmps(to | k1, product, g);
            } else {
                vcmppd(k1, g, zero, equal);
                vblendmpd(to | k1, product, g);
            }
        } else {
            vpxor(zero, zero, zero);
            if (is_single()) {
                vcmpps(zero, g, zero, equal);
                vblendvps(to, product, g, zero);
            } else {
                vcmppd(zero, g, zero, equal);
                vblendvpd(to, product, g, zero);
            }
        }
    }

    const Composition* composition_ = nullptr;
    std::vector<std::uint32_t> divisors_;
    bool multiplies_ = false;  // by the reciprocals of the divisors
};

}  // namespace

/// Written first, and then executed, never both.
struct MachineCode::Memory {
    explicit Memory(std::size_t bytes) : size((bytes + page - 1) / page * page), begin(allocator.alloc(size)) {}
    ~Memory() { allocator.free(begin); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    bool protect(Xbyak::CodeArray::ProtectMode mode) { return Xbyak::CodeArray::protect(begin, size, mode); }

    static constexpr std::size_t page = Xbyak::inner::ALIGN_PAGE_SIZE;
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
    for (const Step& step : composition.steps) arrays += step.is_written ? 1 : 0;
    if (arrays == composition.arrays_read || arrays > most_arrays || composition.steps.size() > most_steps)
        return false;
    Registers places(composition);
    for (std::uint32_t number = 0; number < composition.steps.size(); ++number) {
        const Step& step = composition.steps[number];
        for (std::size_t operand = 0; operand < arity(step.function); ++operand) {
            if (places.holds(step.operands[operand])) continue;
            if (places.free() == 0) return false;
            places.take(step.operands[operand]);
        }
        if (places.free() < most_temporaries + 1) return false;
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
