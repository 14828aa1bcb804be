#include <algorithm>
#include <cstdint>
#include <memory>

#include <omp.h>

#include "adam.hpp"
#include "vector.hpp"

// Images lie as (rows, columns, channels), so that a row of a window, 5 pixels with all their channels, is one run of
// memory, and its dot products with the weights of several output channels fill registers. Images are shared out among
// the threads.

namespace {

constexpr int m = 64;
constexpr int block = 2 * hand::lanes;  // output channels that are computed together
constexpr int most_pixels = hand::lanes == 16 ? 14 : 5;

/// Images with two zeros around each.
struct Padded {
    int side, channels;
    hand::Floats values;
    Padded(int images, int pixels, int n)
        : side(pixels), channels(n), values(std::size_t(images) * row() * (side + 4)) {}
    std::size_t row() const { return std::size_t(side + 4) * channels; }
    /// The corner of an image's zeros.
    float* corner(int image) { return values.data() + image * row() * (side + 4); }
    /// The first row of its pixels.
    float* pixels(int image) { return corner(image) + 2 * row() + 2 * channels; }
};

/// Weights (n_out, n_in, 5, 5) as (n_out / block, 5, 5 · n_in, block).
struct Layout {
    int n_in, n_out;
    std::size_t size() const { return std::size_t(n_in) * n_out * 25; }
    std::size_t at(int o, int c, int i, int j) const {
        return ((std::size_t(o / block) * 5 + i) * 5 * n_in + j * n_in + c) * block + o % block;
    }
};

/// out (P, block) of P pixels side by side += one row of their windows, which begins at x, times its weights.
template <int P>
void convolve_pixels(const float* x, int n_in, const float* W, float* out, int n_out) {
    hand::Vector sum[P][2];
    for (int p = 0; p < P; ++p) {
        sum[p][0] = hand::load(out + p * n_out);
        sum[p][1] = hand::load(out + p * n_out + hand::lanes);
    }
    for (int r = 0; r < 5 * n_in; ++r, W += block) {
        const hand::Vector w0 = hand::load(W);
        const hand::Vector w1 = hand::load(W + hand::lanes);
        for (int p = 0; p < P; ++p) {
            const hand::Vector v = hand::repeat(x[p * n_in + r]);
            sum[p][0] += v * w0;
            sum[p][1] += v * w1;
        }
    }
    for (int p = 0; p < P; ++p) {
        hand::store(out + p * n_out, sum[p][0]);
        hand::store(out + p * n_out + hand::lanes, sum[p][1]);
    }
}

template <int P>
void convolve_at_most(int pixels, const float* x, int n_in, const float* W, float* out, int n_out) {
    if constexpr (P > 1) {
        if (pixels < P) return convolve_at_most<P - 1>(pixels, x, n_in, W, out, n_out);
    }
    convolve_pixels<P>(x, n_in, W, out, n_out);
}

/// out (side, side, n_out) of one image. The weights of one row of windows stay in the first cache.
void convolve(Padded& X, int image, const Layout& layout, const float* W, float* out) {
    std::fill_n(out, std::size_t(X.side) * X.side * layout.n_out, 0.0F);
    for (int o = 0; o < layout.n_out; o += block) {
        for (int k = 0; k < 5; ++k, W += 5 * layout.n_in * block) {
            for (int i = 0; i < X.side; ++i) {
                const float* const x = X.corner(image) + (i + k) * X.row();
                float* const y = out + std::size_t(i) * X.side * layout.n_out + o;
                for (int j = 0; j < X.side; j += most_pixels) {
                    convolve_at_most<most_pixels>(X.side - j, x + j * layout.n_in, layout.n_in, W, y + j * layout.n_out,
                                                  layout.n_out);
                }
            }
        }
    }
}

/// dW += the products of one image's windows with the gradient dY of the output
void add_weight_gradient(Padded& X, int image, Padded& dY, int thread, const Layout& layout, float* dW) {
    constexpr int rows = 2;  // of pixels that are read together, so that all stays in the first cache
    for (int o = 0; o < layout.n_out; o += block) {
        for (int k = 0; k < 5; ++k, dW += 5 * layout.n_in * block) {
            for (int i = 0; i < X.side; i += rows) {
                for (int r = 0; r < 5 * layout.n_in; r += 5) {
                    float* const to = dW + r * block;
                    hand::Vector sum[5][2];
                    for (int t = 0; t < 5; ++t) {
                        for (int v = 0; v < 2; ++v) sum[t][v] = hand::load(to + t * block + v * hand::lanes);
                    }
                    for (int row = i; row < i + rows; ++row) {
                        const float* x = X.corner(image) + (row + k) * X.row() + r;
                        const float* g = dY.pixels(thread) + row * dY.row() + o;
                        for (int j = 0; j < X.side; ++j, x += layout.n_in, g += layout.n_out) {
                            const hand::Vector g0 = hand::load(g);
                            const hand::Vector g1 = hand::load(g + hand::lanes);
                            for (int t = 0; t < 5; ++t) {
                                const hand::Vector v = hand::repeat(x[t]);
                                sum[t][0] += v * g0;
                                sum[t][1] += v * g1;
                            }
                        }
                    }
                    for (int t = 0; t < 5; ++t) {
                        for (int v = 0; v < 2; ++v) hand::store(to + t * block + v * hand::lanes, sum[t][v]);
                    }
                }
            }
        }
    }
}

/// A convolution 5×5, then ReLU, then the maximum of each 2×2.
struct Convolution {
    int side;
    Layout layout, turned_layout;
    hand::Learnt W, b;
    hand::Floats turned;               // the weights that lead from dY to dX
    Padded dY;                         // one image per thread
    std::vector<std::int32_t> chosen;  // which of the four, or −1 where ReLU gives 0
    struct Scratch {
        hand::Floats image, dW, db;
    };
    std::vector<Scratch> scratch;  // one per thread

    Convolution(int n_in, int n_out, int pixels, std::uint32_t seed)
        : side(pixels),
          layout{n_in, n_out},
          turned_layout{n_out, n_in},
          turned(layout.size()),
          dY(omp_get_max_threads(), pixels, n_out),
          chosen(std::size_t{m} * side * side / 4 * n_out) {
        const float bound = 1 / std::sqrt(static_cast<float>(25 * n_in));
        const hand::Floats given = hand::uniform(layout.size(), seed, -bound, bound);
        hand::Floats packed(given.size());
        for_each_weight(
            [&](int o, int c, int i, int j, std::size_t number) { packed[layout.at(o, c, i, j)] = given[number]; });
        W = hand::Learnt(std::move(packed));
        b = hand::Learnt(hand::Floats(n_out));
        scratch.resize(omp_get_max_threads());
        for (Scratch& s : scratch) {
            s.image.resize(std::size_t(side) * side * std::max(n_out, n_in));
            s.dW.resize(layout.size());
            s.db.resize(n_out);
        }
    }

    template <class F>
    void for_each_weight(F f) const {
        std::size_t number = 0;
        for (int o = 0; o < layout.n_out; ++o) {
            for (int c = 0; c < layout.n_in; ++c) {
                for (int i = 0; i < 5; ++i) {
                    for (int j = 0; j < 5; ++j) f(o, c, i, j, number++);
                }
            }
        }
    }

    /// to(image) is where the result's first pixel goes, its rows being `row` numbers apart.
    template <class To>
    void forward(Padded& X, To to, std::size_t row) {
        const int n = layout.n_out;
#pragma omp parallel for schedule(static)
        for (int image = 0; image < m; ++image) {
            const float* const y = scratch[omp_get_thread_num()].image.data();
            convolve(X, image, layout, W.value.data(), scratch[omp_get_thread_num()].image.data());
            std::int32_t* choice = &chosen[std::size_t(image) * side * side / 4 * n];
            const float* const shift = b.value.data();
            for (int i = 0; i < side; i += 2) {
                for (int j = 0; j < side; j += 2, choice += n) {
                    const float* const upper = y + (i * side + j) * n;
                    const float* const lower = upper + side * n;
                    float* const out = to(image) + i / 2 * row + j / 2 * n;
#pragma omp simd
                    for (int o = 0; o < n; ++o) {
                        float largest = upper[o];
                        std::int32_t at = 0;
                        at = upper[n + o] > largest ? 1 : at, largest = std::fmax(largest, upper[n + o]);
                        at = lower[o] > largest ? 2 : at, largest = std::fmax(largest, lower[o]);
                        at = lower[n + o] > largest ? 3 : at, largest = std::fmax(largest, lower[n + o]);
                        const float a = largest + shift[o];
                        out[o] = std::fmax(a, 0.0F);
                        choice[o] = a > 0 ? at : -1;
                    }
                }
            }
        }
    }

    /// From the gradient dP of the result, (side/2, side/2, n_out) for each image, those of W and b, and that of X,
    /// (side, side, n_in), unless dX is null.
    void backward(Padded& X, const float* dP, float* dX) {
        const int n = layout.n_out;
        for (Scratch& s : scratch) {
            std::fill(s.dW.begin(), s.dW.end(), 0.0F);
            std::fill(s.db.begin(), s.db.end(), 0.0F);
        }
        if (dX) {
            for_each_weight([this](int o, int c, int i, int j, std::size_t) {
                turned[turned_layout.at(c, o, 4 - i, 4 - j)] = W.value[layout.at(o, c, i, j)];
            });
        }
#pragma omp parallel
        {
            const int thread = omp_get_thread_num();
            Scratch& s = scratch[thread];
#pragma omp for schedule(static)
            for (int image = 0; image < m; ++image) {
                const float* g = dP + std::size_t(image) * side * side / 4 * n;
                const std::int32_t* choice = &chosen[std::size_t(image) * side * side / 4 * n];
                float* const db = s.db.data();
                for (int i = 0; i < side; i += 2) {
                    for (int j = 0; j < side; j += 2, choice += n, g += n) {
                        float* const upper = dY.pixels(thread) + i * dY.row() + j * n;
                        float* const lower = upper + dY.row();
#pragma omp simd
                        for (int o = 0; o < n; ++o) {
                            upper[o] = choice[o] == 0 ? g[o] : 0;
                            upper[n + o] = choice[o] == 1 ? g[o] : 0;
                            lower[o] = choice[o] == 2 ? g[o] : 0;
                            lower[n + o] = choice[o] == 3 ? g[o] : 0;
                            db[o] += choice[o] >= 0 ? g[o] : 0;
                        }
                    }
                }
                add_weight_gradient(X, image, dY, thread, layout, s.dW.data());
                if (dX)
                    convolve(dY, thread, turned_layout, turned.data(),
                             dX + std::size_t(image) * side * side * layout.n_in);
            }
        }
        std::fill(W.gradient.begin(), W.gradient.end(), 0.0F);
        std::fill(b.gradient.begin(), b.gradient.end(), 0.0F);
        for (const Scratch& s : scratch) {
            for (std::size_t i = 0; i < s.dW.size(); ++i) W.gradient[i] += s.dW[i];
            for (int o = 0; o < n; ++o) b.gradient[o] += s.db[o];
        }
    }
};

struct State {
    Padded X{m, 28, 1}, A1{m, 14, 32};
    std::vector<std::int64_t> Y = bench::classes(m, 2, 10);
    Convolution first{1, 32, 28, 3}, second{32, 64, 14, 5};
    hand::Dense third{m, 3136, 128, 7}, fourth{m, 128, 10, 9};
    hand::Floats A2 = hand::Floats(m * 3136), A3 = hand::Floats(m * 128), A4 = hand::Floats(m * 10);
    hand::Floats dA1 = hand::Floats(m * 196 * 32), dA2 = hand::Floats(m * 3136), dA3 = hand::Floats(m * 128);
    int step = 0;
    double cost = 0;

    State() {
        const hand::Floats half = hand::uniform(std::size_t{m} / 2 * 784, 1, 0, 1);
        for (int image = 0; image < m; ++image) {
            for (int i = 0; i < 28; ++i) {
                std::copy_n(&half[(image % (m / 2) * 28 + i) * 28], 28, X.pixels(image) + i * X.row());
            }
        }
        // The weights of the third layer are those for pixels in the order (channels, rows, columns).
        const hand::Floats given = third.W.value;
        for (int c = 0; c < 64; ++c) {
            for (int p = 0; p < 49; ++p)
                std::copy_n(&given[(c * 49 + p) * 128], 128, &third.W.value[(p * 64 + c) * 128]);
        }
        third.W.start = third.W.value;
    }
    std::vector<hand::Learnt*> parameters() {
        return {&first.W, &first.b, &second.W, &second.b, &third.W, &third.b, &fourth.W, &fourth.b};
    }
};

bench::Program convolutional_network() {
    const auto state = std::make_shared<State>();
    const auto step = [state] {
        State& s = *state;
        s.first.forward(
            s.X, [&s](int image) { return s.A1.pixels(image); }, s.A1.row());
        s.second.forward(
            s.A1, [&s](int image) { return s.A2.data() + image * 3136; }, 7 * 64);
        s.third.forward(s.A2.data(), s.A3.data(), true);
        s.fourth.forward(s.A3.data(), s.A4.data(), false);
        s.cost = hand::softmax_cross_entropy(s.A4.data(), s.Y);
        s.fourth.backward(s.A3.data(), s.A4.data(), s.dA3.data(), true);
        s.third.backward(s.A2.data(), s.dA3.data(), s.dA2.data(), false);
        s.second.backward(s.A1, s.dA2.data(), s.dA1.data());
        s.first.backward(s.X, s.dA1.data(), nullptr);
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
