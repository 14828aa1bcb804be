#include <memory>

#include <omp.h>

#include "floor.hpp"

namespace {

/// Value and gradient in one pass. Blocks keep the sum's rounding small.
[[gnu::noinline]] double pass(const float* __restrict__ x, float* __restrict__ g, long n) {
    constexpr float a = 1.1F;
    constexpr float b = 0.3F;
    constexpr long block = 4096;
    double sum = 0;
    for (long begin = 0; begin < n; begin += block) {
        const long end = std::min(n, begin + block);
        float part = 0;
#pragma omp simd reduction(+ : part)
        for (long i = begin; i < end; ++i) {
            const float v = x[i];
            const float t = hand::tanh(a * v + b);
            const float s = hand::sigmoid(v);
            part += t * s - 0.5F * v * v;
            g[i] = a * (1 - t * t) * s + t * s * (1 - s) - v;
        }
        sum += part;
    }
    return sum;
}

bench::Program elementwise(long n) {
    struct State {
        hand::Floats x, g;
        double cost = 0;
    };
    const auto state = std::make_shared<State>();
    state->x = hand::uniform(n, 1, -2, 2);
    state->g.resize(n);
    const auto step = [state, n] {
        const float* const x = state->x.data();
        float* const g = state->g.data();
        if (n <= 20000) {
            state->cost = pass(x, g, n);
            return;
        }
        double sum = 0;
#pragma omp parallel reduction(+ : sum)
        {
            const long threads = omp_get_num_threads();
            const long t = omp_get_thread_num();
            const long begin = n * t / threads;
            sum += pass(x + begin, g + begin, n * (t + 1) / threads - begin);
        }
        state->cost = sum;
    };
    return {step, [state] { return bench::Check{state->cost, hand::magnitude(state->g.data(), state->g.size())}; }};
}

const bench::Case thousand("W7/1e3", "floor", [] { return elementwise(1'000); });
const bench::Case hundred_thousand("W7/1e5", "floor", [] { return elementwise(100'000); });
const bench::Case ten_million("W7/1e7", "floor", [] { return elementwise(10'000'000); });

}  // namespace
