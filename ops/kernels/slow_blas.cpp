#include <xgrad/ops/kernels/slow_blas.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

// OpenBLAS's, if that is the BLAS.
extern "C" {
[[gnu::weak]] char* openblas_get_corename();
}

namespace xgrad::kernels {

namespace {

/// What the kernels of OpenBLAS for this processor use, by the names that it gives to x86 processors.
Isa isa_of(std::string_view core) {
    constexpr std::array<std::string_view, 3> with_avx512{"skylakex", "cooperlake", "sapphirerapids"};
    constexpr std::array<std::string_view, 3> with_avx2{"haswell", "zen", "excavator"};
    std::string lower(core);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto is_among = [&](const auto& names) {
        return std::find(names.begin(), names.end(), lower) != names.end();
    };
    if (is_among(with_avx512)) return Isa::avx512;
    return is_among(with_avx2) ? Isa::avx2 : Isa::baseline;
}

}  // namespace

std::string slow_blas_text(std::string_view core, const char* asked_for, Isa isa) {
    const Isa used = isa_of(core);
    if (used >= isa) return "";
    const char* registers = isa == Isa::avx512 ? "AVX-512" : "AVX2";
    if (asked_for && *asked_for) {
        return fmt::format(
            "OPENBLAS_CORETYPE={} holds OpenBLAS back: it multiplies for {}, and this processor has {}; "
            "unset the variable",
            asked_for, core, registers);
    }
    if (used >= Isa::avx2) return "";
    return fmt::format(
        "OpenBLAS does not know this processor: it multiplies for {}, and this one has {}; try "
        "OPENBLAS_CORETYPE={}, or install oneDNN for float32",
        core, registers, isa == Isa::avx512 ? "SKYLAKEX" : "HASWELL");
}

std::string_view blas_core() {
    return openblas_get_corename ? openblas_get_corename() : "";
}

void report_slow_blas() {
    static const bool reported = [] {
        const char* quiet = std::getenv("XGRAD_QUIET");
        if (blas_core().empty() || (quiet && std::string_view(quiet) == "1")) return false;
        const std::string text = slow_blas_text(blas_core(), std::getenv("OPENBLAS_CORETYPE"), isa());
        if (!text.empty()) fmt::print(stderr, "xgrad: {}\n", text);
        return true;
    }();
    static_cast<void>(reported);
}

}  // namespace xgrad::kernels
