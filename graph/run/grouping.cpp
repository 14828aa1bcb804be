#include <xgrad/graph/run/grouping.hpp>

#include <algorithm>
#include <numeric>
#include <optional>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/loop_sum.hpp>

namespace xgrad::run {

namespace {

// A loop is written down before it runs, and its values crowd the cache: it does not grow without bound.
constexpr std::uint32_t most_members = 2048;
// How many loops are tried for a node, from the newest backwards, so that grouping takes linear time.
constexpr std::size_t most_tried = 64;
// What is added up together stays in the first cache; and a loop has parts for many threads, or is short.
constexpr std::size_t largest_block = 4096;
constexpr std::size_t part_of_short_loop = std::size_t{1} << 15;
constexpr std::size_t least_parts = 16;

/// Marks the single numbers that are computed from nothing but given ones. They come before everything else: else a
/// loop that needs one would have to come after the loop that stands before it, and could not be the same.
std::vector<bool> single_numbers(const Schedule& schedule) {
    std::vector<bool> is_single(schedule.size());
    for (std::uint32_t index = 0; index < schedule.size(); ++index) {
        const Node& node = schedule[index];
        const auto reads = schedule.reads(index);
        is_single[index] = Grouping::kind_of(schedule, index) != Grouping::Kind::kernel && node.shape.size() == 1 &&
                           std::all_of(reads.begin(), reads.end(), [&](Schedule::Value read) {
                               return schedule.is_given(read) || is_single[read];
                           });
    }
    return is_single;
}

}  // namespace

Grouping::Grouping(const Schedule& schedule) {
    const auto count = static_cast<std::uint32_t>(schedule.size());
    step_of_.resize(count);
    is_written_.resize(count);
    is_summed_in_loop_.resize(count);
    const std::vector<bool> is_early = single_numbers(schedule);
    for (std::uint32_t index = 0; index < count; ++index) {
        if (is_early[index]) place(schedule, index);
    }
    for (std::uint32_t index = 0; index < count; ++index) {
        if (!is_early[index]) place(schedule, index);
    }
    postpone(schedule);

    std::uint32_t last = 0;
    for (std::uint32_t index = 0; index < count; ++index) {
        const bool is_elementwise = kind_of(schedule, index) == Kind::elementwise;
        last = std::max(last, step_of_[index]);
        if (!is_elementwise || schedule.is_seen_outside(index)) is_written_[index] = true;
        const bool in_loop = is_elementwise || is_summed_in_loop_[index];
        for (const Schedule::Value read : schedule.reads(index)) {
            if (schedule.is_given(read)) continue;
            if (!in_loop || step_of_[read] != step_of_[index]) is_written_[read] = true;
        }
    }
    // By step, and within a step in the schedule's order.
    starts_.assign(last + 2, 0);
    for (std::uint32_t step : step_of_) ++starts_[step + 1];
    for (std::size_t step = 1; step < starts_.size(); ++step) starts_[step] += starts_[step - 1];
    std::vector<std::uint32_t> next(starts_.begin(), starts_.end() - 1);
    members_.resize(count);
    for (std::uint32_t index = 0; index < count; ++index) members_[next[step_of_[index]]++] = index;
}

/// Gives a node the first step at which it can be computed and where there is room for its kind.
void Grouping::place(const Schedule& schedule, std::uint32_t index) {
    const Node& node = schedule[index];
    const Kind kind = kind_of(schedule, index);
    if (takes_along(schedule, index)) {
        is_summed_in_loop_[index] = true;
        step_of_[index] = step_of_[schedule.reads(index)[0]];
        return;
    }
    std::uint32_t earliest = 0;
    for (const Schedule::Value read : schedule.reads(index)) {
        if (schedule.is_given(read)) continue;
        const Node& input = schedule[read];
        const std::uint32_t step = step_of_[read];
        // Views come first in a step, so what follows one may share its step, unless that is the loop of what it views.
        const bool shares =
            kind_of(schedule, read) == Kind::view ||
            (kind == Kind::elementwise && kind_of(schedule, read) == Kind::elementwise && input.shape == node.shape);
        earliest = std::max(earliest, shares ? step : step + 1);
    }
    if (kind == Kind::view) {
        step_of_[index] = earliest;
    } else if (kind == Kind::kernel) {
        // A view may have been given a step that has nothing else yet.
        steps_ = std::max(steps_, earliest);
        step_of_[index] = steps_++;
    } else {
        step_of_[index] = loop_for(node.shape, earliest);
    }
}

/// True if the loop of what a sum adds up can add it up, beside the sums that it has already.
bool Grouping::takes_along(const Schedule& schedule, std::uint32_t index) {
    const std::optional<LoopSum> sum = loop_sum(schedule, index);
    if (!sum) return false;
    const Schedule::Value summed = schedule.reads(index)[0];
    const auto loop = std::lower_bound(loops_.begin(), loops_.end(), step_of_[summed],
                                       [](const Loop& other, std::uint32_t step) { return other.step < step; });
    const std::size_t block = std::lcm(loop->block, sum->block());
    const std::size_t part = std::lcm(std::lcm(loop->part, sum->part()), block);
    const auto size = static_cast<std::size_t>(schedule[summed].shape.size());
    if (block > largest_block || (part > part_of_short_loop && part * least_parts > size)) return false;
    loop->block = block;
    loop->part = part;
    return true;
}

/// Moves what only later loops of its shape read to the first of them, so that it need not be written between the two:
/// 1 - Y of the notes' cost, or the slope of an activation. Not if something that it reads had to be written instead.
void Grouping::postpone(const Schedule& schedule) {
    struct Readers {
        std::uint32_t all = 0;
        std::uint32_t first_step = ~std::uint32_t{0};
        bool are_later_loops = true;  // over the value's own shape
        bool has_later = false;
    };
    std::vector<Readers> readers_of(schedule.size());
    for (std::uint32_t index = 0; index < schedule.size(); ++index) {
        for (const Schedule::Value read : schedule.reads(index)) {
            if (schedule.is_given(read)) continue;
            ++readers_of[read].all;
            // And will be: nodes move to later steps only.
            readers_of[read].has_later = readers_of[read].has_later || step_of_[index] > step_of_[read];
        }
    }
    // From the last node to the first: when it is a node's turn, its readers have their final steps.
    for (auto index = static_cast<std::uint32_t>(schedule.size()); index-- > 0;) {
        const Node& node = schedule[index];
        const auto values = schedule.reads(index);
        const auto is_no_loss = [&](Schedule::Value read) {
            if (schedule.is_given(read) || step_of_[read] != step_of_[index]) return true;
            if (kind_of(schedule, read) != Kind::elementwise || schedule.is_seen_outside(read)) return true;
            const auto own = static_cast<std::uint32_t>(std::count(values.begin(), values.end(), read));
            return readers_of[read].has_later || readers_of[read].all == own;
        };
        const Readers& readers = readers_of[index];
        if (kind_of(schedule, index) == Kind::elementwise && !schedule.is_seen_outside(index) && readers.all > 0 &&
            readers.are_later_loops && std::all_of(values.begin(), values.end(), is_no_loss)) {
            step_of_[index] = readers.first_step;
        }
        for (const Schedule::Value read : values) {
            if (schedule.is_given(read)) continue;
            Readers& others = readers_of[read];
            const bool is_later = step_of_[index] > step_of_[read];
            const bool is_loop = kind_of(schedule, index) == Kind::elementwise && node.shape == schedule[read].shape;
            others.first_step = std::min(others.first_step, step_of_[index]);
            others.are_later_loops = others.are_later_loops && is_loop && is_later;
            others.has_later = others.has_later || is_later;
        }
    }
}

std::uint32_t Grouping::loop_for(const Shape& shape, std::uint32_t earliest) {
    Loop* best = nullptr;
    const std::size_t tried = std::min(loops_.size(), most_tried);
    for (auto loop = loops_.rbegin(); loop != loops_.rbegin() + static_cast<std::ptrdiff_t>(tried); ++loop) {
        if (loop->step >= earliest && loop->members < most_members && *loop->shape == shape) best = &*loop;
    }
    if (!best) {
        steps_ = std::max(steps_, earliest);
        loops_.push_back({&shape, steps_++, 0, 1, 1});
        best = &loops_.back();
    }
    ++best->members;
    return best->step;
}

}  // namespace xgrad::run
