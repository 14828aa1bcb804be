#include <xgrad/graph/run/parallel.hpp>

#include <sched.h>

#include <algorithm>
#include <array>
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

/// The parts of a call that one of its threads begins with, in one word with the number of the call, so that taking a
/// part from a call that is over fails. Numbers come again after 2^32 calls.
class alignas(64) Share {
  public:
    static constexpr std::size_t most = (std::size_t{1} << 16) - 1;

    void set(std::uint32_t call, std::size_t begin, std::size_t end) noexcept {
        word_.store(word(call, begin, end), std::memory_order_release);
    }

    /// The next part of the call, from the front or the back: number + 1, or 0 if none is left. What `see` reads
    /// belongs to the same call.
    template <class See>
    std::size_t take(std::uint32_t call, bool from_front, See&& see) noexcept {
        for (std::uint64_t now = word_.load(std::memory_order_acquire);;) {
            const std::size_t begin = now >> end_bits & most, end = now & most;
            if (now >> call_shift != call || begin == end) return 0;
            see();
            const std::uint64_t rest = from_front ? word(call, begin + 1, end) : word(call, begin, end - 1);
            if (word_.compare_exchange_weak(now, rest, std::memory_order_acq_rel, std::memory_order_acquire)) {
                return from_front ? begin + 1 : end;
            }
        }
    }

  private:
    static constexpr unsigned end_bits = 16, call_shift = 32;

    static std::uint64_t word(std::uint32_t call, std::uint64_t begin, std::uint64_t end) noexcept {
        return std::uint64_t{call} << call_shift | begin << end_bits | end;
    }

    std::atomic<std::uint64_t> word_{0};
};

/// The library's threads. One call at a time has them; another that comes meanwhile, or from within a part, does its
/// parts by itself. Nobody waits for a thread that has taken no part.
///
/// Every thread has its share, the same in all calls with so many parts, and goes through it from the front and in the
/// next call from the back: the second cache of its processor still has what it worked on last. Then it takes what the
/// others have left, from the end that is not theirs.
class Pool {
  public:
    void call(std::size_t parts, std::size_t bytes, Part run, void* work) {
        const std::unique_lock lock(busy_, std::try_to_lock);
        const std::size_t helpers = std::min(threads(), parts) - 1;
        if (!lock.owns_lock() || within_part || helpers == 0 || !is_worth_it(bytes)) {
            for (std::size_t part = 0; part < parts; ++part) run(work, part);
            return;
        }
        start_threads(helpers);
        const std::uint32_t number = number_.load(std::memory_order_relaxed) + 1;
        run_ = run;
        work_ = work;
        parts_ = parts;
        at_once_ = (parts + Share::most - 1) / Share::most;
        done_ = 0;
        error_ = nullptr;
        helpers_ = helpers;
        const std::size_t lots = (parts + at_once_ - 1) / at_once_, sharers = helpers + 1;
        for (std::size_t i = 0; i < sharers; ++i) {
            shares_[i].set(number, lots * i / sharers, lots * (i + 1) / sharers);
        }
        number_.store(number, std::memory_order_seq_cst);
        if (asleep_.load(std::memory_order_seq_cst) > 0) number_.notify_all();
        within_part = true;
        take_parts(number, 0);
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
                std::thread([this, number = started_ + 1] { serve(number); }).detach();
            }
        } catch (const std::system_error&) {
            // Those that could be started do the work.
        }
    }

    /// Takes parts of the call until none is left, first those of this thread's own share.
    void take_parts(std::uint32_t call, std::size_t own) {
        const bool is_forward = call % 2 == 0;
        const std::size_t sharers = helpers_.load(std::memory_order_relaxed) + 1;
        for (std::size_t i = 0; i < sharers; ++i) {
            Share& share = shares_[(own + i) % sharers];
            while (take_from(share, call, is_forward == (i == 0))) {
            }
        }
    }

    bool take_from(Share& share, std::uint32_t call, bool from_front) {
        Part run = nullptr;
        void* work = nullptr;
        std::size_t parts = 0, at_once = 0;
        const std::size_t taken = share.take(call, from_front, [&]() noexcept {
            run = run_.load(std::memory_order_relaxed);
            work = work_.load(std::memory_order_relaxed);
            parts = parts_.load(std::memory_order_relaxed);
            at_once = at_once_.load(std::memory_order_relaxed);
        });
        if (taken == 0) return false;
        const std::size_t first = (taken - 1) * at_once, end = std::min(parts, taken * at_once);
        for (std::size_t part = first; part < end; ++part) {
            try {
                run(work, part);
            } catch (...) {
                const std::lock_guard lock(error_mutex_);
                error_ = std::current_exception();
            }
        }
        done_.fetch_add(end - first, std::memory_order_release);
        return true;
    }

    void serve(std::size_t number) {
        within_part = true;
        std::uint32_t served = 0;
        for (;;) {
            std::uint32_t next = number_.load(std::memory_order_acquire);
            for (std::size_t turn = 0; next == served && turn < patience; ++turn) {
                pause();
                next = number_.load(std::memory_order_acquire);
            }
            while (next == served) {
                asleep_.fetch_add(1, std::memory_order_seq_cst);
                number_.wait(next, std::memory_order_seq_cst);
                asleep_.fetch_sub(1, std::memory_order_seq_cst);
                next = number_.load(std::memory_order_acquire);
            }
            served = next;
            if (number <= helpers_.load(std::memory_order_relaxed)) take_parts(served, number);
        }
    }

    static thread_local bool within_part;

    std::mutex busy_;
    std::size_t started_ = 0;
    std::atomic<Part> run_{nullptr};
    std::atomic<void*> work_{nullptr};
    std::atomic<std::size_t> parts_{0};
    std::atomic<std::size_t> at_once_{1};  // parts that are taken together, where there are more than a word can count
    std::atomic<std::size_t> helpers_{0};
    std::mutex error_mutex_;
    std::exception_ptr error_;
    std::atomic<std::size_t> asleep_{0};
    std::atomic<std::size_t> slept_through_{0};         // bytes worked on while all threads slept
    alignas(64) std::atomic<std::uint32_t> number_{0};  // of the last call
    alignas(64) std::atomic<std::size_t> done_{0};
    std::array<Share, most_threads> shares_;
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
