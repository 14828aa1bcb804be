#include <boost/test/unit_test.hpp>

#include <functional>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Promise 6: no NaN comes from a branch that `where` did not take: not in the value, not in any derivative of first or
// second order, in reverse or forward mode.

using support::same_bits;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

using Function = std::function<Tensor(const Tensor&)>;

struct Trap {
    const char* name;
    double at;  // where the branch that is not taken is not finite, or its derivative is not
    Function branch;
};

const Trap traps[] = {
    {"log at 0", 0, [](const Tensor& x) { return xgrad::log(x); }},
    {"log below 0", -1, [](const Tensor& x) { return xgrad::log(x); }},
    {"sqrt at 0", 0, [](const Tensor& x) { return xgrad::sqrt(x); }},
    {"sqrt below 0", -1, [](const Tensor& x) { return xgrad::sqrt(x); }},
    {"1/x at 0", 0, [](const Tensor& x) { return 1 / x; }},
    {"x/x at 0", 0, [](const Tensor& x) { return x / x; }},
    {"x^-1.5 at 0", 0, [](const Tensor& x) { return xgrad::power(x, -1.5); }},
    {"x^0.5 below 0", -1, [](const Tensor& x) { return xgrad::power(x, 0.5); }},
    {"0.5^x far below 0", -1e5, [](const Tensor& x) { return xgrad::power(0.5, x); }},
    {"exp of a large number", 1e5, [](const Tensor& x) { return xgrad::exp(x); }},
    {"exp(exp(x))", 1e3, [](const Tensor& x) { return xgrad::exp(xgrad::exp(x)); }},
    {"log(sqrt(x)) at 0", 0, [](const Tensor& x) { return xgrad::log(xgrad::sqrt(x)); }},
    {"exp(x)/exp(x)", 1e3, [](const Tensor& x) { return xgrad::exp(x) / xgrad::exp(x); }},
    {"x log x at 0", 0, [](const Tensor& x) { return x * xgrad::log(x); }},
    {"square of infinity", 1e200, [](const Tensor& x) { return xgrad::square(xgrad::square(x)); }},
    {"norm at 0", 0, [](const Tensor& x) { return xgrad::norm(x, 0, xgrad::keepdims); }},
};

/// Everything that can be asked about f at x: value, first and second derivative, each in both modes.
std::vector<Tensor> all_about(const Function& f, const Tensor& x) {
    const Tensor one = xgrad::ones_like(x);
    const Tensor y = f(x);
    const Tensor slope = vjp(y, one, {&x, 1})[0];
    return {y,
            slope,
            jvp(y, {&x, 1}, {&one, 1}),
            vjp(slope, one, {&x, 1}, xgrad::Unconnected::gives_zeros)[0],
            jvp(slope, {&x, 1}, {&one, 1}),
            vjp(jvp(y, {&x, 1}, {&one, 1}), one, {&x, 1}, xgrad::Unconnected::gives_zeros)[0]};
}

const char* const what[] = {"value",          "reverse mode",         "forward mode",
                            "second reverse", "forward over reverse", "reverse over forward"};

}  // namespace

BOOST_AUTO_TEST_SUITE(where_)

BOOST_AUTO_TEST_CASE(nothing_comes_from_the_branch_that_was_not_taken) {
    // x³ is taken at the trap; both orders of the branches, and as a choice for each element.
    const Function taken = [](const Tensor& x) { return x * xgrad::square(x); };
    for (const Trap& trap : traps) {
        const Tensor x = xgrad::parameter(Array{trap.at});
        const std::vector<Tensor> expected = all_about(taken, x);
        const Function first = [&](const Tensor& t) { return where(t == trap.at, taken(t), trap.branch(t)); };
        const Function second = [&](const Tensor& t) { return where(t != trap.at, trap.branch(t), taken(t)); };
        for (const Function& choice : {first, second}) {
            const std::vector<Tensor> found = all_about(choice, x);
            for (std::size_t i = 0; i < found.size(); ++i) {
                BOOST_TEST(support::close(found[i], expected[i], 1e-14, 0), trap.name << ", " << what[i]);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(neighbours_get_their_own_derivative) {
    const Tensor x = xgrad::parameter(Array{-1, 0, 4});
    const std::vector<Tensor> found = all_about([](const Tensor& t) { return where(t > 0, xgrad::sqrt(t), 0); }, x);
    BOOST_TEST(same_bits(found[0], Array{0, 0, 2}));
    BOOST_TEST(same_bits(found[1], Array{0, 0, 0.25}));
    BOOST_TEST(same_bits(found[2], Array{0, 0, 0.25}));
    for (std::size_t i = 3; i < 6; ++i) BOOST_TEST(support::close(found[i], Array{0, 0, -0.03125}, 1e-15, 0), what[i]);
}

BOOST_AUTO_TEST_CASE(a_not_a_number_that_was_taken_stays) {
    const Tensor x = xgrad::parameter(Array{-1., 4.});
    const Tensor y = where(x < 0, xgrad::sqrt(x), x);
    BOOST_TEST(std::isnan(y.value<double>()(0)));
    BOOST_TEST(std::isnan(grad(sum(y), x).value<double>()(0)));
    BOOST_TEST(grad(sum(y), x).value<double>()(1) == 1);
}

BOOST_AUTO_TEST_CASE(kinks_with_infinite_neighbours) {
    // The same promise for what is a choice inside: max, relu, the largest element.
    const Tensor x = xgrad::parameter(Array{0.});
    BOOST_TEST(grad(sum(xgrad::maximum(xgrad::log(x), x)), x).item() == 1);
    BOOST_TEST(grad(sum(xgrad::relu(xgrad::log(x))), x).item() == 0);
    BOOST_TEST(grad(xgrad::amax(xgrad::concatenate({xgrad::log(x), x})), x).item() == 1);
    BOOST_TEST(grad(sum(xgrad::view(xgrad::concatenate({xgrad::log(x), x}), {1})), x).item() == 1);
}

BOOST_AUTO_TEST_CASE(the_cost_of_certain_predictions) {
    // 0 log 0: a prediction of exactly 0 or 1 that is right costs nothing and has a finite derivative.
    const Tensor A = xgrad::parameter(Array{{0, 1, 0.5}});
    const Tensor J = xgrad::binary_cross_entropy(A, Array{{0, 1, 1}});
    BOOST_TEST(J.item() == std::log(2.) / 3, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(support::close(grad(J, A), Array{{1. / 3, -1. / 3, -2. / 3}}));
}

BOOST_AUTO_TEST_SUITE_END()
