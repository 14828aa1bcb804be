#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using nn::Activation;
using tutorial::section;

// [network]
/// A 2-h-1 network, trained by gradient descent over all examples.
nn::DeepNetwork trained(const nn::Dataset& data, std::int64_t hidden_units, Activation g, nn::Init init,
                        int iterations) {
    nn::DeepNetwork network(
        {.units = {2, hidden_units, 1}, .activations = {g, Activation::sigmoid}, .init = init, .dtype = DType::float64},
        {.learning_rate = 1.2, .iterations = iterations});
    network.fit(data.X, data.Y);
    return network;
}
// [/network]

void print_result(const std::string& label, const nn::DeepNetwork& network, const nn::Dataset& data) {
    fmt::print("{:<12} {:>8.4f} {:>10.1f} %\n", label, network.costs().back(), 100 * network.score(data.X, data.Y));
}

void lesson(const tutorial::Arguments& arguments) {
    const nn::Dataset flower = nn::flower(400, 1, DType::float64);
    const int iterations = arguments.is_fast ? 200 : 5000;

    section("forward");
    const Tensor X = flower.X, Y = flower.Y;
    random::Generator generator(3);
    const Tensor W1 = parameter(nn::initial_weights(nn::Init::small, 4, 2, generator, DType::float64), "W1");
    const Tensor b1 = parameter(zeros({4, 1}, DType::float64), "b1");
    const Tensor W2 = parameter(nn::initial_weights(nn::Init::small, 1, 4, generator, DType::float64), "W2");
    const Tensor b2 = parameter(zeros({1, 1}, DType::float64), "b2");

    const Tensor Z1 = dot(W1, X) + b1, A1 = tanh(Z1);
    const Tensor Z2 = dot(W2, A1) + b2, A2 = sigmoid(Z2);
    const Tensor J = binary_cross_entropy(A2, Y);
    fmt::print("Z1 {}, Z2 {}, J = {:.4f}\n", Z1.shape(), Z2.shape(), J);

    section("backward");
    const double m = 400;
    const Tensor dZ2 = A2 - Y;
    const Tensor dW2 = 1 / m * dot(dZ2, transpose(A1));
    const Tensor db2 = 1 / m * sum(dZ2, 1, keepdims);
    const Tensor dZ1 = dot(transpose(W2), dZ2) * (1 - square(A1));
    const Tensor dW1 = 1 / m * dot(dZ1, transpose(X));
    const Tensor db1 = 1 / m * sum(dZ1, 1, keepdims);

    section("compared");
    const std::vector<Tensor> by_hand{dW1, db1, dW2, db2};
    const std::vector<Tensor> by_graph = grad(J, {W1, b1, W2, b2});
    const char* names[] = {"dW1", "db1", "dW2", "db2"};
    for (std::size_t i = 0; i < by_hand.size(); ++i) {
        const bool agree = amax(abs(by_hand[i] - by_graph[i])).item() < 1e-14;
        fmt::print("{} {}: to 14 digits {}\n", names[i], by_hand[i].shape(), agree);
    }

    section("activations");
    fmt::print("{:<12} {:>8} {:>12}\n", "hidden units", "cost", "accuracy");
    const nn::DeepNetwork best = trained(flower, 4, Activation::tanh, nn::Init::small, iterations);
    print_result("tanh", best, flower);
    print_result("sigmoid", trained(flower, 4, Activation::sigmoid, nn::Init::small, iterations), flower);
    print_result("relu", trained(flower, 4, Activation::relu, nn::Init::small, iterations), flower);

    section("zeros");
    const nn::DeepNetwork stuck = trained(flower, 4, Activation::tanh, nn::Init::zeros, iterations);
    print_result("tanh", stuck, flower);
    // 200 examples of class 0 and 100 of class 1
    const nn::Dataset uneven{view(X, {all(), range(0, 300)}), view(Y, {all(), range(0, 300)})};
    const nn::DeepNetwork alike = trained(uneven, 4, Activation::sigmoid, nn::Init::zeros, iterations);
    print_result("sigmoid", alike, uneven);
    fmt::print("tanh: largest |W1| {:.3f}\nsigmoid: W1\n{:.3f}\n", amax(abs(stuck.W(1))), alike.W(1));

    section("units");
    fmt::print("{:<12} {:>8} {:>12}\n", "hidden units", "cost", "accuracy");
    for (const int units : {1, 2, 3, 4, 5, 20}) {
        print_result(std::to_string(units), trained(flower, units, Activation::tanh, nn::Init::small, iterations),
                     flower);
    }

    section("picture");
    tutorial::draw_boundary("04_flower.png", "Four tanh units bend the line around the petals", best, flower.X,
                            flower.Y);
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson);
}
