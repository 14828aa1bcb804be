#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <numbers>

/// The logarithm of the gamma function and its derivatives, for float, double and long double.
namespace xgrad::math {

inline float lgamma(float x) {
    int sign;
    return ::lgammaf_r(x, &sign);  // std::lgamma writes a global variable, which threads must not
}
inline double lgamma(double x) {
    int sign;
    return ::lgamma_r(x, &sign);
}
inline long double lgamma(long double x) {
    int sign;
    return ::lgammal_r(x, &sign);
}

namespace detail {

/// B₂ₖ / (2k)!, k = 1, 2, ..., with B₂ₖ the Bernoulli numbers.
inline constexpr long double bernoulli_over_factorial[] = {
    1.0L / 12,
    -1.0L / 720,
    1.0L / 30240,
    -1.0L / 1209600,
    1.0L / 47900160,
    -691.0L / 1307674368000.0L,
    1.0L / 74724249600.0L,
    -3617.0L / 10670622842880000.0L,
    43867.0L / 5109094217170944000.0L,
    -174611.0L / 802857662698291200000.0L,
};

/// From here on the asymptotic series below are good to the last digit of a long double.
inline constexpr int far = 24;

/// dⁿ/dxⁿ π cot πx, by the polynomials in c = cot πx that it is: d c/dx = -π (1 + c²).
template <std::floating_point T>
inline T derivative_of_cot(int n, T x) {
    constexpr int most = 102;
    if (n >= most) return std::numeric_limits<T>::quiet_NaN();
    T coefficients[most + 2] = {0, 1};
    for (int order = 0; order < n; ++order) {
        T next[most + 2] = {};
        for (int power = 1; power <= order + 1; ++power) {
            next[power - 1] -= static_cast<T>(power) * coefficients[power];
            next[power + 1] -= static_cast<T>(power) * coefficients[power];
        }
        for (int power = 0; power <= order + 2; ++power) coefficients[power] = next[power];
    }
    const T pi = std::numbers::pi_v<T>;
    // From the nearer end of a quarter period, so that the zeros of the cotangent are exact.
    const T r = x - std::nearbyint(x);
    const T half = r < 0 ? T(-0.5) : T(0.5);
    const T c = std::abs(r) > T(0.25) ? std::tan(pi * (half - r)) : 1 / std::tan(pi * r);
    T sum = coefficients[n + 1];
    for (int power = n; power >= 0; --power) sum = sum * c + coefficients[power];
    return sum * std::pow(pi, static_cast<T>(n + 1));
}

/// True at −1, −2, …; at 0 the formulas below give the infinity of the right sign by themselves.
template <std::floating_point T>
inline bool is_pole(T x) {
    return x < 0 && x == std::floor(x);
}

}  // namespace detail

/// ψ(x): the recurrence ψ(x) = ψ(x + 1) - 1/x up to where ψ(x) ~ log x - 1/(2x) - Σ B₂ₖ/(2k x²ᵏ) holds (DLMF 5.11.2),
/// and ψ(x) = ψ(1 - x) - π cot πx for negative x (DLMF 5.5.4).
template <std::floating_point T>
inline T digamma(T x) {
    if (detail::is_pole(x)) return std::numeric_limits<T>::quiet_NaN();
    if (x < 0) return digamma(1 - x) - detail::derivative_of_cot(0, x);
    T sum = 0;
    for (; x < detail::far; ++x) sum -= 1 / x;
    const T inverse_square = 1 / (x * x);
    T series = 0;
    T factorial = 1;  // (2k - 1)!
    T power = 1;
    int k = 0;
    for (const long double b : detail::bernoulli_over_factorial) {
        ++k;
        power *= inverse_square;
        series += static_cast<T>(b) * factorial * power;
        factorial *= static_cast<T>(2 * k) * static_cast<T>(2 * k + 1);
    }
    return sum + std::log(x) - 1 / (2 * x) - series;
}

/// ψ⁽ⁿ⁾(x), n ≥ 1: (-1)ⁿ⁺¹ n! Σₖ 1/(x + k)ⁿ⁺¹, the first terms one by one and the rest by Euler and Maclaurin's formula
/// (DLMF 5.15.8); for negative x by reflection (DLMF 5.15.6).
template <std::floating_point T>
inline T polygamma(int n, T x) {
    if (detail::is_pole(x)) return std::numeric_limits<T>::quiet_NaN();
    if (x == std::numeric_limits<T>::infinity()) return 0;
    if (x < 0) {
        const T mirrored = polygamma(n, 1 - x);
        return (n % 2 == 0 ? mirrored : -mirrored) - detail::derivative_of_cot(n, x);
    }
    const T s = static_cast<T>(n + 1);
    T sum = 0;
    // The further out, the faster the series below falls off, for any order.
    for (; x < detail::far + n; ++x) sum += std::pow(x, -s);
    const T power = std::pow(x, -s);
    sum += std::pow(x, static_cast<T>(-n)) / static_cast<T>(n) + power / 2;  // x^-s may underflow long before
    T term = s * power / x;  // s (s + 1) ... (s + 2k - 2) / x^(s + 2k - 1)
    int k = 0;
    for (const long double b : detail::bernoulli_over_factorial) {
        ++k;
        sum += static_cast<T>(b) * term;
        term *= (s + static_cast<T>(2 * k - 1)) * (s + static_cast<T>(2 * k)) / (x * x);
    }
    T factorial = 1;
    for (int i = 2; i <= n; ++i) factorial *= static_cast<T>(i);
    return (n % 2 == 0 ? -1 : 1) * factorial * sum;
}

/// In double, since 35! is beyond a float where its product with the sum need not be.
inline float polygamma(int n, float x) {
    return static_cast<float>(polygamma(n, static_cast<double>(x)));
}

}  // namespace xgrad::math
