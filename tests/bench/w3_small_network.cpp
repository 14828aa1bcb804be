// W3: a network of 17 parameters on 400 examples, a step of gradient descent.

#include <memory>

#include "w3.hpp"

namespace {

namespace xg = xgrad;

bench::Program with_logits() {
    const auto net = std::make_shared<w3::Network>();
    const auto course = std::make_shared<bench::Course>(net->parameters);
    const auto descent = std::make_shared<xg::nn::SGD>(net->parameters, w3::alpha);
    const auto step = [=] { (*course)(descent->step(w3::cost(*net, net->parameters))); };
    return {step, [course] { return course->check(); }};
}

/// As the notes write it.
bench::Program formula() {
    const auto net = std::make_shared<w3::Network>();
    const auto course = std::make_shared<bench::Course>(net->parameters);
    const auto step = [=] {
        const auto& [X, Y, W1, b1, W2, b2, parameters] = *net;
        const xg::Tensor A1 = xg::tanh(xg::matmul(W1, X) + b1);
        const xg::Tensor A2 = xg::sigmoid(xg::matmul(W2, A1) + b2);
        const xg::Tensor J = -xg::mean(Y * xg::log(A2) + (1 - Y) * xg::log(1 - A2));
        const auto [dW1, db1, dW2, db2] = xg::grad(J, W1, b1, W2, b2);
        const std::vector<xg::Tensor> next{W1 - w3::alpha * dW1, b1 - w3::alpha * db1, W2 - w3::alpha * dW2,
                                           b2 - w3::alpha * db2};
        xg::compute({J, next[0], next[1], next[2], next[3]});
        xg::assign(parameters, next);
        (*course)(J.item());
    };
    return {step, [course] { return course->check(); }};
}

const bench::Case recorded("W3", "recorded", with_logits);
const bench::Case typed("W3", "formula", formula);

}  // namespace
