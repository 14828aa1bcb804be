#pragma once

#include <iosfwd>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <xgrad/graph/profile.hpp>
#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/watched.hpp>

namespace xgrad {

/// (512, 784) (784, 128) → (512, 128) of a kernel, (512, 128) of a loop.
std::string shapes_text(const ProfileRow& row);

/// What a profile has heard.
struct Profile::State final : run::Watcher {
    /// A row and what one call of it is.
    struct Work {
        ProfileRow row;
        double bytes;
        double flops;
    };
    struct Event {
        static constexpr std::uint32_t planning = ~std::uint32_t{0};
        std::uint32_t work;  // or planning
        std::uint32_t thread;
        run::Time begin;
        run::Time end;
        const char* file;
        std::uint32_t line;
    };

    explicit State(std::size_t limit) : most_events(limit) {}
    void step(const run::Plan& plan, std::span<Node* const> order, std::size_t step,
              const run::Stretch& time) noexcept override;
    void planning(const run::Stretch& time) noexcept override;

    /// The number of each step's work, for all steps of a plan.
    const std::vector<std::uint32_t>& works_of(const run::Plan& plan, std::span<Node* const> order);
    std::uint32_t work_of(const run::Plan::Work& step, std::span<Node* const> order);
    void add(const Event& event);
    /// In the Trace Event Format of chrome://tracing: an object in JSON, whose "X" events have a beginning and a
    /// duration in microseconds.
    void write(std::ostream& out) const;
    run::Time duration() const { return (end == 0 ? run::now() : end) - begin; }

    const std::size_t most_events;
    mutable std::mutex mutex{};
    run::Time begin = run::now();
    run::Time end = 0;  // while it is not stopped
    run::Time in_steps = 0;
    run::Time in_planning = 0;
    std::vector<bool> is_known_thread{};
    std::size_t threads = 0;  // that are known
    std::vector<Work> works{};
    std::map<std::string, std::uint32_t> known_works{};
    std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> known_plans{};
    std::vector<Event> events{};
    std::size_t left_out = 0;  // events beyond the limit, or for which there was no memory
};

}  // namespace xgrad
