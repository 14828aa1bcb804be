// W7: Σ (tanh(a x + b) σ(x) − x²/2) of n numbers, and its gradient.

#include <memory>

#include "support.hpp"

namespace {

namespace xg = xgrad;

bench::Program elementwise(std::size_t n) {
    const xg::Tensor x = xg::parameter(bench::uniform_tensor({n}, 1, -2, 2), "x");
    struct Result {
        double cost = 0;
        xg::Tensor dx;
    };
    const auto result = std::make_shared<Result>();
    const auto step = [=] {
        constexpr double a = 1.1;
        constexpr double b = 0.3;
        const xg::Tensor J = xg::sum(xg::tanh(a * x + b) * xg::sigmoid(x) - xg::square(x) / 2);
        result->dx = {};
        const xg::Tensor dx = xg::grad(J, x);
        xg::compute({J, dx});
        result->cost = J.item();
        result->dx = dx;
    };
    return {step, [result] { return bench::Check{result->cost, bench::magnitude(result->dx)}; }};
}

const bench::Case thousand("W7/1e3", "recorded", [] { return elementwise(1'000); });
const bench::Case hundred_thousand("W7/1e5", "recorded", [] { return elementwise(100'000); });
const bench::Case ten_million("W7/1e7", "recorded", [] { return elementwise(10'000'000); });

}  // namespace
