#pragma once

#include <cmath>
#include <numbers>

#include <xgrad/ops/kernels/lanes.hpp>

/// Powers of e and 2 and what is a quotient of them. The reduction is Cody and Waite's: x = n log 2 + r with
/// |r| <= log(2)/2 and log 2 in two parts, the first of which times n is exact; e^r - 1 = r + tail, where a minimax
/// polynomial gives the tail.
namespace xgrad::math {

namespace detail {

/// e^r - 1 - r on |r| <= log(2)/2, to a relative error in e^r - 1 of 2^-32 or 2^-61.
template <Lane T>
[[gnu::always_inline]] inline T exponential_tail(T r) {
    const T z = r * r;
    if constexpr (std::same_as<T, float>) {
        return z * horner(r, 0x1p-1F, 0x1.555556p-3F, 0x1.5554acp-5F, 0x1.11108ep-7F, 0x1.6d75dcp-10F, 0x1.a1a342p-13F);
    } else {
        const T even = horner(z, 0x1p-1, 0x1.555555555555ap-5, 0x1.6c16c16c1437fp-10, 0x1.a01a01b0f488dp-16,
                              0x1.27e4c520e0ec8p-22, 0x1.1f962633a608p-29);
        const T odd = horner(z, 0x1.5555555555559p-3, 0x1.111111110f647p-7, 0x1.a01a01b0137f2p-13,
                             0x1.71ddf7d2969e9p-19, 0x1.af5fb38ee3cb6p-26);
        return z * (even + r * odd);
    }
}

/// e^x = 2^n (1 + r + tail)
template <Lane T>
struct Exponential {
    T n, r, tail;
    Bits<T> raw;
};

/// The parts of e^(x + rest) for a rest of rounding size. The argument is in a range where n has few digits.
template <Lane T>
[[gnu::always_inline]] inline Exponential<T> exponential(T x, T rest = 0) {
    constexpr T log2_e = std::numbers::log2e_v<T>;
    constexpr T ln2_high = pick<T>(0x1.62e4p-1F, 0x1.62e42fefa4p-1);
    constexpr T ln2_low = pick<T>(0x1.7f7d1cp-20F, -0x1.8432a1b0e2634p-43);
    const Rounded<T> whole = rounded(x * log2_e);
    const T high = x - whole.n * ln2_high, low = whole.n * ln2_low - rest;
    const T r = high - low;
    return {whole.n, r, exponential_tail(r) + ((high - r) - low), whole.raw};
}

/// x within the bounds; NaN stays.
template <Lane T>
[[gnu::always_inline]] inline T within(T x, T low, T high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

/// x where |e^x| neither is 0 nor overflows, and a little beyond.
template <Lane T>
[[gnu::always_inline]] inline T exponent_in_range(T x) {
    return within(x, pick<T>(-104, -746), pick<T>(89, 710));
}

/// e^x - 1 in two parts, for an x whose exponential does not overflow: 2^n - 1 and 2^n r are added without error.
template <Lane T>
[[gnu::always_inline]] inline Pair<T> expm1_parts(T x) {
    const Exponential<T> e = exponential(x);
    const T power = power_of_two<T>(e.raw);
    const Pair<T> sum = fast_sum(power - 1, power * e.r);
    return fast_sum(sum.high, sum.low + power * e.tail);
}

/// e^-(|x| + rest) = (high + low) 2^n for a rest of rounding size, the parts near 1 and the power of two as two
/// factors.
template <Lane T>
struct Falling {
    Pair<T> parts, power;
};
template <Lane T>
[[gnu::always_inline]] inline Falling<T> falling_exponential(T x, T rest = 0) {
    const T size = absolute(x);
    const Exponential<T> e = exponential(-(size > pick<T>(120, 770) ? pick<T>(120, 770) : size), -rest);
    const Pair<T> sum = fast_sum(T(1), e.r);
    return {fast_sum(sum.high, sum.low + e.tail), scale<T>(e.raw)};
}

/// e^x to 2^-34, which is enough for single precision, for |x| <= 700 or so.
[[gnu::always_inline]] inline double exp_narrow(double x) {
    const Rounded<double> whole = rounded(x * std::numbers::log2e);
    const double r = x - whole.n * std::numbers::ln2;
    return power_of_two<double>(whole.raw) * horner(r, 1., 1., 0x1.00000043b04dep-1, 0x1.555555994ee7dp-3,
                                                    0x1.55547eb67d5c6p-5, 0x1.11107b26f8fcap-7, 0x1.6d97fb5b8e533p-10,
                                                    0x1.a1ba5e485d9fcp-13);
}

}  // namespace detail

/// x, or the lowest finite number for −∞: its product with a factor that vanishes there is 0 and not NaN.
template <std::floating_point T>
[[gnu::always_inline]] inline T above_minus_infinity(T x) {
    constexpr T lowest = std::numeric_limits<T>::lowest();
    return x < lowest ? lowest : x;
}

/// e^x
/// Errs by less than 0.9 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T exp(T x) {
    if constexpr (Lane<T>) {
        const detail::Exponential<T> e = detail::exponential(detail::exponent_in_range(x));
        const Pair<T> power = scale<T>(e.raw);
        return (T(1) + (e.r + e.tail)) * power.high * power.low;
    } else {
        return std::exp(x);
    }
}

/// 2^x: the whole part of x is exact, the rest times log 2 is an exponent in two parts.
/// Errs by less than 0.9 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T exp2(T x) {
    if constexpr (Lane<T>) {
        constexpr T ln2_high = pick<T>(0x1.62ep-1F, 0x1.62e42f8p-1);  // times half of a fraction's digits
        constexpr T ln2_low = pick<T>(0x1.0bfbe8p-15F, 0x1.be8e7bcd5e4f2p-27);
        const T bounded = detail::within(x, pick<T>(-151, -1076), pick<T>(129, 1025));
        const Rounded<T> whole = rounded(bounded);
        const T fraction = bounded - whole.n;
        const Pair<T> half = halves(fraction);
        const T high = half.high * ln2_high, low = half.low * ln2_high + fraction * ln2_low;
        const T r = high + low;
        const T tail = detail::exponential_tail(r) + (low - (r - high));
        const Pair<T> power = scale<T>(whole.raw);
        return (T(1) + (r + tail)) * power.high * power.low;
    } else {
        return std::exp2(x);
    }
}

/// e^x - 1. Half of it is computed, which does not overflow before the result does; a small x is the result.
/// Errs by less than 1.2 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T expm1(T x) {
    if constexpr (Lane<T>) {
        const T bounded = detail::within(x, pick<T>(-20, -40), pick<T>(89, 710));
        const detail::Exponential<T> e = detail::exponential(bounded);
        const T power = power_of_two<T>(e.raw - 1);
        const Pair<T> sum = fast_sum(power - T(0.5), power * e.r);
        const T y = 2 * (sum.high + (sum.low + power * e.tail));
        return absolute(x) < std::numeric_limits<T>::epsilon() / 4 ? x : y;
    } else {
        return std::expm1(x);
    }
}

namespace detail {

/// e^r - 1 for y = n log 2 + r, with r in one part, which leaves e^y an error of 0.7 ulp or so: for functions that can
/// afford it. In the low bits of `raw` stands n + offset, and n is the nearest integer to x log_e, the caller's
/// multiple of y.
struct Rough {
    float tail;
    Bits<float> raw;
};
template <int offset>
[[gnu::always_inline]] inline Rough rough_exponential(float y, float x, float log_e) {
    constexpr float to_integer = Format<float>::to_integer + offset;
    const float shifted = x * log_e + to_integer, n = shifted - to_integer;
    const float r = (y - n * 0x1.62e4p-1F) - n * 0x1.7f7d1cp-20F;
    return {r + exponential_tail(r), bits(shifted)};
}

/// The same quotient in single precision with E in one part. Beyond the bound 2 is no digit of E + 2, and the result
/// 1 - 2^-24 or 1.
[[gnu::always_inline]] inline float tanh_single(float x) {
    constexpr float bound = 8.664F, one_from = 0x1.205966p3F;
    constexpr int bias = Format<float>::bias;
    const float size = absolute(x), inside = size > bound ? bound : size;
    const Rough e = rough_exponential<bias>(2 * inside, inside, 2 * std::numbers::log2e_v<float>);
    const float power = from_bits<float>(e.raw << Format<float>::fraction);
    const float E = power * e.tail + (power - 1);
    const float divisor = E + 2;
    const float quotient = E / divisor;
    const float missing = quotient * (E - (divisor - 2));
    return flipped(size > one_from ? 1 : quotient - missing * (0.5F - 0.5F * quotient), x);
}

}  // namespace detail

/// tanh x = E / (E + 2) with E = e^2|x| - 1 in two parts.
/// Errs by less than 1.2 ulp; by less than 2 in single precision.
template <std::floating_point T>
[[gnu::always_inline]] inline T tanh(T x) {
    if constexpr (std::same_as<T, float>) {
        return detail::tanh_single(x);
    } else if constexpr (Lane<T>) {
        const T size = absolute(x);
        const Pair<T> e = detail::expm1_parts(2 * (size > pick<T>(10, 20) ? pick<T>(10, 20) : size));
        const Pair<T> divisor = exact_sum(e.high, T(2));
        const T quotient = e.high / divisor.high;
        // What is missing to first order, where 1 / divisor is (1 - quotient) / 2.
        const T rest = (e.low - quotient * (divisor.low + e.low)) * (T(0.5) - T(0.5) * quotient);
        return with_sign(quotient + rest, x);
    } else {
        return std::tanh(x);
    }
}

namespace detail {

/// σ(x) = (quotient + rest) 2^n with the power of two as two factors, which are 1 for x >= 0: the quotient of 1 or
/// e^-|x| and 1 + e^-|x|, and what is missing to first order, with a secant of 1/d on [1, 2].
template <Lane T>
struct Sigmoid {
    T quotient, rest;
    Pair<T> power;
};
template <Lane T>
[[gnu::always_inline]] inline Sigmoid<T> sigmoid_parts(T x) {
    const Falling<T> e = falling_exponential(x);
    const T power = e.power.high * e.power.low;  // where this underflows, the divisor is 1
    const Pair<T> divisor = fast_sum(T(1), e.parts.high * power);
    const T missing = divisor.low + e.parts.low * power;
    const bool below = x < 0;
    const T quotient = select(below, e.parts.high, T(1)) / divisor.high;
    const T rest = (select(below, e.parts.low, T(0)) - quotient * missing) * (T(1.457) - T(0.5) * divisor.high);
    return {quotient, rest, {select(below, e.power.high, T(1)), select(below, e.power.low, T(1))}};
}

}  // namespace detail

namespace detail {

/// c / (c + c e^-x) in single precision with c = 2^-64, so that nothing overflows, and a result that underflows
/// gradually is rounded once. Between the bounds c e^-x is a normal number; beyond, the result is 0 or 1.
[[gnu::always_inline]] inline float sigmoid_single(float x) {
    constexpr int exponent = -64;
    constexpr float c = 0x1p-64F;
    const float inside = within(x, -120.F, 40.F);
    const Rough e = rough_exponential<exponent>(-inside, inside, -std::numbers::log2e_v<float>);
    const float falling = from_bits<float>(bits(1 + e.tail) + (e.raw << Format<float>::fraction));
    const float divisor = c + falling;
    const float quotient = c / divisor;
    const float missing = (c - (divisor - falling)) / c;
    return quotient - quotient * quotient * missing;
}

}  // namespace detail

/// 1 / (1 + e^-x)
/// Errs by less than 1.2 ulp; by less than 2 in single precision.
template <std::floating_point T>
[[gnu::always_inline]] inline T sigmoid(T x) {
    if constexpr (std::same_as<T, float>) {
        return detail::sigmoid_single(x);
    } else if constexpr (Lane<T>) {
        const detail::Sigmoid<T> s = detail::sigmoid_parts(x);
        return (s.quotient + s.rest) * s.power.high * s.power.low;
    } else {
        return T(1) / (T(1) + std::exp(-x));
    }
}

/// σ(x) - y, without the rounding of a σ(x) near 1: for x > 0 it is (1 - y) - σ(-x).
/// Errs by less than 2 ulp where y is 0 or 1, else of the larger of the two terms.
template <std::floating_point T>
[[gnu::always_inline]] inline T sigmoid_minus(T x, T y) {
    // Turned round at the end, so that a product that is contracted with the difference leaves 0 and not -0.
    const T difference = sigmoid(x > 0 ? -x : x) - (x > 0 ? 1 - y : y);
    return x > 0 ? 0 - difference : difference;
}

/// x σ(x); -0 for −∞, its limit.
/// Errs by less than 2 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T silu(T x) {
    if constexpr (Lane<T>) {
        constexpr T far = pick<T>(120, 770);  // where one part is all there is
        const detail::Sigmoid<T> s = detail::sigmoid_parts(x);
        const T factor = x < -far ? -far : x, bounded = x > far ? far : factor;
        // The sign between the second product and the sum leaves the compiler no choice which of the two to contract.
        const T y = factor * s.quotient + flipped(absolute(bounded) * s.rest, x);
        return with_sign(y * s.power.high * s.power.low, x);
    } else {
        return above_minus_infinity(x) * sigmoid(x);
    }
}

}  // namespace xgrad::math
