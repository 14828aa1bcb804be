#pragma once

#include "support.hpp"

/// The network of W3 and W8: 2 features, 4 hidden units with tanh, 1 output with sigmoid, 400 examples.
namespace w3 {

namespace xg = xgrad;

inline constexpr std::size_t m = 400;
inline constexpr double alpha = 1.2;

struct Network {
    xg::Tensor X = bench::uniform_tensor({2, m}, 1, -1, 1);
    xg::Tensor Y = bench::tensor(bench::coins(m, 2), {1, m});
    xg::Tensor W1 = xg::parameter(bench::uniform_tensor({4, 2}, 3, -0.5F, 0.5F), "W1");
    xg::Tensor b1 = xg::parameter(xt::zeros<float>({4, 1}), "b1");
    xg::Tensor W2 = xg::parameter(bench::uniform_tensor({1, 4}, 4, -0.5F, 0.5F), "W2");
    xg::Tensor b2 = xg::parameter(xt::zeros<float>({1, 1}), "b2");
    std::vector<xg::Tensor> parameters{W1, b1, W2, b2};
};

/// J of the network with these parameters in the place of its own.
inline xg::Tensor cost(const Network& net, const std::vector<xg::Tensor>& p) {
    const xg::Tensor A1 = xg::tanh(xg::matmul(p[0], net.X) + p[1]);
    return xg::binary_cross_entropy_with_logits(xg::matmul(p[2], A1) + p[3], net.Y);
}

}  // namespace w3
