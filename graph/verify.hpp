#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <xgrad/graph/function.hpp>
#include <xgrad/graph/print.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// How check_gradients() goes about it.
struct CheckOptions {
    int order = 2;        ///< 1: the gradient; 2, 3: also that of a random combination of the entries one order below
    bool forward = true;  ///< also forward mode against reverse mode
    int directions = 0;   ///< 0: entry by entry; k, for large inputs: along k random directions through each
    bool blame = true;    ///< if something is wrong, check every operation on the way alone
    std::uint64_t seed = 1;  ///< of the random cotangents and directions
};

/// What a check says of one derivative. Undecidable: on a kink or a tie, or where values are not finite, differences
/// cannot tell.
enum class Verdict { right, wrong, undecidable };

/// One derivative, computed twice.
struct CheckRow {
    std::string input;     ///< the input's name, or "input 0"
    Shape shape;           ///< of the input
    std::int64_t entry;    ///< in row-major order; −1: along a direction through all entries
    int order;             ///< 1, 2 or 3
    const char* mode;      ///< "reverse" or "forward"
    double analytic;       ///< what the graph derived
    double numeric;        ///< what differences (or, for forward mode, reverse mode) gave
    double bound;          ///< how far apart the two may be: the error of both, estimated
    Verdict verdict;       ///< what follows
    std::string evidence;  ///< and from what, in a few words
    bool is_right() const { return verdict == Verdict::right; }
    double error() const;
};

/// An operation whose own derivative differs from differences of its own kernel, at the values that it had.
struct WrongOp {
    std::string op;            ///< its name
    std::string place;         ///< the line that recorded it, "main.cpp:12"
    std::string shapes;        ///< "(2, 3) and (3, 4) -> (2, 4)"
    std::size_t argument;      ///< by which the derivative is wrong
    CheckRow worst;            ///< its worst entry
    std::string looks_like;    ///< what the error looks like: "twice the right one", "the transpose of the right one"
    std::string text() const;  ///< all of it, in two lines
};

/// What came out: true if nothing is wrong; printed as a table, with colours on a terminal.
class GradientReport {
  public:
    explicit GradientReport(std::vector<CheckRow> rows, std::optional<WrongOp> wrong_op = {}, double missing = 0)
        : rows_(std::move(rows)), wrong_op_(std::move(wrong_op)), missing_(missing) {}
    explicit operator bool() const { return wrong() == 0; }
    const std::vector<CheckRow>& rows() const& { return rows_; }
    std::vector<CheckRow> rows() && { return std::move(rows_); }
    std::size_t wrong() const { return count(Verdict::wrong); }
    std::size_t undecidable() const { return count(Verdict::undecidable); }
    std::size_t count(Verdict verdict) const;
    /// Of the wrong rows, or else of the right ones, that with the largest error in units of its bound; null if none.
    const CheckRow* worst() const;
    /// The first operation in recorded order that is wrong when it is checked alone; none if nothing is wrong, or if
    /// the error is not one operation's.
    const std::optional<WrongOp>& wrong_op() const { return wrong_op_; }
    /// Along directions: the probability of missing a derivative that is off by a hundredth of its input's largest.
    double probability_of_missing() const { return missing_; }
    /// For every input, order and mode the worst row, then the wrong and undecidable ones (at most ten), each with
    /// its evidence; the worst of all is marked, and the wrong operation named.
    std::string table(bool coloured = false) const;

  private:
    std::vector<CheckRow> rows_;
    std::optional<WrongOp> wrong_op_;
    double missing_;
};

/// The table; coloured if the stream is a terminal's and NO_COLOR is not set.
std::ostream& operator<<(std::ostream& stream, const GradientReport& report);

namespace detail {

GradientReport check_gradients(const TensorFunction& f, const std::vector<Tensor>& inputs, const CheckOptions& options,
                               Location at);
/// The elements of all of them that are floating point, as one vector. GradientError if none is.
Tensor side_by_side(const std::vector<Tensor>& results, Location at);

}  // namespace detail

/// Compares the derivatives of f that the graph derives with differences, entry by entry.
///
///     check_gradients([](auto& W, auto& b) { return cost(W, b); }, {W, b})
///
/// f takes one to eight tensors, or a vector of any number; it maps the inputs (floating point ones are varied, others
/// are passed as they are) to a tensor of any shape, or a vector of tensors, contracted with a random cotangent.
/// Differences of order h⁶ (Richardson's extrapolation) are taken in the next higher precision where f allows it:
/// float32 is checked in float64, float64 in long double (along directions in float64). The step shrinks until they
/// settle and no ReLU, maximum, ... of the graph changes its branch within it. A row is wrong if the two numbers differ
/// by more than the estimated error of both. On a kink or a tie a derivative between the two one-sided slopes is
/// undecidable, not wrong. GradientError if f's result is not floating point.
template <class F>
requires(!std::is_invocable_v<F&>) GradientReport
    check_gradients(F f, const std::vector<Tensor>& inputs, const CheckOptions& options = {},
                    Location at = Location::current()) {
    if constexpr (detail::returns_list<F>()) {
        auto list = detail::of_vector<std::vector<Tensor>>(std::move(f), inputs.size(), "check_gradients", at);
        return detail::check_gradients(
            [list, at](const std::vector<Tensor>& x) { return detail::side_by_side(list(x), at); }, inputs, options,
            at);
    } else {
        return detail::check_gradients(detail::of_vector(std::move(f), inputs.size(), "check_gradients", at), inputs,
                                       options, at);
    }
}

/// The same for a function that reads parameters by itself, a model's cost for example. It is called once, and what it
/// recorded is checked: its branches and its random draws stay as they were. (With checkpoint() in it, it is called
/// again and again, in its own precision, and the parameters get their values back whatever happens.)
/// ValueError if one of `parameters` is not a parameter.
GradientReport check_gradients(const std::function<Tensor()>& f, const std::vector<Tensor>& parameters,
                               const CheckOptions& options = {}, Location at = Location::current());

}  // namespace xgrad

template <>
struct fmt::formatter<xgrad::GradientReport> {
    constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
    template <class Context>
    auto format(const xgrad::GradientReport& report, Context& context) const {
        return xgrad::detail::ElementFormat::write(context, report.table());
    }
};
