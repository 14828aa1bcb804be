#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Each takes tensors, xtensor expressions or plain numbers, of shapes that broadcast as in NumPy; a number takes on the
// tensor's dtype and two dtypes meet in promote(). ShapeError if the shapes do not broadcast, DTypeError if the dtypes
// cannot meet without losing digits.

/// x + y
Tensor add(const Operand& x, const Operand& y);
/// x − y
Tensor subtract(const Operand& x, const Operand& y);
/// x y, element by element
Tensor multiply(const Operand& x, const Operand& y);
/// x / y, floating point only
Tensor divide(const Operand& x, const Operand& y);
/// The larger of x and y, NaN if either is. Where they are equal each gets half of the derivative.
Tensor maximum(const Operand& x, const Operand& y);
/// The smaller of x and y, NaN if either is. Where they are equal each gets half of the derivative.
Tensor minimum(const Operand& x, const Operand& y);

/// x cut to low ≤ x ≤ high (high, where low > high); NaN if any of the three is. The derivative at a bound is x's.
Tensor clip(const Operand& x, const Operand& low, const Operand& high);

/// −x
Tensor negative(const Operand& x);
/// |x|, with derivative 0 at 0
Tensor abs(const Operand& x);
/// −1, 0 or 1; NaN for NaN. Its derivative is zero: it is constant between its steps.
Tensor sign(const Operand& x);

inline Tensor operator+(const Operand& x, const Operand& y) {
    return add(x, y);
}
inline Tensor operator-(const Operand& x, const Operand& y) {
    return subtract(x, y);
}
inline Tensor operator*(const Operand& x, const Operand& y) {
    return multiply(x, y);
}
inline Tensor operator/(const Operand& x, const Operand& y) {
    return divide(x, y);
}
inline Tensor operator-(const Operand& x) {
    return negative(x);
}
inline Tensor operator+(const Tensor& x) {
    return x;
}

}  // namespace xgrad
