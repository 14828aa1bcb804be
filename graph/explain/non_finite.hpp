#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include <xgrad/graph/print.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// Where a NaN or an infinity that reaches a result or one of its gradients comes from: the operation that made it of
/// finite inputs. Prints as text; true if there is one.
struct NonFinite {
    enum class Pass { none, forward, backward };

    /// What the operation was given: the element that its own depends on, if it works element by element, else what
    /// its numbers range over.
    struct Input {
        std::string name;  ///< the user's; else the operation that made it, and where
        Shape shape;
        double low = 0;
        double high = 0;  ///< equal to low if it is one element
    };

    Pass pass = Pass::none;
    std::string op;      ///< empty: a value that was given, not computed
    std::string name;    ///< the user's name for the value; empty if it has none
    std::string result;  ///< what it spoils: "J", "the gradient of W1"
    Shape shape;         ///< of the value
    Shape index;         ///< of the element
    double value = 0;    ///< NaN or ±infinity
    std::vector<Input> inputs;
    Location at;                ///< backward: of the operation whose derivative it is
    std::string derivative_of;  ///< that operation, if it can be told
    std::string untaken_at;     ///< "where at train.cpp:12": it came through a branch that is not taken there
    bool meets_zero = false;    ///< infinite, and multiplied by 0 on its way, which is NaN
    std::string zero_of;        ///< what that 0 is an element of: "mask", "astype at train.cpp:12"

    explicit operator bool() const noexcept { return pass != Pass::none; }
    /// A few lines: the operation, its element and its inputs there, what is spoilt, and what usually helps.
    std::string text() const;
};

std::ostream& operator<<(std::ostream& stream, const NonFinite& report);

/// Finds what first went wrong in the computation of y: forward, or, if y is finite, in its gradients ∂y/∂xs. Nothing
/// is reported that reaches neither, such as log 0 in a branch that where() does not take. Computes every intermediate
/// value. Values that were computed before and need no gradient have lost their history and count as given. Throws what
/// grad() throws.
///
///     if (const auto bad = first_non_finite(J, {W1, b1})) fmt::print("{}", bad);
///
///     log makes -inf at [0, 3] of (1, 400), forward, at train.cpp:12
///         of A2 (1, 400), which is 0 there
///         J is not finite
///
/// A gradient may be spoilt by a branch that is not taken: an operation whose derivative multiplies by its cotangent
/// makes NaN of 0 and infinity. The report then names the choice, and what usually helps.
NonFinite first_non_finite(const Tensor& y, std::span<const Tensor> xs, Location at = Location::current());

inline NonFinite first_non_finite(const Tensor& y, const std::vector<Tensor>& xs = {},
                                  Location at = Location::current()) {
    return first_non_finite(y, std::span<const Tensor>(xs), at);
}

/// While alive, whatever this thread computes is looked through: the first value, read or computed on the way to an
/// assignment, that is NaN or infinite throws a ValueError with the text of first_non_finite. It keeps every
/// intermediate value, so it costs memory, and compiled functions are recorded at each call. The environment variable
/// XGRAD_WATCH=1 does it for a whole program.
class WatchNonFinite {
  public:
    explicit WatchNonFinite(bool watch = true) noexcept;
    ~WatchNonFinite();
    WatchNonFinite(const WatchNonFinite&) = delete;
    WatchNonFinite& operator=(const WatchNonFinite&) = delete;

  private:
    bool previous_;
};

}  // namespace xgrad

template <>
struct fmt::formatter<xgrad::NonFinite> : xgrad::detail::TextFormatter<xgrad::NonFinite> {};
