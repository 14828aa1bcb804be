#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// x in another dtype, rounded or truncated as C++ converts. Between floating-point dtypes the derivative is 1; to or
/// from integers and bool there is none.
Tensor astype(const Operand& x, DType dtype);

/// x as a constant: the same value, no gradient flows through it.
Tensor stop_gradient(const Operand& x);

}  // namespace xgrad
