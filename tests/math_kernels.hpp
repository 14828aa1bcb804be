#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <xgrad/graph/op.hpp>

/// The kernels of functions, called by themselves: on every instruction set that this processor has, and beside their
/// long double kernels, which call the C library.
namespace math_kernels {

using xgrad::BlockKernels;

inline constexpr long double most_ulps = 2;

inline const std::vector<std::string> unary{
    "exp",  "exp2", "expm1",    "log",  "log2",        "log10", "log1p", "sigmoid", "silu", "tanh",
    "gelu", "sinh", "softplus", "cosh", "log_sigmoid", "asinh", "acosh", "atanh",   "sin",  "cos",
    "tan",  "asin", "acos",     "atan", "erf",         "erfc",  "cbrt",  "rsqrt",   "sqrt"};
inline const std::vector<std::string> binary{"power", "atan2", "hypot", "logaddexp", "logistic_loss", "sigmoid_minus"};

inline const BlockKernels& kernels_of(const std::string& name) {
    return std::get<BlockKernels>(xgrad::find_op(name)->forward);
}

template <class T>
std::vector<T> apply(const BlockKernels& kernels, const std::vector<std::vector<T>>& inputs, xgrad::Isa isa) {
    std::vector<const void*> pointers;
    for (const auto& input : inputs) pointers.push_back(input.data());
    std::vector<T> y(inputs[0].size());
    kernels.table[static_cast<std::size_t>(xgrad::dtype_of<T>)][static_cast<std::size_t>(isa)](pointers.data(),
                                                                                               y.data(), y.size());
    return y;
}

template <class T>
std::vector<long double> reference(const BlockKernels& kernels, const std::vector<std::vector<T>>& inputs) {
    std::vector<std::vector<long double>> wide;
    for (const auto& input : inputs) wide.emplace_back(input.begin(), input.end());
    return apply(kernels, wide, xgrad::Isa::baseline);
}

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
inline const std::vector<T> special{T(0),
                                    -T(0),
                                    T(1),
                                    T(-1),
                                    T(0.5),
                                    T(-2),
                                    T(3),
                                    std::numeric_limits<T>::infinity(),
                                    -std::numeric_limits<T>::infinity(),
                                    std::numeric_limits<T>::quiet_NaN(),
                                    std::numeric_limits<T>::max(),
                                    std::numeric_limits<T>::lowest(),
                                    std::numeric_limits<T>::min(),
                                    -std::numeric_limits<T>::min(),
                                    std::numeric_limits<T>::denorm_min(),
                                    -std::numeric_limits<T>::denorm_min(),
                                    1 + std::numeric_limits<T>::epsilon(),
                                    1 - std::numeric_limits<T>::epsilon() / 2,
                                    -1 + std::numeric_limits<T>::epsilon() / 2};

/// Special values; numbers of every sign and exponent, more of them around 1; and uniform numbers in the ranges where
/// the functions happen.
template <class T>
std::vector<T> arguments() {
    constexpr int fraction = std::numeric_limits<T>::digits - 1;
    constexpr BitsOf<T> one = BitsOf<T>(1),
                        exponents = std::bit_cast<BitsOf<T>>(std::numeric_limits<T>::infinity()) >> fraction;
    constexpr std::size_t per_exponent = 200'000 / (2 * static_cast<std::size_t>(exponents));
    std::mt19937_64 engine(20);
    std::vector<T> x = special<T>;
    for (BitsOf<T> sign = 0; sign < 2; ++sign) {
        for (BitsOf<T> exponent = 0; exponent < exponents; ++exponent) {
            const bool is_common = exponent + 12 > exponents / 2 && exponent < exponents / 2 + 12;
            for (std::size_t i = 0; i < per_exponent + (is_common ? 1'500 : 0); ++i) {
                BitsOf<T> digits = static_cast<BitsOf<T>>(engine()) & ((one << fraction) - 1);
                if (i == 0) digits = 0;
                if (i == 1) digits = (one << fraction) - 1;
                x.push_back(std::bit_cast<T>((sign << (8 * sizeof(T) - 1)) | (exponent << fraction) | digits));
            }
        }
    }
    for (const double range : {0.5, 1., 3., 10., 30., 110., 760.}) {
        std::uniform_real_distribution<double> draw(-range, range);
        for (int i = 0; i < 10'000; ++i) x.push_back(static_cast<T>(draw(engine)));
    }
    return x;
}

/// What the error of a result is measured by: its own size, or where terms may cancel that of the larger one.
template <class T>
long double size_of(const std::string& name, const std::vector<std::vector<T>>& inputs, std::size_t i,
                    long double exact) {
    const auto input = [&](std::size_t index) { return static_cast<long double>(inputs[index][i]); };
    const auto with = [&](long double term) {
        return std::isfinite(exact) ? std::max(std::abs(exact), std::abs(term)) : exact;
    };
    if (name == "logaddexp") return with(std::max(input(0), input(1)));
    if (name == "logistic_loss") return with(input(1) < 0 || input(1) > 1 ? input(0) * input(1) : 0);
    if (name == "sigmoid_minus") {
        return with(std::max(1 / (1 + std::exp(std::abs(input(0)))), std::abs(input(0) > 0 ? 1 - input(1) : input(1))));
    }
    return std::abs(exact);
}

/// |y - exact| in units of the last place of the exact result, rounded to T; infinite where a special value is wrong.
template <class T>
long double error_in_ulps(T y, long double exact, long double size) {
    constexpr long double wrong = std::numeric_limits<long double>::infinity();
    constexpr int digits = std::numeric_limits<T>::digits, least = std::numeric_limits<T>::min_exponent;
    if (std::isnan(exact) || std::isnan(y)) return std::isnan(exact) && std::isnan(y) ? 0 : wrong;
    if (std::isinf(exact)) return y == exact ? 0 : wrong;
    if (exact == 0) return y == 0 && std::signbit(y) == std::signbit(exact) ? 0 : wrong;
    if (std::signbit(y) != std::signbit(exact) && size == std::abs(exact)) return wrong;
    // An infinity stands for the first number beyond the range, and is right for all that round there.
    if (std::isinf(y) && std::isinf(static_cast<T>(exact))) return 0;
    const long double beyond = std::ldexp(1.0L, std::numeric_limits<T>::max_exponent);
    const long double found = std::clamp(static_cast<long double>(y), -beyond, beyond);
    const int exponent = std::clamp(std::ilogb(size) + 1, least, std::numeric_limits<T>::max_exponent);
    return std::abs(found - exact) / std::ldexp(1.0L, exponent - digits);
}

/// The instruction sets that this processor has.
inline std::vector<xgrad::Isa> instruction_sets() {
    std::vector<xgrad::Isa> sets;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(xgrad::isa()); ++i)
        sets.push_back(static_cast<xgrad::Isa>(i));
    return sets;
}

template <class T>
bool same(T x, T y) {
    return std::bit_cast<BitsOf<T>>(x) == std::bit_cast<BitsOf<T>>(y) || (std::isnan(x) && std::isnan(y));
}

}  // namespace math_kernels
