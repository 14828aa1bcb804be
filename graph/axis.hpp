#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <xgrad/graph/location.hpp>

namespace xgrad {

class Tensor;

/// One axis between 0 and rank − 1; a negative one counts from the end. ShapeError, in the name of op, if it is out of
/// range.
std::size_t resolve_axis(std::int64_t axis, std::size_t rank, std::string_view op, Location at);

/// One axis of a tensor, which the error shows.
std::size_t resolve_axis(std::int64_t axis, const Tensor& x, std::string_view op, Location at);

}  // namespace xgrad
