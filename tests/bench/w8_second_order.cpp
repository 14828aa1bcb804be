// W8: a Hessian-vector product of W3's cost, and the full Hessian of its 17 parameters.

#include <memory>

#include "w3.hpp"

namespace {

namespace xg = xgrad;

bench::Program hessian_vector_product() {
    const auto net = std::make_shared<w3::Network>();
    const std::vector<xg::Tensor> v{bench::uniform_tensor({4, 2}, 5, -1, 1), bench::uniform_tensor({4, 1}, 6, -1, 1),
                                    bench::uniform_tensor({1, 4}, 7, -1, 1), bench::uniform_tensor({1, 1}, 8, -1, 1)};
    const auto check = std::make_shared<bench::Check>();
    const auto step = [=] {
        const auto J = [&net](const std::vector<xg::Tensor>& p) { return w3::cost(*net, p); };
        const std::vector<xg::Tensor> Hv = xg::hvp(J, net->parameters, v);
        xg::compute(Hv);
        double sum = 0;
        double magnitude = 0;
        for (const xg::Tensor& part : Hv) {
            for (const float h : part.value<float>()) sum += h;
            magnitude += bench::magnitude(part);
        }
        *check = {sum, magnitude};
    };
    return {step, [check] { return *check; }};
}

/// All parameters in one column θ.
bench::Program full_hessian() {
    const auto net = std::make_shared<w3::Network>();
    const xg::Tensor theta = bench::uniform_tensor({17}, 9, -0.5F, 0.5F);
    const auto check = std::make_shared<bench::Check>();
    const auto step = [=] {
        const auto J = [&net](const xg::Tensor& t) {
            return w3::cost(*net, {xg::reshape(xg::view(t, {xg::range(0, 8)}), {4, 2}),
                                   xg::reshape(xg::view(t, {xg::range(8, 12)}), {4, 1}),
                                   xg::reshape(xg::view(t, {xg::range(12, 16)}), {1, 4}),
                                   xg::reshape(xg::view(t, {xg::range(16, 17)}), {1, 1})});
        };
        const xg::Tensor H = xg::hessian(J, theta);
        const auto values = H.value<float>();
        double trace = 0;
        for (std::size_t i = 0; i < 17; ++i) trace += values(i, i);
        *check = {trace, bench::magnitude(H)};
    };
    return {step, [check] { return *check; }};
}

const bench::Case product("W8/hvp", "recorded", hessian_vector_product);
const bench::Case full("W8/hessian", "recorded", full_hessian);

}  // namespace
