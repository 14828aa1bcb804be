#pragma once

#include <cstddef>

namespace hand {

#if defined(__AVX512F__)
inline constexpr int lanes = 16;
#elif defined(__AVX__)
inline constexpr int lanes = 8;
#else
inline constexpr int lanes = 4;
#endif

/// One register of numbers, anywhere in memory.
typedef float Vector __attribute__((vector_size(lanes * sizeof(float)), aligned(4), may_alias));

inline Vector load(const float* from) {
    return *reinterpret_cast<const Vector*>(from);
}
inline void store(float* to, Vector x) {
    *reinterpret_cast<Vector*>(to) = x;
}
inline Vector repeat(float x) {
    return Vector{} + x;
}
inline float sum(Vector x) {
    float total = 0;
    for (int i = 0; i < lanes; ++i) total += x[i];
    return total;
}

}  // namespace hand
