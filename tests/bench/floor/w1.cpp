#include <array>
#include <cmath>
#include <memory>

#include "floor.hpp"

namespace {

/// A tape of scalars in one array, recorded anew in each step.
bench::Program scalars() {
    enum Op { leaf, tanh, times, plus };
    struct Node {
        Op op;
        int a, b;
        float value, gradient;
    };
    struct State {
        std::vector<Node> tape;
        bench::Check check;
    };
    const auto state = std::make_shared<State>();
    state->tape.reserve(2000);
    const auto step = [state] {
        std::vector<Node>& t = state->tape;
        t.clear();
        const auto push = [&t](Op op, int a, int b, float value) {
            t.push_back({op, a, b, value, 0});
            return static_cast<int>(t.size()) - 1;
        };
        const int x = push(leaf, -1, -1, 0.5F);
        const int w = push(leaf, -1, -1, 1.001F);
        const int b = push(leaf, -1, -1, 0.001F);
        int y = x;
        for (int i = 0; i < 333; ++i) {
            y = push(tanh, y, -1, std::tanh(t[y].value));
            y = push(times, y, w, t[y].value * t[w].value);
            y = push(plus, y, b, t[y].value + t[b].value);
        }
        y = push(tanh, y, -1, std::tanh(t[y].value));
        t[y].gradient = 1;
        for (int i = y; i >= 0; --i) {
            const Node& n = t[i];
            if (n.op == tanh) {
                t[n.a].gradient += n.gradient * (1 - n.value * n.value);
            } else if (n.op == times) {
                t[n.a].gradient += n.gradient * t[n.b].value;
                t[n.b].gradient += n.gradient * t[n.a].value;
            } else if (n.op == plus) {
                t[n.a].gradient += n.gradient;
                t[n.b].gradient += n.gradient;
            }
        }
        double moved = 0;
        for (const int i : {x, w, b}) moved += std::abs(t[i].gradient);
        state->check = {t[y].value, moved};
    };
    return {step, [state] { return state->check; }, 1000};
}

/// The same chain for 256 numbers at a time: one pass forward that keeps each tanh, one backward.
bench::Program arrays() {
    constexpr int n = 256;
    constexpr int rounds = 333;
    using Row = std::array<float, n>;
    struct State {
        alignas(64) Row x, w, b, y, dy, dw, db;
        alignas(64) std::array<Row, rounds + 1> h;
        bench::Check check;
    };
    const auto state = std::make_shared<State>();
    state->x.fill(0.5F);
    state->w.fill(1.001F);
    state->b.fill(0.001F);
    const auto step = [state] {
        State& s = *state;
        s.y = s.x;
        for (int k = 0; k < rounds; ++k) {
            for (int i = 0; i < n; ++i) {
                s.h[k][i] = hand::tanh(s.y[i]);
                s.y[i] = s.h[k][i] * s.w[i] + s.b[i];
            }
        }
        double cost = 0;
        for (int i = 0; i < n; ++i) {
            const float h = hand::tanh(s.y[i]);
            cost += h;
            s.dy[i] = 1 - h * h;
        }
        s.dw.fill(0);
        s.db.fill(0);
        for (int k = rounds; k-- > 0;) {
            for (int i = 0; i < n; ++i) {
                const float g = s.dy[i];
                const float h = s.h[k][i];
                s.db[i] += g;
                s.dw[i] += g * h;
                s.dy[i] = g * s.w[i] * (1 - h * h);
            }
        }
        double moved = 0;
        for (const Row* gradient : {&s.dy, &s.dw, &s.db}) moved += hand::magnitude(gradient->data(), n);
        s.check = {cost, moved};
    };
    return {step, [state] { return state->check; }, 1000};
}

const bench::Case one("W1/1x1", "floor", scalars);
const bench::Case sixteen("W1/16x16", "floor", arrays);

}  // namespace
