// W4: a network 12288-20-7-5-1 on 209 images, a step of gradient descent.

#include <cmath>
#include <memory>

#include "support.hpp"

namespace {

namespace xg = xgrad;

bench::Program deep_network() {
    constexpr std::size_t m = 209;
    const std::vector<std::size_t> units{12288, 20, 7, 5, 1};
    const xg::Tensor X = bench::uniform_tensor({units[0], m}, 1, 0, 1);
    const xg::Tensor Y = bench::tensor(bench::coins(m, 2), {1, m});
    std::vector<xg::Tensor> parameters;
    for (std::size_t l = 1; l < units.size(); ++l) {
        const float bound = 1 / std::sqrt(static_cast<float>(units[l - 1]));
        const auto seed = static_cast<std::uint32_t>(2 + l);
        parameters.push_back(xg::parameter(bench::uniform_tensor({units[l], units[l - 1]}, seed, -bound, bound)));
        parameters.push_back(xg::parameter(xt::zeros<float>({units[l], std::size_t(1)})));
    }
    const auto course = std::make_shared<bench::Course>(parameters);
    const auto descent = std::make_shared<xg::nn::SGD>(parameters, 0.00075);
    const auto step = [=] {
        xg::Tensor A = X;
        for (std::size_t i = 0; i < parameters.size(); i += 2) {
            A = xg::matmul(parameters[i], A) + parameters[i + 1];
            if (i + 2 < parameters.size()) A = xg::relu(A);
        }
        (*course)(descent->step(xg::binary_cross_entropy_with_logits(A, Y)));
    };
    return {step, [course] { return course->check(); }};
}

const bench::Case recorded("W4", "recorded", deep_network);

}  // namespace
