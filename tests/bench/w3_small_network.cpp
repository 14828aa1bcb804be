// W3: a network of 17 parameters on 400 examples, a step of gradient descent.

#include <memory>
#include <vector>

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

/// As the notes write it: the cost and the next parameters.
std::vector<xg::Tensor> formula_step(const w3::Network& net) {
    const auto& [X, Y, W1, b1, W2, b2, parameters] = net;
    const xg::Tensor A1 = xg::tanh(xg::matmul(W1, X) + b1);
    const xg::Tensor A2 = xg::sigmoid(xg::matmul(W2, A1) + b2);
    const xg::Tensor J = -xg::mean(Y * xg::log(A2) + (1 - Y) * xg::log(1 - A2));
    const auto [dW1, db1, dW2, db2] = xg::grad(J, W1, b1, W2, b2);
    return {J, W1 - w3::alpha * dW1, b1 - w3::alpha * db1, W2 - w3::alpha * dW2, b2 - w3::alpha * db2};
}

template <class Compute>
bench::Program descent(std::shared_ptr<w3::Network> net, Compute compute) {
    const auto course = std::make_shared<bench::Course>(net->parameters);
    const auto step = [=] {
        const std::vector<xg::Tensor> all = compute();
        xg::assign(net->parameters, {all[1], all[2], all[3], all[4]});
        (*course)(all[0].item());
    };
    return {step, [course] { return course->check(); }};
}

bench::Program formula() {
    const auto net = std::make_shared<w3::Network>();
    return descent(net, [net] {
        const std::vector<xg::Tensor> all = formula_step(*net);
        xg::compute(all);
        return all;
    });
}

bench::Program compiled() {
    const auto net = std::make_shared<w3::Network>();
    const auto f = std::make_shared<xg::Compiled<std::vector<xg::Tensor>>>(
        xg::compile([net](const std::vector<xg::Tensor>&) { return formula_step(*net); }));
    return descent(net, [f] { return (*f)(); });
}

const bench::Case recorded("W3", "recorded", with_logits);
const bench::Case typed("W3", "formula", formula);
const bench::Case typed_and_compiled("W3", "compiled", compiled);

}  // namespace
