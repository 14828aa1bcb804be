#pragma once

#include <cmath>
#include <numbers>

#include <xgrad/ops/kernels/lanes.hpp>

/// Sine, cosine and tangent. The reduction is Cody and Waite's: |x| = n π/2 + r with π/2 in parts of few digits, so
/// that n times each is exact; then one of two minimax polynomials on |r| <= π/4, for the quadrant that n counts.
/// Beyond n = 2^19 too few digits of π/2 are left, and elements are left to the C library. Single precision is computed
/// in double, where the reduction takes two parts.
namespace xgrad::math {

namespace detail {

template <Lane T>
struct Angle {
    double r, low;  // low is what r was rounded by, and 0 in single precision
    std::uint64_t quadrant;
};

template <Lane T>
[[gnu::always_inline]] inline Angle<T> reduced_angle(T size) {
    const auto x = static_cast<double>(size);
    const Rounded<double> turns = rounded(x * (2 / std::numbers::pi));
    const double n = turns.n;
    if constexpr (std::same_as<T, float>) {
        return {(x - n * 0x1.921fb548p0) + n * 0x1.de973dcb3b39ap-31, 0, turns.raw};
    } else {
        const Pair<double> first = exact_sum(x - n * 0x1.921fb544p0, -(n * 0x1.0b4611a6p-34));
        const Pair<double> second = exact_sum(first.high, -(n * 0x1.3198a2ep-69));
        const double low = (first.low + second.low) - n * 0x1.b839a252049c1p-104;
        const Pair<double> r = fast_sum(second.high, low);
        return {r.high, r.low, turns.raw};
    }
}

/// sin(r + low) = r + the result
template <Lane T>
[[gnu::always_inline]] inline double sine_tail(const Angle<T>& a) {
    const double z = a.r * a.r;
    if constexpr (std::same_as<T, float>) {
        return a.r * z *
               horner(z, -0x1.5555554cb2957p-3, 0x1.11110890b3e61p-7, -0x1.a00f990498a38p-13, 0x1.6cd737eb94e01p-19);
    } else {
        const double z2 = z * z;
        const double s = horner(z2, -0x1.5555555555549p-3, -0x1.a01a019c0e53fp-13, -0x1.ae5e63cb857bap-26) +
                         z * horner(z2, 0x1.111111110f862p-7, 0x1.71de3574bbc0ep-19, 0x1.5d92458803107p-33);
        return a.r * z * s + (a.low - 0.5 * z * a.low);
    }
}

/// cos(r + low) in two parts
template <Lane T>
[[gnu::always_inline]] inline Pair<double> cosine_parts(const Angle<T>& a) {
    const double z = a.r * a.r;
    if constexpr (std::same_as<T, float>) {
        return {1 - 0.5 * z, z * z *
                                 horner(z, 0x1.5555554f48aeap-5, -0x1.6c16b892ad2dbp-10, 0x1.a0111c0e0268dp-16,
                                        -0x1.2429fa3e9103dp-22)};
    } else {
        const double z2 = z * z;
        const double c = horner(z2, 0x1.555555555554cp-5, 0x1.a01a019caf0dp-16, 0x1.1ee9ea7951e4ep-29) +
                         z * horner(z2, -0x1.6c16c16c15163p-10, -0x1.27e4f807e88dcp-22, -0x1.8fadd6f541ca8p-37);
        const Pair<double> front = fast_sum(1., -0.5 * z);
        return {front.high, front.low + (z2 * c - a.r * a.low)};
    }
}

/// A sine that is `quarters` of a turn ahead, with its sign before that of x counts.
template <Lane T>
[[gnu::always_inline]] inline T sine_ahead(T size, std::uint64_t quarters) {
    const Angle<T> a = reduced_angle(size);
    const std::uint64_t quadrant = a.quadrant + quarters;
    const double sine = a.r + sine_tail(a);
    const Pair<double> cosine = cosine_parts(a);
    const double y = (quadrant & 1) != 0 ? cosine.high + cosine.low : sine;
    return static_cast<T>(flipped(y, from_bits<double>(quadrant << 62)));
}

template <Lane T>
[[gnu::always_inline]] inline bool is_large_angle(T x) {
    return absolute(x) > T(0x1p19);
}

}  // namespace detail

/// sin x
/// Errs by less than 0.8 ulp.
struct Sine {
    template <std::floating_point T>
    [[gnu::always_inline]] inline T operator()(T x) const {
        if constexpr (Lane<T>) {
            return flipped(detail::sine_ahead(absolute(x), 0), x);
        } else {
            return std::sin(x);
        }
    }
    [[gnu::always_inline]] static inline bool is_beyond(Lane auto x) { return detail::is_large_angle(x); }
    static auto beyond(Lane auto x) { return std::sin(x); }
};

/// cos x
/// Errs by less than 0.8 ulp.
struct Cosine {
    template <std::floating_point T>
    [[gnu::always_inline]] inline T operator()(T x) const {
        if constexpr (Lane<T>) {
            return detail::sine_ahead(absolute(x), 1);
        } else {
            return std::cos(x);
        }
    }
    [[gnu::always_inline]] static inline bool is_beyond(Lane auto x) { return detail::is_large_angle(x); }
    static auto beyond(Lane auto x) { return std::cos(x); }
};

/// tan x = sin r / cos r, or -cos r / sin r, divided with both in two parts.
/// Errs by less than 1.4 ulp.
struct Tangent {
    template <std::floating_point T>
    [[gnu::always_inline]] inline T operator()(T x) const {
        if constexpr (Lane<T>) {
            const detail::Angle<T> a = detail::reduced_angle(absolute(x));
            const Pair<double> c = detail::cosine_parts(a);
            const Pair<double> sine = fast_sum(a.r, detail::sine_tail(a)), cosine = fast_sum(c.high, c.low);
            const bool is_odd = (a.quadrant & 1) != 0;
            const double above = is_odd ? cosine.high : sine.high, under = is_odd ? -sine.high : cosine.high;
            double y = above / under;
            if constexpr (std::same_as<T, double>) {
                const double above_low = is_odd ? cosine.low : sine.low, under_low = is_odd ? -sine.low : cosine.low;
                y += (above_low - y * under_low) / under;
            }
            return flipped(static_cast<T>(y), x);
        } else {
            return std::tan(x);
        }
    }
    [[gnu::always_inline]] static inline bool is_beyond(Lane auto x) { return detail::is_large_angle(x); }
    static auto beyond(Lane auto x) { return std::tan(x); }
};

}  // namespace xgrad::math
