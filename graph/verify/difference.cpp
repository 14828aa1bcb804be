#include <xgrad/graph/verify/difference.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <xgrad/graph/verify/subject.hpp>

namespace xgrad::difference {

namespace {

/// Five standard deviations of what noise of size 1 does to extrapolated quotients from both sides and from one, for a
/// step of 1.
constexpr long double slope_noise = 20;
constexpr long double jump_noise = 120;

using Ladder = std::array<long double, 3>;

/// Richardson's extrapolation of what was found at h, h/2 and h/4, whose errors go like h^p, then h^q.
Estimate extrapolated(const Ladder& at, int p, int q, long double noise) {
    const auto without = [](int power, long double coarse, long double fine) {
        const long double weight = std::ldexp(1.0L, power);
        return (weight * fine - coarse) / (weight - 1);
    };
    const long double coarse = without(p, at[0], at[1]), fine = without(p, at[1], at[2]);
    const long double value = without(q, coarse, fine);
    return {value, std::abs(value - fine) + noise};
}

/// The number in the precision in which it is added to x.
long double rounded(long double x, DType precision) {
    return visit_floating(precision, [&](auto zero) -> long double { return static_cast<decltype(zero)>(x); });
}

}  // namespace

bool Slopes::has_kink() const {
    return !(std::abs(jump.value) <= 4 * jump.error);
}

bool Slopes::is_at_a_step() const {
    const auto stays = [&](const Ladder& values) {
        return std::abs(values[2] - here) > std::abs(values[0] - here) * 0.75L;
    };
    return stays(above) || stays(below);
}

long double Slopes::order_of_remainder(long double g) const {
    const auto remainder = [&](std::size_t level) { return std::abs(above[level] - here - g * reach[level]); };
    return std::log2(remainder(0) / remainder(2)) / 2;
}

long double first_step(long double x, DType precision) {
    return std::pow(subject::epsilon(precision), 1.0L / 7) * std::max(1.0L, std::abs(x)) * 0.25L;
}

long double last_step(long double x, DType precision) {
    return std::pow(subject::epsilon(precision), 0.75L) * std::max(1.0L, std::abs(x));
}

Slopes slopes(const Function& phi, long double x, long double here, long double step, DType precision,
              long double noise) {
    Ladder central{}, corner{}, ahead{}, behind{};
    Slopes result;
    result.step = step;
    result.here = here;
    for (std::size_t level = 0; level < central.size(); ++level) {
        const long double h = std::ldexp(step, -static_cast<int>(level));
        const long double right = rounded(x + h, precision);
        const long double left = rounded(x - h, precision);
        const long double above = phi(right);
        const long double below = phi(left);
        result.above[level] = above;
        result.below[level] = below;
        result.reach[level] = right - x;
        central[level] = (above - below) / (right - left);
        ahead[level] = (above - here) / (right - x);
        behind[level] = (here - below) / (x - left);
        corner[level] = ahead[level] - behind[level];
    }
    // The central quotient has even powers of h, the corner odd ones, one side alone all of them.
    result.slope = extrapolated(central, 2, 4, slope_noise * noise / step);
    result.jump = extrapolated(corner, 1, 3, jump_noise * noise / step);
    result.left = extrapolated(behind, 1, 2, jump_noise * noise / step);
    result.right = extrapolated(ahead, 1, 2, jump_noise * noise / step);
    result.is_finite = std::isfinite(result.slope.value) && std::isfinite(result.jump.value);
    return result;
}

long double noise_of(const std::function<long double(int)>& sample) {
    constexpr std::size_t order = 6, samples = 6;
    constexpr long double spread = 924;  // of a sixth difference of independent errors: 12! / (6!)²
    std::array<long double, order + samples> values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = sample(static_cast<int>(i) + 1);
    for (std::size_t k = 0; k < order; ++k) {
        for (std::size_t i = 0; i + 1 < values.size() - k; ++i) values[i] = values[i + 1] - values[i];
    }
    long double sum = 0;
    for (std::size_t i = 0; i < samples; ++i) sum += values[i] * values[i];
    const long double noise = std::sqrt(sum / samples / spread);
    return std::isfinite(noise) ? noise : std::numeric_limits<long double>::infinity();
}

}  // namespace xgrad::difference
