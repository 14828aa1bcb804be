#include <xgrad/graph/run/sections.hpp>

#include <algorithm>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/op.hpp>

namespace xgrad::run {

namespace {

// So many steps that do not join are passed over in search of one that does, so that the search takes linear time.
constexpr std::size_t most_passed_over = 8;
// Less than this is still in the cache when the next step reads it.
constexpr std::size_t worth_joining = std::size_t{1} << 20;

}  // namespace

Sections::Sections(const Schedule& schedule, const Grouping& grouping)
    : schedule_(schedule), grouping_(grouping), place_of_(grouping.steps(), Place::open), rows_(grouping.steps()) {
    find_rows();
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
            const bool is_kernel = kind == Grouping::Kind::kernel;
            const bool is_by_row = !is_kernel || node.formula().op()->row_by_row > 0;
            const bool has_rows = node.shape.rank() > 0 && node.shape[0] > 1;
            rows_[step] = is_by_row && has_rows && !grouping_.is_summed_in_loop(place) ? node.shape[0] : 0;
            if (rows_[step] == 0) break;
            has_kernel_ = has_kernel_ || is_kernel;
        }
    }
}

/// True if row i of the node depends on row i of this input only.
bool Sections::reads_by_row(const Node& node, std::size_t input) const {
    const Node& formula = node.formula();
    const Shape& shape = formula.inputs()[input]->shape;
    if (Grouping::kind_of(node) == Grouping::Kind::kernel) return input < formula.op()->row_by_row;
    return shape.rank() == node.shape.rank() && shape[0] == node.shape[0];
}

bool Sections::joins(std::size_t step) const {
    if (rows_[step] != rows_[gathered_[0]]) return false;
    bool reads_section = false;
    for (const std::uint32_t place : grouping_.members(step)) {
        const Node& node = schedule_[place];
        const std::span<const Schedule::Value> reads = schedule_.reads(place);
        for (std::size_t input = 0; input < reads.size(); ++input) {
            if (schedule_.is_given(reads[input])) continue;
            switch (place_of_[grouping_.step_of(reads[input])]) {
                case Place::put_off:
                    return false;
                case Place::in_section:
                    // A view may show the rows in another order; so may one that reads such a view.
                    if (Grouping::kind_of(schedule_, place) == Grouping::Kind::view ||
                        Grouping::kind_of(schedule_, reads[input]) == Grouping::Kind::view ||
                        !reads_by_row(node, input)) {
                        return false;
                    }
                    reads_section = true;
                    break;
                case Place::open:
                case Place::in_order:
                    break;
            }
        }
    }
    return reads_section;
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
    sections_.push_back({begin, static_cast<std::uint32_t>(order_.size()), rows_[first]});
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
