// What grows, and how: the time of recording, the time of an operation in graphs of 10³ to 10⁶, a step on twice as
// large a batch, and on two threads instead of one. Prints a table of ratios, each of them from times that were taken
// in turns.

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include <fmt/core.h>

#include <xgrad/xgrad.hpp>

#include "data.hpp"

namespace {

namespace xg = xgrad;
namespace nn = xgrad::nn;
using xg::Tensor;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> times) {
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
    return times[times.size() / 2];
}

double seconds_of(const std::function<void()>& step) {
    const double begin = now();
    step();
    return now() - begin;
}

/// Medians of the steps' times, taken A B A B after a warm-up.
std::vector<double> in_turns(const std::vector<std::function<void()>>& steps, int rounds) {
    std::vector<std::vector<double>> times(steps.size());
    for (const auto& step : steps) step();
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < steps.size(); ++i) times[i].push_back(seconds_of(steps[i]));
    }
    std::vector<double> medians;
    for (const std::vector<double>& of_step : times) medians.push_back(median(of_step));
    return medians;
}

/// A chain of so many operations, three at a time.
Tensor chain(const Tensor& x, const Tensor& w, const Tensor& b, int operations) {
    Tensor y = x;
    for (int i = 0; i < operations; i += 3) y = xg::tanh(y * w + b);
    return y;
}

Tensor one_number(float value) {
    return xg::parameter(xt::xarray<float>(value * xt::ones<float>({1, 1})));
}

void recording() {
    const Tensor x = one_number(0.5F), w = one_number(1.001F), b = one_number(0.001F);
    for (const int operations : {999, 9999}) {
        std::vector<double> times;
        for (int round = 0; round < 200; ++round) {
            Tensor y;
            times.push_back(seconds_of([&] { y = chain(x, w, b, operations); }));
        }
        fmt::print("recording, a chain of {}: {:.0f} ns an operation\n", operations, median(times) / operations * 1e9);
    }
}

/// Recording a chain, its gradient and computing both: the first time, and what was seen before.
void graphs() {
    const Tensor x = one_number(0.5F), w = one_number(1.001F), b = one_number(0.001F);
    fmt::print(
        "\na chain of n operations and its gradient, recorded and computed, per operation\n"
        "       n      first     again   again, beside n = 1000\n");
    double smallest = 0;
    for (const int n : {1'000, 10'000, 100'000, 300'000, 1'000'000}) {
        const auto step = [&] {
            const Tensor y = sum(chain(x, w, b, n));
            const auto [dx, dw] = xg::grad(y, x, w);
            xg::compute({y, dx, dw});
        };
        const double first = seconds_of(step);
        for (int i = 0; i < 3; ++i) step();
        std::vector<double> times;
        for (int round = 0; round < (n < 100'000 ? 50 : 5); ++round) times.push_back(seconds_of(step));
        const double again = median(times) / n * 1e9;
        if (smallest == 0) smallest = again;
        fmt::print("{:8} {:7.0f} ns {:6.0f} ns {:10.1f}\n", n, first / n * 1e9, again, again / smallest);
    }
}

/// A step of Adam on a batch of examples: W5 for 784 inputs.
std::function<void()> training(std::size_t examples) {
    const nn::Sequential net(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 256), nn::ReLU(), nn::Linear(256, 10));
    const std::vector<float> pixels = bench::uniform(784 * examples, 1, 0, 1);
    const Tensor X = xt::xarray<float>(xt::adapt(pixels, std::vector<std::size_t>{784, examples}));
    const Tensor Y = xg::random::randint(0, 10, {static_cast<std::int64_t>(examples)});
    const auto adam = std::make_shared<nn::Adam>(net.parameters(), 0.001);
    return [=] { adam->step(xg::cross_entropy(net(X), Y)); };
}

std::function<void()> elementwise(std::size_t n) {
    const Tensor x =
        xg::parameter(xt::xarray<float>(xt::adapt(bench::uniform(n, 1, -2, 2), std::vector<std::size_t>{n})));
    return [=] {
        const Tensor J = sum(xg::tanh(1.1 * x + 0.3) * xg::sigmoid(x) - square(x) / 2);
        xg::compute({J, xg::grad(J, x)});
    };
}

void batches() {
    const std::vector<double> times = in_turns({training(128), training(256), training(512)}, 40);
    fmt::print(
        "\nW5 on batches of 128, 256, 512: {:.0f}, {:.0f}, {:.0f} µs; {:.2f} and {:.2f} times for twice as many\n",
        times[0] * 1e6, times[1] * 1e6, times[2] * 1e6, times[1] / times[0], times[2] / times[1]);
}

void threads() {
    const std::size_t before = xg::threads();
    fmt::print("\none thread beside two\n");
    const auto compare = [](const char* name, const std::function<void()>& step, int rounds) {
        const auto on = [&](std::size_t count) {
            return [&step, count] {
                xg::set_threads(count);
                step();
            };
        };
        const std::vector<double> times = in_turns({on(1), on(2)}, rounds);
        fmt::print("{}: {:.0f} and {:.0f} µs, {:.2f} times as fast\n", name, times[0] * 1e6, times[1] * 1e6,
                   times[0] / times[1]);
    };
    compare("W5", training(128), 60);
    compare("W7, 10^7 numbers", elementwise(10'000'000), 15);
    xg::set_threads(before);
}

}  // namespace

int main() {
    recording();
    graphs();
    batches();
    threads();
}
