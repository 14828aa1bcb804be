#pragma once

#include <xgrad/ops/kernels/error_function.hpp>
#include <xgrad/ops/kernels/exponentials.hpp>
#include <xgrad/ops/kernels/hyperbolic.hpp>
#include <xgrad/ops/kernels/inverse_trigonometric.hpp>
#include <xgrad/ops/kernels/logarithms.hpp>
#include <xgrad/ops/kernels/power.hpp>
#include <xgrad/ops/kernels/roots.hpp>
#include <xgrad/ops/kernels/trigonometric.hpp>

/// Scalar functions for elementwise kernels: float and double are computed here and vectorise, `long double` (the
/// precision in which derivatives are verified) is left to the C library.
namespace xgrad::math {

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
