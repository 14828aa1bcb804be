#pragma once

#include <cmath>
#include <cstddef>
#include <new>
#include <vector>

#include <cblas.h>

#include "bench.hpp"
#include "data.hpp"

/// What hand-written code can do: derivatives taken by hand, loops fused by hand, memory taken once.
namespace hand {

template <class T>
struct Aligned {
    using value_type = T;
    Aligned() = default;
    template <class U>
    Aligned(const Aligned<U>&) {}
    T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
    void deallocate(T* memory, std::size_t) { ::operator delete(memory, std::align_val_t(64)); }
    friend bool operator==(const Aligned&, const Aligned&) { return true; }
};
using Floats = std::vector<float, Aligned<float>>;

inline Floats uniform(std::size_t n, std::uint32_t seed, float low, float high) {
    const std::vector<float> x = bench::uniform(n, seed, low, high);
    return {x.begin(), x.end()};
}
inline Floats coins(std::size_t n, std::uint32_t seed) {
    const std::vector<float> x = bench::coins(n, seed);
    return {x.begin(), x.end()};
}

inline double magnitude(const float* x, std::size_t n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::abs(static_cast<double>(x[i]));
    return sum;
}
inline double distance(const Floats& x, const Floats& y) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::abs(static_cast<double>(x[i]) - y[i]);
    return sum;
}

/// C (rows, columns) = A B with A (rows, inner) and B (inner, columns), all row-major; an A or B that is `turned` is
/// stored as its transpose.
inline void product(bool turned_A, bool turned_B, int rows, int columns, int inner, const float* A, const float* B,
                    float* C, float beta = 0) {
    cblas_sgemm(CblasRowMajor, turned_A ? CblasTrans : CblasNoTrans, turned_B ? CblasTrans : CblasNoTrans, rows,
                columns, inner, 1, A, turned_A ? rows : inner, B, turned_B ? inner : columns, beta, C, columns);
}

// In this form the compiler finds the vector exponential and no branch.
inline float tanh(float x) {
    return 1 - 2 / (1 + std::exp(2 * x));
}
inline float sigmoid(float x) {
    return 1 / (1 + std::exp(-x));
}

/// log(1 + e^z) − y z and its derivative σ(z) − y, for any z.
struct Logistic {
    float loss;
    float slope;
    Logistic(float z, float y) {
        const float e = std::exp(-std::abs(z));
        const float r = 1 / (1 + e);
        loss = std::fmax(z, 0.0F) - y * z + std::log(1 + e);
        slope = (z >= 0 ? r : e * r) - y;
    }
};

}  // namespace hand
