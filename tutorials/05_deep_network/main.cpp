#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using tutorial::section;

// [module]
/// A network of one's own: Z1 = W1 X + b1, A1 = relu(Z1), and so on to Z3, from which the cost is computed.
struct Net : nn::Module {
    nn::Linear layer1, layer2, layer3;

    Net(std::int64_t features, std::int64_t classes)
        : layer1(register_module("layer1", nn::Linear(features, 256, nn::Init::he))),
          layer2(register_module("layer2", nn::Linear(256, 128, nn::Init::he))),
          layer3(register_module("layer3", nn::Linear(128, classes))) {}

    Tensor forward(const Tensor& X) const override {
        const Tensor A1 = relu(layer1(X));
        const Tensor A2 = relu(layer2(A1));
        return layer3(A2);
    }
};
// [/module]

void lesson(const tutorial::Arguments& arguments) {
    section("data");
    const auto [X, Y, test_X, test_Y, classes, is_flower] = tutorial::load(arguments);
    const std::int64_t n = X.shape()[0], m = X.shape()[1], k = std::ssize(classes);
    fmt::print("X {}, Y {}, test X {}, test Y {}\n", X.shape(), Y.shape(), test_X.shape(), test_Y.shape());

    const std::int64_t batch_size = is_flower ? 16 : 256;
    section("ready_made");
    nn::DeepNetwork ready({.units = {n, 128, 64, k}}, {.learning_rate = 0.002,
                                                       .iterations = arguments.is_fast ? 1 : 4,
                                                       .batch_size = batch_size,
                                                       .method = nn::Method::adam});
    nn::Progress bar(ready.options().iterations, (m + batch_size - 1) / batch_size, batch_size);
    ready.options().on_step = [&](const nn::TrainingStep& step) {
        bar.step(step.cost);
        if (step.batch + 1 == step.batches) bar.epoch(step.cost);
    };
    ready.fit(X, Y);

    section("ready_made_accuracy");
    fmt::print("test accuracy {:.1f} %\n", 100 * ready.score(test_X, test_Y));

    section("training");
    const int epochs = arguments.is_fast ? 2 : is_flower ? 40 : 10;
    std::vector<double> costs, train_accuracy, test_accuracy;
    // [loop]
    random::seed(1);
    Net net(n, k);
    nn::Adam large_steps(net.parameters(), 0.002), small_steps(net.parameters(), 0.0002);
    nn::Batches batches(X, Y, batch_size);
    nn::Progress progress(epochs, batches.count(), batch_size);
    for (int epoch = 0; epoch < epochs; ++epoch) {
        nn::Adam& adam = epoch < 0.7 * epochs ? large_steps : small_steps;
        batches.shuffle();
        double total = 0;
        for (std::int64_t i = 0; i < batches.count(); ++i) {
            const nn::Batch batch = batches[i];
            const Tensor J = cross_entropy(net(batch.X), batch.Y);
            const double cost = adam.step(J);
            progress.step(cost);
            total += cost * batch.examples;
        }
        costs.push_back(total / batches.examples());
        train_accuracy.push_back(nn::accuracy(nn::largest_class(net(X)), Y));
        test_accuracy.push_back(nn::accuracy(nn::largest_class(net(test_X)), test_Y));
        progress.epoch(costs.back(), test_accuracy.back());
    }
    // [/loop]

    section("accuracy");
    fmt::print("cost {:.3f}, training accuracy {:.1f} %, test accuracy {:.1f} %\n", costs.back(),
               100 * train_accuracy.back(), 100 * test_accuracy.back());

    section("confusion");
    const Tensor predicted = nn::largest_class(net(test_X));
    tutorial::print_confusion(predicted, test_Y, classes);

    section("pictures");
    tutorial::draw_training(
        "05_cost_and_accuracy.png", "Cost and accuracy",
        {{"cost", costs}, {"training accuracy", train_accuracy, true}, {"test accuracy", test_accuracy, true}});
    if (is_flower)
        tutorial::draw_boundary("05_flower.png", "A deep network on the flower", net, X, Y);
    else
        tutorial::draw_misread("05_misread.png", "Misread images: predicted / true", test_X, predicted, test_Y,
                               classes);
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson, tutorial::Takes::data);
}
