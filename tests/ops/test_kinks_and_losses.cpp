#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include <xgrad/xgrad.hpp>

#include "reference.hpp"
#include "reference_calls.hpp"

// Derivatives where a function has a corner, where a branch was not taken, and where logits are large.

using support::close;
using support::same_bits;
using xgrad::DType;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

const DType dtypes[] = {DType::float64, DType::float32};

/// Relative tolerance of four units in the last place.
double few_ulp(DType dtype) {
    return dtype == DType::float32 ? 0x1p-21 : 0x1p-50;
}

/// ∂(v · f(x))/∂x for f's result of any shape.
template <class F>
Tensor gradient(F&& f, const Array& x, DType dtype = DType::float64) {
    const Tensor p = parameter(astype(Tensor(x), dtype));
    return grad(sum(f(p)), p);
}

/// A number for which a function of one argument is tried, and what it and its derivative are, in long double.
struct Expected {
    double x;
    long double value;
    long double derivative;
};

template <class F>
void check_closed_form(const char* name, F&& f, const std::vector<Expected>& expected) {
    for (const DType dtype : dtypes) {
        for (const auto& [x, value, derivative] : expected) {
            const Tensor p = parameter(astype(Tensor(Array{x}), dtype));
            const Tensor y = f(p);
            const Tensor v = support::tensor_of(dtype, {1}, {value});
            const Tensor d = support::tensor_of(dtype, {1}, {derivative});
            BOOST_TEST(close(reshape(y, {1}), v, few_ulp(dtype), 0),
                       name << " of " << x << " in " << xgrad::name(dtype));
            BOOST_TEST(close(grad(sum(y), p), d, few_ulp(dtype), 0),
                       name << "' of " << x << " in " << xgrad::name(dtype));
        }
    }
}

long double sigma(long double x) {
    return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
long double log_1_plus_exp(long double x) {
    return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x)));
}

const std::vector<double> logits{-1e4, -300, -40, -9, -1, 0, 1, 9, 40, 300, 1e4};

}  // namespace

BOOST_AUTO_TEST_SUITE(kinks_and_losses)

BOOST_AUTO_TEST_CASE(derivatives_at_corners) {
    for (const DType dtype : dtypes) {
        const auto at_zero = [&](Tensor (*f)(const Tensor&)) { return gradient(f, Array{0, -0.}, dtype); };
        const Tensor zeros = astype(Tensor(Array{0, 0}), dtype), ones = astype(Tensor(Array{1, 1}), dtype);
        BOOST_TEST(same_bits(at_zero([](const Tensor& x) { return relu(x); }), ones));
        BOOST_TEST(same_bits(at_zero([](const Tensor& x) { return leaky_relu(x); }), ones));
        BOOST_TEST(same_bits(at_zero([](const Tensor& x) { return elu(x, 0.5); }), ones));
        BOOST_TEST(same_bits(at_zero([](const Tensor& x) { return abs(x); }), zeros));
        BOOST_TEST(same_bits(at_zero([](const Tensor& x) { return softsign(x); }), ones));
        BOOST_TEST(same_bits(at_zero([](const Tensor& x) { return norm(x); }), zeros));
        BOOST_TEST(same_bits(at_zero([](const Tensor& x) { return stddev(x); }), zeros));
        BOOST_TEST(same_bits(at_zero([](const Tensor& x) { return hypot(x, x); }), zeros));
        const auto inside = [](const Tensor& x) { return hard_tanh(x); };
        const Tensor clipped = gradient(inside, Array{-1, 1, std::nextafter(1, 2), -1.5, 0}, dtype);
        // In float32 the neighbour of 1 is 1.
        const double beyond = dtype == DType::float32 ? 1 : 0;
        BOOST_TEST(close(clipped, astype(Tensor(Array{1, 1, beyond, 0, 1}), dtype), 0, 0));
        const auto clip_at = [](const Tensor& x) { return clip(x, -0.5, 2); };
        BOOST_TEST(
            same_bits(gradient(clip_at, Array{-0.5, 2, 3, -1}, dtype), astype(Tensor(Array{1, 1, 0, 0}), dtype)));
    }
}

BOOST_AUTO_TEST_CASE(equal_ones_share) {
    const Tensor x = xgrad::parameter(Array{1, 2, 0});
    const Tensor y = xgrad::parameter(Array{1, 1, -0.});
    for (const bool is_maximum : {true, false}) {
        const auto [gx, gy] = grad(sum(is_maximum ? maximum(x, y) : minimum(x, y)), x, y);
        const double winner = is_maximum ? 1 : 0;
        BOOST_TEST(same_bits(gx, Array{0.5, winner, 0.5}));
        BOOST_TEST(same_bits(gy, Array{0.5, 1 - winner, 0.5}));
    }
    const Array ties{3, 1, 3, 1, 3, 2, 3};
    BOOST_TEST(
        same_bits(gradient([](const Tensor& t) { return amax(t); }, ties), Array{0.25, 0, 0.25, 0, 0.25, 0, 0.25}));
    BOOST_TEST(same_bits(gradient([](const Tensor& t) { return amin(t); }, ties), Array{0, 0.5, 0, 0.5, 0, 0, 0}));
    BOOST_TEST(same_bits(gradient([](const Tensor& t) { return norm_lp(t, HUGE_VAL); }, Array{-2, 2, 1}),
                         Array{-0.5, 0.5, 0}));
}

BOOST_AUTO_TEST_CASE(no_operation_leaks_out_of_the_branch_not_taken) {
    // Every differentiable elementwise function of one argument, at numbers where some are not finite themselves.
    const Array points{0, -0., -1, 1, -2.5, 1e300, -1e300, 5e-324, HUGE_VAL, -HUGE_VAL};
    const Tensor half = xgrad::full({10}, 0.5, DType::float64), zero = xgrad::zeros({10}, DType::float64);
    const Tensor half_points = 0.5 * Tensor(points);
    std::size_t functions = 0;
    const Reference special("special_values");
    for (const auto& [name, call] : reference_calls::elementwise()) {
        const auto values = special.arrays().find("float64/" + name + "/y");
        if (values == special.arrays().end() || values->second.size() != special["float64/x"].size()) continue;
        const Tensor x = xgrad::parameter(points);
        const Tensor other = call({&x, 1});
        if (!is_floating(other.dtype())) continue;
        const Tensor taken = xt::xarray<bool>(xt::ones<bool>({10}));
        const Tensor y = where(taken, 0.5 * x, other);
        const Tensor slope = grad(sum(y), x);
        const std::vector<Tensor> second = vjp(slope, xgrad::ones_like(x), {&x, 1}, xgrad::Unconnected::gives_zeros);
        BOOST_TEST(close(y, half_points, 0, 0), name);
        BOOST_TEST(close(slope, half, 0, 0), name << "'");
        BOOST_TEST(close(second[0], zero, 0, 0), name << "''");
        const Tensor direction = xgrad::ones_like(x);
        BOOST_TEST(close(jvp(y, {&x, 1}, {&direction, 1}), half, 0, 0), name << "', forward mode");
        ++functions;
    }
    BOOST_TEST(functions > 40U);
}

BOOST_AUTO_TEST_CASE(softplus_and_log_sigmoid_of_large_logits) {
    std::vector<Expected> softplus_values, log_sigmoid_values;
    for (const double x : logits) {
        softplus_values.push_back({x, log_1_plus_exp(x), sigma(x)});
        log_sigmoid_values.push_back({x, -log_1_plus_exp(-x), sigma(-x)});
    }
    check_closed_form(
        "softplus", [](const Tensor& x) { return softplus(x); }, softplus_values);
    check_closed_form(
        "log_sigmoid", [](const Tensor& x) { return log_sigmoid(x); }, log_sigmoid_values);
}

BOOST_AUTO_TEST_CASE(binary_cross_entropy_of_large_logits) {
    for (const double y : {0., 1.}) {
        std::vector<Expected> values;
        for (const double z : logits) {
            values.push_back({z, log_1_plus_exp(y == 1 ? -z : z), y == 1 ? -sigma(-z) : sigma(z)});
        }
        check_closed_form(
            "binary_cross_entropy_with_logits",
            [y](const Tensor& Z) { return binary_cross_entropy_with_logits(Z, xgrad::full({1}, y, Z.dtype())); },
            values);
    }
    // A target between: Z (σ(Z) - Y) is large and nothing cancels.
    check_closed_form(
        "with target 1/4",
        [](const Tensor& Z) { return binary_cross_entropy_with_logits(Z, xgrad::full({1}, 0.25, Z.dtype())); },
        {{1e4, 7500, 0.75}, {-1e4, 2500, -0.25}, {0, std::log(2.0L), 0.25}});
}

BOOST_AUTO_TEST_CASE(the_softmax_family_of_large_logits) {
    const Array Z{{1e4, -1e4, 1e4}, {-1e4, 1e4, 1e4}};  // two classes, three examples
    const long double ln2 = std::log(2.0L);
    for (const DType dtype : dtypes) {
        const auto numbers = [&](const xgrad::Shape& shape, const support::Numbers& values) {
            return support::tensor_of(dtype, shape, values);
        };
        const auto same = [&](const Tensor& found, const Tensor& expected) {
            return close(found, expected, few_ulp(dtype), 0);
        };
        const Tensor z = parameter(astype(Tensor(Z), dtype));
        const Tensor y = log_softmax(z, 0);
        BOOST_TEST(same(y, numbers({2, 3}, {0, -2e4L, -ln2, -2e4L, 0, -ln2})));
        BOOST_TEST(
            same(vjp(y, numbers({2, 3}, {1, 1, 1, 0, 0, 0}), {&z, 1})[0], numbers({2, 3}, {0, 1, 0.5L, 0, -1, -0.5L})));
        BOOST_TEST(same(softmax(z, 0), numbers({2, 3}, {1, 0, 0.5L, 0, 1, 0.5L})));
        const Tensor total = logsumexp(z, 0);
        BOOST_TEST(same(total, numbers({3}, {1e4L, 1e4L, 1e4L + ln2})));
        BOOST_TEST(same(grad(sum(total), z), numbers({2, 3}, {1, 0, 0.5L, 0, 1, 0.5L})));
        const Tensor negative_total = logsumexp(numbers({2}, {-1e4L, -1e4L}));
        BOOST_TEST(same(negative_total, numbers({}, {-1e4L + ln2})));
        // Right, wrong and undecided: 0, 2e4, log 2 and the mean over the three.
        const Tensor J = cross_entropy(z, xt::xarray<int>{0, 0, 1});
        BOOST_TEST(same(J, numbers({}, {(2e4L + ln2) / 3})));
        BOOST_TEST(same(grad(J, z), numbers({2, 3}, {0, -1.0L / 3, 0.5L / 3, 0, 1.0L / 3, -0.5L / 3})));
    }
}

BOOST_AUTO_TEST_CASE(masked_logits) {
    // −∞ takes a class out: as if it were not there, in value and gradient.
    for (const DType dtype : dtypes) {
        const Tensor all = xgrad::parameter(support::tensor_of(dtype, {4}, {1, -HUGE_VAL, 0.5L, -HUGE_VAL}));
        const Tensor two = xgrad::parameter(support::tensor_of(dtype, {2}, {1, 0.5L}));
        const Tensor v = support::tensor_of(dtype, {2}, {0.75L, -2});
        const Tensor positions = xt::xarray<int>{0, 2};
        const auto same = [&](auto&& f) {
            const Tensor y = take(f(all), positions), expected = f(two);
            BOOST_TEST(close(y, expected, few_ulp(dtype), 0));
            const Tensor slope = vjp(y, v, {&all, 1})[0];
            BOOST_TEST(close(take(slope, positions), vjp(expected, v, {&two, 1})[0], few_ulp(dtype), 0));
            BOOST_TEST(close(take(slope, xt::xarray<int>{1, 3}), xgrad::zeros({2}, dtype), 0, 0));
        };
        same([](const Tensor& x) { return softmax(x); });
        same([](const Tensor& x) { return log_softmax(x); });
        same([](const Tensor& x) { return x - logsumexp(x); });
    }
}

BOOST_AUTO_TEST_CASE(a_label_far_behind) {
    for (const DType dtype : dtypes) {
        const Tensor z = xgrad::parameter(support::tensor_of(dtype, {3, 1}, {1e4L, -1e4L, 0.5L}));
        const Tensor J = cross_entropy(z, xt::xarray<int>{2});
        BOOST_TEST(close(J, support::tensor_of(dtype, {}, {9999.5L}), few_ulp(dtype), 0));
        BOOST_TEST(close(grad(J, z), support::tensor_of(dtype, {3, 1}, {1, 0, -1}), few_ulp(dtype), 0));
    }
}

BOOST_AUTO_TEST_SUITE_END()
