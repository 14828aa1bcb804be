#pragma once

#include <atomic>
#include <cstdint>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace xgrad::detail {

/// How many owners a shared object has; 1 at first. Any thread may count.
///
/// Until the process has started a second thread nothing is counted atomically, which is a fifth of the time of W1 in
/// tests/bench.
class ReferenceCount {
  public:
    void add() noexcept {
        if (is_only_thread()) {
            count_.store(count() + 1, std::memory_order_relaxed);
        } else {
            count_.fetch_add(1, std::memory_order_relaxed);
        }
    }
    /// One owner less. True if that was the last one, who then frees the object.
    bool drop() noexcept {
        // Nobody else can come by another reference while this is the only one: no write is needed.
        const std::uint32_t before = count_.load(std::memory_order_acquire);
        if (before == 1) return true;
        if (!is_only_thread()) return count_.fetch_sub(1, std::memory_order_acq_rel) == 1;
        count_.store(before - 1, std::memory_order_relaxed);
        return false;
    }
    std::uint32_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

  private:
    static bool is_only_thread() noexcept {
#if __has_include(<sys/single_threaded.h>)
        return __libc_single_threaded;
#else
        return false;
#endif
    }

    std::atomic<std::uint32_t> count_{1};
};

}  // namespace xgrad::detail
