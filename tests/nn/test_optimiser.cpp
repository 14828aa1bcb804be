#include <set>

#include <boost/test/unit_test.hpp>

#include <cmath>

#include <xgrad/xgrad.hpp>

using namespace xgrad;

namespace {

/// J = ½ θ², so that ∂θ = θ.
Tensor half_square(const Tensor& theta) {
    return 0.5 * square(theta);
}

constexpr auto rounding = 1e-12;

}  // namespace

BOOST_AUTO_TEST_SUITE(optimiser)

BOOST_AUTO_TEST_CASE(gradient_descent_follows_its_formula) {
    const Tensor theta = parameter(Tensor(3.0), "theta");
    nn::SGD descent({theta}, 0.1);
    double expected = 3;
    for (int step = 0; step < 10; ++step) {
        BOOST_TEST(descent.step(half_square(theta)) == 0.5 * expected * expected,
                   boost::test_tools::tolerance(rounding));
        expected -= 0.1 * expected;
        BOOST_TEST(theta.item() == expected, boost::test_tools::tolerance(rounding));
    }
}

BOOST_AUTO_TEST_CASE(momentum_follows_its_formula) {
    const Tensor theta = parameter(Tensor(3.0));
    nn::SGD descent({theta}, 0.1, 0.9);
    double expected = 3;
    double v = 0;
    for (int step = 0; step < 10; ++step) {
        descent.step(half_square(theta));
        v = 0.9 * v + expected;
        expected -= 0.1 * v;
        BOOST_TEST(theta.item() == expected, boost::test_tools::tolerance(rounding));
    }
}

BOOST_AUTO_TEST_CASE(adam_follows_its_formula) {
    const Tensor theta = parameter(Tensor(3.0));
    nn::Adam adam({theta}, 0.01);
    double expected = 3;
    double m = 0;
    double v = 0;
    for (int t = 1; t <= 10; ++t) {
        adam.step(half_square(theta));
        m = 0.9 * m + 0.1 * expected;
        v = 0.999 * v + 0.001 * expected * expected;
        const double m_hat = m / (1 - std::pow(0.9, t));
        const double v_hat = v / (1 - std::pow(0.999, t));
        expected -= 0.01 * m_hat / (std::sqrt(v_hat) + 1e-8);
        BOOST_TEST(theta.item() == expected, boost::test_tools::tolerance(rounding));
    }
}

namespace {

/// Gradient descent that tells what its learning rates were recorded as.
class Watched : public nn::Optimiser {
  public:
    Watched(std::vector<Tensor> parameters, double learning_rate)
        : Optimiser(std::move(parameters), learning_rate, Location::current()) {}
    mutable std::set<const xgrad::Node*> rates;

  protected:
    void update(const std::vector<Tensor>& gradients, const std::vector<Tensor>&, std::int64_t,
                Update& next) const override {
        for (std::size_t i = 0; i < gradients.size(); ++i) {
            const Tensor change = learning_rate_ * gradients[i];
            rates.insert(change.node()->inputs()[0].get());
            next.parameters.push_back(parameters()[i] - change);
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_number_is_one_leaf_for_all_parameters_of_a_dtype) {
    const Tensor a = xgrad::parameter(1., "a"), b = xgrad::parameter(2., "b"), c = xgrad::parameter(3.F, "c");
    Watched descent({a, b, c}, 0.1);
    descent.step(xgrad::square(a) + xgrad::square(b) + xgrad::square(c));
    BOOST_TEST(descent.rates.size() == 2U);
    BOOST_TEST(a.item() == 1 - 0.1 * 2);
    BOOST_TEST(b.item() == 2 - 0.1 * 4);
    BOOST_TEST(c.item() == double(3.F - 0.1F * 6.F));
}

BOOST_AUTO_TEST_CASE(a_cost_that_is_not_finite_changes_nothing) {
    const Tensor theta = parameter(Tensor(-1.0));
    nn::Adam adam({theta});
    BOOST_CHECK_EXCEPTION(adam.step(log(theta)), ValueError, [](const ValueError& error) {
        return std::string(error.what())
                   .find(
                       "step: needs a finite cost (a smaller learning rate may help), got nan at "
                       "step 1 with learning rate 0.001 at test_optimiser.cpp:") == 0;
    });
    BOOST_TEST(theta.item() == -1.0);
    adam.step(half_square(theta));
    BOOST_TEST(theta.item() == -1 + 0.001, boost::test_tools::tolerance(1e-9));  // step 1 still: Adam begins with α
}

BOOST_AUTO_TEST_CASE(hyper_parameters_out_of_range_are_refused) {
    const Tensor theta = parameter(Tensor(1.0));
    BOOST_CHECK_THROW(nn::SGD({theta}, 0), ValueError);
    BOOST_CHECK_THROW(nn::SGD({theta}, -1), ValueError);
    BOOST_CHECK_THROW(nn::SGD({theta}, NAN), ValueError);
    BOOST_CHECK_THROW(nn::SGD({theta}, 0.1, 1), ValueError);
    BOOST_CHECK_THROW(nn::Adam({theta}, 0.1, 1), ValueError);
    BOOST_CHECK_THROW(nn::Adam({theta}, 0.1, 0.9, 1), ValueError);
    BOOST_CHECK_THROW(nn::Adam({theta}, 0.1, 0.9, 0.999, -1), ValueError);
    BOOST_CHECK_THROW(nn::SGD({Tensor(1.0)}, 0.1), ValueError);
}

BOOST_AUTO_TEST_CASE(l2_is_lambda_over_two_m_times_the_squares) {
    const Tensor W = parameter(xt::xarray<double>{{1, 2}, {3, 4}});
    const Tensor penalty = nn::l2_penalty({W}, 0.7, 5);
    BOOST_TEST(penalty.item() == 0.7 / 10 * 30, boost::test_tools::tolerance(rounding));
    BOOST_TEST(grad(penalty, W).value<double>()(1, 1) == 0.7 / 5 * 4, boost::test_tools::tolerance(rounding));
    BOOST_CHECK_THROW(nn::l2_penalty({W}, -1, 5), ValueError);
    BOOST_CHECK_THROW(nn::l2_penalty({W}, 1, 0), ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
