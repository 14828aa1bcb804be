#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

/// What the functions of a kernel are made of: scalar code without branches, tables and calls, which the compiler turns
/// into vector code when the loop around it is compiled for an instruction set. Only operations that IEEE 754 rounds
/// correctly are used. A product and a sum may be contracted, which is exact where a product has to be. Vector and
/// scalar code must contract the same ones: no choice stands between a product and its sum.
///
/// The bounds that stand with the functions are a little above the largest errors that were found in either precision,
/// by tests/ops/test_math.cpp and by longer samples; the polynomials were fitted with Remez' exchange.
namespace xgrad::math {

/// Computed here; `long double` is left to the C library, as the reference in higher precision.
template <class T>
concept Lane = std::same_as<T, float> || std::same_as<T, double>;

template <class T>
struct Format;

template <>
struct Format<float> {
    using Bits = std::uint32_t;
    static constexpr int fraction = 23;
    static constexpr Bits bias = 127;
    static constexpr float to_integer = 0x1.8p23F;  // x + this rounds x to an integer, which its low bits then hold
    static constexpr float integers = 0x1p23F;      // the numbers from here on are integers
};

template <>
struct Format<double> {
    using Bits = std::uint64_t;
    static constexpr int fraction = 52;
    static constexpr Bits bias = 1023;
    static constexpr double to_integer = 0x1.8p52;
    static constexpr double integers = 0x1p52;
};

template <Lane T>
using Bits = typename Format<T>::Bits;

template <Lane T>
inline constexpr T infinity = std::numeric_limits<T>::infinity();
template <Lane T>
inline constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

template <Lane T>
[[gnu::always_inline]] inline constexpr Bits<T> bits(T x) {
    return std::bit_cast<Bits<T>>(x);
}
template <Lane T>
[[gnu::always_inline]] inline constexpr T from_bits(Bits<T> x) {
    return std::bit_cast<T>(x);
}

template <Lane T>
inline constexpr Bits<T> sign_bit = Bits<T>(1) << (sizeof(T) * 8 - 1);

template <Lane T>
[[gnu::always_inline]] inline T absolute(T x) {
    return from_bits<T>(bits(x) & ~sign_bit<T>);
}

/// The size of x with the sign of s.
template <Lane T>
[[gnu::always_inline]] inline T with_sign(T x, T s) {
    return from_bits<T>((bits(x) & ~sign_bit<T>) | (bits(s) & sign_bit<T>));
}

/// x with its sign changed where s is negative.
template <Lane T>
[[gnu::always_inline]] inline T flipped(T x, T s) {
    return from_bits<T>(bits(x) ^ (bits(s) & sign_bit<T>));
}

/// a or b by their bits: what the compiler cannot turn back into a branch.
template <Lane T>
[[gnu::always_inline]] inline T select(bool condition, T a, T b) {
    const Bits<T> mask = -static_cast<Bits<T>>(condition);
    return from_bits<T>((bits(a) & mask) | (bits(b) & ~mask));
}

/// A constant of each precision.
template <Lane T>
[[gnu::always_inline]] inline constexpr T pick(float of_float, double of_double) {
    if constexpr (std::same_as<T, float>) {
        return of_float;
    } else {
        return of_double;
    }
}

/// c₀ + c₁ x + c₂ x² + ..., by Horner's rule.
template <Lane T>
[[gnu::always_inline]] inline T horner(T, T c) {
    return c;
}
template <Lane T, class... Rest>
[[gnu::always_inline]] inline T horner(T x, T c, Rest... rest) {
    return c + x * horner(x, rest...);
}

/// high + low, where low is what rounding to high has left.
template <Lane T>
struct Pair {
    T high, low;
};

/// a + b without error, for |a| >= |b| or a = 0.
template <Lane T>
[[gnu::always_inline]] inline Pair<T> fast_sum(T a, T b) {
    const T sum = a + b;
    return {sum, b - (sum - a)};
}

/// a + b without error (Knuth).
template <Lane T>
[[gnu::always_inline]] inline Pair<T> exact_sum(T a, T b) {
    const T sum = a + b;
    const T part = sum - a;
    return {sum, (a - (sum - part)) + (b - part)};
}

/// x in two halves whose products are exact; the upper one is cut, which no magnitude makes overflow.
template <Lane T>
[[gnu::always_inline]] inline Pair<T> halves(T x) {
    constexpr Bits<T> upper = ~((Bits<T>(1) << (Format<T>::fraction + 2) / 2) - 1);
    const T high = from_bits<T>(bits(x) & upper);
    return {high, x - high};
}

/// a b without error but for underflow (Dekker).
template <Lane T>
[[gnu::always_inline]] inline Pair<T> exact_product(T a, T b) {
    const T product = a * b;
    const Pair<T> x = halves(a), y = halves(b);
    return {product, ((x.high * y.high - product) + x.high * y.low + x.low * y.high) + x.low * y.low};
}

/// The nearest integer n to x, for |x| far below 2^fraction, with n in the low bits of `raw`.
template <Lane T>
struct Rounded {
    T n;
    Bits<T> raw;
};
template <Lane T>
[[gnu::always_inline]] inline Rounded<T> rounded(T x) {
    const T shifted = x + Format<T>::to_integer;
    return {shifted - Format<T>::to_integer, bits(shifted)};
}

/// 2^n for n in the low bits of a rounded number, where that is a normal number.
template <Lane T>
[[gnu::always_inline]] inline T power_of_two(Bits<T> raw) {
    return from_bits<T>((raw << Format<T>::fraction) + (Format<T>::bias << Format<T>::fraction));
}

/// 2^n as a product of two normal numbers, so that y · high · low rounds once even where it underflows gradually.
template <Lane T>
[[gnu::always_inline]] inline Pair<T> scale(Bits<T> raw) {
    const Bits<T> half = raw >> 1;
    return {power_of_two<T>(half), power_of_two<T>(raw - half)};
}

}  // namespace xgrad::math
