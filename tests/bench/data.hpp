#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// The numbers that every program of the benchmark works on, whatever it is written in: number i of a seed is a hash of
/// both. common.py has the same.
namespace bench {

/// The finaliser of MurmurHash3.
inline std::uint32_t hashed(std::uint32_t i, std::uint32_t seed) {
    std::uint32_t h = i + seed * 0x9e3779b9U;
    h = (h ^ (h >> 16U)) * 0x85ebca6bU;
    h = (h ^ (h >> 13U)) * 0xc2b2ae35U;
    return h ^ (h >> 16U);
}

/// low ≤ x < high, in steps of 2^-24 of their distance.
inline std::vector<float> uniform(std::size_t n, std::uint32_t seed, float low, float high) {
    std::vector<float> x(n);
    for (std::size_t i = 0; i < n; ++i) {
        const auto unit = static_cast<float>(hashed(static_cast<std::uint32_t>(i), seed) >> 8U) * 0x1p-24F;
        x[i] = low + (high - low) * unit;
    }
    return x;
}

/// 0 ≤ i < count.
inline std::vector<std::int64_t> classes(std::size_t n, std::uint32_t seed, std::int64_t count) {
    std::vector<std::int64_t> x(n);
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = static_cast<std::int64_t>(hashed(static_cast<std::uint32_t>(i), seed) >> 8U) % count;
    }
    return x;
}

/// 0 or 1.
inline std::vector<float> coins(std::size_t n, std::uint32_t seed) {
    const std::vector<std::int64_t> drawn = classes(n, seed, 2);
    return {drawn.begin(), drawn.end()};
}

}  // namespace bench
