#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "derivative_check.hpp"

// The check of derivatives is itself shown to fail, on operations that are wrong in one way each.

namespace {

using derivative_check::Property;
using xgrad::Record;
using xgrad::Tensor;

const auto cube_kernel = xgrad::floating<1>([](auto x) { return x * x * x; });
constexpr auto interval = xgrad::between(0.5, 2);

Tensor right(const Record& r) {
    return 3 * square(r.input());
}

xgrad::Elementwise cube(const char* name, xgrad::Partial partial) {
    return {.name = name,
            .math = "y = x^3",
            .forward = cube_kernel,
            .partials = {std::move(partial)},
            .probes = xgrad::unary_probes(interval)};
}

xgrad::General general_cube(const char* name, xgrad::Vjp vjp, xgrad::Jvp jvp) {
    return {.name = name,
            .math = "y = x^3",
            .shape =
                [](const xgrad::Call& call) {
                    return xgrad::Signature{call.dtype(0), call.shape(0)};
                },
            .forward = cube_kernel,
            .vjp = std::move(vjp),
            .jvp = std::move(jvp),
            .probes = xgrad::unary_probes(interval)};
}

Tensor times_right(const Record& r, const Tensor& g, std::size_t) {
    return g * right(r);
}

const xgrad::Op& right_op = define(cube("planted_right", right));
const xgrad::Op& factor_op = define(cube("planted_factor", [](const Record& r) { return 2 * right(r); }));
const xgrad::Op& sign_op = define(cube("planted_sign", [](const Record& r) { return -right(r); }));
const xgrad::Op& missing_op = define(cube("planted_missing", xgrad::Zero{"forgotten"}));
const xgrad::Op& close_op = define(cube("planted_close", [](const Record& r) { return (1 + 1e-9) * right(r); }));
const xgrad::Op& second_op =
    define(cube("planted_second", [](const Record& r) { return 3 * square(stop_gradient(r.input())); }));
const xgrad::Op& half_second_op =
    define(cube("planted_half_second", [](const Record& r) { return 3 * r.input() * stop_gradient(r.input()); }));
const xgrad::Op& right_general_op =
    define(general_cube("planted_right_general", times_right, [](const Record& r, auto t) { return t[0] * right(r); }));
const xgrad::Op& forward_op =
    define(general_cube("planted_forward", times_right, [](const Record& r, auto t) { return 2 * t[0] * right(r); }));
const xgrad::Op& ones_op = define(general_cube(
    "planted_ones",
    // Right for a cotangent of ones only.
    [](const Record& r, const Tensor& g, std::size_t) { return square(g) * right(r); },
    [](const Record& r, auto t) { return t[0] * right(r); }));
const xgrad::Op& layout_op = define(xgrad::Linear{
    .name = "planted_layout",
    .math = "y = x",
    .shape =
        [](const xgrad::Call& call) {
            return xgrad::Signature{call.dtype(0), call.shape(0)};
        },
    // Takes the first element for all of them unless the input is contiguous.
    .forward =
        [](const xgrad::Array& x, const xgrad::Attributes&, const xgrad::Shape& shape) {
            const xgrad::Strides none = xgrad::Strides::of_rank(shape.rank());
            return std::optional<xgrad::Layout>({0, x.is_contiguous() ? x.strides : none});
        },
    .transposes = {[](const Record&, const Tensor& g) { return g; }},
    .probes = {xgrad::Probe{"matrix", {{{2, 3}}}}},
});

derivative_check::Outcome outcome_of(const xgrad::Op& op, xgrad::DType dtype = xgrad::DType::float64) {
    derivative_check::Outcome total;
    for (const xgrad::Probe& probe : op.probes) total.add(derivative_check::check(op, probe, dtype, 1));
    return total;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(planted)

BOOST_AUTO_TEST_CASE(right_ones_pass) {
    for (const xgrad::DType dtype : {xgrad::DType::float64, xgrad::DType::float32}) {
        for (const xgrad::Op* op : {&right_op, &right_general_op}) {
            const derivative_check::Outcome outcome = outcome_of(*op, dtype);
            for (const derivative_check::Failure& failure : outcome.failures) BOOST_ERROR(failure.text);
            BOOST_TEST(outcome.checks > 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_wrong_first_derivative_fails) {
    for (const xgrad::Op* op : {&factor_op, &sign_op, &missing_op}) {
        BOOST_TEST(outcome_of(*op).failed(Property::reverse), op->name);
        BOOST_TEST(outcome_of(*op, xgrad::DType::float32).failed(Property::reverse), op->name);
    }
}

BOOST_AUTO_TEST_CASE(a_derivative_wrong_in_the_ninth_digit_fails) {
    BOOST_TEST(outcome_of(close_op).failed(Property::reverse));
}

BOOST_AUTO_TEST_CASE(a_wrong_second_derivative_fails) {
    for (const xgrad::Op* op : {&second_op, &half_second_op}) {
        for (const xgrad::DType dtype : {xgrad::DType::float64, xgrad::DType::float32}) {
            const derivative_check::Outcome outcome = outcome_of(*op, dtype);
            BOOST_TEST(!outcome.failed(Property::reverse), op->name);
            BOOST_TEST(outcome.failed(Property::second_order), op->name);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_wrong_forward_mode_fails) {
    const derivative_check::Outcome outcome = outcome_of(forward_op);
    BOOST_TEST(!outcome.failed(Property::reverse));
    BOOST_TEST(outcome.failed(Property::duality));
}

BOOST_AUTO_TEST_CASE(a_rule_that_is_right_for_ones_only_fails) {
    BOOST_TEST(outcome_of(ones_op).failed(Property::reverse));
}

BOOST_AUTO_TEST_CASE(a_kernel_that_is_wrong_for_some_strides_fails) {
    BOOST_TEST(outcome_of(layout_op).failed(Property::values));
}

BOOST_AUTO_TEST_CASE(a_failure_says_where) {
    const xgrad::Probe& probe = factor_op.probes[2];
    const derivative_check::Outcome outcome = derivative_check::check(factor_op, probe, xgrad::DType::float64, 7);
    const std::string text = outcome.failures.at(0).text;
    BOOST_TEST(text.starts_with("planted_factor, probe (3,), float64, contiguous, seed 7: gradient of input 0 at "
                                "element 0: analytic "),
               text);
    BOOST_TEST(text.find(", numeric ") != std::string::npos, text);
    BOOST_TEST(text.find(", relative error ") != std::string::npos, text);
}

BOOST_AUTO_TEST_SUITE_END()
