#pragma once

#include <cstddef>

namespace xgrad::run {

/// Has memory brought into the second cache, for somebody who soon reads or writes it: rows that are far apart, which
/// the processor does not foresee. Inlined, since compilers drop calls of a function that does nothing but this.
[[gnu::always_inline]] inline void fetch(const void* first, std::size_t bytes) {
    constexpr std::size_t line = 64;
    const auto* const from = static_cast<const std::byte*>(first);
    for (std::size_t at = 0; at < bytes; at += line) __builtin_prefetch(from + at, 0, 2);
}

}  // namespace xgrad::run
