// Where a NaN or an infinity comes from: the operation and the element, forward and backward.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

using support::mentions;
using support::message_of;
using xgrad::first_non_finite;
using xgrad::NonFinite;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor parameter_of(const xt::xarray<double>& values, const char* name) {
    return xgrad::parameter(values, name);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(non_finite)

BOOST_AUTO_TEST_CASE(finite_is_finite) {
    const Tensor x = parameter_of({1, 2, 3}, "x");
    const NonFinite none = first_non_finite(sum(log(x)), {x});
    BOOST_TEST(!none);
    BOOST_TEST(none.text() == "the result and its gradients are finite\n");
}

BOOST_AUTO_TEST_CASE(forward_the_operation_that_made_it_of_finite_numbers) {
    const Tensor x = parameter_of({{1, 2}, {0, 4}}, "x");
    const Tensor y = xgrad::name(x * 2, "y");
    const Tensor J = sum(xgrad::square(log(y)) + 1);
    const int line = __LINE__ - 1;
    const NonFinite bad = first_non_finite(J);
    BOOST_REQUIRE(bad);
    BOOST_TEST((bad.pass == NonFinite::Pass::forward));
    BOOST_TEST(bad.op == "log");
    BOOST_TEST(bad.index == Shape({1, 0}));
    BOOST_TEST(bad.value == -infinity);
    BOOST_REQUIRE(bad.inputs.size() == 1);
    BOOST_TEST(bad.inputs[0].name == "y");
    BOOST_TEST(bad.inputs[0].low == 0);
    BOOST_TEST(bad.at.line == line);
    BOOST_TEST(mentions(bad.text(),
                        "log makes -inf at [1, 0] of (2, 2), forward, at test_non_finite.cpp:" + std::to_string(line)),
               bad.text());
    BOOST_TEST(mentions(bad.text(), "of y (2, 2), which is 0 there"), bad.text());
}

BOOST_AUTO_TEST_CASE(forward_through_products_and_sums) {
    const Tensor X = xt::xarray<double>{{1, 2, 3}, {4, 5, 6}};
    const Tensor W = parameter_of({{1, 1}, {0, 800}}, "W");
    const Tensor Z = xgrad::exp(matmul(W, X));
    const NonFinite bad = first_non_finite(xgrad::mean(matmul(xgrad::transpose(Z), Z)));
    BOOST_REQUIRE(bad);
    BOOST_TEST(bad.op == "exp");
    BOOST_TEST(bad.index == Shape({1, 0}));
    BOOST_TEST(bad.inputs[0].low == 3200);
}

BOOST_AUTO_TEST_CASE(a_value_that_was_given) {
    const Tensor x = parameter_of({1, std::nan(""), 3}, "x");
    const NonFinite bad = first_non_finite(sum(x * 2));
    BOOST_REQUIRE(bad);
    BOOST_TEST(bad.op.empty());
    BOOST_TEST(bad.index == Shape({1}));
    BOOST_TEST(mentions(bad.text(), "x (3,) was given with nan at [1]"), bad.text());
}

BOOST_AUTO_TEST_CASE(backward_where_the_forward_pass_is_finite) {
    const Tensor x = parameter_of({4, 0, 1}, "x");
    const Tensor J = sum(xgrad::sqrt(x));
    const NonFinite bad = first_non_finite(J, {x});
    BOOST_REQUIRE(bad);
    BOOST_TEST((bad.pass == NonFinite::Pass::backward));
    BOOST_TEST(bad.derivative_of == "sqrt");
    BOOST_TEST(bad.index == Shape({1}));
    BOOST_TEST(bad.result == "the gradient of x");
    BOOST_TEST(!first_non_finite(J));
}

BOOST_AUTO_TEST_CASE(a_mask_that_multiplies) {
    const Tensor x = parameter_of({0, 2}, "x");
    const Tensor J = sum(astype(x > 0, xgrad::DType::float64) * log(x));
    const NonFinite bad = first_non_finite(J);
    BOOST_REQUIRE(bad);
    BOOST_TEST(bad.op == "log");
    BOOST_TEST(bad.meets_zero);
    BOOST_TEST(mentions(bad.text(), "0 times infinity is NaN"), bad.text());
}

BOOST_AUTO_TEST_CASE(while_watched_the_first_one_throws) {
    const Tensor x = parameter_of({1, 0}, "x");
    const Tensor before = sum(log(x));
    BOOST_TEST(before.item() == -infinity);
    {
        const xgrad::WatchNonFinite watch;
        const Tensor J = sum(log(x) * 2);
        const std::string text = message_of<xgrad::ValueError>([&] { J.item(); });
        BOOST_TEST(
            text.starts_with("log: needs to be finite while values are watched, got -inf at test_non_finite.cpp"),
            text);
        BOOST_TEST(mentions(text, "log makes -inf at [1] of (2,)"), text);
        BOOST_TEST(sum(x * 2).item() == 2);
        const xgrad::WatchNonFinite not_here(false);
        BOOST_TEST(sum(log(x)).item() == -infinity);
    }
    BOOST_TEST(sum(log(x)).item() == -infinity);
}

BOOST_AUTO_TEST_CASE(what_is_rewritten_is_finite) {
    const Tensor Z = parameter_of({{-1e4, 1e4}}, "Z"), Y = xt::xarray<double>{{1, 0}};
    const Tensor A = xgrad::sigmoid(Z);
    const Tensor J = -xgrad::mean(Y * log(A) + (1 - Y) * log(1 - A));
    BOOST_TEST(!first_non_finite(J, {Z}));
    const support::Rewriting as_typed(false);
    const Tensor typed = -xgrad::mean(Y * log(xgrad::sigmoid(Z)) + (1 - Y) * log(1 - xgrad::sigmoid(Z)));
    const NonFinite bad = first_non_finite(typed, {Z});
    BOOST_REQUIRE(bad);
    BOOST_TEST(bad.op == "log");
}

BOOST_AUTO_TEST_CASE(nothing_is_left_behind) {
    const auto before = xgrad::live_nodes();
    {
        const Tensor x = parameter_of({4, 0, 1}, "x");
        BOOST_TEST(bool(first_non_finite(sum(xgrad::sqrt(x)), {x})));
    }
    BOOST_TEST(xgrad::live_nodes() == before);
}

BOOST_AUTO_TEST_SUITE_END()
