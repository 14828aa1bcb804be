#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include <xgrad/graph/threads.hpp>

namespace xgrad::run {

/// So many bytes of memory to work on are worth more than one thread,
inline constexpr std::size_t worth_while = std::size_t{1} << 18;
/// and so many, in one computation, are worth waking threads that have gone to sleep.
inline constexpr std::size_t worth_waking = std::size_t{1} << 21;

namespace detail {

using Part = void (*)(void* work, std::size_t part);
void run_parts(std::size_t parts, std::size_t bytes, Part run, void* work);

}  // namespace detail

/// Calls work(part) for every part of 0 ... parts - 1, on several threads if there are worth_while `bytes` to work on.
/// What a part computes must not depend on the others, so that the result does not depend on the number of threads.
/// Throws what a part throws, when no other is running any more.
///
/// The threads are the library's own and wait, asleep, for the next call. Each begins with a share of its own, which is
/// the same in each call with so many parts, and takes one part after the other, so that a thread whose processor is
/// busy with something else holds nobody up: the others do what it has left. One call goes through the parts upwards,
/// the next downwards, since what was worked on last is still in a cache.
template <class Work>
void parallel_for(std::size_t parts, std::size_t bytes, Work&& work) {
    if (parts < 2 || bytes < worth_while) {
        for (std::size_t part = 0; part < parts; ++part) work(part);
        return;
    }
    using Decayed = std::remove_reference_t<Work>;
    const auto run = [](void* given, std::size_t part) { (*static_cast<Decayed*>(given))(part); };
    detail::run_parts(parts, bytes, run, const_cast<std::remove_const_t<Decayed>*>(std::addressof(work)));
}

/// Says that a computation begins: what earlier ones did while the threads slept does not count towards waking them.
void begin_computation() noexcept;

}  // namespace xgrad::run
