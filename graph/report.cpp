#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <tuple>

#include <fmt/format.h>

#include <xgrad/graph/verify.hpp>

namespace xgrad {

namespace {

constexpr std::size_t most_wrong_rows = 20;

double badness(const CheckRow& row) {
    const double ratio = row.error() / row.bound;
    return std::isnan(ratio) ? INFINITY : ratio;
}

bool is_better(const CheckRow* a, const CheckRow* b) {
    return badness(*a) < badness(*b);
}

std::string index_text(const CheckRow& row) {
    if (row.entry < 0) return "direction";
    std::string text;
    std::int64_t rest = row.entry;
    for (std::size_t axis = row.shape.rank(); axis-- > 0; rest /= row.shape[axis]) {
        text = fmt::format("{}{}{}", rest % row.shape[axis], text.empty() ? "" : ", ", text);
    }
    return "[" + text + "]";
}

}  // namespace

double CheckRow::error() const {
    return std::abs(analytic - numeric);
}

bool CheckRow::is_right() const {
    return error() <= bound;  // false for NaN
}

std::size_t GradientReport::wrong() const {
    return static_cast<std::size_t>(
        std::count_if(rows_.begin(), rows_.end(), [](const CheckRow& row) { return !row.is_right(); }));
}

const CheckRow* GradientReport::worst() const {
    const CheckRow* worst = nullptr;
    for (const CheckRow& row : rows_) {
        if (!worst || is_better(worst, &row)) worst = &row;
    }
    return worst;
}

std::string GradientReport::table() const {
    using Key = std::tuple<std::string, int, std::string>;
    std::map<Key, const CheckRow*> worst_of;
    std::vector<const CheckRow*> shown;
    for (const CheckRow& row : rows_) {
        const CheckRow*& worst_so_far = worst_of[{row.input, row.order, row.mode}];
        if (!worst_so_far || is_better(worst_so_far, &row)) worst_so_far = &row;
    }
    for (const CheckRow& row : rows_) {
        if (worst_of[{row.input, row.order, row.mode}] == &row) shown.push_back(&row);
    }
    std::size_t more = most_wrong_rows;
    for (const CheckRow& row : rows_) {
        const bool listed = std::find(shown.begin(), shown.end(), &row) != shown.end();
        if (row.is_right() || listed || more == 0) continue;
        shown.push_back(&row);
        --more;
    }
    std::string text = fmt::format("{} derivatives checked, {} wrong\n", rows_.size(), wrong());
    if (rows_.empty()) return text;
    text += fmt::format("{:<12} {:<12} {:<12} {:>5} {:<8} {:>15} {:>15} {:>9} {:>9}\n", "input", "shape", "entry",
                        "order", "mode", "derived", "checked", "error", "bound");
    for (const CheckRow* row : shown) {
        text +=
            fmt::format("{:<12} {:<12} {:<12} {:>5} {:<8} {:>15.8g} {:>15.8g} {:>9.1e} {:>9.1e}{}{}\n", row->input,
                        to_string(row->shape), index_text(*row), row->order, row->mode, row->analytic, row->numeric,
                        row->error(), row->bound, row->is_right() ? "" : "  wrong", row == worst() ? "  <- worst" : "");
    }
    return text;
}

std::ostream& operator<<(std::ostream& stream, const GradientReport& report) {
    return stream << report.table();
}

}  // namespace xgrad
