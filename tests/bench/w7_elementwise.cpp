// W7: Σ (tanh(a x + b) σ(x) − x²/2) of n numbers, and its gradient.

#include <memory>
#include <vector>

#include "support.hpp"

namespace {

namespace xg = xgrad;

std::vector<xg::Tensor> value_and_derivative(const xg::Tensor& x) {
    constexpr double a = 1.1;
    constexpr double b = 0.3;
    const xg::Tensor J = xg::sum(xg::tanh(a * x + b) * xg::sigmoid(x) - xg::square(x) / 2);
    return {J, xg::grad(J, x)};
}

template <class Compute>
bench::Program elementwise(std::size_t n, Compute compute) {
    const xg::Tensor x = xg::parameter(bench::uniform_tensor({n}, 1, -2, 2), "x");
    struct Result {
        double cost = 0;
        xg::Tensor dx;
    };
    const auto result = std::make_shared<Result>();
    const auto step = [=] {
        result->dx = {};
        const std::vector<xg::Tensor> all = compute(x);
        result->cost = all[0].item();
        result->dx = all[1];
    };
    return {step, [result] { return bench::Check{result->cost, bench::magnitude(result->dx)}; }};
}

bench::Program recorded(std::size_t n) {
    return elementwise(n, [](const xg::Tensor& x) {
        const std::vector<xg::Tensor> all = value_and_derivative(x);
        xg::compute(all);
        return all;
    });
}

bench::Program compiled(std::size_t n) {
    const auto f = std::make_shared<xg::Compiled<std::vector<xg::Tensor>>>(xg::compile(value_and_derivative));
    return elementwise(n, [f](const xg::Tensor& x) { return (*f)(x); });
}

const bench::Case thousand("W7/1e3", "recorded", [] { return recorded(1'000); });
const bench::Case thousand_compiled("W7/1e3", "compiled", [] { return compiled(1'000); });
const bench::Case hundred_thousand("W7/1e5", "recorded", [] { return recorded(100'000); });
const bench::Case hundred_thousand_compiled("W7/1e5", "compiled", [] { return compiled(100'000); });
const bench::Case ten_million("W7/1e7", "recorded", [] { return recorded(10'000'000); });
const bench::Case ten_million_compiled("W7/1e7", "compiled", [] { return compiled(10'000'000); });

}  // namespace
