#pragma once

#include <array>
#include <cstddef>

#include <xgrad/graph/isa.hpp>

namespace xgrad::detail {

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
    [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"), gnu::flatten]] static void avx512(A... arguments) {
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

}  // namespace xgrad::detail
