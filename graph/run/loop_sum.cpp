#include <xgrad/graph/run/loop_sum.hpp>

#include <xgrad/graph/run/grouping.hpp>

namespace xgrad::run {

namespace {

// Of shorter rows, asking for each sum by itself takes longer than adding up; so does finding the columns.
constexpr std::int64_t shortest_row = 32;
constexpr std::int64_t fewest_columns = 64;
// The sums of so many columns stay in the first cache.
constexpr std::int64_t most_columns = 4096;

/// True if the axes are some of the last ones, or of the first ones, of an array of this rank.
bool are_last(const Shape& axes, std::size_t rank) {
    for (std::size_t i = 0; i < axes.rank(); ++i) {
        if (axes[i] != static_cast<std::int64_t>(rank - axes.rank() + i)) return false;
    }
    return true;
}
bool are_first(const Shape& axes) {
    for (std::size_t i = 0; i < axes.rank(); ++i) {
        if (axes[i] != static_cast<std::int64_t>(i)) return false;
    }
    return true;
}

}  // namespace

std::optional<LoopSum> loop_sum(const Schedule& schedule, std::uint32_t place) {
    if (schedule.is_merged(place)) return {};
    const Node& node = schedule[place];
    const BlockSum* const rule = node.formula().op()->block_sum;
    if (!rule || !is_floating(node.dtype)) return {};
    const Schedule::Value summed = schedule.reads(place)[0];
    if (schedule.is_given(summed)) return {};
    const Node& input = schedule[summed];
    if (Grouping::kind_of(schedule, summed) != Grouping::Kind::elementwise || input.dtype != node.dtype ||
        input.shape.size() == 0)
        return {};
    if (node.shape.size() == 1) return LoopSum{LoopSum::Of::all, 0, rule};
    const auto& axes = node.formula().attributes().at<Shape>("axes");
    const std::int64_t results = node.shape.size(), each = input.shape.size() / results;
    if (are_last(axes, input.shape.rank()) && each >= shortest_row && each <= static_cast<std::int64_t>(rule->block)) {
        return LoopSum{LoopSum::Of::rows, static_cast<std::size_t>(each), rule};
    }
    if (are_first(axes) && each > 1 && results >= fewest_columns && results <= most_columns) {
        return LoopSum{LoopSum::Of::columns, static_cast<std::size_t>(results), rule};
    }
    return {};
}

}  // namespace xgrad::run
