// One training, many numbers of threads, the same bits: the networks that tests/bench measures, a few steps of each.
//
//   XGRAD_TEST_ALL=1     200 steps, five times

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

namespace nn = xgrad::nn;
using xgrad::DType;
using xgrad::Tensor;

namespace {

Tensor images(const xgrad::Shape& shape, unsigned seed) {
    return astype(support::drawn(shape, seed), DType::float32);
}

Tensor labels(std::int64_t m, int classes, unsigned seed) {
    return astype((support::drawn({m}, seed) + 2) * (classes / 4.001), DType::int64);
}

/// The parameters after some steps.
using Training = std::function<std::vector<Tensor>(int steps)>;

template <class Method, class Cost>
std::vector<Tensor> trained(const nn::Module& model, double rate, int steps, Cost cost) {
    Method method(model.parameters(), rate);
    for (int step = 0; step < steps; ++step) method.step(cost());
    std::vector<Tensor> values;
    for (const Tensor& parameter : model.parameters()) values.push_back(parameter + 0);
    xgrad::compute(values);
    return values;
}

/// W2: logistic regression on as many features as a small image has.
std::vector<Tensor> logistic(int steps) {
    const Tensor X = images({12288, 209}, 1), Y = astype(support::drawn({1, 209}, 2) > 0, DType::float32);
    xgrad::random::Generator generator(3);
    const nn::Linear model(12288, 1, nn::Init::xavier, generator);
    return trained<nn::SGD>(model, 0.0005, steps,
                            [&] { return binary_cross_entropy_with_logits(model.forward(X), Y); });
}

/// W3 and W4: tanh or relu, and one sigmoid unit.
std::vector<Tensor> deep(const std::vector<std::int64_t>& units, std::int64_t m, int steps) {
    const Tensor X = images({units[0], m}, 4), Y = astype(support::drawn({1, m}, 5) > 0, DType::float32);
    xgrad::random::Generator generator(6);
    nn::Sequential model;
    for (std::size_t l = 1; l < units.size(); ++l) {
        model.append(nn::Linear(units[l - 1], units[l], nn::Init::he, generator));
        if (l + 1 < units.size()) model.append(nn::Tanh());
    }
    return trained<nn::SGD>(model, 0.1, steps, [&] { return binary_cross_entropy_with_logits(model.forward(X), Y); });
}

/// W5: a softmax over ten classes, Adam.
std::vector<Tensor> dense(int steps) {
    const Tensor X = images({784, 128}, 7), y = labels(128, 10, 8);
    xgrad::random::Generator generator(9);
    const nn::Sequential model(nn::Linear(784, 512, nn::Init::he, generator), nn::ReLU(),
                               nn::Linear(512, 256, nn::Init::he, generator), nn::ReLU(),
                               nn::Linear(256, 10, nn::Init::he, generator));
    return trained<nn::Adam>(model, 0.001, steps, [&] { return cross_entropy(model.forward(X), y); });
}

/// W6: two convolutions, half as many images.
std::vector<Tensor> convolutional(int steps) {
    const Tensor X = images({32, 1, 28, 28}, 10), y = labels(32, 10, 11);
    xgrad::random::Generator generator(12);
    const nn::Sequential model(
        nn::Conv2d(1, 32, 5, {.padding = 2}, nn::Init::he, generator), nn::ReLU(), nn::MaxPool2d(2),
        nn::Conv2d(32, 64, 5, {.padding = 2}, nn::Init::he, generator), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
        nn::Linear(3136, 128, nn::Init::he, generator), nn::ReLU(), nn::Linear(128, 10, nn::Init::he, generator));
    return trained<nn::Adam>(model, 0.001, steps, [&] { return cross_entropy(model.forward(X), y); });
}

struct Case {
    std::string name;
    int steps;  // of the short run
    Training train;
};

const std::vector<Case> cases{
    {"W2", 8, logistic},
    {"W3", 30,
     [](int steps) {
         return deep({2, 4, 1}, 400, steps);
     }},
    {"W4", 5,
     [](int steps) {
         return deep({12288, 20, 7, 5, 1}, 209, steps);
     }},
    {"W5", 5, dense},
    {"W6", 2, convolutional},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(determinism)

BOOST_AUTO_TEST_CASE(parameters_do_not_depend_on_the_number_of_threads) {
    const std::size_t before = xgrad::threads();
    const bool all = std::getenv("XGRAD_TEST_ALL");
    for (const Case& each : cases) {
        const int steps = all ? 200 : each.steps;
        xgrad::set_threads(1);
        const std::vector<Tensor> alone = each.train(steps);
        const std::vector<Tensor> untrained = each.train(0);
        bool moves = false;
        for (std::size_t i = 0; i < alone.size(); ++i) moves = moves || !support::same_bits(alone[i], untrained[i]);
        BOOST_TEST(moves, each.name);
        for (const std::size_t threads : {1, 2, 3, 4, 8}) {
            xgrad::set_threads(threads);
            for (int run = 0; run < (all ? 5 : 1); ++run) {
                const std::vector<Tensor> again = each.train(steps);
                for (std::size_t i = 0; i < alone.size(); ++i) {
                    BOOST_TEST(support::same_bits(alone[i], again[i]),
                               each.name << ", " << threads << " threads, " << i);
                }
            }
        }
    }
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_SUITE_END()
