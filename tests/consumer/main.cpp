#include <fmt/format.h>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

int main() {
    xg::Tensor X = xt::xarray<float>({{1, 3}, {2, 6}});
    xg::Tensor W = xg::parameter(xt::zeros<float>({1, 2}), "W");
    xg::Tensor b = xg::parameter(xt::zeros<float>({1, 1}), "b");
    auto J = xg::mean(xg::sigmoid(xg::matmul(W, X) + b));
    auto [dW, db] = xg::grad(J, W, b);
    fmt::print("{} {} {}\n", J.item(), dW.value<float>()(0, 1), db.value<float>()(0, 0));
}
