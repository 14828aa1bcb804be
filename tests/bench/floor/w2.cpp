#include <algorithm>
#include <memory>

#include <omp.h>

#include "floor.hpp"

namespace {

constexpr int n = 12288;
constexpr int m = 209;
constexpr float alpha = 0.0005F;

struct State {
    hand::Floats X = hand::uniform(std::size_t{n} * m, 1, 0, 1);
    hand::Floats Y = hand::coins(m, 2);
    hand::Floats w = hand::Floats(n);
    hand::Floats Z = hand::Floats(m);
    hand::Floats dZ = hand::Floats(m);
    float b = 0;
    double cost = 0;
};

/// Z = wᵀX: each thread adds up its share of the features, four at a time.
void forward(State& s) {
    std::fill(s.Z.begin(), s.Z.end(), 0.0F);
    const float* const X = s.X.data();
    const float* const w = s.w.data();
    float* const Z = s.Z.data();
#pragma omp parallel
    {
        float z[m] = {};
#pragma omp for schedule(static) nowait
        for (int i = 0; i < n / 4; ++i) {
            const float* x = X + std::size_t(i) * 4 * m;
            const float w0 = w[4 * i];
            const float w1 = w[4 * i + 1];
            const float w2 = w[4 * i + 2];
            const float w3 = w[4 * i + 3];
#pragma omp simd
            for (int j = 0; j < m; ++j) z[j] += w0 * x[j] + w1 * x[m + j] + w2 * x[2 * m + j] + w3 * x[3 * m + j];
        }
#pragma omp critical
        for (int j = 0; j < m; ++j) Z[j] += z[j];
    }
}

void middle(State& s) {
    float cost = 0;
    float db = 0;
#pragma omp simd reduction(+ : cost, db)
    for (int j = 0; j < m; ++j) {
        const hand::Logistic example(s.Z[j] + s.b, s.Y[j]);
        cost += example.loss;
        s.dZ[j] = example.slope / m;
        db += s.dZ[j];
    }
    s.b -= alpha * db;
    s.cost = cost / m;
}

/// w −= α X dZᵀ, row by row.
void backward(State& s) {
    const float* const X = s.X.data();
    const float* const dZ = s.dZ.data();
    float* const w = s.w.data();
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; ++i) {
        const float* x = X + std::size_t(i) * m;
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < m; ++j) sum += x[j] * dZ[j];
        w[i] -= alpha * sum;
    }
}

bench::Program logistic() {
    const auto state = std::make_shared<State>();
    const auto step = [state] {
        forward(*state);
        middle(*state);
        backward(*state);
    };
    return {step, [state] {
                return bench::Check{state->cost, hand::magnitude(state->w.data(), n) + std::abs(state->b)};
            }};
}

const bench::Case w2("W2", "floor", logistic);

}  // namespace
