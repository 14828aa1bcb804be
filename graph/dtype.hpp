#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace xgrad {

/// What one element of a tensor is. Gradients exist for the floating-point ones; the others are labels, indices and
/// masks. `longdouble` (80 bits on x86) is the higher precision in which derivatives are verified.
enum class DType : std::uint8_t { boolean, int32, int64, float32, float64, longdouble };

inline constexpr std::size_t dtype_count = 6;

std::string_view name(DType dtype);
std::size_t item_size(DType dtype);

constexpr bool is_floating(DType dtype) {
    return dtype >= DType::float32;
}

/// The dtype in which two operands of different dtypes meet.
///
///     bool < int32 < int64,   float32 < float64 < longdouble
///     bool with a float: that float;  int32 with float64 or wider: that float;  int64 with longdouble: longdouble
///
/// An integer that the float could not hold exactly (int32 or int64 with float32, int64 with float64) is an error:
/// returns false and leaves `result`.
bool promote(DType x, DType y, DType& result);

namespace detail {
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<bool> : std::integral_constant<DType, DType::boolean> {};
template <>
struct DTypeOf<std::int32_t> : std::integral_constant<DType, DType::int32> {};
template <>
struct DTypeOf<std::int64_t> : std::integral_constant<DType, DType::int64> {};
template <>
struct DTypeOf<float> : std::integral_constant<DType, DType::float32> {};
template <>
struct DTypeOf<double> : std::integral_constant<DType, DType::float64> {};
template <>
struct DTypeOf<long double> : std::integral_constant<DType, DType::longdouble> {};
}  // namespace detail

template <class T>
inline constexpr DType dtype_of = detail::DTypeOf<std::remove_cv_t<T>>::value;

/// The C++ type in which a tensor holds values of type T: T itself where that is a dtype, else the next wider one.
template <class T>
using Element = std::conditional_t<
    std::is_same_v<T, bool> || std::is_floating_point_v<T>, T,
    std::conditional_t<(sizeof(T) < 4 || (sizeof(T) == 4 && std::is_signed_v<T>)), std::int32_t, std::int64_t>>;

/// Calls f with a value of the C++ type of dtype: `visit(dtype, [&](auto zero) { using T = decltype(zero); ... })`.
template <class F>
decltype(auto) visit(DType dtype, F&& f) {
    switch (dtype) {
        case DType::boolean:
            return f(bool{});
        case DType::int32:
            return f(std::int32_t{});
        case DType::int64:
            return f(std::int64_t{});
        case DType::float32:
            return f(float{});
        case DType::float64:
            return f(double{});
        default:
            return f(static_cast<long double>(0));
    }
}

/// visit() restricted to the floating-point dtypes; the caller has checked is_floating(dtype).
template <class F>
decltype(auto) visit_floating(DType dtype, F&& f) {
    switch (dtype) {
        case DType::float32:
            return f(float{});
        case DType::float64:
            return f(double{});
        default:
            return f(static_cast<long double>(0));
    }
}

}  // namespace xgrad
