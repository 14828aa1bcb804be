#pragma once

#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <xgrad/graph/print.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

namespace explain {
struct Equations;
}

struct DerivationOptions {
    bool simplify = true;  ///< school algebra within each equation; false: operation by operation, as recorded
    bool fold = true;      ///< three or more layers that differ in their number only are written once, with an l
};

/// What a graph computes and what reverse mode made of it, as equations:
///
///     Z1 = W1 X + b1                (4, 400)   b1 (4, 1) stretched over 400 columns
///     ...
///     ∂Z1 = W2ᵀ ∂Z2 * (1 − A1²)     (4, 400)
///     ∂W1 = ∂Z1 Xᵀ                  (4, 2)
///     ∂b1 = Σ_columns ∂Z1           (4, 1)     because b1 was stretched over 400 columns
///
/// A matrix product is written without a sign and * is element by element, as in the course's notes; what is stretched,
/// is so silently. Where a choice is made between branches, 0 times infinity is 0, as it is in reverse mode. It holds
/// no tensors.
class Derivation {
  public:
    explicit Derivation(std::shared_ptr<const explain::Equations> equations, bool folds);

    /// Aligned lines for a terminal.
    std::string text() const;
    /// The same in ASCII: dZ1 for ∂Z1, A^T, sum_columns(x). Operations without a notation of their own are calls of
    /// their functions with all their attributes, so that the lines can be evaluated as they stand.
    std::string ascii() const;
    /// A table for the forward and one for the backward pass, formulas in LaTeX between dollars.
    std::string markdown() const;
    /// One page that needs nothing else: the same, with what a name is used in shown where the mouse points.
    std::string html() const;

  private:
    std::shared_ptr<const explain::Equations> equations_;
    bool folds_;
};

/// The equations of a scalar y and of its gradients ∂y/∂xs, read off the graph that grad() records. They have the names
/// of parameters and of name(); data without one is X and Y; values that are used more than once are called Z1 and A1
/// if they belong to a layer whose parameters have that number, else t1, t2. Intermediate derivatives are shown where
/// they are used more than once. Values that have been computed before and need no gradient have lost their history and
/// are shown as given. Throws what grad() throws.
Derivation derivation(const Tensor& y, std::span<const Tensor> xs, const DerivationOptions& options = {},
                      Location at = Location::current());

inline Derivation derivation(const Tensor& y, const std::vector<Tensor>& xs, const DerivationOptions& options = {},
                             Location at = Location::current()) {
    return derivation(y, std::span<const Tensor>(xs), options, at);
}

/// As text().
std::ostream& operator<<(std::ostream& stream, const Derivation& derivation);

}  // namespace xgrad

template <>
struct fmt::formatter<xgrad::Derivation> : xgrad::detail::TextFormatter<xgrad::Derivation> {};
