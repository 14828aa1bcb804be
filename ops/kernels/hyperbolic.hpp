#pragma once

#include <cmath>
#include <limits>
#include <numbers>

#include <xgrad/ops/kernels/exponentials.hpp>
#include <xgrad/ops/kernels/logarithms.hpp>

/// Hyperbolic sine and cosine from e^x in two parts, and the inverse functions as logarithms of 1 plus a number in two
/// parts (the formulas of fdlibm). A quarter of the exponential is computed, which does not overflow before the result.
namespace xgrad::math {

namespace detail {

template <Lane T>
[[gnu::always_inline]] inline Exponential<T> exponential_of_size(T x) {
    const T size = absolute(x);
    return exponential(size > pick<T>(89.6F, 710.6) ? pick<T>(89.6F, 710.6) : size);
}

}  // namespace detail

/// sinh x = (E + E / (1 + E)) / 2 with E = e^|x| - 1
/// Errs by less than 1.1 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T sinh(T x) {
    if constexpr (Lane<T>) {
        const detail::Exponential<T> e = detail::exponential_of_size(x);
        const T power = power_of_two<T>(e.raw - 2);
        const Pair<T> sum = fast_sum(power - T(0.25), power * e.r);
        const Pair<T> quarter = fast_sum(sum.high, sum.low + power * e.tail);
        const T bounded = quarter.high > T(0x1p60) ? T(0x1p60) : quarter.high;
        const Pair<T> divisor = exact_sum(T(1), 4 * bounded);
        const T quotient = bounded / divisor.high;
        const Pair<T> product = exact_product(quotient, divisor.high);
        const T low = quarter.high > T(0x1p60) ? T(0) : quarter.low;
        const T rest =
            ((((bounded - product.high) - product.low) + low) - quotient * (divisor.low + 4 * low)) / divisor.high;
        const Pair<T> y = fast_sum(quarter.high, quotient);
        const T result = 2 * (y.high + (y.low + (quarter.low + rest)));
        const T size = absolute(x);
        return size < std::numeric_limits<T>::epsilon() ? x : with_sign(result, x);
    } else {
        return std::sinh(x);
    }
}

/// cosh x = (e^|x| + e^-|x|) / 2
/// Errs by less than 0.9 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T cosh(T x) {
    if constexpr (Lane<T>) {
        const detail::Exponential<T> e = detail::exponential_of_size(x);
        const T power = power_of_two<T>(e.raw - 2);
        const Pair<T> sum = fast_sum(power, power * e.r);
        const Pair<T> quarter = fast_sum(sum.high, sum.low + power * e.tail);
        const Pair<T> y = fast_sum(quarter.high, T(0.0625) / quarter.high);
        return 2 * (y.high + (y.low + quarter.low));
    } else {
        return std::cosh(x);
    }
}

/// arsinh x = log1p(|x| + x² / (1 + √(1 + x²))); log |x| + log 2 far out.
/// Errs by less than 1.1 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T asinh(T x) {
    if constexpr (Lane<T>) {
        const T size = absolute(x);
        const bool is_far = size > pick<T>(0x1p14F, 0x1p30);
        const T near = is_far ? T(1) : size;
        const Pair<T> square = exact_product(near, near);
        const Pair<T> radicand = exact_sum(T(1), square.high);
        const T root = std::sqrt(radicand.high);
        const Pair<T> again = exact_product(root, root);
        const T root_low = (((radicand.high - again.high) - again.low) + (radicand.low + square.low)) / (2 * root);
        const Pair<T> divisor = exact_sum(T(1), root);
        const T quotient = square.high / divisor.high;
        const Pair<T> product = exact_product(quotient, divisor.high);
        const T rest =
            ((((square.high - product.high) - product.low) + square.low) - quotient * (divisor.low + root_low)) /
            divisor.high;
        const Pair<T> sum = exact_sum(near, quotient), less = exact_sum(size, T(-1));
        const T y = detail::log1p_of_sum(is_far ? less.high : sum.high, is_far ? less.low : sum.low + rest) +
                    (is_far ? std::numbers::ln2_v<T> : T(0));
        return size > std::numeric_limits<T>::epsilon() && size < infinity<T> ? with_sign(y, x) : x;
    } else {
        return std::asinh(x);
    }
}

/// arcosh x = log1p(t + √(t (t + 2))) with t = x - 1; log x + log 2 far out.
/// Errs by less than 1.1 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T acosh(T x) {
    if constexpr (Lane<T>) {
        const bool is_far = x > pick<T>(0x1p14F, 0x1p30);
        const Pair<T> t = exact_sum(is_far ? T(1) : x, T(-1));
        const Pair<T> next = exact_sum(is_far ? T(1) : x, T(1));
        const Pair<T> product = exact_product(t.high, next.high);
        const T root = std::sqrt(product.high);
        const Pair<T> again = exact_product(root, root);
        const T low = product.low + (t.high * next.low + t.low * next.high);
        const T root_low = root > 0 ? (((product.high - again.high) - again.low) + low) / (2 * root) : root;
        const Pair<T> sum = exact_sum(root, t.high), less = exact_sum(x, T(-1));
        const T y =
            detail::log1p_of_sum(is_far ? less.high : sum.high, is_far ? less.low : sum.low + (root_low + t.low)) +
            (is_far ? std::numbers::ln2_v<T> : T(0));
        return x < infinity<T> ? (x < 1 ? not_a_number<T> : y) : x;
    } else {
        return std::acosh(x);
    }
}

/// artanh x = log1p(2|x| / (1 - |x|)) / 2
/// Errs by less than 0.9 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T atanh(T x) {
    if constexpr (Lane<T>) {
        const T size = absolute(x), inside = size < 1 ? size : T(0);
        const Pair<T> divisor = fast_sum(T(1), -inside);
        const T quotient = 2 * inside / divisor.high;
        const Pair<T> product = exact_product(quotient, divisor.high);
        const T rest = (((2 * inside - product.high) - product.low) - quotient * divisor.low) / divisor.high;
        const T y = T(0.5) * detail::log1p_of_sum(quotient, rest);
        const T ends = size == 1 ? infinity<T> : not_a_number<T>;
        return size < std::numeric_limits<T>::epsilon() ? x : with_sign(size < 1 ? y : ends, x);
    } else {
        return std::atanh(x);
    }
}

}  // namespace xgrad::math
