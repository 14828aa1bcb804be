#pragma once

#include <cmath>
#include <numbers>

#include <xgrad/ops/kernels/exponentials.hpp>
#include <xgrad/ops/kernels/lanes.hpp>
#include <xgrad/ops/kernels/logarithms.hpp>

/// x^y = e^(y log |x|) with a logarithm of some 64 digits, in two parts: log(1 + f) = 2s + s³ (2/3 + s² P(s²)) for
/// s = f / (2 + f), where all but the last factor is in two parts. Single precision is computed in double.
namespace xgrad::math {

namespace detail {

/// log x for a normal x > 0, in two parts.
template <bool Narrow>
[[gnu::always_inline]] inline Pair<double> logarithm_parts(double x) {
    const Split<double> parts = split(x);
    const double f = parts.f, k = parts.k;
    const Pair<double> divisor = fast_sum(2., f);
    const double s = f / divisor.high;
    if constexpr (Narrow) {
        const double z = s * s;
        return {k * std::numbers::ln2 +
                    (2 * s + s * z *
                                 horner(z, 0x1.55555556288bcp-1, 0x1.9999968a7b0ecp-2, 0x1.24941ff8fab79p-2,
                                        0x1.c6261db90602ap-3, 0x1.91620a937c02ep-3)),
                0};
    } else {
        const Pair<double> product = exact_product(s, divisor.high);
        const double s_low = (((f - product.high) - product.low) - s * divisor.low) / divisor.high;
        const Pair<double> square = exact_product(s, s);
        const double z = square.high, z_low = square.low + 2 * s * s_low, z2 = z * z;
        const double p =
            horner(z2, 0x1.9999999999a27p-2, 0x1.c71c720f5811dp-3, 0x1.3b1d868e9eb37p-3, 0x1.0d554d6e6ed94p-3) +
            z * horner(z2, 0x1.24924924714aep-2, 0x1.745cf2c1b4d9p-3, 0x1.0f9ca57ebe42cp-3);
        const Pair<double> factor = fast_sum(0x1.5555555555555p-1, z * p + 0x1.5555555555555p-55);
        const Pair<double> cube = exact_product(z, s);
        const double cube_low = cube.low + (z * s_low + z_low * s);
        const Pair<double> tail = exact_product(cube.high, factor.high);
        const double tail_low = tail.low + (cube.high * factor.low + cube_low * factor.high);
        const Pair<double> one = fast_sum(2 * s, tail.high);
        const Pair<double> all = exact_sum(k * ln2_high<double>, one.high);
        return fast_sum(all.high, all.low + (one.low + (2 * s_low + tail_low) + k * ln2_low<double>));
    }
}

/// Whether x is a whole number; all large numbers are.
template <Lane T>
[[gnu::always_inline]] inline bool is_whole(T x) {
    constexpr T integers = Format<T>::integers;
    const T size = absolute(x);
    return (size < integers ? (size + integers) - integers : size) == size;
}

/// log x for x from 0 to infinity or NaN, given that of a number between.
[[gnu::always_inline]] inline double at_ends(double x, double log) {
    log = x < infinity<double> ? log : x;
    return x == 0 ? -infinity<double> : log;
}

/// size^y for a size of 0 to infinity, but NaN for 0^0 and ∞^0.
template <bool Narrow>
[[gnu::always_inline]] inline double power_of_size(double size, double y) {
    y = within(y, -0x1p70, 0x1p70);  // far beyond what gives 0 or infinity for a size next to 1
    if constexpr (Narrow) {
        return exp_narrow(within(y * at_ends(size, logarithm_parts<Narrow>(size).high), -700., 700.));
    } else {
        const bool is_tiny = size < std::numeric_limits<double>::min();
        const Pair<double> log = logarithm_parts<Narrow>(is_tiny ? size * 0x1p60 : size);
        const double shift = is_tiny ? 60 : 0;
        const Pair<double> shifted = fast_sum(log.high - shift * ln2_high<double>, log.low - shift * ln2_low<double>);
        const Pair<double> product = exact_product(y, at_ends(size, shifted.high));
        const double bounded = within(product.high, -746., 710.);
        const double low = bounded == product.high ? product.low + y * shifted.low : 0;
        const Exponential<double> e = exponential(bounded, low);
        const Pair<double> by = scale<double>(e.raw);
        return (1 + (e.r + e.tail)) * by.high * by.low;
    }
}

}  // namespace detail

/// x^y, with the special values of IEEE 754: 1 for y = 0 or x = 1, even beside a NaN.
/// Errs by less than 1 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T pow(T x, T y) {
    if constexpr (Lane<T>) {
        const T size = absolute(x);
        T z = static_cast<T>(detail::power_of_size<std::same_as<T, float>>(size, y));
        const bool is_whole = detail::is_whole(y), is_even = detail::is_whole(T(0.5) * y);
        z = flipped(z, select(is_even, T(1), select(is_whole, x, T(1))));
        z = select(is_whole, z, select(x < 0, select(size < infinity<T>, not_a_number<T>, z), z));
        return select(y == 0, T(1), select(x == 1, T(1), z));
    } else {
        return std::pow(x, y);
    }
}

}  // namespace xgrad::math
