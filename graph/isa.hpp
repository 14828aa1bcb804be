#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace xgrad {

/// The instruction sets that inner loops are compiled for. The best one that the processor has is chosen at start-up;
/// the environment variable XGRAD_ISA (baseline, avx2, avx512) caps it.
enum class Isa : std::uint8_t { baseline, avx2, avx512 };

inline constexpr std::size_t isa_count = 3;

/// The one in use.
Isa isa() noexcept;
std::string_view name(Isa isa);

}  // namespace xgrad
