// What first_non_finite() says of a NaN that comes through a branch that was not taken: for elementwise operations of
// the library there is none, since 0 times infinity is 0 there; products of matrices, and derivatives that somebody
// else wrote, do not know that.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

using xgrad::apply;
using xgrad::first_non_finite;
using xgrad::name;
using xgrad::NonFinite;
using xgrad::Record;
using xgrad::Shape;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

constexpr auto forward = NonFinite::Pass::forward, backward = NonFinite::Pass::backward;

xgrad::General elementwise_of_a_user(const char* called, xgrad::BlockKernels kernel, xgrad::Vjp vjp) {
    return {.name = called,
            .math = "y = f(x)",
            .shape =
                [](const xgrad::Call& call) {
                    return xgrad::Signature{call.dtype(0), call.shape(0)};
                },
            .forward = kernel,
            .vjp = std::move(vjp),
            .jvp = xgrad::Zero{"not asked for here"},
            .probes = std::vector<xgrad::Probe>{}};
}

// Each multiplies by the cotangent, or divides it, as derivatives are written in books.
const xgrad::Op& own_sqrt_op =
    define(elementwise_of_a_user("planted_own_sqrt", xgrad::floating<1>([](auto x) { return std::sqrt(x); }),
                                 [](const Record& r, const Tensor& g, std::size_t) { return g * (0.5 / r.output()); }));
const xgrad::Op& own_log_op =
    define(elementwise_of_a_user("planted_own_log", xgrad::floating<1>([](auto x) { return std::log(x); }),
                                 [](const Record& r, const Tensor& g, std::size_t) { return g / r.input(); }));

Tensor own_sqrt(const Tensor& x, xgrad::Location at = xgrad::Location::current()) {
    return apply(own_sqrt_op, {x}, {}, at);
}

Tensor own_log(const Tensor& x, xgrad::Location at = xgrad::Location::current()) {
    return apply(own_log_op, {x}, {}, at);
}

/// "where at test_untaken_branches.cpp:12"
std::string at_line(const char* op, int line) {
    return std::string(op) + " at test_untaken_branches.cpp:" + std::to_string(line);
}

std::string untaken(const char* choice, int line) {
    return "    " + at_line(choice, line) +
           " does not take this branch there, but in the gradient 0 times infinity, or 0 / 0, is NaN;\n";
}

struct Things {
    Tensor x = xgrad::parameter(Array{0, 2, 3}, "x");
    Tensor X = xgrad::parameter(Array{{0, 2}, {3, 4}}, "X");
    Tensor W = xgrad::parameter(Array{{1, 0.5}, {0.5, 1}}, "W");
    Tensor safe = xt::xarray<bool>{{false, true}};  // of each column
};

/// A NaN in a gradient, through a branch that `choice` does not take, of what the user's √ makes of `x` at 0.
void is_own_sqrt(const NonFinite& bad, const char* choice, int line) {
    BOOST_TEST_CONTEXT(choice << ":\n" << bad.text()) {
        BOOST_TEST_REQUIRE(bool(bad));
        BOOST_TEST((bad.pass == backward));
        BOOST_TEST(bad.derivative_of == "planted_own_sqrt");
        BOOST_TEST(bad.op == "divide");
        BOOST_TEST(bad.index == Shape({0}));
        BOOST_TEST(bad.value == std::numeric_limits<double>::infinity());
        BOOST_TEST(bad.meets_zero);
        BOOST_TEST(bad.untaken_at == at_line(choice, line));
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(untaken_branches, Things)

BOOST_AUTO_TEST_CASE(forward_in_a_product_of_matrices) {
    const Tensor L = name(log(X), "L");
    const int log_line = __LINE__ - 1;
    const Tensor J = name(sum(where(safe, matmul(W, L), 0)), "J");
    const int line = __LINE__ - 1;
    BOOST_TEST(!first_non_finite(J));
    BOOST_TEST(!first_non_finite(J, {X}));
    const NonFinite bad = first_non_finite(J, {X, W});
    BOOST_TEST((bad.pass == forward));
    BOOST_TEST(
        bad.text() ==
        "log makes -inf at [0, 0] of L (2, 2), forward, at test_untaken_branches.cpp:" + std::to_string(log_line) +
            "\n    of X (2, 2), which is 0 there\n    the gradient of W is not finite\n" + untaken("where", line) +
            "    make its argument safe inside, as in where(c, log(where(c, x, 1)), 0)\n");
    // The cure that is proposed is one.
    BOOST_TEST(!first_non_finite(sum(where(safe, matmul(W, where(safe, log(where(safe, X, 1)), 0)), 0)), {X, W}));
}

BOOST_AUTO_TEST_CASE(data_that_are_missing) {
    const Tensor data = name(Tensor(Array{{1, std::nan("")}, {3, 4}}), "data");
    const Tensor known = isfinite(sum(data, 0, xgrad::keepdims));
    const Tensor J = sum(where(known, matmul(W, data), 0));
    const int line = __LINE__ - 1;
    BOOST_TEST(!first_non_finite(J));
    const NonFinite bad = first_non_finite(J, {W});
    BOOST_TEST(bad.op.empty());
    BOOST_TEST(bad.index == Shape({0, 1}));
    BOOST_TEST(bad.untaken_at == at_line("where", line));
    BOOST_TEST(!bad.meets_zero);  // NaN needs no 0
    BOOST_TEST(
        bad.text().ends_with(untaken("where", line) + "    replace it before it is used, as in where(c, data, 0)\n"),
        bad.text());
    BOOST_TEST(!first_non_finite(sum(where(known, matmul(W, where(known, data, 0)), 0)), {W}));
}

BOOST_AUTO_TEST_CASE(forward_in_a_division_and_a_convolution) {
    const Tensor rows = xgrad::parameter(Array{{0, 0}, {3, 4}}, "rows"), v = xgrad::parameter(Array{1, 2}, "v");
    const Tensor length = name(norm(rows, 1, xgrad::keepdims), "length");
    const Tensor J = sum(where(flatten(length) > 0, matmul(rows / length, v), 0));
    const int line = __LINE__ - 1;
    BOOST_TEST(!first_non_finite(J, {rows}));
    const NonFinite bad = first_non_finite(J, {v});
    BOOST_TEST(bad.op == "divide");
    BOOST_TEST(bad.untaken_at == at_line("where", line));
    BOOST_TEST(bad.text().ends_with("    make the arguments of divide safe inside, with a where() around them\n"));

    const Tensor image = reshape(X, {1, 1, 2, 2}), kernel = xgrad::parameter(Array({1, 1, 1, 1}, 2.), "kernel");
    const Tensor C = sum(xgrad::maximum(conv2d(log(image), kernel), -1));
    const NonFinite of_kernel = first_non_finite(C, {kernel});
    BOOST_TEST(of_kernel.op == "log");
    BOOST_TEST(of_kernel.index == Shape({0, 0, 0, 0}));
    BOOST_TEST(of_kernel.untaken_at == at_line("maximum", __LINE__ - 4));
}

BOOST_AUTO_TEST_CASE(backward_in_the_derivative_of_a_user) {
    const Tensor J = sum(where(x > 0, own_sqrt(x), 0));
    const NonFinite bad = first_non_finite(J, {x});
    is_own_sqrt(bad, "where", __LINE__ - 2);
    const std::string place = " at test_untaken_branches.cpp:" + std::to_string(__LINE__ - 3);
    BOOST_TEST(bad.text() == "the derivative of planted_own_sqrt makes inf at [0] of (3,), backward, in its divide" +
                                 place + "\n    of the number 0.5\n    of planted_own_sqrt" + place +
                                 " (3,), which is 0 there\n    the gradient of x is not finite\n" +
                                 untaken("where", __LINE__ - 7) +
                                 "    make its argument safe inside, as in where(c, planted_own_sqrt(where(c, x, 1)), "
                                 "0)\n");
    const Tensor mended = where(x > 0, own_sqrt(where(x > 0, x, 1)), 0);
    BOOST_TEST(!first_non_finite(sum(mended), {x}));
}

BOOST_AUTO_TEST_CASE(zero_by_zero) {
    const NonFinite bad = first_non_finite(sum(where(x > 0, own_log(x), 0)), {x});
    BOOST_TEST((bad.pass == backward));
    BOOST_TEST(bad.derivative_of == "planted_own_log");
    BOOST_TEST(std::isnan(bad.value));
    BOOST_TEST(!bad.meets_zero);
    BOOST_TEST(bad.untaken_at == at_line("where", __LINE__ - 5));
}

BOOST_AUTO_TEST_CASE(every_kind_of_choice) {
    const auto of = [&](const Tensor& branches) { return first_non_finite(sum(branches), {x}); };
    is_own_sqrt(of(where(x == 0, x, own_sqrt(x))), "where", __LINE__);
    is_own_sqrt(of(xgrad::maximum(own_sqrt(x), 0.5)), "maximum", __LINE__);
    is_own_sqrt(of(xgrad::minimum(-0.5, -own_sqrt(x))), "minimum", __LINE__);
    is_own_sqrt(of(clip(own_sqrt(x), 0.5, 1)), "clip", __LINE__);
    is_own_sqrt(of(relu(own_sqrt(x) - 0.5)), "relu", __LINE__);
    is_own_sqrt(of(amax(own_sqrt(x))), "amax", __LINE__);
    is_own_sqrt(of(max_pool2d(reshape(own_sqrt(x), {1, 1, 1, 3}), {1, 3})), "max_pool2d", __LINE__);
}

BOOST_AUTO_TEST_CASE(through_what_lies_between) {
    const auto of = [&](const Tensor& branches) { return first_non_finite(sum(branches), {x}); };
    const Tensor c = x > 0;
    const Tensor root = own_sqrt(x);
    is_own_sqrt(of(where(c, exp(2 * root) + 1, 0)), "where", __LINE__);
    // The first one takes it: √0 is on the side on which the derivative of relu is 1.
    is_own_sqrt(of(where(c, relu(root), 0)), "where", __LINE__);
    is_own_sqrt(of(relu(where(c, root, 1))), "where", __LINE__);
    is_own_sqrt(of(xgrad::maximum(where(c, root, 1), x - 4)), "where", __LINE__);
    is_own_sqrt(of(where(reshape(c, {3, 1}), reshape(root, {3, 1}) * xt::ones<double>({1, 4}), 0)), "where", __LINE__);
    is_own_sqrt(of(where(flip(c), flip(root), 0)), "where", __LINE__);
    is_own_sqrt(of(where(view(c, {xgrad::range(0, 1)}), matmul(Array{{1, -1}}, view(root, {xgrad::range(0, 2)})), 0)),
                "where", __LINE__ - 1);
    is_own_sqrt(of(where(Tensor(false), sum(root), amax(x))), "where", __LINE__);
    // Two ways to it: neither asks for its derivative.
    is_own_sqrt(of(where(c, root, 0) + where(c, 2 * root, 0)), "where", __LINE__);
}

BOOST_AUTO_TEST_CASE(a_product_that_overflows) {
    const Tensor H = name(matmul(-1e200 * W, 1e200 * (X + 1)), "H"), U = xgrad::parameter(Array{{1, 2}, {3, 4}}, "U");
    const Tensor J = sum(relu(matmul(U, H)));
    const int line = __LINE__ - 1;
    BOOST_TEST(J.item() == 0);
    const NonFinite bad = first_non_finite(J, {U});
    BOOST_TEST(bad.op == "matmul");
    BOOST_TEST(bad.name == "H");
    BOOST_TEST(bad.untaken_at == at_line("relu", line));
    BOOST_TEST(
        bad.text().ends_with(
            "    its numbers are too large: data of one scale, or a smaller learning rate, would keep it finite\n"),
        bad.text());
}

BOOST_AUTO_TEST_CASE(a_mask_that_multiplies_is_no_choice) {
    const Tensor mask = name(astype(x > 0, xgrad::DType::float64), "mask");
    const NonFinite bad = first_non_finite(sum(mask * own_sqrt(x)), {x});
    BOOST_TEST(bad.untaken_at.empty());
    BOOST_TEST(bad.meets_zero);
    BOOST_TEST(bad.zero_of == "mask");
    BOOST_TEST(bad.text().ends_with(
                   "    it is multiplied by 0 on its way, that of mask, and 0 times infinity is NaN;\n    make its "
                   "argument safe inside, as in where(c, planted_own_sqrt(where(c, x, 1)), 0)\n"),
               bad.text());
    const NonFinite value = first_non_finite(sum(mask * (1 / x)), {x});
    BOOST_TEST((value.pass == forward));
    BOOST_TEST(value.untaken_at.empty());
    BOOST_TEST(value.text().ends_with(
                   "    it is multiplied by 0 on its way, that of mask, and 0 times infinity is NaN;\n    if that is a "
                   "mask, where() is safe, a product is not\n"),
               value.text());
}

BOOST_AUTO_TEST_CASE(a_branch_that_is_taken_is_not_blamed) {
    // Taken: its derivative is infinite, whatever else is chosen.
    const NonFinite taken = first_non_finite(sum(where(x >= 0, own_sqrt(x), 0)), {x});
    BOOST_TEST(taken.derivative_of == "planted_own_sqrt");
    BOOST_TEST(taken.untaken_at.empty());
    BOOST_TEST(!taken.meets_zero);
    // A slope of 0 is no branch.
    const NonFinite flat = first_non_finite(sum(square(own_sqrt(x))), {x});
    BOOST_TEST(flat.untaken_at.empty());
    BOOST_TEST(flat.meets_zero);
    BOOST_TEST(flat.zero_of == at_line("planted_own_sqrt", __LINE__ - 3));
    // A sum of infinities of two signs needs no 0.
    const NonFinite difference = first_non_finite(sum(log(x)) - sum(log(view(x, {xgrad::range(0, 1)}))), {x});
    BOOST_TEST(difference.op == "log");
    BOOST_TEST(!difference.meets_zero);
    BOOST_TEST(difference.untaken_at.empty());
    // Saturated: 1 − tanh² is 0 at an infinity.
    const NonFinite saturated = first_non_finite(sum(tanh(matmul(W, log(X)))), {W});
    BOOST_TEST(saturated.op == "log");
    BOOST_TEST(saturated.meets_zero);
    BOOST_TEST(saturated.untaken_at.empty());
}

BOOST_AUTO_TEST_CASE(in_the_gradient_of_a_gradient) {
    const Tensor dx = grad(sum(where(x > 0, own_sqrt(x) * x, x * x)), x);
    const NonFinite bad = first_non_finite(sum(square(dx)), {x});
    BOOST_TEST(bad.result == "the result");
    is_own_sqrt(bad, "where", __LINE__ - 3);
}

BOOST_AUTO_TEST_CASE(while_values_are_watched) {
    const xgrad::WatchNonFinite watch;
    const Tensor dx = grad(sum(where(x > 0, own_sqrt(x), 0)), x);
    const std::string text = support::message_of<xgrad::ValueError>([&] { xgrad::compute({dx}); });
    BOOST_TEST(text.find(untaken("where", __LINE__ - 2)) != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(leaves_nothing_behind) {
    const std::int64_t before = xgrad::live_nodes();
    BOOST_TEST(bool(first_non_finite(sum(where(x > 0, own_sqrt(x), 0)), {x})));
    BOOST_TEST(xgrad::live_nodes() == before);
}

BOOST_AUTO_TEST_SUITE_END()
