// W8: a Hessian-vector product of W3's cost, and the full Hessian of its 17 parameters.

#include <memory>
#include <vector>

#include "w3.hpp"

namespace {

namespace xg = xgrad;

std::vector<xg::Tensor> product_of(const w3::Network& net, const std::vector<xg::Tensor>& v) {
    return xg::hvp([&net](const std::vector<xg::Tensor>& p) { return w3::cost(net, p); }, net.parameters, v);
}

template <class Compute>
bench::Program hessian_vector_product(Compute compute) {
    const auto net = std::make_shared<w3::Network>();
    const std::vector<xg::Tensor> v{bench::uniform_tensor({4, 2}, 5, -1, 1), bench::uniform_tensor({4, 1}, 6, -1, 1),
                                    bench::uniform_tensor({1, 4}, 7, -1, 1), bench::uniform_tensor({1, 1}, 8, -1, 1)};
    const auto check = std::make_shared<bench::Check>();
    const auto step = [=] {
        const std::vector<xg::Tensor> Hv = compute(*net, v);
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

xg::Tensor hessian_of(const w3::Network& net, const xg::Tensor& theta) {
    const auto J = [&net](const xg::Tensor& t) {
        return w3::cost(net, {xg::reshape(xg::view(t, {xg::range(0, 8)}), {4, 2}),
                              xg::reshape(xg::view(t, {xg::range(8, 12)}), {4, 1}),
                              xg::reshape(xg::view(t, {xg::range(12, 16)}), {1, 4}),
                              xg::reshape(xg::view(t, {xg::range(16, 17)}), {1, 1})});
    };
    return xg::hessian(J, theta);
}

/// All parameters in one column θ.
template <class Compute>
bench::Program full_hessian(Compute compute) {
    const auto net = std::make_shared<w3::Network>();
    const xg::Tensor theta = bench::uniform_tensor({17}, 9, -0.5F, 0.5F);
    const auto check = std::make_shared<bench::Check>();
    const auto step = [=] {
        const xg::Tensor H = compute(*net, theta);
        const auto values = H.value<float>();
        double trace = 0;
        for (std::size_t i = 0; i < 17; ++i) trace += values(i, i);
        *check = {trace, bench::magnitude(H)};
    };
    return {step, [check] { return *check; }};
}

bench::Program recorded_product() {
    return hessian_vector_product([](const w3::Network& net, const std::vector<xg::Tensor>& v) {
        const std::vector<xg::Tensor> Hv = product_of(net, v);
        xg::compute(Hv);
        return Hv;
    });
}

bench::Program compiled_product() {
    const auto net = std::make_shared<w3::Network>();
    const auto f = std::make_shared<xg::Compiled<std::vector<xg::Tensor>>>(
        xg::compile([net](const std::vector<xg::Tensor>& v) { return product_of(*net, v); }));
    return hessian_vector_product([f](const w3::Network&, const std::vector<xg::Tensor>& v) { return (*f)(v); });
}

bench::Program recorded_hessian() {
    return full_hessian(hessian_of);
}

bench::Program compiled_hessian() {
    const auto net = std::make_shared<w3::Network>();
    const auto f = std::make_shared<xg::Compiled<xg::Tensor>>(
        xg::compile([net](const xg::Tensor& theta) { return hessian_of(*net, theta); }));
    return full_hessian([f](const w3::Network&, const xg::Tensor& theta) { return (*f)(theta); });
}

const bench::Case product("W8/hvp", "recorded", recorded_product);
const bench::Case product_compiled("W8/hvp", "compiled", compiled_product);
const bench::Case full("W8/hessian", "recorded", recorded_hessian);
const bench::Case full_compiled("W8/hessian", "compiled", compiled_hessian);

}  // namespace
