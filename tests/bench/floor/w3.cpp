#include <memory>

#include "floor_w3.hpp"

namespace {

using w3_floor::Examples;
using w3_floor::Parameters;

/// One pass over the examples: cost and all gradients, each the sum over the examples.
[[gnu::noinline]] float pass(const Parameters& parameters, Parameters& gradients, const Examples& data) {
    const Parameters p = parameters;
    const float* const x0 = data.X.data();
    const float* const x1 = x0 + w3_floor::m;
    const float* const Y = data.Y.data();
    float cost = 0, db2 = 0;
    float a0 = 0, a1 = 0, a2 = 0, a3 = 0, g0 = 0, g1 = 0, g2 = 0, g3 = 0;
    float p0 = 0, p1 = 0, p2 = 0, p3 = 0, q0 = 0, q1 = 0, q2 = 0, q3 = 0;
#pragma omp simd reduction(+ : cost, db2, a0, a1, a2, a3, g0, g1, g2, g3, p0, p1, p2, p3, q0, q1, q2, q3)
    for (int j = 0; j < w3_floor::m; ++j) {
        const float u = x0[j];
        const float v = x1[j];
        const float h0 = hand::tanh(p.W1[0] * u + p.W1[1] * v + p.b1[0]);
        const float h1 = hand::tanh(p.W1[2] * u + p.W1[3] * v + p.b1[1]);
        const float h2 = hand::tanh(p.W1[4] * u + p.W1[5] * v + p.b1[2]);
        const float h3 = hand::tanh(p.W1[6] * u + p.W1[7] * v + p.b1[3]);
        const float z = p.W2[0] * h0 + p.W2[1] * h1 + p.W2[2] * h2 + p.W2[3] * h3 + p.b2;
        const float e = std::exp(-z);
        cost += std::log(1 + e) + (1 - Y[j]) * z;
        const float d = 1 / (1 + e) - Y[j];
        db2 += d;
        a0 += d * h0, a1 += d * h1, a2 += d * h2, a3 += d * h3;
        const float e0 = d * p.W2[0] * (1 - h0 * h0), e1 = d * p.W2[1] * (1 - h1 * h1);
        const float e2 = d * p.W2[2] * (1 - h2 * h2), e3 = d * p.W2[3] * (1 - h3 * h3);
        g0 += e0, g1 += e1, g2 += e2, g3 += e3;
        p0 += e0 * u, p1 += e1 * u, p2 += e2 * u, p3 += e3 * u;
        q0 += e0 * v, q1 += e1 * v, q2 += e2 * v, q3 += e3 * v;
    }
    gradients = {{p0, q0, p1, q1, p2, q2, p3, q3}, {g0, g1, g2, g3}, {a0, a1, a2, a3}, db2};
    return cost / w3_floor::m;
}

bench::Program small_network() {
    struct State {
        Examples data;
        Parameters p = w3_floor::first_parameters();
        Parameters gradients;
        double cost = 0;
    };
    const auto state = std::make_shared<State>();
    const auto step = [state] {
        constexpr float alpha = 1.2F;
        state->cost = pass(state->p, state->gradients, state->data);
        float* const p = state->p.theta();
        const float* const g = state->gradients.theta();
        for (int i = 0; i < w3_floor::count; ++i) p[i] -= alpha / w3_floor::m * g[i];
    };
    return {step, [state] {
                Parameters start = w3_floor::first_parameters();
                double moved = 0;
                for (int i = 0; i < w3_floor::count; ++i) {
                    moved += std::abs(double{state->p.theta()[i]} - start.theta()[i]);
                }
                return bench::Check{state->cost, moved};
            }};
}

const bench::Case w3("W3", "floor", small_network);

}  // namespace
