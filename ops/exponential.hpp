#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// e^x
Tensor exp(const Operand& x);
/// The natural logarithm; −∞ at 0, NaN below.
Tensor log(const Operand& x);
/// (e^x − e^−x) / (e^x + e^−x)
Tensor tanh(const Operand& x);

}  // namespace xgrad
