#pragma once

#include <cmath>
#include <numbers>

#include <xgrad/ops/kernels/exponentials.hpp>
#include <xgrad/ops/kernels/lanes.hpp>

/// Logarithms: x = 2^k (1 + f) with 1 + f between √½ and √2, and log(1 + f) = f - f²/2 + s (f²/2 + R) for
/// s = f / (2 + f), where a minimax polynomial in s² gives R (the arrangement of Ng in fdlibm, after Tang).
namespace xgrad::math {

namespace detail {

/// x = 2^k (1 + f) and log(1 + f) = f - half_square + rest
template <Lane T>
struct Logarithm {
    T k, f, half_square, rest;
};

/// x = 2^k (1 + f) for a normal x > 0, and k less a shift.
template <Lane T>
struct Split {
    T k, f;
};
template <Lane T>
[[gnu::always_inline]] inline Split<T> split(T x, T shift = 0) {
    constexpr int fraction = Format<T>::fraction;
    constexpr Bits<T> one = bits(T(1)), root = bits(T(std::numbers::sqrt2_v<T> / 2));
    constexpr T integers = Format<T>::integers;
    const Bits<T> raw = bits(x) + (one - root);
    return {from_bits<T>((raw >> fraction) | bits(integers)) - (integers + static_cast<T>(Format<T>::bias) + shift),
            from_bits<T>((raw & ((Bits<T>(1) << fraction) - 1)) + root) - 1};
}

/// The parts for a normal x > 0.
template <Lane T>
[[gnu::always_inline]] inline Logarithm<T> logarithm_of_normal(T x, T shift = 0) {
    const auto [k, f] = split(x, shift);
    const T s = f / (2 + f), z = s * s, half_square = T(0.5) * f * f;
    T r;
    if constexpr (std::same_as<T, float>) {
        r = z * horner(z, 0x1.555554p-1F, 0x1.999a82p-2F, 0x1.2437p-2F, 0x1.e3409p-3F);
    } else {
        const T z2 = z * z;
        r = z * (horner(z2, 0x1.5555555555597p-1, 0x1.2492494379315p-2, 0x1.7466885604786p-3, 0x1.2f573b7c793e3p-3) +
                 z * horner(z2, 0x1.999999997e3ebp-2, 0x1.c71c50b67ab8dp-3, 0x1.3999f5313dcacp-3));
    }
    return {k, f, half_square, s * (half_square + r)};
}

/// The parts for any x > 0: a subnormal number is scaled first.
template <Lane T>
[[gnu::always_inline]] inline Logarithm<T> logarithm(T x) {
    constexpr T scale = pick<T>(0x1p24F, 0x1p53);
    const bool tiny = x < std::numeric_limits<T>::min();
    return logarithm_of_normal<T>(tiny ? x * scale : x, tiny ? std::numeric_limits<T>::digits : 0);
}

/// The result for any x, given that for a finite x > 0.
template <Lane T>
[[gnu::always_inline]] inline T with_poles(T x, T y) {
    y = x < infinity<T> ? y : x;
    y = x == 0 ? -infinity<T> : y;
    return x < 0 ? not_a_number<T> : y;
}

template <Lane T>
inline constexpr T ln2_high = pick<T>(0x1.62e4p-1F, 0x1.62e42fefa4p-1);  // times k is exact
template <Lane T>
inline constexpr T ln2_low = pick<T>(0x1.7f7d1cp-20F, -0x1.8432a1b0e2634p-43);

/// k c + (log of 1 + f) d, where c and d have two parts each, and the upper one of c times k is exact.
template <Lane T>
[[gnu::always_inline]] inline T combined(const Logarithm<T>& l, Pair<T> c, Pair<T> d) {
    const T high = halves(l.f - l.half_square).high;
    const T low = ((l.f - high) - l.half_square) + l.rest;
    const Pair<T> sum = fast_sum(l.k * c.high, high * d.high);
    return sum.high + (sum.low + (l.k * c.low + ((low + high) * d.low + low * d.high)));
}

/// log(1 + x + rest) for x > -1 and a rest of rounding size.
template <Lane T>
[[gnu::always_inline]] inline T log1p_of_sum(T x, T rest) {
    const Pair<T> sum = exact_sum(T(1), x);
    const Logarithm<T> l = logarithm_of_normal(sum.high);
    const T low = l.k * ln2_low<T> + (sum.low + rest) / sum.high;
    const T y = l.k * ln2_high<T> - ((l.half_square - (l.rest + low)) - l.f);
    return absolute(x) < std::numeric_limits<T>::epsilon() / 4 ? x : y;
}

/// y + log(1 + t + rest) for 0 <= t <= 1 and a rest of rounding size. With s = t / (2 + t), which is at most
/// 1/3, the logarithm is 2 artanh s = 2 s + 2 s z (1/3 + z/5 + ...) for z = s², and 2 s = t - t s.
[[gnu::always_inline]] inline float add_log1p(float y, float t, float rest) {
    const Pair<float> sum = exact_sum(y, t);
    const float divisor = 2 + t, lost = t - (divisor - 2);
    const float s = t / divisor, z = s * s;
    const float more = horner(z, 0x1.5555p-1F, 0x1.99d27cp-2F, 0x1.1eb5fcp-2F, 0x1.1ef8e4p-2F);  // to 2^-27
    const float low = rest + 0.5F * (s * t) * lost;
    const float low_of_sum = absolute(y) < infinity<float> ? sum.low : 0;  // else NaN
    return sum.high - (s * (t - z * more) - (low - low * s + low_of_sum));
}

/// log(1 + e^-(|x| + rest))
template <Lane T>
[[gnu::always_inline]] inline T log1p_of_falling_exponential(T x, T rest = 0) {
    const Falling<T> e = falling_exponential(x, rest);
    return log1p_of_sum(e.parts.high * e.power.high * e.power.low, e.parts.low * e.power.high * e.power.low);
}

/// y + log(1 + e^-|x|)
template <std::floating_point T>
[[gnu::always_inline]] inline T add_log1p_of_falling_exponential(T y, T x) {
    if constexpr (std::same_as<T, float>) {
        const Falling<T> e = falling_exponential(x);
        return add_log1p(y, e.parts.high * e.power.high * e.power.low, e.parts.low * e.power.high * e.power.low);
    } else if constexpr (Lane<T>) {
        return y + log1p_of_falling_exponential(x);
    } else {
        return y + std::log1p(std::exp(-std::abs(x)));
    }
}

}  // namespace detail

/// log x
/// Errs by less than 0.9 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T log(T x) {
    if constexpr (Lane<T>) {
        const detail::Logarithm<T> l = detail::logarithm(x);
        const T low = l.rest + l.k * detail::ln2_low<T>;
        return detail::with_poles(x, l.k * detail::ln2_high<T> - ((l.half_square - low) - l.f));
    } else {
        return std::log(x);
    }
}

/// log2 x
/// Errs by less than 0.8 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T log2(T x) {
    if constexpr (Lane<T>) {
        constexpr Pair<T> log2_e{pick<T>(0x1.714p0F, 0x1.7154768p0), pick<T>(0x1.47652cp-12F, -0x1.6a3e80f444178p-27)};
        return detail::with_poles(x, detail::combined(detail::logarithm(x), {T(1), T(0)}, log2_e));
    } else {
        return std::log2(x);
    }
}

/// log10 x
/// Errs by less than 0.8 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T log10(T x) {
    if constexpr (Lane<T>) {
        constexpr Pair<T> log10_2{pick<T>(0x1.344p-2F, 0x1.34413509f8p-2),
                                  pick<T>(0x1.3509f8p-18F, -0x1.80433b83b532ap-44)};
        constexpr Pair<T> log10_e{pick<T>(0x1.bccp-2F, 0x1.bcb7b18p-2),
                                  pick<T>(-0x1.09d5b2p-15F, -0x1.6c8d78e6acaa4p-29)};
        return detail::with_poles(x, detail::combined(detail::logarithm(x), log10_2, log10_e));
    } else {
        return std::log10(x);
    }
}

/// log(1 + x). What 1 + x loses by rounding is added to first order.
/// Errs by less than 0.8 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T log1p(T x) {
    if constexpr (Lane<T>) {
        T y = detail::log1p_of_sum(x, T(0));
        y = x < infinity<T> ? y : x;
        y = x == -1 ? -infinity<T> : y;
        return x < -1 ? not_a_number<T> : y;
    } else {
        return std::log1p(x);
    }
}

/// log(1 + e^x) without overflow: max(x, 0) + log1p(e^-|x|).
/// Errs by less than 1.5 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T softplus(T x) {
    return detail::add_log1p_of_falling_exponential(x > 0 ? x : T(0), x);
}

/// log(1 + e^x) - y x = (1 - y) log(1 + e^x) + y log(1 + e^-x), for 0 <= y <= 1 as two terms that are not negative.
/// Errs by less than 2 ulp then.
template <std::floating_point T>
[[gnu::always_inline]] inline T logistic_loss(T x, T y) {
    return detail::add_log1p_of_falling_exponential(x > 0 ? (1 - y) * x : -y * x, x);
}

/// log(e^x + e^y) = max(x, y) + log1p(e^-|x - y|). Equal infinities have no difference.
/// Errs by less than 2 ulp of the larger of |z|, |x| and |y|.
template <std::floating_point T>
[[gnu::always_inline]] inline T logaddexp(T x, T y) {
    const T larger = x > y ? x : y, smaller = x > y ? y : x;
    if constexpr (Lane<T>) {
        const T distance = select(x == y, T(0), larger - smaller);
        const T rest = select(distance < T(1000), exact_sum(larger, -smaller).low, T(0));  // else it counts nothing
        return larger + detail::log1p_of_falling_exponential(distance, select(x == y, T(0), rest));
    } else {
        return larger + std::log1p(std::exp(x == y ? T(0) : smaller - larger));
    }
}

}  // namespace xgrad::math
