#include <xgrad/graph/isa.hpp>

#include <array>
#include <cstdlib>

namespace xgrad {

namespace {

constexpr std::array<std::string_view, isa_count> names{"baseline", "avx2", "avx512"};

Isa choose() {
    Isa best = Isa::baseline;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        best = Isa::avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
            best = Isa::avx512;
        }
    }
#endif
    if (const char* cap = std::getenv("XGRAD_ISA")) {
        for (std::size_t index = 0; index < isa_count; ++index) {
            if (names[index] == cap && static_cast<Isa>(index) < best) best = static_cast<Isa>(index);
        }
    }
    return best;
}

}  // namespace

Isa isa() noexcept {
    static const Isa chosen = choose();
    return chosen;
}

std::string_view name(Isa isa) {
    return names[static_cast<std::size_t>(isa)];
}

}  // namespace xgrad
