#pragma once

#include <optional>
#include <string>

#include <xgrad/graph/verify/pattern.hpp>

/// Arrays made of others, by which a wrong product is told from the right one. Not installed.
namespace xgrad::pattern {

/// A matrix's transpose.
Numbers transposed(const Numbers& x);

/// x summed over the axes along which `shape` was stretched to x's.
Numbers summed_to(const Numbers& x, const Shape& shape);

/// If `mine` is one product of two ingredients and `right` another: "g x, elementwise, instead of the matrix product
/// g xᵀ". Tries elementwise and matrix products of every two matrices, each as it is or transposed.
std::optional<std::string> as_product(const Numbers& mine, const Numbers& right, const Clues& clues);

}  // namespace xgrad::pattern
