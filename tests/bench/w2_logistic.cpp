// W2: logistic regression on 209 images of 12288 pixels, X (features, examples), a step of gradient descent.

#include <memory>

#include "support.hpp"

namespace {

namespace xg = xgrad;

constexpr std::size_t n = 12288;
constexpr std::size_t m = 209;
constexpr double alpha = 0.0005;

struct Logistic {
    xg::Tensor X = bench::uniform_tensor({n, m}, 1, 0, 1);
    xg::Tensor Y = bench::tensor(bench::coins(m, 2), {1, m});
    xg::Tensor w = xg::parameter(xt::zeros<float>({n, std::size_t(1)}), "w");
    xg::Tensor b = xg::parameter(xt::zeros<float>({1, 1}), "b");
    bench::Course course{{w, b}};
};

bench::Program with_logits() {
    const auto my = std::make_shared<Logistic>();
    const auto descent = std::make_shared<xg::nn::SGD>(std::vector{my->w, my->b}, alpha);
    const auto step = [my, descent] {
        const xg::Tensor Z = xg::matmul(xg::transpose(my->w), my->X) + my->b;
        my->course(descent->step(xg::binary_cross_entropy_with_logits(Z, my->Y)));
    };
    return {step, [my] { return my->course.check(); }};
}

/// As the notes write it.
bench::Program formula() {
    const auto my = std::make_shared<Logistic>();
    const auto step = [my] {
        const auto& [X, Y, w, b, course] = *my;
        const xg::Tensor A = xg::sigmoid(xg::matmul(xg::transpose(w), X) + b);
        const xg::Tensor J = -xg::mean(Y * xg::log(A) + (1 - Y) * xg::log(1 - A));
        const auto [dw, db] = xg::grad(J, w, b);
        const std::vector<xg::Tensor> next{w - alpha * dw, b - alpha * db};
        xg::compute({J, next[0], next[1]});
        xg::assign({w, b}, next);
        my->course(J.item());
    };
    return {step, [my] { return my->course.check(); }};
}

const bench::Case recorded("W2", "recorded", with_logits);
const bench::Case typed("W2", "formula", formula);

}  // namespace
