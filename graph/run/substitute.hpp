#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad::run {

/// What a schedule with deferred derivatives was before they were recorded.
class DeferredSchedule {
  public:
    /// Records the derivatives. Until nodes are made again, those of the schedule are found here.
    explicit DeferredSchedule(const Schedule& schedule);

    /// Where a node stands; none if it is not there.
    Schedule::Value find(const Node& node) const noexcept { return values_.find(&node); }
    /// How many of them were to be computed.
    std::size_t places() const noexcept { return places_; }
    std::span<const std::uint64_t> structure() const noexcept { return structure_; }

  private:
    NodeTable values_;
    std::size_t places_;
    std::vector<std::uint64_t> structure_;
};

/// How a schedule with deferred derivatives is computed: by the plan for the one in which they are recorded. It holds
/// for every schedule of the same structure.
class Substitute {
  public:
    using Value = Schedule::Value;
    static constexpr Value none = NodeTable::none;

    /// `recorded` has the plan. Null if something in it is not to be had without recording it: what a derivative rule
    /// has brought along from elsewhere, or much data.
    static std::shared_ptr<const Substitute> make(const DeferredSchedule& deferred, const Schedule& recorded,
                                                  std::shared_ptr<const Plan> plan);

    const Plan& plan() const noexcept { return *plan_; }
    /// The value of the schedule that is a value of the plan; none if only the plan knows it.
    Value origin(Value value) const noexcept { return value < origins_.size() ? origins_[value] : none; }
    /// The memory of what differentiating has brought along; none for any other value.
    StorageRef constant(Value value) const;
    /// Fills in the addresses of what the plan is given: by the nodes of the schedule, and the numbers that
    /// differentiating has brought along.
    void give(const Schedule& schedule, std::byte** addresses) const;

  private:
    struct Constant {
        Value value;
        StorageRef storage;
    };

    std::shared_ptr<const Plan> plan_;
    std::vector<Value> origins_;
    Value first_given_ = 0;
    std::vector<Constant> constants_;
};

/// What is known of schedules of this structure: a pointer to the substitute, which is null if they have none; null if
/// nothing is known.
const std::shared_ptr<const Substitute>* find_substitute(const Schedule& schedule);
void remember(const DeferredSchedule& schedule, std::shared_ptr<const Substitute> substitute);

}  // namespace xgrad::run
