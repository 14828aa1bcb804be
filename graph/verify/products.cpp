#include <xgrad/graph/verify/products.hpp>

#include <cmath>

#include <fmt/format.h>

namespace xgrad::pattern {

namespace {

/// Larger products are not tried: they would take longer than everything else.
constexpr std::int64_t most_multiplications = 1 << 22;

struct Factor {
    Numbers array;
    std::string name;
};

std::vector<Factor> factors_of(const Clues& clues) {
    std::vector<Factor> factors;
    for (const Ingredient& ingredient : clues.ingredients) {
        if (ingredient.array.shape.rank() != 2) continue;
        factors.push_back({ingredient.array, ingredient.name});
        factors.push_back({transposed(ingredient.array), ingredient.name + "ᵀ"});
    }
    return factors;
}

Numbers elementwise_product(const Numbers& x, const Numbers& y) {
    Numbers result = x;
    for (std::size_t i = 0; i < result.values.size(); ++i) result.values[i] *= y.values[i];
    return result;
}

Numbers matrix_product(const Numbers& x, const Numbers& y) {
    const auto rows = static_cast<std::size_t>(x.shape[0]), inner = static_cast<std::size_t>(x.shape[1]),
               columns = static_cast<std::size_t>(y.shape[1]);
    Numbers result{Shape{x.shape[0], y.shape[1]}, std::vector<long double>(rows * columns)};
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t k = 0; k < inner; ++k) {
            const long double factor = x.values[i * inner + k];
            for (std::size_t j = 0; j < columns; ++j) {
                result.values[i * columns + j] += factor * y.values[k * columns + j];
            }
        }
    }
    return result;
}

/// The product that an array is, up to a factor; empty if none.
std::string product_that_is(const Numbers& array, const std::vector<Factor>& factors, long double tolerance,
                            bool& is_matrix_product) {
    for (const Factor& x : factors) {
        for (const Factor& y : factors) {
            if (x.array.shape[1] == y.array.shape[0] && array.shape == Shape{x.array.shape[0], y.array.shape[1]} &&
                array.shape.size() * x.array.shape[1] <= most_multiplications) {
                is_matrix_product = true;
                if (!std::isnan(factor_of(array, matrix_product(x.array, y.array), tolerance))) {
                    return x.name + " " + y.name;
                }
            }
        }
    }
    for (const Factor& x : factors) {
        for (const Factor& y : factors) {
            if (&y < &x || x.array.shape != array.shape || y.array.shape != array.shape) continue;
            is_matrix_product = false;
            if (!std::isnan(factor_of(array, elementwise_product(x.array, y.array), tolerance))) {
                return x.name + " * " + y.name;
            }
        }
    }
    return {};
}

}  // namespace

Numbers transposed(const Numbers& x) {
    Numbers result{Shape{x.shape[1], x.shape[0]}, std::vector<long double>(x.values.size())};
    const auto rows = static_cast<std::size_t>(x.shape[0]), columns = static_cast<std::size_t>(x.shape[1]);
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) result.values[j * rows + i] = x.values[i * columns + j];
    }
    return result;
}

Numbers summed_to(const Numbers& x, const Shape& shape) {
    Numbers result{shape, std::vector<long double>(static_cast<std::size_t>(shape.size()))};
    const Strides strides = stretched_strides(shape, row_major(shape), x.shape);
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        auto rest = static_cast<std::int64_t>(i);
        std::int64_t target = 0;
        for (std::size_t axis = x.shape.rank(); axis-- > 0; rest /= x.shape[axis]) {
            target += rest % x.shape[axis] * strides[axis];
        }
        result.values[static_cast<std::size_t>(target)] += x.values[i];
    }
    return result;
}

std::optional<std::string> as_product(const Numbers& mine, const Numbers& right, const Clues& clues) {
    if (mine.shape.rank() != 2) return std::nullopt;
    const std::vector<Factor> factors = factors_of(clues);
    bool mine_is_matrix = false, right_is_matrix = false;
    const std::string wrong = product_that_is(mine, factors, clues.tolerance, mine_is_matrix);
    if (wrong.empty()) return std::nullopt;
    const auto kind = [](bool is_matrix) { return is_matrix ? "the matrix product" : "the elementwise product"; };
    const std::string good = product_that_is(right, factors, clues.tolerance, right_is_matrix);
    if (good.empty()) return fmt::format("{} {}", kind(mine_is_matrix), wrong);
    return fmt::format("{} {} where {} {} is right", kind(mine_is_matrix), wrong, kind(right_is_matrix), good);
}

}  // namespace xgrad::pattern
