#pragma once

#include <cstdint>
#include <optional>

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
Tensor full_like(const Tensor& x, double value, Location at = Location::current());

// Sequences, in one dimension. Like an operation's, their values are computed when they are read.

/// start + i step for i = 0, 1, ... while it is before stop: none if stop lies the other way. ValueError for a step of
/// 0, a number that is not finite and, with an integer dtype, one that is not whole or that the dtype does not hold.
/// DTypeError for bool.
Tensor arange(double start, double stop, double step = 1, DType dtype = DType::float32,
              Location at = Location::current());

/// n numbers, evenly spaced from start to stop, both included (start alone if n is 1). ValueError for n < 0 or a bound
/// that is not finite, DTypeError unless floating point.
Tensor linspace(double start, double stop, std::int64_t n, DType dtype = DType::float32,
                Location at = Location::current());

/// (n, m), by default (n, n): 1 where the column is k more than the row, else 0.
Tensor eye(std::int64_t n, std::optional<std::int64_t> m = {}, std::int64_t k = 0, DType dtype = DType::float32,
           Location at = Location::current());

/// y[c, ...] = 1 where labels[...] = c, else 0, along a new first axis of extent `classes`: labels (m) give (classes,
/// m). DTypeError unless the labels are integers; ValueError for a label outside 0 ... classes − 1.
Tensor one_hot(const Operand& labels, std::int64_t classes, DType dtype = DType::float32);

}  // namespace xgrad
