#include <boost/test/unit_test.hpp>

#include <limits>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Losses against closed forms and against PyTorch 1.13 (float64), whose call stands above each block of numbers.

using support::close;
using support::message_of;
using xgrad::DType;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

// Four examples of three classes, the third and fourth saturated.
const Array logits{{0.5, 1.5, -2.0, 0.125}, {-1.25, 0.25, 3.0, -0.5}, {2.0, -0.75, 40.0, -60.0}};
const Array distributions{{0.2, 0, 0.25, 0.6}, {0.5, 1, 0.25, 0.4}, {0.3, 0, 0.5, 0}};
const xt::xarray<int> labels{2, 0, 1, 0};
const Array prediction{{0.5, -1.25, 2.0}, {1.5, 0.25, -0.75}};
const Array target{{0.25, 1.0, 2.0}, {-1.5, 0.75, 0.5}};

/// The loss and its gradient at x.
template <class F>
std::pair<double, Tensor> with_gradient(const Array& x, F&& loss) {
    const Tensor parameter = xgrad::parameter(x);
    const Tensor J = loss(parameter);
    return {J.item(), grad(J, parameter)};
}

std::string without_line(const std::string& message) {
    return message.substr(0, message.rfind(':'));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(losses)

BOOST_AUTO_TEST_CASE(cross_entropy_and_nll_as_in_pytorch) {
    // torch.nn.functional.cross_entropy(Z.t(), y)
    const Array expected{{0.044205045526861074, -0.07038991471223377, 1.43738056607339e-19, -0.08716128383348645},
                         {0.007681685081609108, 0.05145915099941289, -0.24999999999999997, 0.08716128383348644},
                         {-0.05188673060847018, 0.01893076371282088, 0.25, 1.2583514250375687e-27}};
    const auto [J, gradient] = with_gradient(logits, [](auto& Z) { return cross_entropy(Z, labels); });
    BOOST_TEST(J == 9.497998817696445, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(close(gradient, expected, 1e-13, 1e-17));
    // torch.nn.functional.nll_loss(torch.log_softmax(Z, 0).t(), y)
    const auto [same_J, same] = with_gradient(logits, [](auto& Z) { return nll(log_softmax(Z, 0), labels); });
    BOOST_TEST(same_J == 9.497998817696445, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(close(same, expected, 1e-13, 1e-17));
    // torch.nn.functional.cross_entropy(Z.t(), P.t())
    BOOST_TEST(xgrad::cross_entropy(logits, distributions).item() == 6.041748817696444,
               boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(an_ignored_class_as_in_pytorch) {
    // torch.nn.functional.cross_entropy(Z.t(), y, ignore_index=0)
    const Array expected{{0.08841009105372215, 0, 2.87476113214678e-19, 0},
                         {0.015363370163218216, 0, -0.49999999999999994, 0},
                         {-0.10377346121694037, 0, 0.5, 0}};
    const auto [J, gradient] = with_gradient(logits, [](auto& Z) { return cross_entropy(Z, labels, 0); });
    BOOST_TEST(J == 18.616310991551018, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(close(gradient, expected, 1e-13, 1e-17));
    // A label that is no class at all.
    const xt::xarray<int> marked{2, -100, 1, -100};
    BOOST_TEST(xgrad::cross_entropy(logits, marked, -100).item() == J);
    BOOST_TEST(xgrad::nll(xgrad::log_softmax(logits, 0), marked, -100).item() == J);
}

BOOST_AUTO_TEST_CASE(ignored_examples_may_be_anything) {
    Array Z = logits;
    Z(1, 1) = not_a_number;
    Z(2, 3) = infinity;
    const auto [J, gradient] = with_gradient(Z, [](auto& z) { return cross_entropy(z, labels, 0); });
    BOOST_TEST(J == 18.616310991551018, boost::test_tools::tolerance(1e-15));
    for (std::size_t c = 0; c < 3; ++c) {
        BOOST_TEST(gradient.template value<double>()(c, 1) == 0);
        BOOST_TEST(gradient.template value<double>()(c, 3) == 0);
    }
}

BOOST_AUTO_TEST_CASE(all_ignored_costs_nothing) {
    const xt::xarray<int> none{7, 7, 7, 7};
    const auto [J, gradient] = with_gradient(logits, [&](auto& Z) { return cross_entropy(Z, none, 7); });
    BOOST_TEST(J == 0);
    BOOST_TEST(close(gradient, xgrad::zeros({3, 4}, DType::float64)));
    BOOST_TEST(xgrad::nll(logits, none, 7).item() == 0);
}

BOOST_AUTO_TEST_CASE(impossible_classes) {
    // A class that is masked out costs nothing while it is not the label; then it costs everything.
    const Array Z{{0, 0}, {-infinity, 0}};
    const auto [J, gradient] = with_gradient(Z, [](auto& z) { return cross_entropy(z, xt::xarray<int>{0, 0}); });
    BOOST_TEST(J == 0.5 * std::log(2), boost::test_tools::tolerance(1e-15));
    BOOST_TEST(close(gradient, Array{{0, -0.25}, {0, 0.25}}));
    BOOST_TEST(xgrad::cross_entropy(Z, xt::xarray<int>{1, 0}).item() == infinity);
}

BOOST_AUTO_TEST_CASE(regression_as_in_pytorch) {
    // torch.nn.functional.mse_loss(A, Y)
    const auto [mse, of_mse] = with_gradient(prediction, [](auto& A) { return xgrad::mse(A, target); });
    BOOST_TEST(mse == 2.65625);
    BOOST_TEST(close(
        of_mse, Array{{0.08333333333333333, -0.75, 0.0}, {1.0, -0.16666666666666666, -0.41666666666666663}}, 1e-15));
    // torch.nn.functional.l1_loss(A, Y); where A = Y the derivative is 0
    const auto [l1, of_l1] = with_gradient(prediction, [](auto& A) { return xgrad::l1(A, target); });
    BOOST_TEST(l1 == 1.2083333333333333, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(close(of_l1, Array{{1, -1, 0}, {1, -1, -1}} / 6, 1e-15));
    // torch.nn.functional.huber_loss(A, Y, delta=0.75)
    const auto [huber, of_huber] = with_gradient(prediction, [](auto& A) { return xgrad::huber(A, target, 0.75); });
    BOOST_TEST(huber == 0.6979166666666666, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(
        close(of_huber, Array{{0.041666666666666664, -0.125, 0.0}, {0.125, -0.08333333333333333, -0.125}}, 1e-15));
    // Integers are targets too.
    BOOST_TEST(xgrad::mse(Array{0.5, 3}, xt::xarray<int>{0, 1}).item() == 2.125);
}

BOOST_AUTO_TEST_CASE(kl_div_as_in_pytorch) {
    // torch.nn.functional.kl_div(torch.log_softmax(Z, 0).t(), P.t(), reduction='batchmean')
    const Array expected{{-0.005794954473138929, 0.17961008528776623, -0.0625, 0.012838716166513553},
                         {-0.1173183149183909, -0.1985408490005871, -0.06249999999999998, -0.012838716166513567},
                         {0.12311326939152982, 0.01893076371282088, 0.125, 1.2583514250375687e-27}};
    const auto [J, gradient] = with_gradient(logits, [](auto& Z) { return kl_div(log_softmax(Z, 0), distributions); });
    BOOST_TEST(J == 5.356152454718007, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(close(gradient, expected, 1e-13, 1e-16));
    // A distribution does not differ from itself; 0 log 0 is 0 even against an impossible class.
    BOOST_TEST(xgrad::kl_div(xt::log(distributions), distributions).item() == 0);
}

BOOST_AUTO_TEST_CASE(hinge_by_hand) {
    const Array A{2, 1, 0.5, -1, -3};
    const auto [J, gradient] = with_gradient(A, [](auto& a) { return hinge(a, xt::xarray<int>{1, 1, 1, 1, -1}); });
    BOOST_TEST(J == 0.5, boost::test_tools::tolerance(1e-15));          // (0 + 0 + 1/2 + 2 + 0) / 5
    BOOST_TEST(close(gradient, Array{0, -0.5, -1, -1, 0} / 5, 1e-15));  // half at the margin
    BOOST_TEST(xgrad::hinge(A, Array{-1, -1, -1, -1, 1}).item() == 2.1, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(a_nan_is_not_hidden) {
    const Array A{0.5, not_a_number};
    const Array Y{1, 1};
    for (const double J :
         {xgrad::mse(A, Y).item(), xgrad::l1(A, Y).item(), xgrad::huber(A, Y).item(), xgrad::hinge(A, Y).item()}) {
        BOOST_TEST(std::isnan(J));
    }
}

BOOST_AUTO_TEST_CASE(errors) {
    const std::string here = " at test_losses.cpp";
    const auto of_shapes = [](auto&& f) { return without_line(message_of<xgrad::ShapeError>(f)); };
    const auto of_values = [](auto&& f) { return without_line(message_of<xgrad::ValueError>(f)); };
    const auto of_dtypes = [](auto&& f) { return without_line(message_of<xgrad::DTypeError>(f)); };
    const Array row{{1, 2, 3}};
    const Array vector{1, 2, 3};
    BOOST_TEST(of_shapes([&] { xgrad::mse(row, vector); }) ==
               "mse: needs a prediction and a target of one shape, got (1, 3) and (3,)" + here);
    BOOST_TEST(of_shapes([&] { xgrad::l1(row, 1.0); }) ==
               "l1: needs a prediction and a target of one shape, got (1, 3) and ()" + here);
    BOOST_TEST(of_shapes([&] { xgrad::huber(vector, row); }) ==
               "huber: needs a prediction and a target of one shape, got (3,) and (1, 3)" + here);
    BOOST_TEST(of_shapes([&] { xgrad::hinge(row, vector); }) ==
               "hinge: needs a prediction and a target of one shape, got (1, 3) and (3,)" + here);
    BOOST_TEST(of_shapes([&] { xgrad::kl_div(logits, row); }) ==
               "kl_div: needs a prediction and a target of one shape, got (3, 4) and (1, 3)" + here);
    BOOST_TEST(of_shapes([&] { xgrad::kl_div(vector, vector); }) ==
               "kl_div: needs log-probabilities (classes, m), got (3,) and (3,)" + here);
    BOOST_TEST(of_shapes([&] { xgrad::nll(vector, labels); }) ==
               "nll: needs log-probabilities (classes, m), got (3,) and (4,)" + here);
    BOOST_TEST(of_shapes([&] { xgrad::nll(row, labels); }) ==
               "nll: needs labels (m) or (1, m) for log-probabilities (classes, m), got (1, 3) and (4,)" + here);
    BOOST_TEST(of_dtypes([&] { xgrad::nll(logits, distributions); }) ==
               "nll: needs int32 or int64 labels, got float64" + here);
    BOOST_TEST(of_dtypes([&] { xgrad::mse(labels, labels); }) == "mse: needs float32 or float64, got int32" + here);
    BOOST_TEST(of_values([&] { xgrad::cross_entropy(logits, distributions, 1); }) ==
               "cross_entropy: needs labels to ignore one of them, got distributions" + here);
    BOOST_TEST(of_values([&] {
                   xgrad::nll(logits, xt::xarray<int>{0, 1, 2, 3});
               }) == "one_hot: needs labels from 0 to 2, got 3 at index 3" + here);
    BOOST_TEST(of_values([&] { xgrad::huber(row, row, 0); }) == "huber: needs a delta > 0, got 0.000000" + here);
    BOOST_TEST(of_values([&] { xgrad::huber(row, row, not_a_number); }).starts_with("huber: needs a delta > 0, got "));
    BOOST_TEST(of_values([&] {
                   xgrad::hinge(vector, xt::xarray<int>{1, 0, -1});
               }) == "hinge: needs labels -1 or 1, got 0.000000 at index 1" + here);
}

BOOST_AUTO_TEST_SUITE_END()
