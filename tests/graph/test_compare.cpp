#include <limits>

#include <boost/test/unit_test.hpp>

#include <sstream>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// compare_gradient() grades backpropagation as one writes it by hand, with the mistakes that people make. The other
// side is xtensor and nothing of ours.

using namespace xgrad;

namespace {

using hand::sum_kept;
using hand::times;
using hand::transposed;
using Doubles = xt::xarray<double>;

constexpr std::size_t n = 4, m = 7;

/// A 4-5-3-1 network, recorded, and the same by hand: everything forward, and the right gradients.
struct Network {
    Doubles X = support::draws({n, m}, 1);
    Doubles Y = xt::cast<double>(support::draws({1, m}, 2) > 0);
    Doubles w1 = support::draws({5, n}, 3), c1 = support::draws({5, 1}, 4), w2 = support::draws({3, 5}, 5),
            c2 = support::draws({3, 1}, 6), w3 = support::draws({1, 3}, 7), c3 = support::draws({1, 1}, 8);
    Tensor W1 = parameter(Tensor(w1), "W1"), b1 = parameter(Tensor(c1), "b1"), W2 = parameter(Tensor(w2), "W2"),
           b2 = parameter(Tensor(c2), "b2"), W3 = parameter(Tensor(w3), "W3"), b3 = parameter(Tensor(c3), "b3");
    Tensor Z1 = name(matmul(W1, Tensor(X)) + b1, "Z1"), A1 = name(relu(Z1), "A1");
    Tensor Z2 = name(matmul(W2, A1) + b2, "Z2"), A2 = name(tanh(Z2), "A2");
    Tensor Z3 = name(matmul(W3, A2) + b3, "Z3"), A3 = name(sigmoid(Z3), "A3");
    Tensor J = -mean(Tensor(Y) * log(A3) + (1 - Tensor(Y)) * log(1 - A3)) + 0.1 / (2 * m) * sum(square(W1));

    Doubles z1 = times(w1, X) + c1, a1 = xt::maximum(z1, 0.0), a2 = xt::tanh(times(w2, a1) + c2);
    Doubles a3 = hand::sigmoid(times(w3, a2) + c3);
    Doubles dZ3 = a3 - Y, dW3 = times(dZ3, transposed(a2)) / m, db3 = sum_kept(dZ3, 1) / m;
    Doubles dA2 = times(transposed(w3), dZ3), dZ2 = dA2 * (1 - a2 * a2);
    Doubles dW2 = times(dZ2, transposed(a1)) / m, db2 = sum_kept(dZ2, 1) / m;
    Doubles slope1 = xt::cast<double>(z1 >= 0), dA1 = times(transposed(w2), dZ2), dZ1 = dA1 * slope1;
    Doubles dW1 = times(dZ1, transposed(X)) / m + 0.1 / m * w1, db1 = sum_kept(dZ1, 1) / m;

    Comparison operator()(const Doubles& mine, const Tensor& x) const { return compare_gradient(Tensor(mine), J, x); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(compare)

BOOST_AUTO_TEST_CASE(right_ones_are_right) {
    const Network net;
    const std::pair<const Doubles*, const Tensor*> gradients[] = {{&net.dW1, &net.W1}, {&net.db1, &net.b1},
                                                                  {&net.dW2, &net.W2}, {&net.db2, &net.b2},
                                                                  {&net.dW3, &net.W3}, {&net.db3, &net.b3}};
    for (const auto& [mine, x] : gradients) {
        const Comparison comparison = net(*mine, *x);
        BOOST_TEST(bool(comparison), comparison);
        BOOST_TEST(comparison.text().starts_with("your d" + x->name() + " is right: within "), comparison);
    }
    // ∂Z as the notes write it, and with the 1/m.
    BOOST_TEST(bool(net(net.dZ1, net.Z1)));
    BOOST_TEST(net(net.dZ2, net.Z2).text() ==
               "your dZ2 is right as the notes write it, without the 1/m (m = 7) that dW and db bring");
    BOOST_TEST(bool(net(net.dZ3 / m, net.Z3)));
    BOOST_TEST(bool(net(net.dA1 / m, net.A1)));
}

BOOST_AUTO_TEST_CASE(classic_mistakes_are_told_in_words) {
    const Network net;
    const auto says = [&](const Doubles& mine, const Tensor& x) {
        const Comparison comparison = net(mine, x);
        return comparison ? "right" : comparison.text();
    };
    const Doubles none = net.dA2 / m;
    BOOST_TEST(says(m * net.dW2, net.W2) == "your dW2 is m = 7 times the right one: the 1/m is missing");
    BOOST_TEST(says(net.dW2 / m, net.W2) ==
               "your dW2 is 1/m of the right one: a 1/m too many, a mean where a sum is right");
    BOOST_TEST(says(-net.dW3, net.W3) == "your dW3 is the negative of the right one: a sign is wrong");
    BOOST_TEST(says(2 * net.dW3, net.W3) == "your dW3 is twice the right one: a factor 2 too many");
    BOOST_TEST(says(transposed(net.dW2), net.W2) == "your dW2 is the transpose of the right one");
    BOOST_TEST(says(net.dZ2 / m, net.b2) ==
               "your db2 is (3, 7) instead of (3, 1): the sum over axis 1, along which it was stretched, is missing");
    BOOST_TEST(says(net.dZ2, net.b2) ==
               "your db2 is (3, 7) instead of (3, 1): the sum over axis 1, along which it was "
               "stretched, is missing, and the 1/m is missing");
    BOOST_TEST(says(xt::sum(net.dZ2, {1}) / m, net.b2) ==
               "your db2 is right in its numbers, but (3,) instead of (3, 1)");
    BOOST_TEST(
        says(sum_kept(net.dZ2, 0), net.b2).starts_with("your db2 is ∂Z2 summed over axis 0: that is the wrong one"));
    BOOST_TEST(says(times(none, transposed(net.a1)), net.W2) == "your dW2 is without the factor g'(Z2) of tanh");
    BOOST_TEST(says(sum_kept(none, 1), net.b2) == "your db2 is without the factor g'(Z2) of tanh");
    BOOST_TEST(says(net.dA2, net.Z2) == "your dZ2 is without the factor g'(Z2) of tanh");
    BOOST_TEST(says(times(none * net.a2, transposed(net.a1)), net.W2) ==
               "your dW2 is with g(Z2) itself in place of g'(Z2) of tanh");
    BOOST_TEST(says(times(none * net.a2 * (1 - net.a2), transposed(net.a1)), net.W2) ==
               "your dW2 is with A (1 - A), which is sigmoid's, in place of g'(Z2) of tanh");
    BOOST_TEST(says(times(none * (1 - net.a2), transposed(net.a1)), net.W2) ==
               "your dW2 is with 1 - A, A being its result, in place of g'(Z2) of tanh");
    // The mistake is one layer further up.
    const Doubles upstream = times(transposed(net.w2), net.dA2) * net.slope1;
    BOOST_TEST(says(sum_kept(upstream, 1) / m, net.b1) == "your db1 is without the factor g'(Z2) of tanh");
    BOOST_TEST(says(times(net.dZ1, transposed(net.X)) / m, net.W1)
                   .starts_with("your dW1 is without what comes through square at "));
    BOOST_TEST(says(0.1 / m * net.w1, net.W1).starts_with("your dW1 is without what comes through matmul at "));
    BOOST_TEST(says(xt::zeros<double>({3, 5}), net.W2) == "your dW2 is zeros");
    BOOST_TEST(says(net.db2, net.W2) == "your dW2 is the gradient of b2");
    BOOST_TEST(
        says(times(net.dZ2, transposed(net.a2)) / m, net.W2) ==
        "your dW2 is (3, 3) instead of (3, 5): the matrix product ∂Z2 A2ᵀ where the matrix product ∂Z2 A1ᵀ is right");
    Doubles one = net.dW2;
    one(1, 2) += 1;
    BOOST_TEST(says(one, net.W2) == "your dW2 is right but for 1 of 15 entries, the first at [1, 2]");
    one(1, 2) = NAN;
    BOOST_TEST(says(one, net.W2) == "your dW2 is not finite: nan at [1, 2]");
    BOOST_TEST(says(support::draws({3, 5}, 9), net.W2).starts_with("your dW2 is off by "));
}

BOOST_AUTO_TEST_CASE(matrix_and_elementwise_products_are_told_apart) {
    const Doubles w = support::draws({3, 3}, 1), x = support::draws({3, 3}, 2);
    const Tensor W = parameter(Tensor(w), "W"), X = name(Tensor(x), "X");
    const Tensor Z = name(matmul(W, X), "Z"), A = name(tanh(Z), "A"), J = 0.5 / 3 * sum(square(A - X));
    const Doubles a = xt::tanh(times(w, x)), dA = a - x, dZ = dA * (1 - a * a);
    const auto says = [&](const Doubles& mine, const Tensor& of) {
        return compare_gradient(Tensor(mine), J, of).text();
    };
    BOOST_TEST(bool(compare_gradient(Tensor(Doubles(times(dZ, transposed(x)) / 3)), J, W)));
    BOOST_TEST(says(dZ * x / 3, W) ==
               "your dW is the elementwise product ∂Z * X where the matrix product ∂Z Xᵀ is right");
    BOOST_TEST(says(times(dZ, x) / 3, W) ==
               "your dW is the matrix product ∂Z X where the matrix product ∂Z Xᵀ is right");
    BOOST_TEST(says(times(dA, 1 - a * a), Z) ==
               "your dZ is the matrix product ∂A g' where the elementwise product ∂A * g' is right");
    BOOST_TEST(says(times(x, transposed(dZ)) / 3, W) == "your dW is the transpose of the right one");
}

BOOST_AUTO_TEST_CASE(float32_is_graded_with_its_own_roundings) {
    const Tensor X = astype(Tensor(support::draws({3, 50}, 1)), DType::float32);
    const Tensor W = parameter(astype(Tensor(support::draws({2, 3}, 2)), DType::float32), "W");
    const Tensor J = mean(square(matmul(W, X)));
    const Tensor mine = 2.0 / 100 * matmul(matmul(W, X), transpose(X));
    BOOST_TEST(bool(compare_gradient(mine, J, W)));
    BOOST_TEST(!compare_gradient(1.01 * mine, J, W));
    BOOST_TEST(!compare_gradient(50 * mine, J, W));
}

BOOST_AUTO_TEST_CASE(against_what_backward_has_left) {
    const Network net;
    BOOST_CHECK_THROW(compare_gradient(Tensor(net.dW2), net.W2), GradientError);
    net.J.backward();
    BOOST_TEST(bool(compare_gradient(Tensor(net.dW2), net.W2)));
    BOOST_TEST(compare_gradient(Tensor(Doubles(-net.dW2)), net.W2).text() ==
               "your dW2 is the negative of the right one: a sign is wrong");
    BOOST_TEST(compare_gradient(Tensor(transposed(net.dW2)), net.W2).text() ==
               "your dW2 is the transpose of the right one");
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_never_right) {
    const Network net;
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    for (const double bad : {nan, infinity, -infinity}) {
        Doubles mine = net.dW2;
        mine(0, 1) = bad;
        const Comparison comparison = net(mine, net.W2);
        BOOST_TEST(!comparison);
        BOOST_TEST(comparison.text() == fmt::format("your dW2 is not finite: {} at [0, 1]", bad));
        BOOST_TEST(!net(Doubles(net.dW2 * bad), net.W2));
    }
    const Tensor x = parameter(Doubles{4, 0}, "x");
    const Comparison of_root = compare_gradient(Tensor(Doubles{0.25, infinity}), sum(sqrt(x)), x);
    BOOST_TEST(!of_root);
    BOOST_TEST(of_root.text() ==
               "your dx cannot be graded: the derived one is inf at [1]; first_non_finite() says "
               "where that comes from");
    sum(sqrt(x)).backward();
    BOOST_TEST(compare_gradient(Tensor(Doubles{0.25, 1}), x).text() == of_root.text());
}

BOOST_AUTO_TEST_CASE(it_prints_and_refuses_what_is_no_gradient) {
    const Network net;
    std::ostringstream stream;
    const Comparison comparison = net(net.dW3, net.W3);
    stream << comparison;
    BOOST_TEST(stream.str() == comparison.text());
    BOOST_TEST(fmt::format("{}", comparison) == comparison.text());
    BOOST_CHECK_THROW(compare_gradient(xt::xarray<int>{{1, 2}}, net.J, net.W3), DTypeError);
    BOOST_CHECK_THROW(compare_gradient(Tensor(net.dW3), net.Z3, net.W3), GradientError);
    BOOST_CHECK_THROW(compare_gradient(Tensor(net.dW3), net.J, Tensor(net.X)), GradientError);
}

BOOST_AUTO_TEST_SUITE_END()
