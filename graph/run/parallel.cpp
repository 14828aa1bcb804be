#include <xgrad/graph/run/parallel.hpp>

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>

namespace xgrad {

namespace {

constexpr std::size_t most_threads = 256;

/// The number at the start of an environment variable, 0 if there is none.
std::size_t number_in(const char* variable) {
    const char* text = std::getenv(variable);
    std::size_t number = 0;
    if (text) std::from_chars(text, text + std::strlen(text), number);
    return number;
}

std::size_t threads_at_first() {
    for (const char* variable : {"XGRAD_THREADS", "OMP_NUM_THREADS"}) {
        if (const std::size_t number = number_in(variable)) return std::min(number, most_threads);
    }
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        return std::clamp<std::size_t>(static_cast<std::size_t>(CPU_COUNT(&allowed)), 1, most_threads);
    }
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_threads);
}

std::atomic<std::size_t>& wanted_threads() noexcept {
    static std::atomic<std::size_t> count{threads_at_first()};
    return count;
}

}  // namespace

std::size_t threads() noexcept {
    return wanted_threads().load(std::memory_order_relaxed);
}

void set_threads(std::size_t count) noexcept {
    wanted_threads() = std::clamp<std::size_t>(count, 1, most_threads);
}

}  // namespace xgrad

namespace xgrad::run::detail {

namespace {

inline void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
}

/// The library's threads. One call at a time has them; another that comes meanwhile, or from within a part, does its
/// parts by itself.
///
/// The next part and the number of the call are one word, so that taking a part from a call that is over fails. Calls
/// have even numbers; an odd one says that the next is being set up. Nobody waits for a thread that has taken no part.
class Pool {
  public:
    void call(std::size_t parts, std::size_t bytes, Part run, void* work) {
        const std::unique_lock lock(busy_, std::try_to_lock);
        const std::size_t helpers = std::min(threads(), parts) - 1;
        if (!lock.owns_lock() || within_part || helpers == 0 || parts > last_part || !is_worth_it(bytes)) {
            for (std::size_t part = 0; part < parts; ++part) run(work, part);
            return;
        }
        start_threads(helpers);
        // Closed first: a thread that still holds the last call's word must not meet this one's parts.
        const std::uint64_t number = (next_.load(std::memory_order_relaxed) >> call_shift) + 2;
        next_.store((number - 1) << call_shift | last_part, std::memory_order_seq_cst);
        run_ = run;
        work_ = work;
        parts_ = parts;
        done_ = 0;
        error_ = nullptr;
        helpers_ = helpers;
        next_.store(number << call_shift, std::memory_order_seq_cst);
        if (asleep_.load(std::memory_order_seq_cst) > 0) next_.notify_all();
        within_part = true;
        take_parts(number);
        within_part = false;
        for (std::size_t turn = 0; done_.load(std::memory_order_acquire) < parts; ++turn) {
            if (turn < patience) {
                pause();
            } else {
                std::this_thread::yield();
            }
        }
        if (error_) std::rethrow_exception(error_);
    }

    void begin_computation() noexcept { slept_through_.store(0, std::memory_order_relaxed); }

  private:
    static constexpr unsigned call_shift = 32;
    static constexpr std::uint64_t last_part = (std::uint64_t{1} << call_shift) - 1;
    // How often a thread looks for work before it sleeps: it should bridge the gap between two steps of one
    // computation, and not take the processor from others.
    static constexpr std::size_t patience = 2000;

    /// To wake a thread takes as long as some small steps: while all sleep, so much is done without them first.
    bool is_worth_it(std::size_t bytes) noexcept {
        if (asleep_.load(std::memory_order_relaxed) < started_) return true;
        const std::size_t missed = slept_through_.load(std::memory_order_relaxed) + bytes;
        const bool is_enough = missed >= worth_waking;
        slept_through_.store(is_enough ? 0 : missed, std::memory_order_relaxed);
        return is_enough;
    }

    void start_threads(std::size_t helpers) noexcept {
        try {
            for (; started_ < helpers; ++started_) {
                std::thread([this, number = started_] { serve(number); }).detach();
            }
        } catch (const std::system_error&) {
            // Those that could be started do the work.
        }
    }

    void take_parts(std::uint64_t call) {
        for (;;) {
            std::uint64_t next = next_.load(std::memory_order_acquire);
            const std::size_t parts = parts_.load(std::memory_order_relaxed);
            const Part run = run_.load(std::memory_order_relaxed);
            void* work = work_.load(std::memory_order_relaxed);
            const std::uint64_t part = next & last_part;
            if (next >> call_shift != call || part >= parts) return;
            if (!next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel)) continue;
            try {
                run(work, part);
            } catch (...) {
                const std::lock_guard lock(error_mutex_);
                error_ = std::current_exception();
            }
            done_.fetch_add(1, std::memory_order_release);
        }
    }

    void serve(std::size_t number) {
        within_part = true;
        std::uint64_t served = 0;
        for (;;) {
            std::uint64_t next = next_.load(std::memory_order_acquire);
            for (std::size_t turn = 0; next >> call_shift == served && turn < patience; ++turn) {
                pause();
                next = next_.load(std::memory_order_acquire);
            }
            while (next >> call_shift == served) {
                asleep_.fetch_add(1, std::memory_order_seq_cst);
                next_.wait(next, std::memory_order_seq_cst);
                asleep_.fetch_sub(1, std::memory_order_seq_cst);
                next = next_.load(std::memory_order_acquire);
            }
            served = next >> call_shift;
            if (number < helpers_.load(std::memory_order_relaxed)) take_parts(served);
        }
    }

    static thread_local bool within_part;

    std::mutex busy_;
    std::size_t started_ = 0;
    std::atomic<Part> run_{nullptr};
    std::atomic<void*> work_{nullptr};
    std::atomic<std::size_t> parts_{0};
    std::atomic<std::size_t> helpers_{0};
    std::mutex error_mutex_;
    std::exception_ptr error_;
    std::atomic<std::size_t> asleep_{0};
    std::atomic<std::size_t> slept_through_{0};  // bytes worked on while all threads slept
    alignas(64) std::atomic<std::uint64_t> next_{0};
    alignas(64) std::atomic<std::size_t> done_{0};
};

thread_local bool Pool::within_part = false;

/// Never destroyed: its threads may be asleep in it when the process ends.
Pool& pool() {
    static auto* instance = new Pool;
    return *instance;
}

}  // namespace

void run_parts(std::size_t parts, std::size_t bytes, Part run, void* work) {
    pool().call(parts, bytes, run, work);
}

}  // namespace xgrad::run::detail

namespace xgrad::run {

void begin_computation() noexcept {
    detail::pool().begin_computation();
}

}  // namespace xgrad::run
