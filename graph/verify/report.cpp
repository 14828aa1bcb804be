#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <tuple>

#include <unistd.h>

#include <fmt/format.h>

#include <xgrad/graph/verify.hpp>
#include <xgrad/graph/verify/recorded.hpp>

namespace xgrad {

namespace {

constexpr std::size_t most_rows = 10;

constexpr const char* red = "\033[31m";
constexpr const char* yellow = "\033[33m";
constexpr const char* plain = "\033[0m";

double badness(const CheckRow& row) {
    const double ratio = row.error() / row.bound;
    return std::isnan(ratio) ? INFINITY : ratio;
}

/// Wrong before right before undecidable, then by the error in units of its bound.
bool is_better(const CheckRow* a, const CheckRow* b) {
    const auto rank = [](const CheckRow* row) {
        return row->verdict == Verdict::wrong ? 2 : row->verdict == Verdict::right ? 1 : 0;
    };
    return rank(a) != rank(b) ? rank(a) < rank(b) : badness(*a) < badness(*b);
}

std::string entry_text(const CheckRow& row) {
    return row.entry < 0 ? "direction" : recorded::index_text(row.shape, row.entry);
}

/// A number, or a stroke where there is none.
std::string number_text(double number, const char* format) {
    return std::isnan(number) ? "-" : fmt::format(fmt::runtime(format), number);
}

/// The rows that a reader wants to see, in the order in which they were checked.
std::vector<const CheckRow*> shown_of(const std::vector<CheckRow>& rows) {
    std::map<std::tuple<std::string, int, std::string>, const CheckRow*> worst_of;
    for (const CheckRow& row : rows) {
        const CheckRow*& worst = worst_of[{row.input, row.order, row.mode}];
        if (!worst || is_better(worst, &row)) worst = &row;
    }
    std::vector<const CheckRow*> shown;
    std::size_t more = most_rows;
    for (const CheckRow& row : rows) {
        const bool is_worst = worst_of[{row.input, row.order, row.mode}] == &row;
        if (!is_worst && (row.is_right() || more == 0)) continue;
        if (!is_worst) --more;
        shown.push_back(&row);
    }
    return shown;
}

std::string line_of(const CheckRow& row, std::size_t name_width, std::size_t shape_width, bool is_worst,
                    bool coloured) {
    const char* verdict = row.verdict == Verdict::wrong ? "wrong" : row.is_right() ? "right" : "undecidable";
    const char* colour = row.verdict == Verdict::wrong ? red : yellow;
    const bool is_painted = coloured && !row.is_right();
    std::string text = fmt::format(
        "{}{:<{}} {:<{}} {:<10} {:>5} {:<7} {:>14} {:>14} {:>8} {:>8} {}{}{}\n", is_painted ? colour : "", row.input,
        name_width, to_string(row.shape), shape_width, entry_text(row), row.order, row.mode,
        fmt::format("{:.7g}", row.analytic), number_text(row.numeric, "{:.7g}"), number_text(row.error(), "{:.1e}"),
        number_text(row.bound, "{:.1e}"), verdict, is_worst ? "  <- worst" : "", is_painted ? plain : "");
    if (row.verdict == Verdict::undecidable) text += fmt::format("    {}\n", row.evidence);
    return text;
}

}  // namespace

double CheckRow::error() const {
    return std::abs(analytic - numeric);
}

std::string WrongOp::text() const {
    std::string text =
        fmt::format("first wrong operation: {}{}{}, {}\n", op, place.empty() ? "" : " at ", place, shapes);
    if (!worst.input.empty()) {
        text += fmt::format("    by argument {} at {}: derived {:.7g}, checked {:.7g}\n", argument, entry_text(worst),
                            worst.analytic, worst.numeric);
    }
    return text + fmt::format("    its gradient is {}\n", looks_like);
}

std::size_t GradientReport::count(Verdict verdict) const {
    return static_cast<std::size_t>(
        std::count_if(rows_.begin(), rows_.end(), [&](const CheckRow& row) { return row.verdict == verdict; }));
}

const CheckRow* GradientReport::worst() const {
    const CheckRow* worst = nullptr;
    for (const CheckRow& row : rows_) {
        if (row.verdict != Verdict::undecidable && (!worst || is_better(worst, &row))) worst = &row;
    }
    return worst;
}

std::string GradientReport::table(bool coloured) const {
    std::string text = fmt::format("{} derivatives checked: {} right, {} wrong, {} undecidable here\n", rows_.size(),
                                   count(Verdict::right), wrong(), undecidable());
    if (rows_.empty()) return text;
    const std::vector<const CheckRow*> shown = shown_of(rows_);
    std::size_t name_width = 5, shape_width = 5;
    for (const CheckRow* row : shown) {
        name_width = std::max(name_width, row->input.size());
        shape_width = std::max(shape_width, to_string(row->shape).size());
    }
    text += fmt::format("{:<{}} {:<{}} {:<10} {:>5} {:<7} {:>14} {:>14} {:>8} {:>8} verdict\n", "input", name_width,
                        "shape", shape_width, "entry", "order", "mode", "derived", "checked", "error", "bound");
    for (const CheckRow* row : shown) text += line_of(*row, name_width, shape_width, row == worst(), coloured);
    // The other wrong rows have the same to say.
    if (wrong() > 0) text += fmt::format("the worst: {}\n", worst()->evidence);
    if (missing_ > 0) {
        text += fmt::format(
            "along random directions: an entry off by a hundredth of the largest is missed with a "
            "probability of at most {:.0e}\n",
            missing_);
    }
    if (wrong_op_) text += wrong_op_->text();
    return text;
}

std::ostream& operator<<(std::ostream& stream, const GradientReport& report) {
    const bool is_terminal = (&stream == &std::cout && isatty(STDOUT_FILENO)) ||
                             ((&stream == &std::cerr || &stream == &std::clog) && isatty(STDERR_FILENO));
    return stream << report.table(is_terminal && !std::getenv("NO_COLOR"));
}

}  // namespace xgrad
