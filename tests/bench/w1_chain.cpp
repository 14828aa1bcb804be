// W1: 1000 elementwise operations, one after the other, forward and backward.

#include <memory>
#include <vector>

#include "support.hpp"

namespace {

namespace xg = xgrad;

/// The sum of a chain's end and its derivatives.
std::vector<xg::Tensor> chain_of(const xg::Tensor& x, const xg::Tensor& w, const xg::Tensor& b) {
    xg::Tensor y = x;
    for (int i = 0; i < 333; ++i) {
        y = xg::tanh(y);
        y = y * w;
        y = y + b;
    }
    const xg::Tensor J = xg::sum(xg::tanh(y));
    const auto [dx, dw, db] = xg::grad(J, x, w, b);
    return {J, dx, dw, db};
}

template <class Compute>
bench::Program chain(std::size_t n, Compute compute) {
    const auto constant = [n](float value) { return xt::xarray<float>(value * xt::ones<float>({n, n})); };
    const xg::Tensor x = xg::parameter(constant(0.5F), "x");
    const xg::Tensor w = xg::parameter(constant(1.001F), "w");
    const xg::Tensor b = xg::parameter(constant(0.001F), "b");
    const auto check = std::make_shared<bench::Check>();
    const auto step = [=] {
        const std::vector<xg::Tensor> all = compute(x, w, b);
        check->cost = all[0].item();
        check->moved = bench::magnitude(all[1]) + bench::magnitude(all[2]) + bench::magnitude(all[3]);
    };
    return {step, [check] { return *check; }, 1000};
}

bench::Program recorded(std::size_t n) {
    return chain(n, [](const xg::Tensor& x, const xg::Tensor& w, const xg::Tensor& b) {
        const std::vector<xg::Tensor> all = chain_of(x, w, b);
        xg::compute(all);
        return all;
    });
}

bench::Program compiled(std::size_t n) {
    const auto f = std::make_shared<xg::Compiled<std::vector<xg::Tensor>>>(xg::compile(chain_of));
    return chain(n, [f](const xg::Tensor& x, const xg::Tensor& w, const xg::Tensor& b) { return (*f)(x, w, b); });
}

const bench::Case one("W1/1x1", "recorded", [] { return recorded(1); });
const bench::Case one_compiled("W1/1x1", "compiled", [] { return compiled(1); });
const bench::Case sixteen("W1/16x16", "recorded", [] { return recorded(16); });
const bench::Case sixteen_compiled("W1/16x16", "compiled", [] { return compiled(16); });

}  // namespace
