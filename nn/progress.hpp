#pragma once

#include <cstddef>
#include <cstdio>
#include <functional>
#include <limits>
#include <optional>
#include <string>

namespace xgrad::nn {

/// Shows how a training goes: epoch, cost, accuracy, examples per second, time left. On a terminal, one line with a bar
/// that is redrawn in place, at most ten times a second and never wider than the terminal; elsewhere one plain line per
/// epoch. A closing line gives the total time. No control characters but a carriage return, and that only on terminals.
///
///     Progress progress(epochs, batches, batch_size);
///     for each epoch { for each batch { ...; progress.step(); }  progress.epoch(cost, accuracy); }
class Progress {
  public:
    static constexpr double unread = std::numeric_limits<double>::quiet_NaN();

    /// `seconds` is the clock: seconds since any fixed moment.
    Progress(std::size_t epochs, std::size_t steps_per_epoch, std::size_t examples_per_step, std::FILE* out = stdout,
             std::function<double()> seconds = {});
    /// Leaves the terminal on a fresh line, whatever ended the training.
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// One step is done. A cost that was not read, NaN, leaves the one that is shown: reading it at each step would
    /// make the training wait for it.
    void step(double cost = unread);

    /// One epoch is done, with its cost and accuracy from 0 to 1. After the last epoch this is also finish().
    void epoch(double cost, std::optional<double> accuracy = std::nullopt);

    /// Closes with the total time: for a training that stops before its last epoch. The second call does nothing.
    void finish();

  private:
    double elapsed() const { return seconds_() - start_; }
    double time_left(double now) const;
    void redraw(double now);
    std::string bar_line(double now, std::size_t width) const;
    void replace_line(const std::string& line);

    std::size_t epochs_;
    std::size_t steps_per_epoch_;
    std::size_t examples_per_step_;
    std::FILE* out_;
    std::function<double()> seconds_;
    bool is_terminal_;

    double start_ = 0;
    double epoch_start_ = 0;
    double last_step_ = 0;
    double last_drawn_ = -std::numeric_limits<double>::infinity();
    std::size_t epochs_done_ = 0;
    std::size_t steps_of_epoch_ = 0;
    std::size_t steps_done_ = 0;
    std::size_t drawn_width_ = 0;
    double cost_ = unread;
    double examples_per_second_ = 0;
    std::optional<double> accuracy_;
    bool is_finished_ = false;
};

}  // namespace xgrad::nn
