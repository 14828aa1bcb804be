#include <memory>

#include "adam.hpp"

namespace {

constexpr int m = 128;

struct State {
    hand::Floats X = hand::uniform(std::size_t{m} / 2 * 784, 1, 0, 1);
    std::vector<std::int64_t> Y = bench::classes(m, 2, 10);
    hand::Dense layers[3] = {{m, 784, 512, 3}, {m, 512, 256, 5}, {m, 256, 10, 7}};
    hand::Floats A[3] = {hand::Floats(m * 512), hand::Floats(m * 256), hand::Floats(m * 10)};
    hand::Floats dA[2] = {hand::Floats(m * 512), hand::Floats(m * 256)};
    int step = 0;
    double cost = 0;

    State() {
        const hand::Floats half = X;
        X.insert(X.end(), half.begin(), half.end());
    }
};

bench::Program dense_network() {
    const auto state = std::make_shared<State>();
    const auto step = [state] {
        State& s = *state;
        s.layers[0].forward(s.X.data(), s.A[0].data(), true);
        s.layers[1].forward(s.A[0].data(), s.A[1].data(), true);
        s.layers[2].forward(s.A[1].data(), s.A[2].data(), false);
        s.cost = hand::softmax_cross_entropy(s.A[2].data(), s.Y);
        s.layers[2].backward(s.A[1].data(), s.A[2].data(), s.dA[1].data(), true);
        s.layers[1].backward(s.A[0].data(), s.dA[1].data(), s.dA[0].data(), true);
        s.layers[0].backward(s.X.data(), s.dA[0].data(), nullptr, false);
        ++s.step;
        for (hand::Dense& layer : s.layers) {
            layer.W.adam(s.step);
            layer.b.adam(s.step);
        }
    };
    return {step, [state] {
                double moved = 0;
                for (const hand::Dense& layer : state->layers) {
                    moved +=
                        hand::distance(layer.W.value, layer.W.start) + hand::distance(layer.b.value, layer.b.start);
                }
                return bench::Check{state->cost, moved};
            }};
}

const bench::Case w5("W5", "floor", dense_network);

}  // namespace
