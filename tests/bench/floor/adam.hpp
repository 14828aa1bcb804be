#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "floor.hpp"

namespace hand {

/// A parameter with its gradient and what Adam remembers of it.
struct Learnt {
    Floats value, start, gradient, m, v;
    Learnt() = default;
    explicit Learnt(Floats first)
        : value(std::move(first)), start(value), gradient(value.size()), m(value.size()), v(value.size()) {}

    /// One pass over the memory; `step` counts from 1.
    void adam(int step) {
        const auto n = static_cast<long>(value.size());
        const float rate = 1e-3F / (1 - std::pow(0.9F, static_cast<float>(step)));
        const float scale = 1 / std::sqrt(1 - std::pow(0.999F, static_cast<float>(step)));
        float* const p = value.data();
        const float* const g = gradient.data();
        float* const first = m.data();
        float* const second = v.data();
#pragma omp parallel for simd schedule(static) if (n > 10000)
        for (long i = 0; i < n; ++i) {
            first[i] = 0.9F * first[i] + 0.1F * g[i];
            second[i] = 0.999F * second[i] + 0.001F * g[i] * g[i];
            p[i] -= rate * first[i] / (std::sqrt(second[i]) * scale + 1e-8F);
        }
    }
};

/// Softmax cross-entropy of Z (examples, 10), one example per row: the cost, and Z becomes its gradient.
inline double softmax_cross_entropy(float* Z, const std::vector<std::int64_t>& labels) {
    constexpr int k = 10;
    const auto examples = static_cast<int>(labels.size());
    float cost = 0;
    for (int i = 0; i < examples; ++i) {
        float* const z = Z + i * k;
        float largest = z[0];
        for (int j = 1; j < k; ++j) largest = std::fmax(largest, z[j]);
        const float right = z[labels[i]];
        float sum = 0;
        for (int j = 0; j < k; ++j) {
            z[j] = std::exp(z[j] - largest);
            sum += z[j];
        }
        cost += std::log(sum) + largest - right;
        for (int j = 0; j < k; ++j) z[j] /= sum * static_cast<float>(examples);
        z[labels[i]] -= 1 / static_cast<float>(examples);
    }
    return cost / static_cast<float>(examples);
}

/// A dense layer with examples as rows: Z = X W + b with W (n_in, n_out).
struct Dense {
    int examples, n_in, n_out;
    Learnt W, b;

    /// The first weights are those of a W (n_out, n_in).
    Dense(int m, int in, int out, std::uint32_t seed) : examples(m), n_in(in), n_out(out), b(Floats(out)) {
        const float bound = 1 / std::sqrt(static_cast<float>(in));
        const Floats given = uniform(std::size_t(in) * out, seed, -bound, bound);
        Floats turned(given.size());
        for (int o = 0; o < out; ++o) {
            for (int i = 0; i < in; ++i) turned[std::size_t(i) * out + o] = given[std::size_t(o) * in + i];
        }
        W = Learnt(std::move(turned));
    }

    void forward(const float* X, float* Z, bool relu) const {
        product(false, false, examples, n_out, n_in, X, W.value.data(), Z);
        const float* const shift = b.value.data();
#pragma omp parallel for schedule(static) if (examples * n_out > 10000)
        for (int i = 0; i < examples; ++i) {
            float* const z = Z + std::size_t(i) * n_out;
            for (int j = 0; j < n_out; ++j) z[j] = relu ? std::fmax(z[j] + shift[j], 0.0F) : z[j] + shift[j];
        }
    }

    /// From dZ the gradients; and dX, unless it is null, which is 0 where X is 0 if X came out of a ReLU.
    void backward(const float* X, const float* dZ, float* dX, bool relu_before) {
        product(true, false, n_in, n_out, examples, X, dZ, W.gradient.data());
        float* const db = b.gradient.data();
        std::fill(b.gradient.begin(), b.gradient.end(), 0.0F);
        for (int i = 0; i < examples; ++i) {
            for (int j = 0; j < n_out; ++j) db[j] += dZ[std::size_t(i) * n_out + j];
        }
        if (!dX) return;
        product(false, true, examples, n_in, n_out, dZ, W.value.data(), dX);
        if (!relu_before) return;
        const long n = long{examples} * n_in;
#pragma omp parallel for simd schedule(static) if (n > 10000)
        for (long i = 0; i < n; ++i) dX[i] = X[i] > 0 ? dX[i] : 0;
    }
};

}  // namespace hand
