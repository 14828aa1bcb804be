#include <xgrad/graph/run/sections.hpp>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <variant>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/loop_sum.hpp>

namespace xgrad::run {

namespace {

// So many steps that do not join are passed over in search of one that does, so that the search takes linear time.
constexpr std::size_t most_passed_over = 8;
// Less than this is still in the cache when the next step reads it.
constexpr std::size_t worth_joining = std::size_t{1} << 20;
// What makes or reads less is not the reason for a section.
constexpr std::size_t worth_looking = worth_joining / 16;

/// False if the attributes say that an operation works along the first axis.
bool works_within_rows(const Attributes& attributes) {
    return std::none_of(attributes.begin(), attributes.end(), [](const Attributes::Entry& entry) {
        if (entry.name == std::string_view("axis")) return std::get<std::int64_t>(entry.value) == 0;
        if (entry.name != std::string_view("axes")) return false;
        const auto& axes = std::get<Shape>(entry.value);
        return std::find(axes.begin(), axes.end(), 0) != axes.end();
    });
}

/// True if row i of the node depends on row i of this input only.
bool reads_by_row(const Node& node, std::size_t input) {
    const Node& formula = node.formula();
    const Shape& shape = formula.inputs()[input]->shape;
    if (Grouping::kind_of(node) == Grouping::Kind::kernel) return input < formula.op()->row_by_row;
    return shape.rank() == node.shape.rank() && shape[0] == node.shape[0];
}

}  // namespace

Sections::Sections(const Schedule& schedule, const Grouping& grouping)
    : schedule_(schedule),
      grouping_(grouping),
      place_of_(grouping.steps(), Place::open),
      rows_(grouping.steps()),
      together_(grouping.steps(), 1) {
    find_rows();
    if (has_kernel_) look_at_values();
    order_.reserve(grouping.steps());
    for (std::uint32_t step = 0; step < grouping.steps(); ++step) {
        if (place_of_[step] == Place::open && has_kernel_ && rows_[step] > 0) gather(step);
        if (place_of_[step] != Place::open) continue;
        place_of_[step] = Place::in_order;
        order_.push_back(step);
    }
}

void Sections::find_rows() {
    for (std::size_t step = 0; step < grouping_.steps(); ++step) {
        for (const std::uint32_t place : grouping_.members(step)) {
            const Node& node = schedule_[place];
            const Grouping::Kind kind = Grouping::kind_of(schedule_, place);
            if (kind == Grouping::Kind::view) continue;
            if (grouping_.is_summed_in_loop(place)) {
                if (rows_[step] == 0) break;
                together_[step] = std::lcm(together_[step], rows_of_part(place));
                has_kernel_ = has_kernel_ || gives_rows(place);
                if (together_[step] * least_parts <= rows_[step]) continue;
                rows_[step] = 0;
                break;
            }
            const bool is_kernel = kind == Grouping::Kind::kernel;
            const Node& formula = node.formula();
            const bool is_by_row =
                !is_kernel || (formula.op()->row_by_row > 0 && works_within_rows(formula.attributes()));
            const bool has_rows = node.shape.rank() > 0 && node.shape[0] > 1;
            rows_[step] = is_by_row && has_rows ? node.shape[0] : 0;
            if (rows_[step] == 0) break;
            has_kernel_ =
                has_kernel_ || (is_kernel && std::max(bytes_of(node), bytes_of(*formula.inputs()[0])) >= worth_looking);
        }
    }
}

Sections::Place Sections::place_of(Schedule::Value value) const {
    return schedule_.is_given(value) ? Place::in_order : place_of_[grouping_.step_of(value)];
}

/// In the schedule's order, so that what a view shows has been looked at before: views of views may be many.
void Sections::look_at_values() {
    sights_.reserve(schedule_.size());
    for (std::uint32_t place = 0; place < schedule_.size(); ++place) sights_.push_back(look_at(place));
}

Sections::Sight Sections::look_at(std::uint32_t place) const {
    const Node& node = schedule_[place];
    const bool has_rows = node.shape.rank() > 0;
    if (Grouping::kind_of(schedule_, place) != Grouping::Kind::view) return {place, has_rows, row_major(node.shape)};
    const Schedule::Value viewed = schedule_.reads(place)[0];
    if (schedule_.is_given(viewed)) return {viewed, false, {}};
    Sight sight = sights_[viewed];
    if (schedule_.is_merged(place) || !sight.keeps_rows) return sight;
    const Node& input = schedule_[viewed];
    const auto& rule = std::get<LayoutRule>(node.formula().op()->forward);
    const std::optional<Layout> layout =
        rule({input.dtype, input.shape, sight.strides, nullptr}, node.formula().attributes(), node.shape);
    // As many rows at the distance of the base's have no room to reach into another.
    sight.keeps_rows = layout && has_rows && node.shape.size() > 0 && node.shape[0] == input.shape[0] &&
                       layout->strides[0] == sight.strides[0];
    if (sight.keeps_rows) sight.strides = layout->strides;
    return sight;
}

bool Sections::joins(std::size_t step) const {
    if (rows_[step] != rows_[gathered_[0]]) return false;
    bool reads_section = false;
    for (const std::uint32_t place : grouping_.members(step)) {
        const Node& node = schedule_[place];
        const bool is_view = Grouping::kind_of(schedule_, place) == Grouping::Kind::view;
        const std::span<const Schedule::Value> reads = schedule_.reads(place);
        for (std::size_t input = 0; input < reads.size(); ++input) {
            if (place_of(reads[input]) == Place::put_off) return false;
            const Schedule::Value seen = is_view ? place : reads[input];
            const Schedule::Value base = base_of(seen);
            if (place_of(base) != Place::in_section) continue;
            // Who reads the view is asked about it in his turn.
            const bool is_by_row = sights_[seen].keeps_rows && (!grouping_.is_summed_in_loop(base) || gives_rows(base));
            if (!is_by_row || (!is_view && !reads_by_row(node, input))) return false;
            reads_section = reads_section || !is_view;
        }
    }
    return reads_section;
}

/// So many rows of what is added up in a loop are whole parts of the sum.
std::int64_t Sections::rows_of_part(std::uint32_t sum) const {
    const Node& summed = schedule_.node(schedule_.reads(sum)[0]);
    const auto part = static_cast<std::int64_t>(loop_sum(schedule_, sum)->part());
    return part / std::gcd(part, summed.shape.size() / summed.shape[0]);
}

/// True if the sums that a loop gives are there row by row.
bool Sections::gives_rows(std::uint32_t sum) const {
    return loop_sum(schedule_, sum)->of == LoopSum::Of::rows;
}

/// Lets the steps that can join this one follow it, before what stands between them.
void Sections::gather(std::uint32_t first) {
    gathered_.assign(1, first);
    place_of_[first] = Place::in_section;
    std::size_t passed_over = 0;
    std::uint32_t end = first + 1;
    for (; end < grouping_.steps() && passed_over < most_passed_over; ++end) {
        if (place_of_[end] != Place::open) continue;
        if (joins(end)) {
            place_of_[end] = Place::in_section;
            gathered_.push_back(end);
            passed_over = 0;
        } else {
            place_of_[end] = Place::put_off;
            ++passed_over;
        }
    }
    for (std::uint32_t step = first; step < end; ++step) {
        if (place_of_[step] == Place::put_off) place_of_[step] = Place::open;
    }
    if (!is_worth_while()) {
        for (const std::uint32_t step : gathered_) {
            place_of_[step] = Place::open;
            rows_[step] = 0;
        }
        return;
    }
    const auto begin = static_cast<std::uint32_t>(order_.size());
    for (const std::uint32_t step : gathered_) place_of_[step] = Place::in_order;
    order_.insert(order_.end(), gathered_.begin(), gathered_.end());
    std::int64_t together = 1;
    for (const std::uint32_t step : gathered_) together = std::lcm(together, together_[step]);
    sections_.push_back({begin, static_cast<std::uint32_t>(order_.size()), rows_[first], together});
}

/// Loops alone would be one loop, if nothing stood between them; and what is small stays in the cache anyway.
bool Sections::is_worth_while() const {
    if (gathered_.size() < 2) return false;
    std::size_t bytes = 0;
    bool has_kernel = false;
    for (const std::uint32_t step : gathered_) {
        for (const std::uint32_t place : grouping_.members(step)) {
            has_kernel = has_kernel || Grouping::kind_of(schedule_, place) == Grouping::Kind::kernel;
            if (Grouping::kind_of(schedule_, place) != Grouping::Kind::view && grouping_.is_written(place)) {
                bytes += bytes_of(schedule_[place]);
            }
        }
    }
    return has_kernel && bytes >= worth_joining;
}

}  // namespace xgrad::run
