#pragma once

#include <cstdint>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad::run {

static_assert(std::is_same_v<Computation, std::variant<BlockKernels, LayoutRule, Kernel>>);

/// A schedule cut into steps that are computed one after the other. In each of them first views are laid on what
/// earlier steps have computed; then there is one kernel, or one fused loop over any number of elementwise nodes of one
/// shape.
class Grouping {
  public:
    /// The schedule is merged.
    explicit Grouping(const Schedule& schedule);

    /// In the order of the alternatives of a Computation.
    enum class Kind : std::uint8_t { elementwise, view, kernel };
    static Kind kind_of(const Node& node) noexcept { return static_cast<Kind>(node.formula().op()->forward.index()); }
    /// What has been merged is a view.
    static Kind kind_of(const Schedule& schedule, std::size_t place) {
        return schedule.is_merged(place) ? Kind::view : kind_of(schedule[place]);
    }

    std::size_t steps() const { return starts_.size() - 1; }
    /// The places in the schedule of a step's nodes, inputs first.
    std::span<const std::uint32_t> members(std::size_t step) const {
        return std::span(members_).subspan(starts_[step], starts_[step + 1] - starts_[step]);
    }
    std::uint32_t step_of(std::size_t place) const { return step_of_[place]; }
    /// True for a sum that the loop of what it adds up takes along: what loop_sum() says of it holds.
    bool is_summed_in_loop(std::size_t place) const { return is_summed_in_loop_[place]; }
    /// False for what only the operations of one loop see of each other: it needs no memory.
    bool is_written(std::size_t place) const { return is_written_[place]; }

  private:
    struct Loop {
        const Shape* shape;
        std::uint32_t step;
        std::uint32_t members;
        std::size_t block = 1;  // what it adds up together,
        std::size_t part = 1;   // and what it is divided into: multiples of so many elements
    };

    void place(const Schedule& schedule, std::uint32_t place);
    bool takes_along(const Schedule& schedule, std::uint32_t place);
    void postpone(const Schedule& schedule);
    std::uint32_t loop_for(const Shape& shape, std::uint32_t earliest);

    std::uint32_t steps_ = 0;
    std::vector<Loop> loops_;
    std::vector<std::uint32_t> step_of_;
    std::vector<bool> is_written_;
    std::vector<bool> is_summed_in_loop_;
    std::vector<std::uint32_t> members_;
    std::vector<std::uint32_t> starts_;
};

}  // namespace xgrad::run
