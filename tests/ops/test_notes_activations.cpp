#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// The notes' activation functions g and their derivatives g'.

using hand::Array;
using support::close;
using xgrad::Tensor;

namespace {

namespace g {
const auto leaky_relu = [](const Tensor& z) { return xgrad::leaky_relu(z); };
const auto relu = [](const Tensor& z) { return xgrad::relu(z); };
const auto sigmoid = [](const Tensor& z) { return xgrad::sigmoid(z); };
const auto tanh = [](const Tensor& z) { return xgrad::tanh(z); };
}  // namespace g

/// g'(z) in reverse mode.
template <class G>
Tensor derivative(G&& g, const Array& z) {
    const Tensor x = xgrad::parameter(z);
    return grad(xgrad::sum(g(x)), x);
}

/// g'(z) in forward mode.
template <class G>
Tensor tangent(G&& g, const Array& z) {
    const Tensor x = xgrad::parameter(z);
    const Tensor u = xgrad::ones_like(x);
    return jvp(g(x), {&x, 1}, {&u, 1});
}

const Array z{-3, -1.5, -0.25, -1e-300, 0, 1e-300, 0.5, 2, 4};

}  // namespace

BOOST_AUTO_TEST_SUITE(notes_activations)

BOOST_AUTO_TEST_CASE(g_of_z) {
    BOOST_TEST(close(g::sigmoid(z), Array(1 / (1 + xt::exp(-z)))));
    BOOST_TEST(close(g::tanh(z), Array((xt::exp(z) - xt::exp(-z)) / (xt::exp(z) + xt::exp(-z))), 1e-14, 1e-16));
    BOOST_TEST(close(g::relu(z), Array(xt::maximum(0., z)), 0, 1e-320));
    BOOST_TEST(close(g::leaky_relu(z), Array(xt::maximum(0.01 * z, z)), 1e-16, 1e-320));
    BOOST_TEST(close(xgrad::leaky_relu(z, 0.2), Array(xt::maximum(0.2 * z, z)), 1e-16, 1e-320));
}

BOOST_AUTO_TEST_CASE(the_formulas_themselves_give_the_same) {
    // Written with ops as in the notes, not with the named function.
    const Tensor Z = z;
    BOOST_TEST(close(1 / (1 + xgrad::exp(-Z)), g::sigmoid(Z), 1e-15));
    BOOST_TEST(close((xgrad::exp(Z) - xgrad::exp(-Z)) / (xgrad::exp(Z) + xgrad::exp(-Z)), g::tanh(Z), 1e-14, 1e-16));
    BOOST_TEST(close(xgrad::maximum(0, Z), g::relu(Z), 0, 1e-320));
    BOOST_TEST(close(xgrad::maximum(0.01 * Z, Z), g::leaky_relu(Z), 1e-16, 1e-320));
}

BOOST_AUTO_TEST_CASE(sigmoid_derivative_is_a_times_1_minus_a) {
    const Array a = 1 / (1 + xt::exp(-z));
    BOOST_TEST(close(derivative(g::sigmoid, z), Array(a * (1 - a))));
    BOOST_TEST(close(tangent(g::sigmoid, z), Array(a * (1 - a))));
}

BOOST_AUTO_TEST_CASE(tanh_derivative_is_1_minus_a_squared) {
    const Array a = xt::tanh(z);
    BOOST_TEST(close(derivative(g::tanh, z), Array(1 - a * a)));
    BOOST_TEST(close(tangent(g::tanh, z), Array(1 - xt::square(xt::tanh(z)))));
}

BOOST_AUTO_TEST_CASE(relu_derivative_is_0_below_0_and_1_from_0_on) {
    const Array expected{0, 0, 0, 0, 1, 1, 1, 1, 1};
    BOOST_TEST(support::same_bits(derivative(g::relu, z), Array(expected)));
    BOOST_TEST(support::same_bits(tangent(g::relu, z), Array(expected)));
    BOOST_TEST(derivative(g::relu, Array{0, -0.}).value<double>()(0) == 1);
    BOOST_TEST(derivative(g::relu, Array{0, -0.}).value<double>()(1) == 1);
}

BOOST_AUTO_TEST_CASE(leaky_relu_derivative_is_its_slope_below_0_and_1_from_0_on) {
    const Array expected{0.01, 0.01, 0.01, 0.01, 1, 1, 1, 1, 1};
    BOOST_TEST(support::same_bits(derivative(g::leaky_relu, z), Array(expected)));
    BOOST_TEST(support::same_bits(tangent(g::leaky_relu, z), Array(expected)));
}

BOOST_AUTO_TEST_CASE(the_slope_is_small_far_from_0) {
    // "When z is either very large or very small the gradient becomes very small."
    const Array far{-40, 40};
    for (const Tensor& slope : {derivative(g::sigmoid, far), derivative(g::tanh, far)}) {
        BOOST_TEST(xgrad::amax(slope).item() < 1e-15);
    }
    // ReLU has a constant gradient of 1.
    BOOST_TEST(derivative(g::relu, far).value<double>()(1) == 1);
}

BOOST_AUTO_TEST_CASE(not_a_number_stays_one) {
    const Array nan{std::nan("")};
    for (const Tensor& y : {g::relu(nan), g::leaky_relu(nan), g::sigmoid(nan), g::tanh(nan), xgrad::softplus(nan),
                            xgrad::maximum(nan, 0), xgrad::maximum(0, nan), xgrad::abs(nan), xgrad::sign(nan)}) {
        BOOST_TEST(std::isnan(y.item()));
    }
}

BOOST_AUTO_TEST_CASE(ties_share_the_derivative) {
    const Array x{1, 2, 3};
    const Array y{1, 3, 2};
    const Tensor X = xgrad::parameter(x);
    const Tensor Y = xgrad::parameter(y);
    for (const auto& [function, dx, dy] : {std::tuple(&xgrad::maximum, Array{0.5, 0, 1}, Array{0.5, 1, 0}),
                                           std::tuple(&xgrad::minimum, Array{0.5, 1, 0}, Array{0.5, 0, 1})}) {
        const auto [gx, gy] = grad(xgrad::sum(function(X, Y)), X, Y);
        BOOST_TEST(support::same_bits(gx, dx));
        BOOST_TEST(support::same_bits(gy, dy));
    }
    const Tensor P = xgrad::parameter(Array{3, 1, 3, 3});
    const double third = 1. / 3;
    BOOST_TEST(close(grad(xgrad::amax(P), P), Array{third, 0, third, third}));
    const Tensor zero = xgrad::parameter(Array{0.});
    BOOST_TEST(grad(xgrad::sum(xgrad::abs(zero)), zero).item() == 0);
    BOOST_TEST(grad(xgrad::norm(zero), zero).item() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
