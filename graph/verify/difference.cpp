#include <xgrad/graph/verify/difference.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <xgrad/graph/verify/subject.hpp>

namespace xgrad::difference {

namespace {

/// Five standard deviations of what noise of size 1 does to the two extrapolated quotients, for a step of 1.
constexpr long double slope_noise = 20;
constexpr long double jump_noise = 120;

/// The number in the precision in which it is added to x.
long double rounded(long double x, DType precision) {
    return visit_floating(precision, [&](auto zero) -> long double { return static_cast<decltype(zero)>(x); });
}

}  // namespace

bool Slopes::has_kink() const {
    return !(std::abs(jump) <= 4 * jump_error);
}

bool Slopes::is_at_a_step() const {
    const auto stays = [&](const std::array<long double, 3>& values) {
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
    std::array<long double, 3> central{}, corner{};
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
        corner[level] = (above - here) / (right - x) - (here - below) / (x - left);
    }
    // The central quotient has even powers of h, the corner odd ones.
    const long double first = (4 * central[1] - central[0]) / 3;
    const long double second = (4 * central[2] - central[1]) / 3;
    result.slope = (16 * second - first) / 15;
    result.slope_error = std::abs(result.slope - second) + slope_noise * noise / step;
    const long double first_corner = 2 * corner[1] - corner[0];
    const long double second_corner = 2 * corner[2] - corner[1];
    result.jump = (8 * second_corner - first_corner) / 7;
    result.jump_error = std::abs(result.jump - second_corner) + jump_noise * noise / step;
    result.is_finite = std::isfinite(result.slope) && std::isfinite(result.jump);
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
