#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Element by element, broadcast as in NumPy; the result is bool and has no derivative.

/// x = y; false for NaN
Tensor equal(const Operand& x, const Operand& y);
/// x ≠ y; true for NaN
Tensor not_equal(const Operand& x, const Operand& y);
/// x < y
Tensor less(const Operand& x, const Operand& y);
/// x ≤ y
Tensor less_equal(const Operand& x, const Operand& y);
/// x > y
Tensor greater(const Operand& x, const Operand& y);
/// x ≥ y
Tensor greater_equal(const Operand& x, const Operand& y);

/// True where x is NaN.
Tensor isnan(const Operand& x);
/// True where x is ∞ or −∞.
Tensor isinf(const Operand& x);
/// True where x is neither infinite nor NaN.
Tensor isfinite(const Operand& x);

// Of bool tensors only: DTypeError for others, whose truth nobody has decided.

/// x ∧ y
Tensor logical_and(const Operand& x, const Operand& y);
/// x ∨ y
Tensor logical_or(const Operand& x, const Operand& y);
/// x ⊕ y, either but not both
Tensor logical_xor(const Operand& x, const Operand& y);
/// ¬x
Tensor logical_not(const Operand& x);

/// x where the bool mask is true, y elsewhere, all three broadcast to one shape. The derivative flows only through what
/// was taken: nothing, not even a NaN, comes from the other branch.
Tensor where(const Operand& mask, const Operand& x, const Operand& y);

inline Tensor operator==(const Operand& x, const Operand& y) {
    return equal(x, y);
}
inline Tensor operator!=(const Operand& x, const Operand& y) {
    return not_equal(x, y);
}
inline Tensor operator<(const Operand& x, const Operand& y) {
    return less(x, y);
}
inline Tensor operator<=(const Operand& x, const Operand& y) {
    return less_equal(x, y);
}
inline Tensor operator>(const Operand& x, const Operand& y) {
    return greater(x, y);
}
inline Tensor operator>=(const Operand& x, const Operand& y) {
    return greater_equal(x, y);
}

}  // namespace xgrad
