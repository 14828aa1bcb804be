#pragma once

#include <cstdint>
#include <random>

namespace xgrad::nn {

/// The generator behind numpy.random.seed, number for number: it is there to reproduce published data and results.
/// Random numbers of the library's own come from its counter-based generator.
///
/// Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998) seeded with one integer; NumPy keeps the stream of
/// numpy.random.RandomState frozen, so that these numbers do not change.
class LegacyRandom {
  public:
    /// As numpy.random.seed(seed).
    explicit LegacyRandom(std::uint32_t seed) : bits_(seed) {}

    /// As numpy.random.rand(): uniform in [0, 1), 53 bits.
    ///
    ///     (⌊u/2⁵⌋ 2²⁶ + ⌊v/2⁶⌋) / 2⁵³ of two 32-bit draws u and v
    double uniform();

    /// As numpy.random.randn(): standard normal, two at a time by Marsaglia's polar method.
    ///
    ///     x₁, x₂ uniform in the unit disc, s = x₁² + x₂²;  x √(−2 ln s / s), of x₂ first, then of x₁
    double normal();

  private:
    std::mt19937 bits_;
    double kept_ = 0;
    bool has_kept_ = false;
};

}  // namespace xgrad::nn
