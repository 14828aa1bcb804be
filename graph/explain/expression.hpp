#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <xgrad/graph/attributes.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/shape.hpp>

// Equations as a reader sees them: recorded operations with the arithmetic among them made sums and products, so that
// the few rules of school algebra can be applied and the result be written in any notation.

namespace xgrad::explain {

enum class Form {
    number,          // numbers[0]; it stretches to any shape
    symbol,          // symbol
    sum,             // Σ numbers[i] · arguments[i]
    product,         // Π arguments[i]^numbers[i], element by element
    matrix_product,  // arguments[0] arguments[1]
    transpose,       // of a matrix
    stretch,         // arguments[0] repeated to the shape
    call,            // op(arguments...; attributes)
};

/// One equation's right-hand side, or a part of it. Equal expressions are one object.
struct Expression {
    Form form;
    DType dtype;
    Shape shape;
    std::size_t id = 0;
    std::size_t symbol = 0;
    const Op* op = nullptr;
    Attributes attributes{};
    std::vector<const Expression*> arguments{};
    std::vector<double> numbers{};
    std::size_t size = 1;  // of the tree, in numbers and symbols
};
using Ref = const Expression*;

struct Scaled {
    double coefficient;
    Ref of;
};
struct Power {
    Ref base;
    double exponent;
};

/// Makes expressions, simplified as they are made. Every rule is exact but for rounding where the expression is finite:
///
///     numbers among themselves; 1 x, 0 x, 0 + x; x + x = 2 x, x x = x²; (Aᵀ)ᵀ; reshaping to the shape there is
///     c (x / y) y = c x, and likewise for a sum of fractions, multiplied out if that is shorter
///     sums multiplied out if that is shorter: (1 - Y) A - Y (1 - A) = A - Y; 1 / (1 + e^x) = 1 - σ(x)
///     Σ c x = c Σ x and (c A) B = c (A B)
///     t / (1 + t) = 1 - s where s = 1 / (1 + t)
///     E where a ≠ b, else 0, times (a - b): E (a - b)
class Algebra {
  public:
    /// Without simplification operations stay as they were recorded, except for how they are written.
    explicit Algebra(bool simplifies = true);
    Algebra(const Algebra&) = delete;
    Algebra& operator=(const Algebra&) = delete;

    Ref number(double value, DType dtype);
    Ref symbol(std::size_t index, DType dtype, const Shape& shape);
    Ref sum(const std::vector<Scaled>& terms, DType dtype, const Shape& shape);
    Ref product(const std::vector<Power>& factors, DType dtype, const Shape& shape);
    Ref matrix_product(Ref a, Ref b, DType dtype, const Shape& shape);
    /// Axes in another order.
    Ref permuted(const Op& op, Ref x, const Attributes& attributes, const Shape& shape);
    Ref reshaped(const Op& op, Ref x, const Attributes& attributes, const Shape& shape);
    /// A sum over axes.
    Ref total(const Op& op, Ref x, const Attributes& attributes, const Shape& shape);
    Ref stretched(Ref x, const Shape& shape);
    Ref call(const Op& op, std::vector<Ref> arguments, const Attributes& attributes, DType dtype, const Shape& shape);

    /// x with each symbol of the table replaced.
    Ref substituted(Ref x, const std::unordered_map<std::size_t, Ref>& table);
    /// x made once more by these rules, with other arguments.
    Ref rebuilt(Ref x, std::vector<Ref> arguments);

    /// Declares that a sum of this symbol over this axis is 1 everywhere.
    void adds_up_to_one(std::size_t symbol, std::int64_t axis) { distributions_.emplace_back(symbol, axis); }
    bool has_used_distribution(std::size_t symbol) const;
    /// Declares that a symbol is 1 / (1 + t), if that is what it equals, as in a sigmoid typed by hand: in what is made
    /// from now on 1 / (1 + t) is the symbol, and t times the symbol is 1 less it.
    void note_reciprocal(Ref symbol, Ref equals);
    /// Before symbols are replaced by what they equal.
    void forget_reciprocals() { reciprocals_.clear(); }

  private:
    Ref intern(Expression expression);
    Ref scaled(double coefficient, Ref x);
    Ref plain_sum(std::vector<Scaled> terms, DType dtype);
    Ref plain_product(const std::vector<Power>& factors, DType dtype);
    /// Fractions in a sum cancelled against the other factors, if the result is shorter; else null.
    Ref cancelled(const std::vector<Power>& factors, DType dtype, const Shape& shape);
    /// A sum with its products multiplied out, if that is shorter; else null.
    Ref multiplied_out(const std::vector<Scaled>& terms, DType dtype, const Shape& shape);
    bool is_idle_choice(Ref choice, Ref factor);
    /// True if factors have been replaced by what is known of a reciprocal.
    bool use_reciprocals(std::vector<Power>& factors);

    bool simplifies_;
    bool multiplies_out_ = true;
    std::deque<Expression> all_;
    std::unordered_multimap<std::size_t, Ref> index_;
    std::vector<std::pair<std::size_t, std::int64_t>> distributions_;
    std::vector<std::size_t> used_distributions_;
    struct Reciprocal {
        Ref symbol, one_more, t;
    };
    std::vector<Reciprocal> reciprocals_;
};

/// The number that an expression consists of, repeated or not.
std::optional<double> as_number(Ref x);
/// c and t for an expression c t; 1 and x for any other.
Scaled split(Ref x);
/// t of 1 / (1 + t), which is neither a number nor a product; null for any other expression.
Ref beside_one(Ref reciprocal);
/// x without its repetition: it stretches by itself where it stands in sums and products.
Ref unstretched(Ref x);
/// Calls f for every symbol in x, from left to right, as often as it occurs.
template <class F>
void for_each_symbol(Ref x, F&& f) {
    if (x->form == Form::symbol) f(x->symbol);
    for (Ref argument : x->arguments) for_each_symbol(argument, f);
}

}  // namespace xgrad::explain
