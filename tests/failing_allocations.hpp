#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <utility>

#include <boost/test/unit_test.hpp>

#include <xgrad/graph/node.hpp>

#include "allocations.hpp"

// Replaces operator new by one that can be told to fail. To be included by one file of a runner.

namespace failing_allocations {

inline thread_local std::size_t most_bytes = SIZE_MAX;  // of one allocation

inline void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    if (bytes > most_bytes) return nullptr;
    if (allocations_left == 0) return nullptr;
    if (allocations_left > 0) --allocations_left;
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    return std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
}

inline void* required(void* memory) {
    if (!memory) throw std::bad_alloc();
    return memory;
}

/// Lets allocation number 0, 1, 2 ... of f fail until f passes; after each failure `unchanged` must hold and no node
/// may have been left (there may be fewer: what was computed lets go of its history). Returns how many allocations f
/// makes.
inline std::int64_t fail_in_turn(const std::function<void()>& f, const std::function<bool()>& unchanged) {
    for (std::int64_t number = 0;; ++number) {
        const std::int64_t before = xgrad::live_nodes();
        bool failed = false;
        allocations_left = number;
        try {
            f();
        } catch (const std::bad_alloc&) {
            failed = true;
        } catch (...) {
            allocations_left = -1;
            throw;
        }
        const bool refused = std::exchange(allocations_left, -1) == 0;
        if (!failed) return number;
        BOOST_REQUIRE_MESSAGE(refused, "a std::bad_alloc that is not ours");
        BOOST_REQUIRE_MESSAGE(xgrad::live_nodes() <= before, "allocation " << number << " leaves nodes behind");
        BOOST_REQUIRE_MESSAGE(unchanged(), "allocation " << number << " leaves a parameter changed");
    }
}

}  // namespace failing_allocations

// Not inlined: the compiler would take malloc beside delete for a mistake.

[[gnu::noinline]] void* operator new(std::size_t bytes) {
    return failing_allocations::required(failing_allocations::allocate(bytes));
}
[[gnu::noinline]] void* operator new[](std::size_t bytes) {
    return failing_allocations::required(failing_allocations::allocate(bytes));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return failing_allocations::required(failing_allocations::allocate(bytes, static_cast<std::size_t>(alignment)));
}
[[gnu::noinline]] void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return failing_allocations::required(failing_allocations::allocate(bytes, static_cast<std::size_t>(alignment)));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return failing_allocations::allocate(bytes);
}
[[gnu::noinline]] void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return failing_allocations::allocate(bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
