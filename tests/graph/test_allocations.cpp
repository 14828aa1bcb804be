#include <boost/test/unit_test.hpp>

#include <xgrad/graph/address_sanitizer.hpp>
#include <xgrad/xgrad.hpp>

#include "allocations.hpp"
#include "support.hpp"

// A training step whose structure was seen before allocates nothing: nodes, attributes, lists and numbers stand where
// those of the step before stood.

using failing_allocations::allocations_of;
using support::draws;
using xgrad::Tensor;

namespace {

/// The allocations of f when everything that it needs has been there some times.
template <class F>
std::int64_t allocations_in_the_end(F&& f) {
    for (int step = 0; step < 8; ++step) f();
    return allocations_of(f);
}

/// 2-4-1, as the notes have it.
struct Network {
    Tensor X = xt::xarray<float>(draws({2, 50}, 1));
    Tensor Y = xt::xarray<float>(draws({1, 50}, 2) > 0);
    Tensor W1 = xgrad::parameter(xt::xarray<float>(draws({4, 2}, 3)), "W1");
    Tensor b1 = xgrad::parameter(xt::zeros<float>({4, 1}), "b1");
    Tensor W2 = xgrad::parameter(xt::xarray<float>(draws({1, 4}, 4)), "W2");
    Tensor b2 = xgrad::parameter(xt::zeros<float>({1, 1}), "b2");
    std::vector<Tensor> parameters{W1, b1, W2, b2};

    Tensor output() const { return xgrad::matmul(W2, xgrad::tanh(xgrad::matmul(W1, X) + b1)) + b2; }
    Tensor cost() const { return xgrad::binary_cross_entropy_with_logits(output(), Y); }
    /// With the logarithms of a sigmoid, which are computed by a better formula.
    Tensor typed_cost() const {
        const Tensor A = xgrad::sigmoid(output());
        return -mean(Y * xgrad::log(A) + (1 - Y) * xgrad::log(1 - A));
    }
};

}  // namespace

// Under AddressSanitizer no memory is kept for the next step.
BOOST_AUTO_TEST_SUITE(allocations, *boost::unit_test::enable_if<!xgrad::detail::has_address_sanitizer>())

BOOST_AUTO_TEST_CASE(an_allocation_is_counted) {
    BOOST_TEST(allocations_of([] { ::operator delete(::operator new(1)); }) == 1);
    BOOST_TEST(allocations_of([] { const Tensor fresh(xt::xarray<double>(draws({100}, 1))); }) > 0);
}

BOOST_AUTO_TEST_CASE(a_step_of_an_optimiser_allocates_nothing) {
    const Network net;
    xgrad::nn::SGD descent(net.parameters, 0.1), heavy(net.parameters, 0.1, 0.9);
    xgrad::nn::Adam adam(net.parameters);
    BOOST_TEST(allocations_in_the_end([&] { descent.step(net.cost()); }) == 0);
    BOOST_TEST(allocations_in_the_end([&] { heavy.step(net.cost()); }) == 0);
    BOOST_TEST(allocations_in_the_end([&] { adam.step(net.cost()); }) == 0);
    BOOST_TEST(allocations_in_the_end([&] { adam.step(net.typed_cost()); }) == 0);
}

BOOST_AUTO_TEST_CASE(a_step_written_by_hand_allocates_nothing) {
    const Network net;
    std::vector<Tensor> next(4);
    const auto step = [&] {
        const Tensor J = net.typed_cost();
        const auto [dW1, db1, dW2, db2] = xgrad::grad(J, net.W1, net.b1, net.W2, net.b2);
        next[0] = net.W1 - 0.1 * dW1;
        next[1] = net.b1 - 0.1 * db1;
        next[2] = net.W2 - 0.1 * dW2;
        next[3] = net.b2 - 0.1 * db2;
        xgrad::assign(net.parameters, next);
        return J.item();
    };
    BOOST_TEST(allocations_in_the_end(step) == 0);
}

BOOST_AUTO_TEST_CASE(a_step_of_a_convolutional_network_allocates_nothing) {
    namespace nn = xgrad::nn;
    const nn::Sequential net(nn::Conv2d(1, 3, 5, {.padding = 2}), nn::ReLU(), nn::MaxPool2d(2), nn::Conv2d(3, 4, 3),
                             nn::ReLU(), nn::Flatten(), nn::Linear(64, 10));
    const Tensor images = xt::xarray<float>(draws({6, 1, 12, 12}, 1));
    const Tensor labels = xt::xarray<int>(xt::cast<int>(draws({6}, 2, 0, 9.99)));
    nn::Adam adam(net.parameters());
    BOOST_TEST(allocations_in_the_end([&] { adam.step(xgrad::cross_entropy(net(images), labels)); }) == 0);
}

BOOST_AUTO_TEST_CASE(a_chain_of_operations_allocates_nothing) {
    const Tensor x = xgrad::parameter(xt::xarray<float>(draws({16, 16}, 1)), "x");
    const auto step = [&] {
        Tensor y = x;
        for (int link = 0; link < 50; ++link) y = xgrad::tanh(y * 0.9) + x;
        const Tensor norm = xgrad::sum(square(xgrad::grad(xgrad::sum(y), x)));
        return norm.item();
    };
    BOOST_TEST(allocations_in_the_end(step) == 0);
}

BOOST_AUTO_TEST_CASE(a_step_of_a_very_deep_network_allocates_nothing) {
    std::vector<Tensor> parameters;
    for (int layer = 0; layer < 300; ++layer) {
        parameters.push_back(xgrad::parameter(xt::xarray<float>(draws({2, 2}, layer)), ""));
        parameters.push_back(xgrad::parameter(xt::zeros<float>({2, 1}), ""));
    }
    const Tensor X = xt::xarray<float>(draws({2, 3}, 1));
    xgrad::nn::Adam adam(parameters);
    const auto step = [&] {
        Tensor A = X;
        for (std::size_t layer = 0; layer < parameters.size(); layer += 2) {
            A = xgrad::tanh(xgrad::matmul(parameters[layer], A) + parameters[layer + 1]);
        }
        adam.step(xgrad::mean(xgrad::square(A)));
    };
    BOOST_TEST(allocations_in_the_end(step) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
