#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// The notes' section "Neural Networks Basics": logistic regression.
//
// Two conventions meet here. The notes' ∂Z = A − Y is the derivative of the loss L of each example, so of their sum.
// The cost J is the mean over the m examples: its derivative with respect to Z is (A − Y)/m, and the factor 1/m that
// the notes write before X ∂Zᵀ and Σ ∂Z is already in it.

using hand::Array;
using support::close;
using support::draws;
using xgrad::Tensor;

namespace {

constexpr double m = 7;

struct Logistic {
    Array X = draws({3, 7}, 1);
    Array Y{{0, 1, 1, 0, 1, 0, 0}};
    Array w_start = draws({3, 1}, 2);
    double b_start = 0.25;
    Tensor w = xgrad::parameter(w_start, "w");
    Tensor b = xgrad::parameter(b_start, "b");

    // As in the notes: Z = np.dot(w.T, X) + b, A = σ(Z).
    Tensor Z = xgrad::dot(xgrad::transpose(w), X) + b;
    Tensor A = xgrad::sigmoid(Z);
    Tensor L = -(Y * xgrad::log(A) + (1 - Y) * xgrad::log(1 - A));
    Tensor J = -1 / m * xgrad::sum(Y * xgrad::log(A) + (1 - Y) * xgrad::log(1 - A));

    // The same by hand.
    Array hand_Z = hand::times(hand::transposed(w_start), X) + b_start;
    Array hand_A = hand::sigmoid(hand_Z);
    Array dZ = hand_A - Y;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(notes_logistic)

BOOST_AUTO_TEST_CASE(sigma) {
    BOOST_TEST(xgrad::sigmoid(0.).item() == 0.5);
    BOOST_TEST(xgrad::sigmoid(1e3).item() == 1);   // "if z is large, σ(z) will be close to 1"
    BOOST_TEST(xgrad::sigmoid(-1e3).item() == 0);  // "a large negative number, close to 0"
    BOOST_TEST(xgrad::sigmoid(-1e3F).item() == 0);
    const Array z = draws({9}, 3, -10, 10);
    BOOST_TEST(close(xgrad::sigmoid(z), hand::sigmoid(z)));
}

BOOST_FIXTURE_TEST_CASE(forward, Logistic) {
    BOOST_TEST(Z.shape() == xgrad::Shape(1, 7));
    BOOST_TEST(close(Z, hand_Z));
    BOOST_TEST(close(A, hand_A));
}

BOOST_FIXTURE_TEST_CASE(loss_and_cost, Logistic) {
    const Array loss = -(Y * xt::log(hand_A) + (1 - Y) * xt::log(1 - hand_A));
    BOOST_TEST(close(L, loss));
    BOOST_TEST(close(J, Array(xt::sum(loss) / m)));
    BOOST_TEST(close(xgrad::mean(L), J, 1e-14));
    BOOST_TEST(close(xgrad::binary_cross_entropy(A, Y), J, 1e-14));
    BOOST_TEST(close(xgrad::binary_cross_entropy_with_logits(Z, Y), J, 1e-13));
    // L is −log ŷ for y = 1 and −log(1 − ŷ) for y = 0.
    BOOST_TEST(L.value<double>()(0, 0) == -std::log(1 - hand_A(0, 0)), boost::test_tools::tolerance(1e-14));
    BOOST_TEST(L.value<double>()(0, 1) == -std::log(hand_A(0, 1)), boost::test_tools::tolerance(1e-14));
}

BOOST_FIXTURE_TEST_CASE(dZ_is_A_minus_Y, Logistic) {
    BOOST_TEST(close(grad(xgrad::sum(L), Z), dZ));            // of the losses
    BOOST_TEST(close(grad(J, Z), Array(dZ / m)));             // of the cost
    BOOST_TEST(close(m * grad(J, Z), Tensor(A - Y), 1e-12));  // the notes' line, with the graph's own A
}

BOOST_FIXTURE_TEST_CASE(dw_and_db, Logistic) {
    const auto [dw, db] = grad(J, w, b);
    BOOST_TEST(close(dw, Array(1 / m * hand::times(X, hand::transposed(dZ)))));
    BOOST_TEST(close(db, Array(1 / m * xt::sum(dZ))));
    BOOST_TEST(dw.shape() == xgrad::Shape(3, 1));
}

BOOST_FIXTURE_TEST_CASE(dw_and_db_of_each_form_of_the_cost, Logistic) {
    const Array dw = 1 / m * hand::times(X, hand::transposed(dZ));
    for (const Tensor& cost :
         {xgrad::mean(L), xgrad::binary_cross_entropy(A, Y), xgrad::binary_cross_entropy_with_logits(Z, Y)}) {
        BOOST_TEST(close(grad(cost, w), dw));
    }
}

BOOST_FIXTURE_TEST_CASE(a_step_of_gradient_descent, Logistic) {
    const double alpha = 0.5;
    const auto [dw, db] = grad(J, w, b);
    const double before = J.item();
    w.assign(w - alpha * dw);
    b.assign(b - alpha * db);
    BOOST_TEST(close(w, Array(w_start - alpha / m * hand::times(X, hand::transposed(dZ)))));
    BOOST_TEST(close(b, Array(b_start - alpha / m * xt::sum(dZ))));
    const Tensor after = xgrad::binary_cross_entropy(xgrad::sigmoid(xgrad::dot(xgrad::transpose(w), X) + b), Y);
    BOOST_TEST(after.item() < before);
    BOOST_TEST(J.item() == before);
}

BOOST_FIXTURE_TEST_CASE(the_second_derivative, Logistic) {
    // ∂²J/∂w∂wᵀ = 1/m X diag(a (1 − a)) Xᵀ
    const Array variance = hand_A * (1 - hand_A);
    const Array hessian = 1 / m * hand::times(Array(X * variance), hand::transposed(X));
    const Tensor dw = grad(J, w);
    for (std::size_t i = 0; i < 3; ++i) {
        const Tensor row = grad(xgrad::view(dw, {i, 0}), w);
        const Array expected = xt::view(hessian, xt::all(), xt::range(i, i + 1));
        BOOST_TEST(close(row, expected));
    }
}

BOOST_AUTO_TEST_SUITE_END()
