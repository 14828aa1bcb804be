#include <xgrad/graph/verify/pattern.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include <xgrad/graph/verify/products.hpp>
#include <xgrad/graph/verify/recorded.hpp>

namespace xgrad::pattern {

namespace {

long double largest_of(const Numbers& x) {
    long double largest = 0;
    for (long double value : x.values) largest = std::max(largest, std::abs(value));
    return largest;
}

bool is_near(long double x, long double y) {
    return std::abs(x - y) <= 1e-5L * std::abs(y);
}

std::string called(const Extent& extent) {
    return extent.name.empty() ? fmt::format("{}", extent.value) : fmt::format("{} = {}", extent.name, extent.value);
}

std::string short_name(const Extent& extent) {
    return extent.name.empty() ? fmt::format("{}", extent.value) : extent.name;
}

/// The extents that a factor is tried with: 2 is more often a 2 than an extent without a name.
std::vector<Extent> candidates(const std::vector<Extent>& extents) {
    std::vector<Extent> result;
    for (const Extent& extent : extents) {
        if (extent.value > 1 && !extent.name.empty()) result.push_back(extent);
    }
    for (const Extent& extent : extents) {
        if (extent.value > 2 && extent.name.empty()) result.push_back(extent);
    }
    return result;
}

/// What a factor of the right one means: "the 1/m is missing".
std::string reason_of(long double factor, const std::vector<Extent>& extents) {
    if (is_near(factor, -1)) return "a sign is wrong";
    for (const Extent& extent : candidates(extents)) {
        if (is_near(std::abs(factor), static_cast<long double>(extent.value))) {
            return fmt::format("the 1/{} is missing", short_name(extent));
        }
        if (is_near(std::abs(factor), 1.0L / static_cast<long double>(extent.value))) {
            return fmt::format("a 1/{} too many, a mean where a sum is right", short_name(extent));
        }
    }
    if (is_near(std::abs(factor), 2)) return "a factor 2 too many";
    if (is_near(std::abs(factor), 0.5L)) return "a factor 2 is missing";
    return {};
}

std::optional<std::string> as_factor(const Numbers& mine, const Numbers& right, const Clues& clues) {
    const long double factor = factor_of(mine, right, clues.tolerance);
    if (std::isnan(factor)) return std::nullopt;
    if (is_near(factor, 1)) return fmt::format("nearly right: {:.3g} times the right one", static_cast<double>(factor));
    const std::string reason = reason_of(factor, clues.extents);
    return factor_text(factor, clues.extents) + " the right one" + (reason.empty() ? "" : ": " + reason);
}

std::optional<std::string> as_transpose(const Numbers& mine, const Numbers& right, const Clues& clues) {
    if (mine.shape.rank() != 2) return std::nullopt;
    const Numbers flipped = transposed(mine);
    if (flipped.shape != right.shape) return std::nullopt;
    const long double factor = factor_of(flipped, right, clues.tolerance);
    if (std::isnan(factor)) return std::nullopt;
    if (is_near(factor, 1)) return "the transpose of the right one";
    const std::string reason = reason_of(factor, clues.extents);
    return factor_text(factor, clues.extents) + " the transpose of the right one" +
           (reason.empty() ? "" : ", and " + reason);
}

/// It has more elements along axes that should have been summed.
std::optional<std::string> as_unsummed(const Numbers& mine, const Numbers& right, const Clues& clues) {
    Shape joined;
    if (mine.shape == right.shape || !broadcast(right.shape, mine.shape, joined) || joined != mine.shape) {
        return std::nullopt;
    }
    const long double factor = factor_of(summed_to(mine, right.shape), right, clues.tolerance);
    if (std::isnan(factor)) return std::nullopt;
    const std::size_t added = mine.shape.rank() - right.shape.rank();
    std::string axes;
    for (std::size_t axis = 0; axis < mine.shape.rank(); ++axis) {
        if (axis >= added && right.shape[axis - added] == mine.shape[axis]) continue;
        axes += fmt::format("{}{}", axes.empty() ? "" : " and ", axis);
    }
    std::string text = fmt::format("{} instead of {}: the sum over axis {}, along which it was stretched, is missing",
                                   to_string(mine.shape), to_string(right.shape), axes);
    const std::string reason = reason_of(factor, clues.extents);
    if (!is_near(factor, 1)) text += ", and " + (reason.empty() ? factor_text(factor, clues.extents) + " it" : reason);
    return text;
}

std::optional<std::string> as_hypothesis(const Numbers& mine, const Clues& clues) {
    for (const Hypothesis& hypothesis : clues.hypotheses) {
        if (hypothesis.array.shape != mine.shape) continue;
        const long double factor = factor_of(mine, hypothesis.array, clues.tolerance);
        if (std::isnan(factor) || factor == 0) continue;
        if (is_near(factor, 1) || is_near(factor, clues.free_factor)) return hypothesis.meaning;
        const std::string reason = reason_of(factor, clues.extents);
        if (!reason.empty()) return hypothesis.meaning + ", and " + reason;
    }
    return std::nullopt;
}

/// A few elements are wrong and all others right.
std::optional<std::string> as_few(const Numbers& mine, const Numbers& right, const Clues& clues) {
    const long double bound = clues.tolerance * std::max(largest_of(right), largest_of(mine));
    std::size_t wrong = 0, zeros = 0, first = 0;
    for (std::size_t i = 0; i < mine.values.size(); ++i) {
        if (std::abs(mine.values[i] - right.values[i]) <= bound) continue;
        if (wrong++ == 0) first = i;
        zeros += mine.values[i] == 0;
    }
    if (wrong == 0 || 2 * wrong > mine.values.size()) return std::nullopt;
    return fmt::format("right but for {} of {} entries, the first at {}{}", wrong, mine.values.size(),
                       recorded::index_text(mine.shape, static_cast<std::int64_t>(first)),
                       zeros == wrong ? ": zeros there" : "");
}

std::string how_far(const Numbers& mine, const Numbers& right) {
    long double product = 0, left = 0, size = 0, off = 0;
    for (std::size_t i = 0; i < mine.values.size(); ++i) {
        product += mine.values[i] * right.values[i];
        left += mine.values[i] * mine.values[i];
        size += right.values[i] * right.values[i];
        off += (mine.values[i] - right.values[i]) * (mine.values[i] - right.values[i]);
    }
    if (size == 0) return "not zero, as it should be";
    return fmt::format("off by {:.2g} of its size, in a direction whose cosine with the right one is {:.2g}",
                       static_cast<double>(std::sqrt(off / size)),
                       static_cast<double>(product / std::sqrt(left * size)));
}

}  // namespace

bool is_close(const Numbers& x, const Numbers& y, long double tolerance) {
    if (x.shape != y.shape) return false;
    const long double bound = tolerance * std::max(largest_of(x), largest_of(y));
    if (!std::isfinite(bound)) return false;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        if (!(std::abs(x.values[i] - y.values[i]) <= bound)) return false;
    }
    return true;
}

long double factor_of(const Numbers& x, const Numbers& y, long double tolerance) {
    if (x.shape != y.shape) return std::nanl("");
    long double product = 0, size = 0;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        product += x.values[i] * y.values[i];
        size += y.values[i] * y.values[i];
    }
    const long double factor = product / size;
    if (!std::isfinite(factor) || factor == 0) return std::nanl("");
    const long double bound = tolerance * largest_of(x);
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        if (!(std::abs(x.values[i] - factor * y.values[i]) <= bound)) return std::nanl("");
    }
    return factor;
}

std::string factor_text(long double factor, const std::vector<Extent>& extents) {
    if (is_near(factor, 1)) return {};
    if (is_near(factor, -1)) return "the negative of";
    const std::string sign = factor < 0 ? "minus " : "";
    const long double size = std::abs(factor);
    for (const Extent& extent : candidates(extents)) {
        if (is_near(size, static_cast<long double>(extent.value))) return sign + called(extent) + " times";
        if (is_near(size, 1.0L / static_cast<long double>(extent.value))) {
            return sign + fmt::format("1/{} of", extent.name.empty() ? called(extent) : extent.name);
        }
    }
    if (is_near(size, 2)) return sign + "twice";
    if (is_near(size, 0.5L)) return sign + "half";
    return sign + fmt::format("{:.6g} times", static_cast<double>(size));
}

std::string looks_like(const Numbers& mine, const Numbers& right, const Clues& clues) {
    for (long double value : mine.values) {
        if (!std::isfinite(value)) return "not finite";
    }
    if (mine.shape != right.shape) {
        if (auto text = as_transpose(mine, right, clues)) return *text;
        if (auto text = as_unsummed(mine, right, clues)) return *text;
        if (auto text = as_hypothesis(mine, clues)) return *text;
        if (mine.values.size() == right.values.size()) {
            const Numbers reshaped{right.shape, mine.values};
            if (is_close(reshaped, right, clues.tolerance)) {
                return fmt::format("right in its numbers, but {} instead of {}", to_string(mine.shape),
                                   to_string(right.shape));
            }
        }
        const std::string shapes = fmt::format("{} instead of {}", to_string(mine.shape), to_string(right.shape));
        if (auto text = as_product(mine, right, clues)) return shapes + ": " + *text;
        return shapes;
    }
    if (largest_of(mine) == 0) return "zeros";
    if (auto text = as_factor(mine, right, clues)) return *text;
    if (auto text = as_hypothesis(mine, clues)) return *text;
    if (auto text = as_transpose(mine, right, clues)) return *text;
    if (auto text = as_product(mine, right, clues)) return *text;
    if (auto text = as_few(mine, right, clues)) return *text;
    return how_far(mine, right);
}

}  // namespace xgrad::pattern
