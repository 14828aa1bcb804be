#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
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
    int order = 2;           ///< 1: the gradient; 2: also the gradient of a random combination of its entries
    bool forward = true;     ///< also forward mode against reverse mode
    std::uint64_t seed = 1;  ///< of the random cotangents and directions
};

/// One derivative, computed twice.
struct CheckRow {
    std::string input;   ///< the input's name, or "input 0"
    Shape shape;         ///< of the input
    std::int64_t entry;  ///< in row-major order; −1: along a direction through all entries
    int order;           ///< 1 or 2
    const char* mode;    ///< "reverse" or "forward"
    double analytic;     ///< what the graph derived
    double numeric;      ///< what differences (or, for forward mode, reverse mode) gave
    double bound;        ///< how far apart the two may be: the error of both, estimated
    bool is_right() const;
    double error() const;
};

/// What came out: true if every row is right; printed as a table.
class GradientReport {
  public:
    explicit GradientReport(std::vector<CheckRow> rows) : rows_(std::move(rows)) {}
    explicit operator bool() const { return wrong() == 0; }
    const std::vector<CheckRow>& rows() const { return rows_; }
    std::size_t wrong() const;
    /// The row with the largest error in units of its bound; null if there are no rows.
    const CheckRow* worst() const;
    /// For every input, order and mode the worst row, then the wrong ones (at most twenty); the worst of all is marked.
    std::string table() const;

  private:
    std::vector<CheckRow> rows_;
};

std::ostream& operator<<(std::ostream& stream, const GradientReport& report);

namespace detail {

GradientReport check_gradients(const TensorFunction& f, const std::vector<Tensor>& inputs, const CheckOptions& options,
                               Location at);

}  // namespace detail

/// Compares the derivatives of f that the graph derives with central differences, entry by entry.
///
///     check_gradients([](auto& W, auto& b) { return cost(W, b); }, {W, b})
///
/// f takes one to eight tensors, or a vector of any number; it maps the inputs (floating point ones are varied, others
/// are passed as they are) to a tensor of any shape, which is contracted with a random cotangent. Differences of order
/// h⁴ (Richardson's extrapolation) are taken in the next higher precision where f allows it: float32 is checked in
/// float64, float64 in long double. A row is right if the two numbers differ by less than the estimated error of both.
/// At a kink or a tie the two need not agree. GradientError if f's result is not floating point.
template <class F>
requires(!std::is_invocable_v<F&>) GradientReport
    check_gradients(F f, const std::vector<Tensor>& inputs, const CheckOptions& options = {},
                    Location at = Location::current()) {
    return detail::check_gradients(detail::of_vector(std::move(f), inputs.size(), "check_gradients", at), inputs,
                                   options, at);
}

/// The same for a function that reads parameters by itself, a model's cost for example: they are given small pushes,
/// in their own precision, and get their values back whatever happens.
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
