#include <xgrad/nn/progress.hpp>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace xgrad::nn {

namespace {

constexpr double redraw_seconds = 0.1;

double steady_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::size_t terminal_width(std::FILE* out) {
    winsize size{};
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char* columns = std::getenv("COLUMNS");
    const long given = columns != nullptr ? std::strtol(columns, nullptr, 10) : 0;
    return given > 0 ? static_cast<std::size_t>(given) : 80;
}

std::string duration(double seconds) {
    // What rounds to the next unit is written in it: never "60.0 s" or "1 min 60 s".
    if (seconds < 59.95) return fmt::format("{:.1f} s", std::max(seconds, 0.0));
    const auto whole = static_cast<long long>(std::llround(seconds));
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

/// 8123, 61.2k or 3.4M
std::string rate(double per_second) {
    if (per_second < 9999.5) return fmt::format("{:.0f}", per_second);
    if (per_second < 999950) return fmt::format("{:.1f}k", per_second / 1e3);
    return fmt::format("{:.1f}M", per_second / 1e6);
}

std::string number(double cost, int decimals) {
    // 0/0 is a NaN with a sign, which says nothing.
    if (std::isnan(cost)) return "nan";
    const bool is_ordinary = cost == 0 || !std::isfinite(cost) || (std::abs(cost) >= 1e-3 && std::abs(cost) < 1e4);
    return is_ordinary ? fmt::format("{:.{}f}", cost, decimals) : fmt::format("{:.{}e}", cost, decimals);
}

double per_second(std::size_t examples, double seconds) {
    return seconds > 0 ? static_cast<double>(examples) / seconds : 0;
}

}  // namespace

Progress::Progress(std::size_t epochs, std::size_t steps_per_epoch, std::size_t examples_per_step, std::FILE* out,
                   std::function<double()> seconds)
    : epochs_(epochs),
      steps_per_epoch_(std::max<std::size_t>(steps_per_epoch, 1)),
      examples_per_step_(examples_per_step),
      out_(out),
      seconds_(seconds ? std::move(seconds) : steady_seconds),
      is_terminal_(isatty(fileno(out)) == 1) {
    start_ = seconds_();
}

Progress::~Progress() {
    if (drawn_width_ == 0) return;
    std::fputc('\n', out_);
    std::fflush(out_);
}

void Progress::step(double cost) {
    ++steps_done_;
    ++steps_of_epoch_;
    if (!std::isnan(cost)) cost_ = cost;
    last_step_ = elapsed();
    if (!is_terminal_) return;
    if (last_step_ - last_drawn_ < redraw_seconds) return;
    examples_per_second_ = per_second(steps_of_epoch_ * examples_per_step_, last_step_ - epoch_start_);
    redraw(last_step_);
}

void Progress::epoch(double cost, std::optional<double> accuracy) {
    const double now = elapsed();
    // The speed is that of the steps: what the accuracy took to compute does not count.
    if (steps_of_epoch_ > 0) {
        examples_per_second_ = per_second(steps_of_epoch_ * examples_per_step_, last_step_ - epoch_start_);
    }
    ++epochs_done_;
    steps_done_ = epochs_done_ * steps_per_epoch_;
    steps_of_epoch_ = 0;
    epoch_start_ = now;
    cost_ = cost;
    accuracy_ = accuracy;
    if (is_terminal_) {
        if (epochs_done_ < epochs_ && now - last_drawn_ >= redraw_seconds) redraw(now);
    } else {
        const std::string total = std::to_string(epochs_);
        std::string line = fmt::format("epoch {:>{}}/{}  cost {}", epochs_done_, total.size(), total, number(cost, 6));
        if (accuracy) line += fmt::format("  accuracy {:6.2f} %", *accuracy * 100);
        if (examples_per_second_ > 0) line += fmt::format("  {} examples/s", rate(examples_per_second_));
        if (epochs_done_ < epochs_) line += fmt::format("  {} left", duration(time_left(now)));
        line += '\n';
        std::fputs(line.c_str(), out_);
        std::fflush(out_);
    }
    if (epochs_done_ >= epochs_) finish();
}

void Progress::finish() {
    if (is_finished_) return;
    is_finished_ = true;
    const double now = elapsed();
    if (is_terminal_ && steps_done_ > 0) {
        redraw(now);
        std::fputc('\n', out_);
        drawn_width_ = 0;
    }
    const std::string line =
        fmt::format("{} {} in {}\n", epochs_done_, epochs_done_ == 1 ? "epoch" : "epochs", duration(now));
    std::fputs(line.c_str(), out_);
    std::fflush(out_);
}

double Progress::time_left(double now) const {
    const std::size_t all = epochs_ * steps_per_epoch_;
    if (steps_done_ == 0 || steps_done_ >= all) return 0;
    return now / static_cast<double>(steps_done_) * static_cast<double>(all - steps_done_);
}

void Progress::redraw(double now) {
    // The terminal may have been resized. Its last column stays free: a line that fills it wraps on some.
    replace_line(bar_line(now, terminal_width(out_) - 1));
    last_drawn_ = now;
}

std::string Progress::bar_line(double now, std::size_t width) const {
    const std::size_t all = std::max<std::size_t>(epochs_ * steps_per_epoch_, 1);
    const double done = std::min(1.0, static_cast<double>(steps_done_) / static_cast<double>(all));
    const std::string total = std::to_string(epochs_);
    const std::size_t shown_epoch = std::min(epochs_done_ + 1, epochs_);

    const std::string epoch = fmt::format("epoch {:>{}}/{}", shown_epoch, total.size(), total);
    const std::string cost = std::isnan(cost_) && epochs_done_ == 0 ? "" : fmt::format("  cost {}", number(cost_, 4));
    const std::string accuracy = accuracy_ ? fmt::format("  accuracy {:.1f} %", *accuracy_ * 100) : "";
    const std::string speed = examples_per_second_ > 0 ? fmt::format("  {}/s", rate(examples_per_second_)) : "";
    const std::string left = done < 1 ? fmt::format("  {} left", duration(time_left(now))) : "";

    // What matters most is taken first; whatever still fits follows, and the bar gets the rest.
    std::size_t room = width;
    const auto fits = [&](const std::string& part) {
        if (part.size() > room) return false;
        room -= part.size();
        return true;
    };
    const bool with_epoch = fits(epoch);
    const bool with_cost = fits(cost);
    const bool with_left = fits(left);
    const bool with_accuracy = fits(accuracy);
    const bool with_speed = fits(speed);

    std::string line = with_epoch ? epoch : "";
    constexpr std::size_t frame = 3, shortest = 6, longest = 30;
    if (with_epoch && room >= frame + shortest) {
        const std::size_t cells = std::min(room - frame, longest);
        const auto filled = static_cast<std::size_t>(done * static_cast<double>(cells));
        std::string bar(cells, ' ');
        std::fill_n(bar.begin(), filled, '=');
        if (filled < cells) bar[filled] = '>';
        line += " [" + bar + "]";
    }
    if (with_cost) line += cost;
    if (with_accuracy) line += accuracy;
    if (with_speed) line += speed;
    if (with_left) line += left;
    return line;
}

void Progress::replace_line(const std::string& line) {
    // Spaces blot out the rest of a longer predecessor, in as far as the terminal is still as wide.
    const std::size_t width = std::max<std::size_t>(terminal_width(out_) - 1, line.size());
    std::string text = "\r" + line;
    if (line.size() < drawn_width_) text.append(std::min(drawn_width_, width) - line.size(), ' ');
    std::fputs(text.c_str(), out_);
    std::fflush(out_);
    drawn_width_ = line.size();
}

}  // namespace xgrad::nn
