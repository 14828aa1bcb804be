#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <numbers>
#include <type_traits>

/// Scalar functions for elementwise kernels, overloaded for float, double and long double (the precision in which
/// derivatives are verified).
namespace xgrad::math {

template <std::floating_point T>
inline T exp(T x) {
    return std::exp(x);
}

template <std::floating_point T>
inline T log(T x) {
    return std::log(x);
}

template <std::floating_point T>
inline T tanh(T x) {
    return std::tanh(x);
}

/// 1 / (1 + e^-x). For a large negative x, e^-x overflows to infinity and the result is 0, as it should be.
template <std::floating_point T>
inline T sigmoid(T x) {
    return T(1) / (T(1) + std::exp(-x));
}

/// log(1 + e^x) without overflow: max(x, 0) + log1p(e^-|x|).
template <std::floating_point T>
inline T softplus(T x) {
    return (x > 0 ? x : T(0)) + std::log1p(std::exp(-std::abs(x)));
}

/// x, or the lowest finite number for −∞: its product with a factor that vanishes there is 0 and not NaN.
template <std::floating_point T>
inline T above_minus_infinity(T x) {
    constexpr T lowest = std::numeric_limits<T>::lowest();
    return x < lowest ? lowest : x;
}

/// x σ(x)
template <std::floating_point T>
inline T silu(T x) {
    return above_minus_infinity(x) * sigmoid(x);
}

/// x Φ(x) = x/2 erfc(-x/√2), exact far below 0 too.
template <std::floating_point T>
inline T gelu(T x) {
    return T(0.5) * above_minus_infinity(x) * std::erfc(-x / std::numbers::sqrt2_v<T>);
}

/// log(e^x + e^y) = max(x, y) + log1p(e^-|x - y|). Equal infinities have no difference.
template <std::floating_point T>
inline T logaddexp(T x, T y) {
    if (x == y) return x + std::numbers::ln2_v<T>;
    return (x > y ? x : y) + std::log1p(std::exp(-std::abs(x - y)));
}

/// The larger one; NaN if either is.
template <class T>
inline T maximum(T x, T y) {
    return x > y ? x : (y >= x ? y : x + y);
}

template <class T>
inline T minimum(T x, T y) {
    return x < y ? x : (y <= x ? y : x + y);
}

}  // namespace xgrad::math
