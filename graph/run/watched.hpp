#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <xgrad/graph/node.hpp>

namespace xgrad::run {

class Plan;

/// Nanoseconds of a clock that never goes back.
using Time = std::int64_t;
Time now() noexcept;

/// When something was done, and by which of the program's threads, counted from 0.
struct Stretch {
    Time begin;
    Time end;
    Time own;  ///< without what other plans took that were made or run meanwhile, from within
    std::uint32_t thread;
};

/// Hears of every step of every plan that runs in this process, from whichever thread runs it, one at a time.
class Watcher {
  public:
    /// `order` is what the plan was given to run.
    virtual void step(const Plan& plan, std::span<Node* const> order, std::size_t step, const Stretch&) noexcept = 0;
    /// A plan was made, or found among those made before.
    virtual void planning(const Stretch&) noexcept = 0;

  protected:
    ~Watcher() = default;
};

void add_watcher(Watcher& watcher);
void remove_watcher(Watcher& watcher) noexcept;

namespace detail {

extern std::atomic<int> watchers;

}  // namespace detail

/// False while nobody watches. True as well until the first plan of the process has asked the environment.
inline bool is_watched() noexcept {
    return detail::watchers.load(std::memory_order_relaxed) != 0;
}

/// Measures a stretch. Those of one thread may lie within each other: each knows how much of it was its own.
class Stopwatch {
  public:
    Stopwatch() noexcept;
    ~Stopwatch() { stop(); }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    Stretch stop() noexcept;

  private:
    Time begin_;
    Time before_;  // what has run within the stretch around this one
    bool is_running_ = true;
};

/// While alive, a plan is made or looked for.
class PlanningTime {
  public:
    PlanningTime() {
        if (is_watched()) begin();
    }
    ~PlanningTime() {
        if (watch_) end();
    }
    PlanningTime(const PlanningTime&) = delete;
    PlanningTime& operator=(const PlanningTime&) = delete;

  private:
    void begin();
    void end() noexcept;

    std::optional<Stopwatch> watch_;
};

}  // namespace xgrad::run
