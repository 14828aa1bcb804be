#pragma once

#include <cstdint>
#include <functional>
#include <string>

/// What the programs bench_xgrad and bench_floor share: a list of cases, each measured by Google Benchmark.
namespace bench {

/// What shows that a program computes the same as the others. Of a training step: its cost, and how far the parameters
/// have moved since the beginning, Σ |θ − θ₀|; of a derivative: the value that was differentiated, and Σ |∂|.
struct Check {
    double cost = 0;
    double moved = 0;
};

/// A workload, ready to run.
struct Program {
    std::function<void()> step;    ///< one whole step, whose results are read
    std::function<Check()> check;  ///< of the last step
    double per = 1;                ///< operations in a step, if the time of one is of interest
};

/// Registers a case, such as "W7/1e5", in one way of computing it, such as "recorded". It is made when it is first run.
struct Case {
    Case(std::string name, std::string variant, std::function<Program()> make);
};

/// Steps before a check is taken, and of the parameters that a check compares.
inline constexpr int checked_steps = 5;

/// Calls of operator new so far, in the whole process.
std::int64_t allocations() noexcept;

}  // namespace bench
