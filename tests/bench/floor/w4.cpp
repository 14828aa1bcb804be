#include <algorithm>
#include <memory>

#include <omp.h>

#include "floor.hpp"
#include "vector.hpp"

// The first layer is all the work: Z = W X and dW = dZ Xᵀ with X (12288, 209) and W (20, 12288). Its products are
// written here, as a library packs what it multiplies, and nothing is gained by packing an X that is read twice.
// Threads share out the features.

namespace {

constexpr int m = 209;
constexpr int wide = 224;  // columns of Z and dZ of the first layer, those after m being of no meaning
constexpr int layers = 4;
constexpr int units[] = {12288, 20, 7, 5, 1};
constexpr float alpha = 0.00075F;

struct State {
    hand::Floats Y = hand::coins(m, 2);
    hand::Floats W[layers], b[layers], start[layers], dW[layers];
    hand::Floats A[layers + 1], dZ[layers + 1];
    std::vector<hand::Floats> first_Z;  // one per thread
    hand::Floats first_dZ = hand::Floats(units[1] * wide);
    double cost = 0;

    State() {
        A[0] = hand::uniform(std::size_t{units[0]} * m, 1, 0, 1);
        A[0].resize(A[0].size() + wide);  // the last row may be read beyond its end
        for (int l = 0; l < layers; ++l) {
            const float bound = 1 / std::sqrt(static_cast<float>(units[l]));
            const std::size_t weights = std::size_t(units[l]) * units[l + 1];
            start[l] = W[l] = hand::uniform(weights, 3 + l, -bound, bound);
            dW[l].resize(weights);
            b[l].resize(units[l + 1]);
            A[l + 1].resize(std::size_t(units[l + 1]) * m);
            dZ[l + 1].resize(std::size_t(units[l + 1]) * m);
        }
        first_Z.assign(omp_get_max_threads(), hand::Floats(units[1] * wide));
    }
};

constexpr int depth = 96;  // rows of X that stay in the cache

/// Z (5, 2 registers) += Wᵀ X with W (depth, 20), of which 5 columns are read, and X (depth, 2 registers)
inline void add_product(const float* W, const float* X, float* Z) {
    using hand::lanes;
    hand::Vector z[5][2];
    for (int u = 0; u < 5; ++u) {
        for (int v = 0; v < 2; ++v) z[u][v] = hand::load(Z + u * wide + v * lanes);
    }
    for (int k = 0; k < depth; ++k) {
        const hand::Vector x0 = hand::load(X + k * m);
        const hand::Vector x1 = hand::load(X + k * m + lanes);
        for (int u = 0; u < 5; ++u) {
            const hand::Vector w = hand::repeat(W[k * units[1] + u]);
            z[u][0] += w * x0;
            z[u][1] += w * x1;
        }
    }
    for (int u = 0; u < 5; ++u) {
        for (int v = 0; v < 2; ++v) hand::store(Z + u * wide + v * lanes, z[u][v]);
    }
}

void first_forward(State& s) {
    const float* const X = s.A[0].data();
    const float* const W = s.W[0].data();
#pragma omp parallel
    {
        hand::Floats& Z = s.first_Z[omp_get_thread_num()];
        std::fill(Z.begin(), Z.end(), 0.0F);
#pragma omp for schedule(static)
        for (int k = 0; k < units[0]; k += depth) {
            float turned[depth * units[1]];
            for (int u = 0; u < units[1]; ++u) {
                for (int i = 0; i < depth; ++i) turned[i * units[1] + u] = W[u * units[0] + k + i];
            }
            for (int j = 0; j < wide; j += 2 * hand::lanes) {
                // What the next round reads is fetched meanwhile, in the order in which it lies in memory.
                const float* const next = X + (k + depth) * m + j * (depth * m / wide);
                for (int i = 0; i < 2 * hand::lanes * depth; i += 16) __builtin_prefetch(next + i);
                for (int u = 0; u < units[1]; u += 5) {
                    add_product(turned + u, X + k * m + j, Z.data() + u * wide + j);
                }
            }
        }
    }
    for (int u = 0; u < units[1]; ++u) {
        for (int j = 0; j < m; ++j) {
            float z = s.b[0][u];
            for (const hand::Floats& Z : s.first_Z) z += Z[u * wide + j];
            s.A[1][u * m + j] = std::fmax(z, 0.0F);
        }
    }
}

/// dW (4, 3) = dZ (4, m) Xᵀ (m, 3), the rows of dW being `depth` numbers apart
inline void multiply(const float* dZ, const float* X, float* dW) {
    hand::Vector sum[4][3] = {};
    for (int j = 0; j < m; j += hand::lanes) {
        const hand::Vector x[] = {hand::load(X + j), hand::load(X + m + j), hand::load(X + 2 * m + j)};
        for (int u = 0; u < 4; ++u) {
            const hand::Vector g = hand::load(dZ + u * wide + j);  // 0 from m on
            for (int k = 0; k < 3; ++k) sum[u][k] += g * x[k];
        }
    }
    for (int u = 0; u < 4; ++u) {
        for (int k = 0; k < 3; ++k) dW[u * depth + k] = hand::sum(sum[u][k]);
    }
}

void first_backward(State& s) {
    for (int u = 0; u < units[1]; ++u) std::copy_n(&s.dZ[1][u * m], m, &s.first_dZ[u * wide]);
    const float* const dZ = s.first_dZ.data();
    const float* const X = s.A[0].data();
    float* const W = s.W[0].data();
#pragma omp parallel for schedule(static)
    for (int k = 0; k < units[0]; k += depth) {
        float dW[units[1] * depth];
        for (int i = 0; i < depth; i += 3) {
            const float* const next = X + (k + depth + i) * m;
            for (int j = 0; j < 3 * m; j += 16) __builtin_prefetch(next + j);
            for (int u = 0; u < units[1]; u += 4) multiply(dZ + u * wide, X + (k + i) * m, dW + u * depth + i);
        }
        for (int u = 0; u < units[1]; ++u) {
            for (int i = 0; i < depth; ++i) W[u * units[0] + k + i] -= alpha * dW[u * depth + i];
        }
    }
}

void forward(State& s) {
    first_forward(s);
    for (int l = 1; l < layers; ++l) {
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
        for (int i = 0; i < units[l + 1]; ++i) {
            float db = 0;
            for (int j = 0; j < m; ++j) db += dZ[i * m + j];
            s.b[l][i] -= alpha * db;
        }
        if (l == 0) break;
        hand::product(false, true, units[l + 1], units[l], m, dZ, s.A[l].data(), s.dW[l].data());
        float* const below = s.dZ[l].data();
        const float* const A = s.A[l].data();
        hand::product(true, false, units[l], m, units[l + 1], s.W[l].data(), dZ, below);
        for (int i = 0; i < units[l] * m; ++i) below[i] = A[i] > 0 ? below[i] : 0;
        for (std::size_t i = 0; i < s.W[l].size(); ++i) s.W[l][i] -= alpha * s.dW[l][i];
    }
    first_backward(s);
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
