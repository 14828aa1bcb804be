// Formulas that lose digits as they are typed: right at any logit, as typed in the graph, and wrong without rewrites.

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

using support::Numbers;
using support::numbers_of;
using support::same_bits;
using support::tensor_of;
using xgrad::DType;
using xgrad::Tensor;

namespace {

using Function = std::function<Tensor(const Tensor&)>;
using Reference = std::function<long double(long double)>;

/// A function of each element, its value and its first two derivatives in closed form.
struct Formula {
    std::string name;
    Function typed;
    Reference value, first, second;
    Numbers points;              // where it, or a derivative of it, needs the rewrite
    bool is_difference = false;  // the slope is one, like 1 - σ(z): what is small of it has few digits
};

long double sigma(long double z) {
    return z >= 0 ? 1 / (1 + std::exp(-z)) : std::exp(z) / (1 + std::exp(z));
}
long double log_sigma(long double z) {
    return z >= 0 ? -std::log1p(std::exp(-z)) : z - std::log1p(std::exp(z));
}
long double slope(long double z) {
    return sigma(z) * sigma(-z);
}
long double bend(long double z) {
    return slope(z) * (sigma(-z) - sigma(z));
}
long double sech_squared(long double z) {
    return 1 / (std::cosh(z) * std::cosh(z));
}

const Numbers logits{-1e4L, -800, -740, -104, -95, -40, -17, -1, 0, 0.5L, 17, 40, 95, 104, 740, 800, 1e4L};
const Numbers small{-1e-12L, -1e-6L, 1e-10L, 3e-5L};

Tensor by_hand(const Tensor& z) {
    return 1 / (1 + xgrad::exp(-z));
}

Tensor cross_entropy_of(const Tensor& z, double target) {
    const Tensor A = xgrad::sigmoid(z), y = xgrad::full(z.shape(), target, z.dtype());
    return y * xgrad::log(A) + (1 - y) * xgrad::log(1 - A);
}

std::vector<Formula> formulas() {
    const Reference one = [](long double) { return 1.0L; }, zero = [](long double) { return 0.0L; };
    const Reference log_of_rest = [](long double z) { return log_sigma(-z); };
    const Reference softplus = [](long double z) { return -log_sigma(-z); };
    const Reference minus_sigma = [](long double z) { return -sigma(z); };
    const Reference minus_slope = [](long double z) { return -slope(z); };
    const Reference rest = [](long double z) { return sigma(-z); };
    const Reference tanh = [](long double z) { return std::tanh(z); };
    const Reference bent = [](long double z) { return -2 * std::tanh(z) * sech_squared(z); };
    const Reference expm1 = [](long double z) { return std::expm1(z); };
    const Reference exp = [](long double z) { return std::exp(z); };
    return {
        {"1 / (1 + e^-z)", by_hand, sigma, slope, bend, logits, true},
        {"1 / (e^-z + 1)", [](auto& z) { return 1 / (xgrad::exp(-z) + 1); }, sigma, slope, bend, logits, true},
        {"1 / (1 + e^z)", [](auto& z) { return 1 / (1 + xgrad::exp(z)); }, rest, minus_slope,
         [](long double z) { return -bend(z); }, logits, true},
        {"e^z / (1 + e^z)", [](auto& z) { return xgrad::exp(z) / (1 + xgrad::exp(z)); }, sigma, slope, bend, logits,
         true},
        {"(e^z - e^-z) / (e^z + e^-z)",
         [](auto& z) { return (xgrad::exp(z) - xgrad::exp(-z)) / (xgrad::exp(z) + xgrad::exp(-z)); }, tanh,
         sech_squared, bent, logits, true},
        {"log sigma(z)", [](auto& z) { return xgrad::log(xgrad::sigmoid(z)); }, log_sigma, rest, minus_slope, logits},
        {"log sigma(z) by hand", [](auto& z) { return xgrad::log(by_hand(z)); }, log_sigma, rest, minus_slope, logits},
        {"log(1 - sigma(z))", [](auto& z) { return xgrad::log(1 - xgrad::sigmoid(z)); }, log_of_rest, minus_sigma,
         minus_slope, logits},
        {"log(1 - sigma(z)) by hand", [](auto& z) { return xgrad::log(1 - by_hand(z)); }, log_of_rest, minus_sigma,
         minus_slope, logits},
        {"y log sigma(z) + (1 - y) log(1 - sigma(z)), y = 1", [](auto& z) { return cross_entropy_of(z, 1); }, log_sigma,
         rest, minus_slope, logits},
        {"y log sigma(z) + (1 - y) log(1 - sigma(z)), y = 0", [](auto& z) { return cross_entropy_of(z, 0); },
         log_of_rest, minus_sigma, minus_slope, logits},
        {"log(1 + e^z)", [](auto& z) { return xgrad::log(1 + xgrad::exp(z)); }, softplus, sigma, slope, logits},
        {"log e^z", [](auto& z) { return xgrad::log(xgrad::exp(z)); }, [](long double z) { return z; }, one, zero,
         logits},
        {"log(1 + z)", [](auto& z) { return xgrad::log(1 + z); }, [](long double z) { return std::log1p(z); },
         [](long double z) { return 1 / (1 + z); }, [](long double z) { return -1 / ((1 + z) * (1 + z)); }, small},
        {"e^z - 1", [](auto& z) { return xgrad::exp(z) - 1; }, expm1, exp, exp, small},
    };
}

/// The largest error in units of the last place of the reference, which may be subnormal or 0.
long double worst_ulp(const Tensor& got, const Numbers& points, const Reference& reference) {
    const bool is_single = got.dtype() == DType::float32;
    const int digits = is_single ? 24 : 53, least = is_single ? -149 : -1074;
    const Numbers numbers = numbers_of(got);
    long double worst = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const long double want = reference(points[i]);
        const int exponent = want == 0 ? least : std::max(std::ilogb(want) - digits + 1, least);
        const long double error = std::fabs(numbers[i] - want) / std::ldexp(1.0L, exponent);
        if (!(error <= worst)) worst = error;  // a NaN is worst
        if (std::isnan(error)) return error;
    }
    return worst;
}

/// Value, first and second derivative.
std::vector<Tensor> derivatives(const Formula& formula, DType dtype) {
    const Tensor z =
        xgrad::parameter(tensor_of(dtype, {static_cast<std::int64_t>(formula.points.size())}, formula.points));
    const Tensor y = formula.typed(z);
    const Tensor dy = xgrad::grad(xgrad::sum(y), z);
    Tensor ddy = xgrad::zeros({z.shape()}, dtype);
    if (formula.name != "log e^z") ddy = xgrad::grad(xgrad::sum(dy), z);
    return {y, dy, ddy};
}

/// The same for the first derivative; of a difference, in units of the last place of 1.
long double worst_of_slope(const Formula& formula, const Tensor& got, const Numbers& points) {
    if (!formula.is_difference) return worst_ulp(got, points, formula.first);
    const Numbers numbers = numbers_of(got);
    const long double ulp = got.dtype() == DType::float32 ? 0x1p-23L : 0x1p-52L;
    long double worst = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const long double error = std::fabs(numbers[i] - formula.first(points[i])) / ulp;
        if (std::isnan(error)) return error;
        worst = std::max(worst, error);
    }
    return worst;
}

/// As the points are in that dtype.
Numbers rounded(const Numbers& points, DType dtype) {
    return numbers_of(tensor_of(dtype, {static_cast<std::int64_t>(points.size())}, points));
}

Tensor notes_cost(const Tensor& A, const Tensor& Y) {
    const auto m = static_cast<double>(Y.shape()[1]);
    return -1 / m * xgrad::sum(Y * xgrad::log(A) + (1 - Y) * xgrad::log(1 - A));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rewrites)

BOOST_AUTO_TEST_CASE(values_and_derivatives_to_a_few_ulp_at_any_logit) {
    for (const Formula& formula : formulas()) {
        for (const DType dtype : {DType::float32, DType::float64}) {
            BOOST_TEST_CONTEXT(formula.name << ", " << name(dtype)) {
                const Numbers points = rounded(formula.points, dtype);
                const std::vector<Tensor> got = derivatives(formula, dtype);
                BOOST_TEST(worst_ulp(got[0], points, formula.value) <= 2);
                BOOST_TEST(worst_of_slope(formula, got[1], points) <= 6);
                // 1 - 2 sigma(z) is a difference; what it loses near 0 is small beside the largest.
                const Numbers second = numbers_of(got[2]);
                for (std::size_t i = 0; i < points.size(); ++i) {
                    const long double eps = dtype == DType::float32 ? 0x1p-23L : 0x1p-52L;
                    BOOST_TEST(std::fabs(second[i] - formula.second(points[i])) <= 8 * eps);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(without_rewrites_every_one_of_them_fails) {
    const support::Rewriting as_typed(false);
    for (const Formula& formula : formulas()) {
        for (const DType dtype : {DType::float32, DType::float64}) {
            BOOST_TEST_CONTEXT(formula.name << ", " << name(dtype)) {
                const Numbers points = rounded(formula.points, dtype);
                const std::vector<Tensor> got = derivatives(formula, dtype);
                const bool is_right =
                    worst_ulp(got[0], points, formula.value) <= 2 && worst_of_slope(formula, got[1], points) <= 6;
                BOOST_TEST(!is_right);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(softmax_and_logsumexp_typed_by_hand) {
    const xt::xarray<double> values{{1e4, -1e4, 3}, {0, 900, 2}, {-1e4, 1, 2.5}};
    const Tensor z = xgrad::parameter(values), w = support::draws({3, 3}, 1);
    for (const int axis : {0, 1}) {
        BOOST_TEST_CONTEXT("axis " << axis) {
            const Tensor S = xgrad::exp(z) / xgrad::sum(xgrad::exp(z), axis, xgrad::keepdims);
            const Tensor log_S = xgrad::log(S), total = xgrad::log(xgrad::sum(xgrad::exp(z), axis));
            BOOST_TEST(same_bits(S, xgrad::softmax(z, axis)));
            BOOST_TEST(same_bits(log_S, xgrad::log_softmax(z, axis)));
            BOOST_TEST(same_bits(total, xgrad::logsumexp(z, axis)));
            BOOST_TEST(same_bits(xgrad::log(xgrad::softmax(z, axis)), xgrad::log_softmax(z, axis)));
            BOOST_TEST(
                same_bits(xgrad::grad(xgrad::sum(w * S), z), xgrad::grad(xgrad::sum(w * xgrad::softmax(z, axis)), z)));
            BOOST_TEST(same_bits(xgrad::grad(xgrad::sum(w * log_S), z),
                                 xgrad::grad(xgrad::sum(w * xgrad::log_softmax(z, axis)), z)));
            BOOST_TEST(
                same_bits(xgrad::grad(xgrad::sum(total), z), xgrad::grad(xgrad::sum(xgrad::logsumexp(z, axis)), z)));
            for (const long double each : numbers_of(xgrad::grad(xgrad::sum(w * log_S), z)))
                BOOST_TEST(std::isfinite(each));
        }
    }
    const support::Rewriting as_typed(false);
    const Tensor S = xgrad::exp(z) / xgrad::sum(xgrad::exp(z), 0, xgrad::keepdims);
    BOOST_TEST(std::isnan(numbers_of(S)[0]));
}

BOOST_AUTO_TEST_CASE(the_notes_cost_gives_a_minus_y_at_any_logit) {
    const Tensor Y = xt::xarray<double>{{1, 0, 1, 0, 1, 0}};
    const Tensor Z = xgrad::parameter(xt::xarray<double>{{-1e4, 1e4, 1e4, -1e4, -50, 50}}, "Z");
    for (const bool is_by_hand : {false, true}) {
        const Tensor J = notes_cost(is_by_hand ? by_hand(Z) : xgrad::sigmoid(Z), Y);
        BOOST_TEST(std::fabs(J.item() - (1e4 + 1e4 + 50 + 50) / 6) <= 1e-12 * J.item());
        const Numbers dZ = numbers_of(xgrad::grad(J, Z));
        const Numbers want{-1, 1, 0, 0, sigma(-50) - 1, sigma(50)};
        for (std::size_t i = 0; i < want.size(); ++i) BOOST_TEST(std::fabs(6 * dZ[i] - want[i]) <= 1e-15L);
    }
    const Tensor J = xgrad::binary_cross_entropy(xgrad::sigmoid(Z), Y);
    BOOST_TEST(std::fabs(J.item() - 20100. / 6) <= 1e-12 * J.item());
    BOOST_TEST(std::fabs(6 * numbers_of(xgrad::grad(J, Z))[0] + 1) <= 1e-15L);
}

BOOST_AUTO_TEST_CASE(a_cross_entropy_is_one_loss_in_whatever_order_it_is_typed) {
    const support::Eagerness deferred(false);
    const Tensor Y = xt::xarray<double>{{1, 0, 0.25}}, other = xt::xarray<double>{{1, 0, 0.25}};
    const Tensor Z = xgrad::parameter(xt::xarray<double>{{0.5, -1, 40}}, "Z"), A = xgrad::sigmoid(Z), B = by_hand(Z);
    using xgrad::log;
    const auto is_one_loss = [](const Tensor& sum) { return support::mentions(plan(sum), "logistic_loss"); };
    const Tensor loss = -logistic_loss(Z, Y), slope = grad(xgrad::sum(loss), Z);
    for (const Tensor& typed :
         {Y * log(A) + (1 - Y) * log(1 - A), (1 - Y) * log(1 - A) + Y * log(A), log(B) * Y + log(1 - B) * (1 - Y),
          Y * log(B) + log(1 - B) * (1 - Y), Y * log_sigmoid(Z) + (1 - Y) * log_sigmoid(-Z)}) {
        BOOST_TEST(is_one_loss(typed));
        BOOST_TEST(same_bits(grad(xgrad::sum(typed), Z), slope));
        BOOST_TEST(same_bits(typed, loss));
    }
    for (const Tensor& typed :
         {Y * log(A) + (1 - other) * log(1 - A), Y * log(A) + (2 - Y) * log(1 - A), Y * log(A) + (1 - Y) * log(A),
          (1 - Y) * log(A) + (1 - Y) * log(1 - A), Y * log(A) + (1 - Y) * log(1 - xgrad::sigmoid(2 * Z)),
          Y * log(A) - (1 - Y) * log(1 - A)}) {
        BOOST_TEST(!is_one_loss(typed));
    }
    // Labels of another dtype stay as they were typed: the product says in which precision.
    const Tensor labels = xt::xarray<int>{{1, 0, 1}};
    BOOST_TEST(!is_one_loss(labels * log(A) + (1 - labels) * log(1 - A)));
    // Targets that have a gradient themselves, and stretched ones.
    const Tensor p = xgrad::parameter(xgrad::reshape(xt::xarray<double>{0.5, 0.125}, {2, 1}), "p");
    const Tensor J = xgrad::sum(p * log(A) + (1 - p) * log(1 - A));
    const std::vector<Tensor> gradients = grad(J, {p, Z});
    BOOST_TEST(support::close(gradients[0], xgrad::sum(Z, 1, xgrad::keepdims) + xgrad::zeros({2, 1}, DType::float64)));
    BOOST_TEST(support::close(gradients[1], xgrad::sum(p) - 2 * A));
}

BOOST_AUTO_TEST_CASE(a_gradient_with_respect_to_what_was_typed_is_still_there) {
    const Tensor Y = xt::xarray<double>{{1, 0, 0.25}};
    const Tensor Z = xgrad::parameter(xt::xarray<double>{{0.5, -1, 2}}, "Z");
    const Tensor N = -Z, e = xgrad::exp(N), A = 1 / (1 + e), log_A = xgrad::log(A);
    const Tensor J = xgrad::sum(Y * log_A + (1 - Y) * xgrad::log(1 - A));
    const auto closed_form = Y / A - (1 - Y) / (1 - A);
    BOOST_TEST(support::close(xgrad::grad(J, A), closed_form));
    BOOST_TEST(support::close(xgrad::grad(J, log_A), Y));
    BOOST_TEST(support::close(xgrad::grad(J, e), -closed_form * A * A));
    BOOST_TEST(support::close(xgrad::grad(J, N), -(Y - A)));
    const std::vector<Tensor> both = xgrad::grad(J, std::vector<Tensor>{A, Z});
    BOOST_TEST(support::close(both[0], closed_form));
    BOOST_TEST(support::close(both[1], Y - A));
    // Forward mode takes the same way.
    const Tensor t = xt::xarray<double>{{1, 2, 3}};
    BOOST_TEST(support::close(xgrad::jvp(log_A, std::vector<Tensor>{A}, std::vector<Tensor>{t}), t / A));
    BOOST_TEST(support::close(xgrad::jvp(log_A, std::vector<Tensor>{Z}, std::vector<Tensor>{t}), t * (1 - A)));
}

BOOST_AUTO_TEST_CASE(only_a_one_that_stays_one_is_taken_for_one) {
    const Tensor z = xt::xarray<double>{-3, 0.5, 2};
    const Tensor one = xgrad::parameter(Tensor(1.0), "c");
    const Tensor y = one / (1 + xgrad::exp(-z));
    BOOST_TEST(support::close(xgrad::grad(xgrad::sum(y), one), xgrad::sum(xgrad::sigmoid(z))));
    auto f = xgrad::compile([](const Tensor& c, const Tensor& x) { return c / (c + xgrad::exp(-x)); });
    BOOST_TEST(support::close(f(Tensor(1.0), z), xgrad::sigmoid(z)));
    BOOST_TEST(support::close(f(Tensor(2.0), z), 2 / (2 + xgrad::exp(-z))));
    const Tensor stretched = 1 / (xt::xarray<double>(xt::ones<double>({2, 1})) + xgrad::exp(-z));
    BOOST_TEST(stretched.shape() == xgrad::Shape({2, 3}));
}

BOOST_AUTO_TEST_CASE(compiled_batched_and_eager_alike) {
    const Tensor Y = xt::xarray<double>{{1, 0, 1}}, Z = xt::xarray<double>{{-900, 800, 3}};
    const auto value_and_slope = [Y](const Tensor& z) {
        const Tensor p = xgrad::parameter(z);
        const Tensor J = notes_cost(by_hand(p), Y);
        return std::vector<Tensor>{J, xgrad::grad(J, p)};
    };
    const std::vector<Tensor> recorded = value_and_slope(Z);
    xgrad::set_eager(true);
    const std::vector<Tensor> eager = value_and_slope(Z);
    xgrad::set_eager(false);
    const auto cost = [Y](const Tensor& z) { return notes_cost(by_hand(z), Y); };
    auto compiled = xgrad::compile([cost](const Tensor& z) {
        return std::vector<Tensor>{cost(z), xgrad::grad(cost(z), z)};
    });
    const std::vector<Tensor> once = compiled(Z);
    for (std::size_t i : {0, 1}) {
        BOOST_TEST(same_bits(recorded[i], eager[i]));
        BOOST_TEST(same_bits(recorded[i], once[i]));
    }
    const Tensor rows = xt::xarray<double>{{-900, 1}, {800, -1}};
    const Tensor each = xgrad::vmap([](const Tensor& z) { return xgrad::log(by_hand(z)); }, rows);
    BOOST_TEST(same_bits(each, xgrad::log_sigmoid(rows)));
}

BOOST_AUTO_TEST_CASE(what_was_computed_before_is_taken_as_it_is) {
    const Tensor Z = xt::xarray<double>{{-50, 3}};
    const Tensor A = xgrad::sigmoid(Z), e = xgrad::exp(Z), S = e / xgrad::sum(e, 1, xgrad::keepdims);
    xgrad::compute({A, S});
    BOOST_TEST(support::close(xgrad::log(A), xgrad::log_sigmoid(Z)));
    BOOST_TEST(support::close(xgrad::log(S), xgrad::log_softmax(Z, 1)));
    BOOST_TEST(support::close(1 / (1 + e), xgrad::sigmoid(-Z)));
}

BOOST_AUTO_TEST_CASE(nothing_is_hidden_and_nothing_is_left_behind) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    const auto before = xgrad::live_nodes();
    for (const Formula& formula : formulas()) {
        BOOST_TEST(std::isnan(numbers_of(formula.typed(xt::xarray<double>{nan}))[0]), formula.name);
        for (const double end : {-infinity, infinity}) {
            const long double rewritten = numbers_of(formula.typed(xt::xarray<double>{end}))[0];
            const support::Rewriting as_typed(false);
            const long double typed = numbers_of(formula.typed(xt::xarray<double>{end}))[0];
            BOOST_TEST((std::isnan(typed) || rewritten == typed), formula.name << " at " << end);
        }
    }
    BOOST_TEST(xgrad::live_nodes() == before);
}

BOOST_AUTO_TEST_CASE(the_derivation_is_that_of_what_was_typed) {
    const Tensor X = xt::xarray<double>{{1, 2, 3}, {0, 1, -1}}, Y = xt::xarray<double>{{1, 0, 1}};
    const Tensor w = xgrad::parameter(support::draws({2, 1}, 3), "w"), b = xgrad::parameter(Tensor(0.5), "b");
    const auto text = [&] {
        const Tensor A = xgrad::name(xgrad::sigmoid(xgrad::name(xgrad::matmul(xgrad::transpose(w), X) + b, "Z")), "A");
        return xgrad::derivation(notes_cost(A, Y), {w, b}).text();
    };
    const std::string rewritten = text();
    const support::Rewriting as_typed(false);
    BOOST_TEST(rewritten == text());
    BOOST_TEST(rewritten.find("log(1 − A)") != std::string::npos, rewritten);
}

BOOST_AUTO_TEST_SUITE_END()
