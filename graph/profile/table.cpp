#include <algorithm>

#include <fmt/format.h>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/profile/state.hpp>
#include <xgrad/graph/threads.hpp>

namespace xgrad {

namespace {

// What takes less time than all these is added up.
constexpr std::size_t most_rows = 40;

std::string percent(double part, double whole) {
    return whole > 0 ? fmt::format("{:.0f} %", 100 * part / whole) : "";
}

/// A rate in billions, and how much of the ceiling that is.
void add_rate(std::vector<std::string>& cells, double amount, double seconds, double ceiling) {
    const double rate = seconds > 0 ? amount / seconds : 0;
    cells.push_back(fmt::format("{:.1f}", rate / 1e9));
    cells.push_back(percent(rate, ceiling));
}

std::vector<std::string> cells_of(const ProfileRow& row, double all_seconds, const Ceilings& most) {
    std::vector<std::string> cells{row.operations, shapes_text(row), std::to_string(row.calls), time_text(row.seconds),
                                   percent(row.seconds, all_seconds)};
    add_rate(cells, row.bytes, row.seconds, most.bytes_per_second);
    add_rate(cells, row.flops, row.seconds, most.flops_per_second);
    return cells;
}

}  // namespace

std::string Profile::text() const {
    // Before the ceilings are measured, which takes time of its own.
    const double wall = seconds(), steps = step_seconds(), planning = planning_seconds();
    const std::vector<ProfileRow> all = rows();
    const Ceilings most = ceilings();
    std::vector<std::vector<std::string>> table{
        {"operations", "shape", "calls", "time", "share", "GB/s", "of max", "GFLOP/s", "of max"}};
    const std::size_t shown = std::min(all.size(), most_rows);
    for (std::size_t i = 0; i < shown; ++i) table.push_back(cells_of(all[i], steps, most));
    ProfileRow rest, total;
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (ProfileRow* sum : {i < shown ? nullptr : &rest, &total}) {
            if (!sum) continue;
            sum->calls += all[i].calls;
            sum->seconds += all[i].seconds;
            sum->bytes += all[i].bytes;
            sum->flops += all[i].flops;
        }
    }
    rest.operations = fmt::format("{} more", all.size() - shown);
    total.operations = "all";
    for (const ProfileRow* sum : {all.size() > shown ? &rest : nullptr, &total}) {
        if (!sum) continue;
        table.push_back(cells_of(*sum, steps, most));
        table.back()[1] = "";  // no shape of their own
    }
    std::string text = explain::table_text(table, {2, 3, 4, 5, 6, 7, 8});
    const std::lock_guard lock(state_->mutex);
    text += fmt::format("{} in steps ({}), {} finding or making plans ({})", time_text(steps), percent(steps, wall),
                        time_text(planning), percent(planning, wall));
    if (state_->threads > 1) {
        text += fmt::format(", by {} threads of the program in {}\n", state_->threads, time_text(wall));
    } else {
        const double other = std::max(wall - steps - planning, 0.0);
        text += fmt::format(", {} on all else, recording included ({}): {}\n", time_text(other), percent(other, wall),
                            time_text(wall));
    }
    text += fmt::format(
        "max, with {} threads: {:.1f} GB/s from memory (more: from a cache), {:.0f} GFLOP/s in a float32 product "
        "(more: a convolution in tiles)\n",
        xgrad::threads(), most.bytes_per_second / 1e9, most.flops_per_second / 1e9);
    if (state_->left_out > 0) {
        text += fmt::format("the trace has the first {} events; {} more are not in it\n", state_->events.size(),
                            state_->left_out);
    }
    return text;
}

}  // namespace xgrad
