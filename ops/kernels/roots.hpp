#pragma once

#include <cmath>

#include <xgrad/ops/kernels/lanes.hpp>

/// Cube root and hypotenuse.
namespace xgrad::math {

/// x^(1/3). A polynomial on [1, 2) times a power of 2^(1/3) is cut to a third of the digits, so that its cube is exact;
/// what is missing is the series of (1 + e)^(1/3) for e = (a - y³) / y³.
/// Errs by less than 0.6 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T cbrt(T x) {
    if constexpr (Lane<T>) {
        constexpr int fraction = Format<T>::fraction;
        constexpr Bits<T> one = bits(T(1));
        constexpr T integers = Format<T>::integers;
        const T size = absolute(x);
        const bool is_tiny = size < std::numeric_limits<T>::min();
        const T normal = is_tiny ? size * pick<T>(0x1p54F, 0x1p180) : size;
        const T exponent =
            from_bits<T>((bits(normal) >> fraction) | bits(integers)) - (integers + static_cast<T>(Format<T>::bias));
        const T m = from_bits<T>((bits(normal) & ((Bits<T>(1) << fraction) - 1)) | one);
        const Rounded<T> whole = rounded((exponent - 1) * T(1. / 3));
        const T left = exponent - 3 * whole.n;  // 0, 1 or 2
        T y;
        if constexpr (std::same_as<T, float>) {
            y = horner(m, 0x1.0392fcp-1F, 0x1.6fb15ap-1F, -0x1.33d26cp-2F, 0x1.609f54p-4F, -0x1.5b7548p-7F);
        } else {
            y = horner(m, 0x1.e4b074bb89a9p-2, 0x1.ad23e438472c2p-1, -0x1.e07f09253c1a5p-2, 0x1.9f4bae5fa3913p-3,
                       -0x1.9cc6d03113b1ep-5, 0x1.5e885890f5819p-8);
        }
        y *= left == 0 ? T(1) : (left == 1 ? T(0x1.428a2f98d728bp0) : T(0x1.965fea53d6e3dp0));
        const T a = m * (left == 0 ? T(1) : (left == 1 ? T(2) : T(4)));
        constexpr int cut = std::same_as<T, float> ? 16 : 36;
        y = from_bits<T>((bits(y) + (Bits<T>(1) << (cut - 1))) & ~((Bits<T>(1) << cut) - 1));
        const T cube = y * y * y, e = (a - cube) / cube;
        y += y * e * horner(e, T(1. / 3), T(-1. / 9), T(5. / 81));
        const T scaled = y * power_of_two<T>(whole.raw) * (is_tiny ? pick<T>(0x1p-18F, 0x1p-60) : T(1));
        return size > 0 && size < infinity<T> ? with_sign(scaled, x) : x;
    } else {
        return std::cbrt(x);
    }
}

/// √(x² + y²), scaled where a square leaves the range, or computed in double.
/// Errs by less than 1.2 ulp.
template <std::floating_point T>
[[gnu::always_inline]] inline T hypot(T x, T y) {
    if constexpr (std::same_as<T, float>) {
        const double a = x, b = y;
        const auto z = static_cast<float>(std::sqrt(a * a + b * b));
        return absolute(x) == infinity<T> || absolute(y) == infinity<T> ? infinity<T> : z;
    } else if constexpr (std::same_as<T, double>) {
        const T a = absolute(x), b = absolute(y);
        const T larger = a > b ? a : b;
        const T factor = larger > 0x1p500 ? 0x1p-600 : (larger < 0x1p-400 ? 0x1p600 : 1);
        const T back = larger > 0x1p500 ? 0x1p600 : (larger < 0x1p-400 ? 0x1p-600 : 1);
        const T p = a * factor, q = b * factor;
        const T z = std::sqrt(p * p + q * q) * back;
        return a == infinity<T> || b == infinity<T> ? infinity<T> : z;
    } else {
        return std::hypot(x, y);
    }
}

}  // namespace xgrad::math
