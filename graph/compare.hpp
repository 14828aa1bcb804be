#pragma once

#include <iosfwd>
#include <string>
#include <utility>

#include <fmt/core.h>

#include <xgrad/graph/print.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// What compare_gradient() says: true if the gradient is right; printed as one sentence.
class Comparison {
  public:
    Comparison(bool is_right, std::string text) : is_right_(is_right), text_(std::move(text)) {}
    explicit operator bool() const { return is_right_; }
    /// "your dW2 is m = 400 times the right one: the 1/m is missing"
    const std::string& text() const { return text_; }

  private:
    bool is_right_;
    std::string text_;
};

std::ostream& operator<<(std::ostream& stream, const Comparison& comparison);

/// Grades a gradient that was derived by hand: `mine` against ∂J/∂x of what J was recorded with, for x a parameter or
/// anything on the way (give it a name: `Z1 = name(Z1, "Z1")`), and says in words what is wrong.
///
///     fmt::print("{}\n", compare_gradient(dW2, J, W2));   // your dW2 is m = 400 times the right one: the 1/m is
///     missing
///
/// It knows factors of the extents, signs, transposes, sums that were left out, gradients of other tensors, a missing
/// or wrong g'(Z), matrix products in place of elementwise ones and the reverse, single wrong entries. ∂Z without the
/// 1/m, which the notes leave to ∂W and ∂b, is right. GradientError if J is no scalar or does not depend on x.
Comparison compare_gradient(const Tensor& mine, const Tensor& J, const Tensor& x, Location at = Location::current());

/// The same against the gradient that backward() has left on a parameter. Where it came from is not known then, and so
/// less can be said. GradientError if there is none.
Comparison compare_gradient(const Tensor& mine, const Tensor& parameter, Location at = Location::current());

}  // namespace xgrad

template <>
struct fmt::formatter<xgrad::Comparison> : xgrad::detail::TextFormatter<xgrad::Comparison> {};
