#include <memory>

#include "floor.hpp"

namespace {

constexpr int m = 209;
constexpr int layers = 4;
constexpr int units[] = {12288, 20, 7, 5, 1};
constexpr float alpha = 0.00075F;

struct State {
    hand::Floats Y = hand::coins(m, 2);
    hand::Floats W[layers], b[layers], start[layers], dW[layers];
    hand::Floats A[layers + 1], dZ[layers + 1];
    double cost = 0;

    State() {
        A[0] = hand::uniform(std::size_t{units[0]} * m, 1, 0, 1);
        for (int l = 0; l < layers; ++l) {
            const float bound = 1 / std::sqrt(static_cast<float>(units[l]));
            const std::size_t weights = std::size_t(units[l]) * units[l + 1];
            start[l] = W[l] = hand::uniform(weights, 3 + l, -bound, bound);
            dW[l].resize(weights);
            b[l].resize(units[l + 1]);
            A[l + 1].resize(std::size_t(units[l + 1]) * m);
            dZ[l + 1].resize(std::size_t(units[l + 1]) * m);
        }
    }
};

void forward(State& s) {
    for (int l = 0; l < layers; ++l) {
        float* const A = s.A[l + 1].data();
        hand::product(false, false, units[l + 1], m, units[l], s.W[l].data(), s.A[l].data(), A);
        for (int i = 0; i < units[l + 1]; ++i) {
            for (int j = 0; j < m; ++j) {
                const float z = A[i * m + j] + s.b[l][i];
                A[i * m + j] = l + 1 < layers ? std::fmax(z, 0.0F) : z;
            }
        }
    }
    float cost = 0;
    for (int j = 0; j < m; ++j) {
        const hand::Logistic example(s.A[layers][j], s.Y[j]);
        cost += example.loss;
        s.dZ[layers][j] = example.slope / m;
    }
    s.cost = cost / m;
}

void backward(State& s) {
    for (int l = layers - 1; l >= 0; --l) {
        const float* const dZ = s.dZ[l + 1].data();
        hand::product(false, true, units[l + 1], units[l], m, dZ, s.A[l].data(), s.dW[l].data());
        for (int i = 0; i < units[l + 1]; ++i) {
            float db = 0;
            for (int j = 0; j < m; ++j) db += dZ[i * m + j];
            s.b[l][i] -= alpha * db;
        }
        if (l > 0) {
            float* const below = s.dZ[l].data();
            const float* const A = s.A[l].data();
            hand::product(true, false, units[l], m, units[l + 1], s.W[l].data(), dZ, below);
            for (int i = 0; i < units[l] * m; ++i) below[i] = A[i] > 0 ? below[i] : 0;
        }
        float* const W = s.W[l].data();
        const float* const dW = s.dW[l].data();
        const std::size_t weights = s.W[l].size();
        for (std::size_t i = 0; i < weights; ++i) W[i] -= alpha * dW[i];
    }
}

bench::Program deep_network() {
    const auto state = std::make_shared<State>();
    const auto step = [state] {
        forward(*state);
        backward(*state);
    };
    return {step, [state] {
                double moved = 0;
                for (int l = 0; l < layers; ++l) {
                    moved += hand::distance(state->W[l], state->start[l]);
                    moved += hand::magnitude(state->b[l].data(), state->b[l].size());
                }
                return bench::Check{state->cost, moved};
            }};
}

const bench::Case w4("W4", "floor", deep_network);

}  // namespace
