#include <boost/test/unit_test.hpp>

#include <functional>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// The notes' sections on shallow and deep networks: forward and back, for any number of layers.
//
// As in test_notes_logistic.cpp, the notes' ∂Z belongs to the losses of the examples and carries no 1/m; the graph
// differentiates the cost, where it does. So the notes' ∂Z[l] is m times the graph's, ∂W[l] and ∂b[l] are the same.

using hand::Array;
using hand::sum_kept;
using hand::times;
using hand::transposed;
using support::close;
using support::draws;
using xgrad::Tensor;

namespace {

struct Activation {
    std::function<Tensor(const Tensor&)> ours;
    std::function<Array(const Array& Z)> g;
    std::function<Array(const Array& Z)> slope;  // g'(Z)
};

const Activation tanh_{[](const Tensor& Z) { return xgrad::tanh(Z); }, [](const Array& Z) { return xt::tanh(Z); },
                       [](const Array& Z) { return 1 - xt::square(xt::tanh(Z)); }};
const Activation relu_{[](const Tensor& Z) { return xgrad::relu(Z); },
                       [](const Array& Z) { return xt::maximum(0., Z); },
                       [](const Array& Z) { return xt::cast<double>(Z >= 0.); }};
const Activation leaky_{[](const Tensor& Z) { return xgrad::leaky_relu(Z); },
                        [](const Array& Z) { return xt::maximum(0.01 * Z, Z); },
                        [](const Array& Z) { return xt::where(Z >= 0., 1., 0.01); }};
const Activation sigmoid_{[](const Tensor& Z) { return xgrad::sigmoid(Z); },
                          [](const Array& Z) { return hand::sigmoid(Z); },
                          [](const Array& Z) {
                              const Array A = hand::sigmoid(Z);
                              return Array(A * (1 - A));
                          }};

/// A network with its layers numbered from 1, as in the notes; A[0] = X.
struct Network {
    std::vector<std::size_t> n;
    std::vector<Activation> g;
    double m = 6;
    Array X = draws({n[0], 6}, 1);
    Array Y = xt::cast<double>(draws({n.back(), 6}, 2) > 0.);
    std::size_t L = n.size() - 1;
    std::vector<Array> W{{}}, b{{}}, Z{{}}, A{X};
    std::vector<Tensor> W_{{}}, b_{{}}, Z_{{}}, A_{X};
    Tensor J;

    Network(std::vector<std::size_t> widths, std::vector<Activation> hidden) : n(std::move(widths)), g(hidden) {
        g.insert(g.begin(), Activation());
        g.push_back(sigmoid_);
        for (std::size_t l = 1; l <= L; ++l) {
            W.push_back(draws({n[l], n[l - 1]}, static_cast<unsigned>(10 * l), -1, 1));
            b.push_back(draws({n[l], 1}, static_cast<unsigned>(10 * l + 1), -1, 1));
            Z.push_back(times(W[l], A[l - 1]) + b[l]);
            A.push_back(g[l].g(Z[l]));

            W_.push_back(xgrad::parameter(W[l], "W" + std::to_string(l)));
            b_.push_back(xgrad::parameter(b[l], "b" + std::to_string(l)));
            Z_.push_back(xgrad::matmul(W_[l], A_[l - 1]) + b_[l]);
            A_.push_back(g[l].ours(Z_[l]));
        }
        J = -1 / m * xgrad::sum(Y * xgrad::log(A_[L]) + (1 - Y) * xgrad::log(1 - A_[L]));
    }

    void check() const {
        for (std::size_t l = 1; l <= L; ++l) {
            BOOST_TEST(Z_[l].shape() == xgrad::Shape(n[l], 6));
            BOOST_TEST(close(Z_[l], Z[l]));
            BOOST_TEST(close(A_[l], A[l]));
        }
        const Array loss = Y * xt::log(A[L]) + (1 - Y) * xt::log(1 - A[L]);
        BOOST_TEST(close(J, Array(-1 / m * xt::sum(loss))));

        Array dZ = A[L] - Y;
        for (std::size_t l = L; l >= 1; --l) {
            BOOST_TEST_CONTEXT("layer " << l << " of " << L) {
                // The whole set at once, and in one call each: intermediate tensors are differentiated with respect to
                // like parameters.
                const auto [graph_dZ, dW, db] = grad(J, Z_[l], W_[l], b_[l]);
                BOOST_TEST(close(m * graph_dZ, dZ, 1e-11));
                BOOST_TEST(close(dW, Array(1 / m * times(dZ, transposed(A[l - 1]))), 1e-11));
                BOOST_TEST(close(db, Array(1 / m * sum_kept(dZ, 1)), 1e-11));
                if (l == 1) break;
                const Array dA = times(transposed(W[l]), dZ);
                BOOST_TEST(close(m * grad(J, A_[l - 1]), dA, 1e-11));
                dZ = dA * g[l - 1].slope(Z[l - 1]);
            }
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(notes_networks)

BOOST_AUTO_TEST_CASE(a_shallow_network_with_each_activation) {
    for (const Activation& hidden : {tanh_, relu_, leaky_, sigmoid_}) Network({3, 4, 1}, {hidden}).check();
}

BOOST_AUTO_TEST_CASE(a_network_of_four_layers) {
    Network({5, 4, 6, 3, 1}, {relu_, tanh_, leaky_}).check();
}

BOOST_AUTO_TEST_CASE(a_network_with_several_outputs) {
    Network({3, 5, 2}, {tanh_}).check();
}

BOOST_AUTO_TEST_CASE(the_dimensions_of_the_notes) {
    const Network net({5, 4, 3, 1}, {relu_, relu_});
    for (std::size_t l = 1; l <= net.L; ++l) {
        const auto [dZ, dA, dW, db] = grad(net.J, net.Z_[l], net.A_[l], net.W_[l], net.b_[l]);
        BOOST_TEST(net.W_[l].shape() == xgrad::Shape(net.n[l], net.n[l - 1]));
        BOOST_TEST(net.b_[l].shape() == xgrad::Shape(net.n[l], 1));
        BOOST_TEST(dZ.shape() == net.Z_[l].shape());
        BOOST_TEST(dA.shape() == net.A_[l].shape());
        BOOST_TEST(dW.shape() == net.W_[l].shape());
        BOOST_TEST(db.shape() == net.b_[l].shape());
    }
}

BOOST_AUTO_TEST_CASE(weights_that_start_at_zero_stay_equal) {
    const Array X = draws({2, 6}, 1);
    const Array Y = xt::cast<double>(draws({1, 6}, 2) > 0.);
    const Tensor W1 = xgrad::parameter(xt::zeros<double>({4, 2}));
    const Tensor W2 = xgrad::parameter(xt::zeros<double>({1, 4}) + 0.5);
    for (int step = 0; step < 5; ++step) {
        const Tensor J =
            xgrad::binary_cross_entropy_with_logits(xgrad::matmul(W2, xgrad::tanh(xgrad::matmul(W1, X))), Y);
        const auto [dW1, dW2] = grad(J, W1, W2);
        W1.assign(W1 - dW1);
        W2.assign(W2 - dW2);
    }
    const auto rows = W1.value<double>();
    for (std::size_t i = 1; i < 4; ++i) {
        BOOST_TEST(rows(i, 0) == rows(0, 0));
        BOOST_TEST(rows(i, 1) == rows(0, 1));
    }
    BOOST_TEST(rows(0, 0) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
