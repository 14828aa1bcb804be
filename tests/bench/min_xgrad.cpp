// From nothing to the first gradient of W3: what the runner measures of it is the whole process.

#include <fmt/format.h>

#include "w3.hpp"

int main() {
    const w3::Network net;
    const std::vector<xgrad::Tensor> gradients = xgrad::grad(w3::cost(net, net.parameters), net.parameters);
    xgrad::compute(gradients);
    double sum = 0;
    for (const xgrad::Tensor& g : gradients) sum += bench::magnitude(g);
    fmt::print("{:.6f}\n", sum);
}
