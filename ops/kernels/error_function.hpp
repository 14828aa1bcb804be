#pragma once

#include <cmath>
#include <numbers>

#include <xgrad/ops/kernels/exponentials.hpp>
#include <xgrad/ops/kernels/lanes.hpp>

/// The error function and what follows from it. Near 0, erf x = x + x P(x²). Beyond, (1 + 2x) e^(x²) erfc x is a
/// polynomial in (x - 4) / (x + 4), which maps all of x > 0 to an interval (the substitution of Schonfelder, and of
/// Shepherd and Laframboise). Single precision is computed in double with shorter polynomials.
namespace xgrad::math {

namespace detail {

inline constexpr double near_zero = 0.5;  // where the first formula ends; erf is about ½ there

/// (erf x - x) / x for |x| <= ½
template <bool Narrow>
[[gnu::always_inline]] inline double erf_tail(double x) {
    const double z = x * x;
    if constexpr (Narrow) {
        return horner(z, 0x1.06eba820dae09p-3, -0x1.8127466f69f73p-2, 0x1.ce2ef233721ffp-4, -0x1.b8202cada6e5ap-6,
                      0x1.54d00b141eba6p-8, -0x1.9362bc8e25ba5p-11);
    } else {
        const double z2 = z * z;
        return horner(z2, 0x1.06eba8214db68p-3, 0x1.ce2f21a03d782p-4, 0x1.565bcbf74cf81p-8, 0x1.f98d9ede3ed8bp-14,
                      0x1.8b3c029c5efedp-20) +
               z * horner(z2, -0x1.812746b0379b4p-2, -0x1.b82ce30f25aacp-6, -0x1.c02d4ef353673p-11,
                          -0x1.f223209bdadc1p-17);
    }
}

/// erfc a for 0 <= a < 11.2, given a², to 2^-31, which is enough for single precision; 1 for a = 0.
[[gnu::always_inline]] inline double erfc_narrow(double a, double square) {
    // One division for both.
    const double below = a + 4, under = 1 + 2 * a, inverse = 1 / (below * under);
    const double t = (a - 4) * under * inverse, t2 = t * t;
    const double even =
        horner(t2, 0x1.3ba5916ec09f5p0, 0x1.f7f595239f909p-7, -0x1.9dda11d698775p-4, -0x1.0fbbdb89da2fbp-4,
               -0x1.089c9bf0af8d8p-6, -0x1.ab258f4fe111bp-11, 0x1.6acb3a66163b3p-14);
    const double odd = horner(t2, -0x1.1df1ad3c234ccp-3, 0x1.16ecfd4a45addp-4, 0x1.7fedde2c6b890p-4,
                              0x1.3069cff941939p-5, 0x1.4e0bfc3e2296cp-8, -0x1.6e0bdb14711a4p-12);
    return exp_narrow(-square) * (even + t * odd) * (below * inverse);
}

/// erfc a = (high + low) 2^n for a > 0, given a² in two parts, with the power of two as two factors.
[[gnu::always_inline]] inline Falling<double> erfc_parts(double a, Pair<double> square) {
    const double t = (a - 4) / (a + 4), t2 = t * t;
    constexpr double first = 0x1.3ba5916e9fd7fp0;
    const double even =
        horner(t2, 0x1.f7f5df66fd705p-7, -0x1.9ddb23c3e8a5cp-4, -0x1.0fb06dfe54a6dp-4, -0x1.0962388287498p-6,
               -0x1.8d4a9c899bc3fp-11, 0x1.3be07327206a1p-13, -0x1.788fa14be4761p-17, 0x1.3c664ec16924cp-22,
               0x1.3b297634663d6p-24, -0x1.2257f462ba0ecp-26, 0x1.98fef45b48911p-30);
    const double odd =
        horner(t2, -0x1.1df1ad154a28ep-3, 0x1.16ecefcfa52c6p-4, 0x1.7fee004e14919p-4, 0x1.3079edf626d8ap-5,
               0x1.49c672a709d31p-8, -0x1.a1df424d3916ep-13, -0x1.99552ee1a81a3p-16, 0x1.7ef82c7b259fdp-18,
               -0x1.b822042d25e45p-21, 0x1.bc9b2e4b93dacp-24, -0x1.4ef01aecd8eedp-27);
    const Pair<double> above = fast_sum(first, t * (odd + t * even));
    const Pair<double> under = exact_sum(1., 2 * a);
    const double quotient = above.high / under.high;
    const Pair<double> product = exact_product(quotient, under.high);
    const double rest = ((above.high - product.high) - product.low + (above.low - quotient * under.low)) / under.high;
    const Exponential<double> e = exponential(-square.high, -square.low);
    const Pair<double> front = fast_sum(1., e.r), power = fast_sum(front.high, front.low + e.tail);
    const Pair<double> high = exact_product(quotient, power.high);
    return {fast_sum(high.high, high.low + (quotient * power.low + rest * power.high)), scale<double>(e.raw)};
}

[[gnu::always_inline]] inline double value(const Falling<double>& f) {
    return (f.parts.high + f.parts.low) * f.power.high * f.power.low;
}

/// erfc a for a > 0
template <bool Narrow>
[[gnu::always_inline]] inline double erfc_above_zero(double a) {
    if constexpr (Narrow) {
        return erfc_narrow(a, a * a);
    } else {
        return value(erfc_parts(a, exact_product(a, a)));
    }
}

}  // namespace detail

/// 2/√π times the integral of e^(-t²) from 0 to x
/// Errs by less than 1.2 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T erf(T x) {
    if constexpr (Lane<T>) {
        constexpr bool narrow = std::same_as<T, float>;
        const auto size = static_cast<double>(absolute(x));
        const double a = size > 7 ? 7 : size;
        const double near = a + a * detail::erf_tail<narrow>(a);
        const double far = 1 - detail::erfc_above_zero<narrow>(a);
        return flipped(static_cast<T>(select(a < detail::near_zero, near, far)), x);
    } else {
        return std::erf(x);
    }
}

/// 1 - erf x
/// Errs by less than 1.5 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T erfc(T x) {
    if constexpr (Lane<T>) {
        constexpr bool narrow = std::same_as<T, float>;
        const double bounded = detail::within<double>(x, -7, narrow ? 11 : 28), a = absolute(bounded);
        const double tail = detail::erfc_above_zero<narrow>(a);
        const double far = select(bounded < 0, 2 - tail, tail);
        if constexpr (narrow) {
            return static_cast<T>(far);  // near 0 it is near 1, with digits to spare
        } else {
            const Pair<double> difference = exact_sum(1., -bounded);
            const double near = difference.high + (difference.low - bounded * detail::erf_tail<narrow>(bounded));
            return static_cast<T>(select(a < detail::near_zero, near, far));
        }
    } else {
        return std::erfc(x);
    }
}

/// x Φ(x) = x/2 erfc(-x/√2), exact far below 0 too.
/// Errs by less than 1.7 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T gelu(T x) {
    if constexpr (std::same_as<T, float>) {
        const double bounded = detail::within<double>(x, -16, 16), size = absolute(bounded);
        const double tail = 0.5 * detail::erfc_narrow(size * (std::numbers::sqrt2 / 2), 0.5 * size * size);
        const auto factor = static_cast<double>(x > 0 ? x : static_cast<T>(bounded));
        return static_cast<T>(factor * select(x < 0, tail, 1 - tail));
    } else if constexpr (Lane<T>) {
        constexpr Pair<double> root{0x1.6a09e667f3bcdp-1, -0x1.bdd3413b26456p-55};  // √½
        const double bounded = detail::within<double>(x, -40, 40);
        const double size = absolute(bounded);
        const Pair<double> a = exact_product(size, root.high);
        const double a_low = a.low + size * root.low;
        const Pair<double> square = exact_product(size, size);
        const detail::Falling<double> tail = detail::erfc_parts(a.high, {0.5 * square.high, 0.5 * square.low});
        // ½ erf(a), and Φ from it
        const double half = 0.5 * a.high + (0.5 * a.high * detail::erf_tail<false>(a.high) + 0.564 * a_low);
        const double near = 0.5 + flipped(half, bounded), far = 1 - 0.5 * detail::value(tail);
        const auto factor = static_cast<double>(x > 0 ? x : static_cast<T>(bounded));
        const bool is_near = a.high < detail::near_zero;
        const double above = factor * select(is_near, near, far);
        const Pair<double> product = exact_product(0.5 * bounded, tail.parts.high);
        const double under =
            (product.high + (product.low + 0.5 * bounded * tail.parts.low)) * tail.power.high * tail.power.low;
        return static_cast<T>(select(is_near, above, select(x < 0, under, above)));
    } else {
        return T(0.5) * above_minus_infinity(x) * std::erfc(-x / std::numbers::sqrt2_v<T>);
    }
}

}  // namespace xgrad::math
