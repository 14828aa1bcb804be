// W1: 1000 elementwise operations, one after the other, forward and backward.

#include <memory>

#include "support.hpp"

namespace {

namespace xg = xgrad;

bench::Program chain(std::size_t n) {
    const auto constant = [n](float value) { return xt::xarray<float>(value * xt::ones<float>({n, n})); };
    const xg::Tensor x = xg::parameter(constant(0.5F), "x");
    const xg::Tensor w = xg::parameter(constant(1.001F), "w");
    const xg::Tensor b = xg::parameter(constant(0.001F), "b");
    const auto check = std::make_shared<bench::Check>();
    const auto step = [=] {
        xg::Tensor y = x;
        for (int i = 0; i < 333; ++i) {
            y = xg::tanh(y);
            y = y * w;
            y = y + b;
        }
        const xg::Tensor J = xg::sum(xg::tanh(y));
        const auto [dx, dw, db] = xg::grad(J, x, w, b);
        xg::compute({J, dx, dw, db});
        check->cost = J.item();
        check->moved = bench::magnitude(dx) + bench::magnitude(dw) + bench::magnitude(db);
    };
    return {step, [check] { return *check; }, 1000};
}

const bench::Case one("W1/1x1", "recorded", [] { return chain(1); });
const bench::Case sixteen("W1/16x16", "recorded", [] { return chain(16); });

}  // namespace
