#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "reference.hpp"

// The numbers that the course's notebooks print; see tests/reference/README.md.

using support::close;
using xgrad::parameter;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

constexpr double printed = 6e-9;  // eight digits after the point
constexpr double rounded = 2e-8;  // computed from values that were themselves rounded so

auto exactly(const Tensor& x, const Tensor& y) {
    return close(x, y, 1e-9, 1e-14);
}
auto as_printed(const Tensor& x, const Tensor& y, double atol = printed) {
    return close(x, y, 1e-9, atol);
}

/// The course's linear_backward: dW and db carry the 1/m of the mean cost, dA_prev does not.
struct LinearBackward {
    Tensor dA_prev, dW, db;

    LinearBackward(const Tensor& dZ, const Array& A_prev, const Array& W) {
        const Tensor A_ = parameter(A_prev);
        const Tensor W_ = parameter(W);
        const Tensor b_ = parameter(xt::zeros<double>({W.shape(0), std::size_t{1}}));
        const std::vector<Tensor> g = vjp(xgrad::matmul(W_, A_) + b_, dZ, std::vector<Tensor>{A_, W_, b_});
        const auto m = static_cast<double>(A_prev.shape(1));
        dA_prev = g[0], dW = g[1] / m, db = g[2] / m;
    }
};

/// dZ = dA * g'(Z)
template <class G>
Tensor activation_backward(G&& g, const Tensor& dA, const Array& Z) {
    const Tensor Z_ = parameter(Z);
    return vjp(g(Z_), dA, {&Z_, 1})[0];
}

Tensor sigmoid(const Tensor& Z) {
    return xgrad::sigmoid(Z);
}
Tensor relu(const Tensor& Z) {
    return xgrad::relu(Z);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reference)

BOOST_AUTO_TEST_CASE(basics) {
    const Reference r("c1_basics");
    const Tensor x = parameter(r["sigmoid/x"]);
    BOOST_TEST(exactly(xgrad::sigmoid(x), r["sigmoid/y"]));
    BOOST_TEST(exactly(grad(xgrad::sum(xgrad::sigmoid(x)), x), r["sigmoid/dy"]));
    BOOST_TEST(exactly(xgrad::sigmoid(r["sigmoid_more/x"]), r["sigmoid_more/y"]));

    const Tensor s = parameter(r["softmax/x"]);
    BOOST_TEST(exactly(xgrad::softmax(s, 1), r["softmax/y"]));
    BOOST_TEST(exactly(vjp(xgrad::softmax(s, 1), r["softmax/v"], {&s, 1})[0], r["softmax/gx"]));
    // The notebook's own formula, without the shift that avoids overflow.
    const Tensor formula = xgrad::exp(s) / xgrad::sum(xgrad::exp(s), 1, xgrad::keepdims);
    BOOST_TEST(exactly(vjp(formula, r["softmax/v"], {&s, 1})[0], r["softmax/gx"]));

    const Tensor rows = parameter(r["normalize_rows/x"]);
    const Tensor normalised = rows / xgrad::norm(rows, 1, xgrad::keepdims);
    BOOST_TEST(exactly(normalised, r["normalize_rows/y"]));
    BOOST_TEST(exactly(vjp(normalised, r["normalize_rows/v"], {&rows, 1})[0], r["normalize_rows/gx"]));

    const Tensor yhat = parameter(r["l1/yhat"]);
    const Tensor L1 = xgrad::sum(xgrad::abs(r["l1/y"] - yhat));
    BOOST_TEST(exactly(L1, r["l1/value"]));
    BOOST_TEST(exactly(grad(L1, yhat), r["l1/g"]));
    const Tensor difference = r["l2/y"] - yhat;
    const Tensor L2 = xgrad::dot(difference, difference);
    BOOST_TEST(exactly(L2, r["l2/value"]));
    BOOST_TEST(exactly(grad(L2, yhat), r["l2/g"]));
}

BOOST_AUTO_TEST_CASE(logistic_regression) {
    for (const std::string year : {"2017", "2018", "2021"}) {
        BOOST_TEST_CONTEXT(year) {
            const Reference r("c1_logreg_tiny_" + year);
            const Tensor w = parameter(r["w"], "w");
            const Tensor b = parameter(r["b"], "b");
            const Tensor X = r["X"];
            const Tensor Y = r["Y"];
            const auto cost = [&] {
                const Tensor A = xgrad::sigmoid(xgrad::dot(xgrad::transpose(w), X) + b);
                return -xgrad::mean(Y * xgrad::log(A) + (1 - Y) * xgrad::log(1 - A));
            };
            const auto [dw, db] = grad(cost(), w, b);
            BOOST_TEST(exactly(cost(), r["cost"]));
            BOOST_TEST(exactly(dw, r["dw"]));
            BOOST_TEST(exactly(db, r["db"]));
            BOOST_TEST(as_printed(dw, r["published/dw"]));
            BOOST_TEST(as_printed(db, r["published/db"]));
            BOOST_TEST(as_printed(cost(), r["published/cost"]));

            const double rate = r["opt_lr"]();
            const int iterations = static_cast<int>(r["opt_iterations"]());
            Tensor last_dw, last_db;
            for (int i = 0; i < iterations; ++i) {
                w.zero_grad();
                b.zero_grad();
                cost().backward();
                last_dw = w.grad();
                last_db = b.grad();
                w.assign(w - rate * last_dw);
                b.assign(b - rate * last_db);
            }
            BOOST_TEST(iterations == 100);
            BOOST_TEST(exactly(w, r["opt_w"]));
            BOOST_TEST(exactly(b, r["opt_b"]));
            BOOST_TEST(exactly(last_dw, r["opt_last_dw"]));
            BOOST_TEST(exactly(last_db, r["opt_last_db"]));
            BOOST_TEST(as_printed(w, r["published_opt/w"]));
            BOOST_TEST(as_printed(b, r["published_opt/b"]));
            BOOST_TEST(as_printed(last_dw, r["published_opt/dw"]));
            BOOST_TEST(as_printed(last_db, r["published_opt/db"]));
        }
    }
}

BOOST_AUTO_TEST_CASE(planar_network) {
    const Reference r("c1_planar_units");
    for (const std::string release : {"v1", "v6f", "v6b"}) {
        BOOST_TEST_CONTEXT(release) {
            const auto p = [&](const std::string& name) { return parameter(r[release + "/p/" + name], name); };
            const Tensor W1 = p("W1"), b1 = p("b1"), W2 = p("W2"), b2 = p("b2");
            const Tensor Z1 = xgrad::matmul(W1, r[release + "/X"]) + b1;
            const Tensor A1 = xgrad::tanh(Z1);
            const Tensor Z2 = xgrad::matmul(W2, A1) + b2;
            const Tensor A2 = xgrad::sigmoid(Z2);
            BOOST_TEST(exactly(A2, r[release + "/A2"]));
            if (release != "v6b") {
                const Tensor means[] = {xgrad::mean(Z1), xgrad::mean(A1), xgrad::mean(Z2), xgrad::mean(A2)};
                for (std::size_t i = 0; i < 4; ++i) {
                    BOOST_TEST(exactly(means[i], r[release + "/means"](i)));
                    BOOST_TEST(as_printed(means[i], r[release + "/published_means"](i)));
                }
            }
            if (release == "v6f") continue;
            const Array& Y = r[release + "/Y"];
            const Tensor J = -xgrad::mean(Y * xgrad::log(A2) + (1 - Y) * xgrad::log(1 - A2));
            if (release == "v6b") BOOST_TEST(exactly(J, r["v6b/cost"]));
            const auto [dW1, db1, dW2, db2] = grad(J, W1, b1, W2, b2);
            for (const auto& [name, gradient] :
                 {std::pair("W1", dW1), std::pair("b1", db1), std::pair("W2", dW2), std::pair("b2", db2)}) {
                BOOST_TEST(exactly(gradient, r[release + "/g/" + name]));
                BOOST_TEST(as_printed(gradient, r[release + "/published/d" + name], rounded));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(planar_cost_and_update) {
    const Reference r("c1_planar_units");
    const Tensor A2 = r["cost/A2"];
    BOOST_TEST(exactly(xgrad::binary_cross_entropy(A2, r["cost/Y_real"]), r["cost/value_real"]));
    BOOST_TEST(exactly(xgrad::binary_cross_entropy(A2, r["cost/Y01"]), r["cost/value01"]));
    const xt::xarray<bool> labels = xt::cast<bool>(r["cost/Y01"]);
    BOOST_TEST(exactly(xgrad::binary_cross_entropy(A2, labels), r["cost/value01"]));
    for (const std::string name : {"W1", "W2", "b1", "b2"}) {
        const Tensor p = parameter(r["update/p/" + name]);
        p.assign(p - 1.2 * r["update/g/" + name]);
        BOOST_TEST(exactly(p, r["update/new/" + name]));
    }
}

BOOST_AUTO_TEST_CASE(deep_network_forward) {
    const Reference r("c1_dnn_units");
    for (const std::string release : {"", "_v1"}) {
        const std::string f = "linear_forward" + release;
        const Tensor Z = xgrad::matmul(r[f + "/W"], r[f + "/A"]) + r[f + "/b"];
        BOOST_TEST(exactly(Z, r[f + "/Z"]));
        BOOST_TEST(as_printed(Z, r[f + "/published/Z"]));
    }
    const std::string a = "linear_activation_forward";
    const Tensor Z = xgrad::matmul(r[a + "/W"], r[a + "/A"]) + r[a + "/b"];
    BOOST_TEST(exactly(xgrad::sigmoid(Z), r[a + "/sigmoid"]));
    BOOST_TEST(exactly(xgrad::relu(Z), r[a + "/relu"]));
    BOOST_TEST(as_printed(xgrad::sigmoid(Z), r[a + "/published/sig"]));
    BOOST_TEST(as_printed(xgrad::relu(Z), r[a + "/published/rel"]));

    for (const auto& [release, layers] : {std::pair("", 3), std::pair("_v3", 2), std::pair("_v1", 2)}) {
        const std::string f = std::string("L_model_forward") + release + "/";
        Tensor A = r[f + "X"];
        for (int l = 1; l <= layers; ++l) {
            const std::string number = std::to_string(l);
            const Tensor linear = xgrad::matmul(r[f + "W" + number], A) + r[f + "b" + number];
            A = l < layers ? xgrad::relu(linear) : xgrad::sigmoid(linear);
        }
        BOOST_TEST(exactly(A, r[f + "AL"]));
        BOOST_TEST(as_printed(A, r[f + "published/AL"]));
    }
}

BOOST_AUTO_TEST_CASE(deep_network_cost) {
    const Reference r("c1_dnn_units");
    for (const std::string f : {"cost/", "cost_v3/"}) {
        const Tensor AL = parameter(r[f + "AL"]);
        const Tensor J = xgrad::binary_cross_entropy(AL, r[f + "Y"]);
        BOOST_TEST(exactly(J, r[f + "cost"]));
        BOOST_TEST(exactly(grad(J, AL), r[f + "dAL"]));
        BOOST_TEST(as_printed(J, r[f + "published/cost"]));
    }
}

BOOST_AUTO_TEST_CASE(deep_network_linear_backward) {
    const Reference r("c1_dnn_units");
    const auto compare = [&](const std::string& f, const Tensor& dZ) {
        BOOST_TEST_CONTEXT(f) {
            const LinearBackward back(dZ, r[f + "/A"], r[f + "/W"]);
            BOOST_TEST(exactly(back.dA_prev, r[f + "/dA_prev"]));
            BOOST_TEST(exactly(back.dW, r[f + "/dW"]));
            BOOST_TEST(exactly(back.db, r[f + "/db"]));
            BOOST_TEST(as_printed(back.dA_prev, r[f + "/published/dA_prev"]));
            BOOST_TEST(as_printed(back.dW, r[f + "/published/dW"]));
            // One release prints db as a number.
            BOOST_TEST(as_printed(back.db, xgrad::reshape(r[f + "/published/db"], back.db.shape())));
        }
    };
    for (const std::string release : {"", "_v3", "_v1"}) {
        compare("linear_backward" + release, r["linear_backward" + release + "/dZ"]);
    }
    const std::string f = "linear_activation_backward";
    for (const std::string g : {"_sigmoid", "_v1_sigmoid"}) {
        compare(f + g, activation_backward(sigmoid, r[f + g + "/dA"], r[f + g + "/Z"]));
    }
    const std::string g = f + "_relu";
    compare(g, activation_backward(relu, r[g + "/dA"], r[g + "/Z"]));
}

BOOST_AUTO_TEST_CASE(deep_network_model_backward) {
    const Reference r("c1_dnn_units");
    const auto a = [&](const std::string& name) { return r["L_model_backward/" + name]; };
    // The notebook's test case draws AL, Z and A independently, so each step is taken on its own. Its AL is not even a
    // probability: the cost is NaN, and its derivative -(Y/AL - (1 - Y)/(1 - AL)) is not.
    const Tensor AL = parameter(a("AL"));
    const Tensor Y = a("Y");
    const Tensor dAL = grad(-xgrad::sum(Y * xgrad::log(AL) + (1 - Y) * xgrad::log(1 - AL)), AL);
    const LinearBackward second(activation_backward(sigmoid, dAL, a("Z2")), a("A2"), a("W2"));
    const LinearBackward first(activation_backward(relu, second.dA_prev, a("Z1")), a("A1"), a("W1"));
    for (const auto& [name, gradient] :
         {std::pair("dA1", second.dA_prev), std::pair("dW2", second.dW), std::pair("db2", second.db),
          std::pair("dA0", first.dA_prev), std::pair("dW1", first.dW), std::pair("db1", first.db)}) {
        BOOST_TEST_CONTEXT(name) {
            BOOST_TEST(exactly(gradient, a(name)));
            BOOST_TEST(as_printed(gradient, a(std::string("published/") + name)));
        }
    }
}

BOOST_AUTO_TEST_CASE(deep_network_update) {
    const Reference r("c1_dnn_units");
    for (const std::string name : {"W1", "b1", "W2", "b2"}) {
        const Tensor p = parameter(r["update/p/" + name]);
        p.assign(p - r["update/lr"]() * Tensor(r["update/g/" + name]));
        BOOST_TEST(exactly(p, r["update/new/" + name]));
        BOOST_TEST(as_printed(p, r["update/published/" + name]));
    }
}

BOOST_AUTO_TEST_SUITE_END()
