#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <xbyak/xbyak.h>

#include <xgrad/graph/run/composition.hpp>

namespace xgrad::run {

/// Writes the loops of compositions that fit into memory, one behind the other.
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
        const std::array<Xbyak::Reg64, Composition::most_arrays - 1> all{rcx, r8,  r9,  r10, r11, rbx,
                                                                         rbp, r12, r13, r14, r15, rdi};
        return all[number];
    }
    static bool is_callers(const Xbyak::Reg64& pointer) {
        return pointer.getIdx() == 3 || pointer.getIdx() == 5 || pointer.getIdx() >= 12;
    }

    std::size_t load_pointers() {
        const auto written =
            static_cast<std::size_t>(std::count_if(composition_->steps.begin(), composition_->steps.end(),
                                                   [](const Composition::Step& step) { return step.is_written; }));
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
        return static_cast<int>(Registers::count - 1 - number);
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
    bool is_multiplied(const Composition::Step& step) const {
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
            const Composition::Step& step = composition_->steps[number];
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
            const std::array<Register, Registers::most_temporaries> temporaries{
                Register(static_cast<int>(places.temporary(0))), Register(static_cast<int>(places.temporary(1)))};
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
               const std::array<Register, Registers::most_temporaries>& temporaries) {
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
                         const std::array<Register, Registers::most_temporaries>& temporaries) {
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

}  // namespace xgrad::run
