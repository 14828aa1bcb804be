#pragma once

#include <cstdint>
#include <limits>
#include <utility>

// The calls of operator new, counted: failing_allocations.hpp replaces it, in one file of the runner.

namespace failing_allocations {

inline thread_local std::int64_t allocations_left = -1;  // negative: as many as are wanted

/// How often f calls operator new on this thread.
template <class F>
std::int64_t allocations_of(F&& f) {
    constexpr std::int64_t plenty = std::numeric_limits<std::int64_t>::max();
    allocations_left = plenty;
    f();
    return plenty - std::exchange(allocations_left, -1);
}

}  // namespace failing_allocations
