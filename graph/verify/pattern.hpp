#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <xgrad/graph/shape.hpp>

/// What a wrong gradient looks like beside the right one, in words. Not installed.
namespace xgrad::pattern {

struct Numbers {
    Shape shape;
    std::vector<long double> values;
};

/// A number that may be missing or too many: {400, "m"}; the name may be empty.
struct Extent {
    std::int64_t value;
    std::string name;
};

/// An array that the wrong one may turn out to be, perhaps with a factor, and what that would mean.
struct Hypothesis {
    Numbers array;
    std::string meaning;  // "without the factor g'(Z1) of tanh"
};

/// An array that a gradient is made of: the cotangent g, an input x, the output y.
struct Ingredient {
    Numbers array;
    std::string name;
};

/// What is known about where the gradient comes from.
struct Clues {
    std::vector<Extent> extents;
    std::vector<Hypothesis> hypotheses;
    std::vector<Ingredient> ingredients;
    long double free_factor = 1;    // a factor that nobody minds
    long double tolerance = 1e-6L;  // relative to the largest element
};

/// |x − y| ≤ tolerance everywhere, relative to the largest element. False if one of them is not finite.
bool is_close(const Numbers& x, const Numbers& y, long double tolerance);

/// c if x = c y, else NaN.
long double factor_of(const Numbers& x, const Numbers& y, long double tolerance);

/// "the negative of", "twice", "m = 400 times", "1/m (m = 400) of"; empty for 1.
std::string factor_text(long double factor, const std::vector<Extent>& extents);

/// Completes the sentence "the gradient is ...":
///
///     m = 400 times the right one: the 1/m is missing
///     the transpose of the right one
///     not summed over axis 1, along which it was stretched
///
/// Never empty; the last resort is how far off it is.
std::string looks_like(const Numbers& mine, const Numbers& right, const Clues& clues);

}  // namespace xgrad::pattern
