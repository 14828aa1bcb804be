#pragma once

#include <cmath>
#include <numbers>

#include <xgrad/ops/kernels/lanes.hpp>

/// Inverse trigonometric functions. Angles of a ratio y / x are reduced by π/4 and π/2 to |t| <= tan(π/8), as in
/// Cephes; the arcsine beyond ½ is that of the half angle, √((1 - x)/2). The tails of the series are minimax
/// polynomials.
namespace xgrad::math {

namespace detail {

template <Lane T>
inline constexpr Pair<T> quarter_turn{pick<T>(0x1.921fb6p0F, 0x1.921fb54442d18p0),
                                      pick<T>(-0x1.777a5cp-25F, 0x1.1a62633145c07p-54)};

/// (arctan t - t) / t on |t| <= tan(π/8), to 2^-35 of arctan in the narrow form and 2^-64 in the other.
template <bool Narrow>
[[gnu::always_inline]] inline double arctangent_tail(double t) {
    const double z = t * t;
    if constexpr (Narrow) {
        return z * horner(z, -0x1.555554c719f82p-2, 0x1.9999192ebe6c2p-3, -0x1.247ee53fa1d1bp-3, 0x1.c4649efa29552p-4,
                          -0x1.5b319218cab63p-4, 0x1.849ffedfa6045p-5);
    } else {
        const double z2 = z * z;
        const double even = horner(z2, -0x1.5555555555555p-2, -0x1.249249247b90bp-3, -0x1.745d1501d5f58p-4,
                                   -0x1.110cb87bb6d75p-4, -0x1.ab986d027fe27p-5, -0x1.13073c307f575p-5);
        const double odd = horner(z2, 0x1.9999999999752p-3, 0x1.c71c71b9b12ap-4, 0x1.3b13739c69a99p-4,
                                  0x1.e176b217e18a7p-5, 0x1.714fb0a82cfbep-5, 0x1.f4e8ebda9884p-7);
        return z * (even + z * odd);
    }
}

/// The angle in the first quadrant of the point (x, y), finite, not both 0, whose sum and products are finite; in two
/// parts.
template <bool Narrow>
[[gnu::always_inline]] inline Pair<double> angle_of(double y, double x) {
    constexpr double low = std::numbers::sqrt2 - 1, high = std::numbers::sqrt2 + 1;
    const bool is_small = y <= x * low, is_large = y > x * high;
    const Pair<double> difference = exact_sum(y, -x), sum = exact_sum(y, x);
    const double above = select(is_small, y, select(is_large, -x, difference.high));
    const double under = select(is_small, x, select(is_large, y, sum.high));
    const double t = above / under;
    const Pair<double> quarter = quarter_turn<double>;
    const double base = select(is_small, 0., select(is_large, quarter.high, quarter.high / 2));
    double rest = t * arctangent_tail<Narrow>(t);
    if constexpr (!Narrow) {
        const double above_low = select(is_small, 0., select(is_large, 0., difference.low));
        const double under_low = select(is_small, 0., select(is_large, 0., sum.low));
        const Pair<double> product = exact_product(t, under);
        const double missing = (((above - product.high) - product.low) + (above_low - t * under_low)) / under;
        // Nothing is missing where the product underflows.
        rest += select(absolute(above) < 0x1p-960, 0., missing);
        rest += select(is_small, 0., select(is_large, quarter.low, quarter.low / 2));
    }
    const Pair<double> front = exact_sum(base, t);
    return fast_sum(front.high, front.low + rest);
}

}  // namespace detail

/// arctan x
/// Errs by less than 0.8 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T atan(T x) {
    if constexpr (Lane<T>) {
        const auto size = static_cast<double>(absolute(x));
        const double bounded = size > 0x1p100 ? 0x1p100 : size;
        const Pair<double> angle = detail::angle_of<std::same_as<T, float>>(bounded, 1);
        return flipped(static_cast<T>(angle.high), x);
    } else {
        return std::atan(x);
    }
}

/// The angle of the point (x, y), between -π and π. Both are scaled so that the larger one is neither huge nor tiny.
/// Errs by less than 0.8 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T atan2(T y, T x) {
    if constexpr (Lane<T>) {
        const auto height = static_cast<double>(absolute(y)), width = static_cast<double>(absolute(x));
        const double larger = height > width ? height : width;
        double up = height, right = width;
        if constexpr (std::same_as<T, double>) {
            const double factor = select(larger > 0x1p1000, 0x1p-30, select(larger < 0x1p-400, 0x1p600, 1.));
            up *= factor;
            right *= factor;
        }
        const bool is_high = height == infinity<double>, is_wide = width == infinity<double>;
        up = select(is_high, 1., select(is_wide, 0., up));
        right = select(is_wide, 1., select(is_high, 0., right));
        right = select(larger == 0, 1., right);  // the angle of the origin is 0 or π
        const Pair<double> angle = detail::angle_of<std::same_as<T, float>>(up, right);
        const Pair<double> half_turn{2 * detail::quarter_turn<double>.high, 2 * detail::quarter_turn<double>.low};
        const Pair<double> rest = fast_sum(half_turn.high, -angle.high);
        const double behind = rest.high + (rest.low + (half_turn.low - angle.low));
        double result = select(with_sign(T(1), x) < 0, behind, angle.high);
        result = select(height + width == height + width, result, not_a_number<double>);
        return flipped(static_cast<T>(result), y);
    } else {
        return std::atan2(y, x);
    }
}

namespace detail {

/// The arcsine of |x| up to ½, or of √((1 - |x|)/2) beyond, in two parts.
template <Lane T>
[[gnu::always_inline]] inline Pair<T> arcsine_parts(T size) {
    const bool is_small = size <= T(0.5);
    const T z = select(is_small, size * size, T(0.5) * (1 - size));
    const T root = std::sqrt(z);
    const Pair<T> square = exact_product(root, root);
    const T missing = ((z - square.high) - square.low) / select(root > 0, 2 * root, T(1));
    T tail;
    if constexpr (std::same_as<T, float>) {
        tail = z *
               horner(z, 0x1.55554cp-3F, 0x1.333892p-4F, 0x1.6cabcp-5F, 0x1.04aab2p-5F, 0x1.d7ac2cp-7F, 0x1.33d5ccp-5F);
    } else {
        const T z2 = z * z;
        const T even = horner(z2, 0x1.5555555555565p-3, 0x1.6db6db7105c4cp-5, 0x1.6e8bd6df36c32p-6,
                              0x1.ca14e25852ee8p-7, 0x1.5fa4820ac2ae5p-7, 0x1.5d4c1fabe8f8dp-6, 0x1.08cfd6ee7dac8p-5);
        const T odd = horner(z2, 0x1.333333332fd82p-4, 0x1.f1c71ae92adcdp-6, 0x1.1c4a6f4cb281p-6, 0x1.75d4db5e72d7p-7,
                             0x1.fc3e2ec879273p-9, -0x1.4f9e675b94d25p-6);
        tail = z * (even + z * odd);
    }
    const T s = select(is_small, size, root);
    return {s, s * tail + select(is_small, T(0), missing)};
}

}  // namespace detail

/// arcsin x
/// Errs by less than 0.7 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T asin(T x) {
    if constexpr (Lane<T>) {
        constexpr Pair<T> quarter = detail::quarter_turn<T>;
        const Pair<T> a = detail::arcsine_parts(absolute(x));
        const Pair<T> front = fast_sum(quarter.high, -2 * a.high);
        const T far = front.high + (front.low + (quarter.low - 2 * a.low));
        return flipped(select(absolute(x) <= T(0.5), a.high + a.low, far), x);
    } else {
        return std::asin(x);
    }
}

/// arccos x = π/2 - arcsin x in the middle, else 2 arcsin √((1 - |x|)/2) or π minus that.
/// Errs by less than 0.7 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T acos(T x) {
    if constexpr (Lane<T>) {
        constexpr Pair<T> quarter = detail::quarter_turn<T>;
        const bool is_small = absolute(x) <= T(0.5);
        const Pair<T> a = detail::arcsine_parts(absolute(x));
        const T turns = select(is_small, T(1), select(x < 0, T(2), T(0)));
        const T factor = flipped(select(is_small, T(-1), T(2)), x);
        const Pair<T> front = exact_sum(turns * quarter.high, factor * a.high);
        return front.high + (front.low + (turns * quarter.low + factor * a.low));
    } else {
        return std::acos(x);
    }
}

}  // namespace xgrad::math
