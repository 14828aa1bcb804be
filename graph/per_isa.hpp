#pragma once

#include <array>
#include <cstddef>

#include <xgrad/graph/isa.hpp>

namespace xgrad::detail {

// GCC would use half of each register: a precaution for processors on which wide ones lower the clock. Measured, the
// full width is 1.4 times faster in long formulas.
#if defined(__clang__)
#define XGRAD_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#else
#define XGRAD_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512"
#endif

/// Body::run, compiled once per instruction set through target attributes, in an object file that is otherwise
/// baseline. Only what is inlined into it uses wider instructions, so the linker can never pick such a copy of a shared
/// inline function for a processor that lacks them. Everything is inlined, however long: a call would leave a loop
/// scalar.
template <class Body, class... A>
struct PerIsa {
    using Function = void (*)(A...);
    [[gnu::flatten]] static void baseline(A... arguments) { Body::run(arguments...); }
#if defined(__x86_64__)
    [[gnu::target("avx2,fma"), gnu::flatten]] static void avx2(A... arguments) {
        Body::run(arguments...);
    }
    [[gnu::target(XGRAD_AVX512), gnu::flatten]] static void avx512(A... arguments) {
        Body::run(arguments...);
    }
    static constexpr std::array<Function, isa_count> all{&baseline, &avx2, &avx512};
#else
    static constexpr std::array<Function, isa_count> all{&baseline, &baseline, &baseline};
#endif
};

/// Calls Body::run as compiled for the instruction set in use.
template <class Body, class... A>
void run_per_isa(A... arguments) {
    PerIsa<Body, A...>::all[static_cast<std::size_t>(isa())](arguments...);
}

/// The same for a body that holds as much in registers as an instruction set has: Body::For<Isa> is what is compiled
/// for each.
template <class Body, class... A>
void run_for_isa(A... arguments) {
    using Baseline = PerIsa<typename Body::template For<Isa::baseline>, A...>;
#if defined(__x86_64__)
    constexpr std::array<typename Baseline::Function, isa_count> all{
        &Baseline::baseline, &PerIsa<typename Body::template For<Isa::avx2>, A...>::avx2,
        &PerIsa<typename Body::template For<Isa::avx512>, A...>::avx512};
    all[static_cast<std::size_t>(isa())](arguments...);
#else
    Baseline::baseline(arguments...);
#endif
}

}  // namespace xgrad::detail

#undef XGRAD_AVX512
