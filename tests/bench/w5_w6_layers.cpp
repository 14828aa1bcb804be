// W5: a dense network 784-512-256-10 on batches of 128; W6: two convolutions, two poolings and two dense layers on
// batches of 64. Softmax cross-entropy, a step of Adam.

#include <cmath>
#include <memory>

#include "support.hpp"

namespace {

namespace xg = xgrad;
namespace nn = xgrad::nn;

/// Weights between ±1/√(fan-in), biases 0.
void initialise(const nn::Module& net) {
    std::uint32_t seed = 3;
    for (const xg::Tensor& p : net.parameters()) {
        const std::vector<std::size_t> shape(p.shape().begin(), p.shape().end());
        const auto fan_in = static_cast<float>(p.size() / p.shape()[0]);
        const float bound = fan_in > 1 ? 1 / std::sqrt(fan_in) : 0;
        p.assign(bench::uniform_tensor(shape, seed++, -bound, bound));
    }
}

/// A step of Adam. The second half of the examples repeats the first with other labels, so that no network can learn
/// them by heart and the gradients never vanish.
bench::Program training(const nn::Sequential& net, const xg::Tensor& X, const xg::Tensor& Y) {
    initialise(net);
    const auto course = std::make_shared<bench::Course>(net.parameters());
    const auto adam = std::make_shared<nn::Adam>(net.parameters(), 0.001);
    const auto step = [=] { (*course)(adam->step(xg::cross_entropy(net(X), Y))); };
    return {step, [course] { return course->check(); }};
}

bench::Program dense() {
    const nn::Sequential net(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 256), nn::ReLU(), nn::Linear(256, 10));
    const xg::Tensor half = xg::transpose(bench::uniform_tensor({64, 784}, 1, 0, 1));
    const xg::Tensor X = xg::concatenate({half, half}, 1);
    return training(net, xt::xarray<float>(X.value<float>()), bench::tensor(bench::classes(128, 2, 10), {128}));
}

bench::Program convolutional() {
    const nn::Sequential net(nn::Conv2d(1, 32, 5, {.padding = 2}), nn::ReLU(), nn::MaxPool2d(2),
                             nn::Conv2d(32, 64, 5, {.padding = 2}), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                             nn::Linear(3136, 128), nn::ReLU(), nn::Linear(128, 10));
    const xg::Tensor half = bench::uniform_tensor({32, 1, 28, 28}, 1, 0, 1);
    const xg::Tensor X = xg::concatenate({half, half}, 0);
    return training(net, xt::xarray<float>(X.value<float>()), bench::tensor(bench::classes(64, 2, 10), {64}));
}

const bench::Case w5("W5", "recorded", dense);
const bench::Case w6("W6", "recorded", convolutional);

}  // namespace
