#include <algorithm>
#include <cstdint>
#include <memory>

#include <omp.h>

#include "adam.hpp"

namespace {

constexpr int m = 64;

/// A convolution 5×5 with two zeros around, then ReLU, then the maximum of each 2×2. Images are shared out among the
/// threads; each image is unrolled into columns, so that the convolution is a product of matrices.
struct Convolution {
    int n_in, n_out, side;
    hand::Learnt W, b;
    hand::Floats pooled;              // (m, n_out, side/2, side/2)
    std::vector<std::int8_t> chosen;  // which of the four, or −1 where ReLU gives 0

    struct Scratch {
        hand::Floats padded, columns, image, dW, db;
    };
    std::vector<Scratch> scratch;  // one per thread

    Convolution(int in, int out, int pixels, std::uint32_t seed) : n_in(in), n_out(out), side(pixels) {
        const float bound = 1 / std::sqrt(static_cast<float>(inner()));
        W = hand::Learnt(hand::uniform(std::size_t(n_out) * inner(), seed, -bound, bound));
        b = hand::Learnt(hand::Floats(n_out));
        pooled.resize(std::size_t{m} * n_out * area() / 4);
        chosen.resize(pooled.size());
        scratch.resize(omp_get_max_threads());
        for (Scratch& s : scratch) {
            s.padded.resize(std::size_t(n_in) * padded_side() * padded_side());
            s.columns.resize(std::size_t(inner()) * area());
            s.image.resize(std::size_t(n_out) * area());
            s.dW.resize(W.value.size());
            s.db.resize(n_out);
        }
    }
    int inner() const { return n_in * 25; }
    int area() const { return side * side; }
    int padded_side() const { return side + 4; }

    /// columns (n_in · 25, side · side) of one image
    void unroll(const float* X, Scratch& s) const {
        const int wide = padded_side();
        for (int c = 0; c < n_in; ++c) {
            for (int i = 0; i < side; ++i) {
                std::copy_n(X + (std::size_t(c) * side + i) * side, side, &s.padded[(c * wide + i + 2) * wide + 2]);
            }
        }
        float* out = s.columns.data();
        for (int c = 0; c < n_in; ++c) {
            for (int k = 0; k < 25; ++k) {
                const float* from = &s.padded[(c * wide + k / 5) * wide + k % 5];
                for (int i = 0; i < side; ++i, out += side, from += wide) {
                    for (int j = 0; j < side; ++j) out[j] = from[j];
                }
            }
        }
    }

    void forward(const float* X) {
#pragma omp parallel for schedule(static)
        for (int example = 0; example < m; ++example) {
            Scratch& s = scratch[omp_get_thread_num()];
            unroll(X + std::size_t(example) * n_in * area(), s);
            hand::product(false, false, n_out, area(), inner(), W.value.data(), s.columns.data(), s.image.data());
            const std::size_t offset = std::size_t(example) * n_out * area() / 4;
            float* to = pooled.data() + offset;
            std::int8_t* choice = chosen.data() + offset;
            for (int o = 0; o < n_out; ++o) {
                for (int i = 0; i < side; i += 2) {
                    const float* row = &s.image[(o * side + i) * side];
                    for (int j = 0; j < side; j += 2) {
                        const float four[] = {row[j], row[j + 1], row[j + side], row[j + side + 1]};
                        float largest = four[0];
                        int at = 0;
                        for (int k = 1; k < 4; ++k) {
                            at = four[k] > largest ? k : at;
                            largest = std::fmax(largest, four[k]);
                        }
                        const float a = largest + b.value[o];
                        *to++ = std::fmax(a, 0.0F);
                        *choice++ = static_cast<std::int8_t>(a > 0 ? at : -1);
                    }
                }
            }
        }
    }

    /// From the gradient of `pooled` those of W and b, and of X unless dX is null.
    void backward(const float* X, const float* dpooled, float* dX) {
        for (Scratch& s : scratch) {
            std::fill(s.dW.begin(), s.dW.end(), 0.0F);
            std::fill(s.db.begin(), s.db.end(), 0.0F);
        }
#pragma omp parallel for schedule(static)
        for (int example = 0; example < m; ++example) {
            Scratch& s = scratch[omp_get_thread_num()];
            const std::size_t offset = std::size_t(example) * n_out * area() / 4;
            const float* from = dpooled + offset;
            const std::int8_t* choice = chosen.data() + offset;
            for (int o = 0; o < n_out; ++o) {
                float db = 0;
                for (int i = 0; i < side; i += 2) {
                    float* row = &s.image[(o * side + i) * side];
                    for (int j = 0; j < side; j += 2, ++from, ++choice) {
                        row[j] = *choice == 0 ? *from : 0;
                        row[j + 1] = *choice == 1 ? *from : 0;
                        row[j + side] = *choice == 2 ? *from : 0;
                        row[j + side + 1] = *choice == 3 ? *from : 0;
                        db += *choice >= 0 ? *from : 0;
                    }
                }
                s.db[o] += db;
            }
            unroll(X + std::size_t(example) * n_in * area(), s);
            hand::product(false, true, n_out, inner(), area(), s.image.data(), s.columns.data(), s.dW.data(), 1);
            if (!dX) continue;
            hand::product(true, false, inner(), area(), n_out, W.value.data(), s.image.data(), s.columns.data());
            roll_up(s, dX + std::size_t(example) * n_in * area());
        }
        std::fill(W.gradient.begin(), W.gradient.end(), 0.0F);
        std::fill(b.gradient.begin(), b.gradient.end(), 0.0F);
        for (const Scratch& s : scratch) {
            for (std::size_t i = 0; i < s.dW.size(); ++i) W.gradient[i] += s.dW[i];
            for (int o = 0; o < n_out; ++o) b.gradient[o] += s.db[o];
        }
    }

    /// The transpose of unroll.
    void roll_up(Scratch& s, float* dX) const {
        const int wide = padded_side();
        std::fill(s.padded.begin(), s.padded.end(), 0.0F);
        const float* from = s.columns.data();
        for (int c = 0; c < n_in; ++c) {
            for (int k = 0; k < 25; ++k) {
                float* to = &s.padded[(c * wide + k / 5) * wide + k % 5];
                for (int i = 0; i < side; ++i, from += side, to += wide) {
                    for (int j = 0; j < side; ++j) to[j] += from[j];
                }
            }
        }
        for (int c = 0; c < n_in; ++c) {
            for (int i = 0; i < side; ++i) {
                float* border = &s.padded[(c * wide + i + 2) * wide + 2];
                std::copy_n(border, side, dX + (std::size_t(c) * side + i) * side);
            }
        }
        std::fill(s.padded.begin(), s.padded.end(), 0.0F);
    }
};

struct State {
    hand::Floats X = hand::uniform(std::size_t{m} / 2 * 784, 1, 0, 1);
    std::vector<std::int64_t> Y = bench::classes(m, 2, 10);
    Convolution first{1, 32, 28, 3}, second{32, 64, 14, 5};
    hand::Dense third{m, 3136, 128, 7}, fourth{m, 128, 10, 9};
    hand::Floats A3 = hand::Floats(m * 128), A4 = hand::Floats(m * 10);
    hand::Floats dA1 = hand::Floats(first.pooled.size()), dA2 = hand::Floats(second.pooled.size());
    hand::Floats dA3 = hand::Floats(m * 128);
    int step = 0;
    double cost = 0;

    State() {
        const hand::Floats half = X;
        X.insert(X.end(), half.begin(), half.end());
    }
    std::vector<hand::Learnt*> parameters() {
        return {&first.W, &first.b, &second.W, &second.b, &third.W, &third.b, &fourth.W, &fourth.b};
    }
};

bench::Program convolutional_network() {
    const auto state = std::make_shared<State>();
    const auto step = [state] {
        State& s = *state;
        s.first.forward(s.X.data());
        s.second.forward(s.first.pooled.data());
        s.third.forward(s.second.pooled.data(), s.A3.data(), true);
        s.fourth.forward(s.A3.data(), s.A4.data(), false);
        s.cost = hand::softmax_cross_entropy(s.A4.data(), s.Y);
        s.fourth.backward(s.A3.data(), s.A4.data(), s.dA3.data(), true);
        s.third.backward(s.second.pooled.data(), s.dA3.data(), s.dA2.data(), false);
        s.second.backward(s.first.pooled.data(), s.dA2.data(), s.dA1.data());
        s.first.backward(s.X.data(), s.dA1.data(), nullptr);
        ++s.step;
        for (hand::Learnt* p : s.parameters()) p->adam(s.step);
    };
    return {step, [state] {
                double moved = 0;
                for (const hand::Learnt* p : state->parameters()) moved += hand::distance(p->value, p->start);
                return bench::Check{state->cost, moved};
            }};
}

const bench::Case w6("W6", "floor", convolutional_network);

}  // namespace
