#pragma once

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

// Constants of one repeated number. They take no memory of their size: the number is stretched.

/// A tensor of one repeated value. ValueError if it does not fit an integer dtype.
Tensor full(const Shape& shape, double value, DType dtype = DType::float32, Location at = Location::current());
Tensor zeros(const Shape& shape, DType dtype = DType::float32, Location at = Location::current());
Tensor ones(const Shape& shape, DType dtype = DType::float32, Location at = Location::current());
/// Of the shape and dtype of x.
Tensor zeros_like(const Tensor& x, Location at = Location::current());
Tensor ones_like(const Tensor& x, Location at = Location::current());

/// y[c, ...] = 1 where labels[...] = c, else 0, along a new first axis of extent `classes`: labels (m) give (classes,
/// m). DTypeError unless the labels are integers; ValueError for a label outside 0 ... classes − 1.
Tensor one_hot(const Operand& labels, std::int64_t classes, DType dtype = DType::float32);

}  // namespace xgrad
