#include <filesystem>
#include <fstream>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using tutorial::section;

void lesson(const tutorial::Arguments&) {
    auto [X, Y] = nn::flower(400, 1, DType::float64);
    name(X, "X"), name(Y, "Y");

    section("shallow");
    const Tensor W1 = parameter(0.5 * random::normal({4, 2}, 0, 1, DType::float64), "W1");
    const Tensor b1 = parameter(zeros({4, 1}, DType::float64), "b1");
    const Tensor W2 = parameter(0.5 * random::normal({1, 4}, 0, 1, DType::float64), "W2");
    const Tensor b2 = parameter(zeros({1, 1}, DType::float64), "b2");
    const Tensor Z1 = name(dot(W1, X) + b1, "Z1"), A1 = name(tanh(Z1), "A1");
    const Tensor Z2 = name(dot(W2, A1) + b2, "Z2"), A2 = name(sigmoid(Z2), "A2");
    const Tensor J = name(-mean(Y * log(A2) + (1 - Y) * log(1 - A2)), "J");
    fmt::print("{}", derivation(J, {W1, b1, W2, b2}).text());

    section("recorded");
    fmt::print("{}", derivation(J, {W2}, {.simplify = false}).text());

    section("without_names");
    nn::DeepNetwork network({.units = {2, 5, 6, 5, 3, 1}, .dtype = DType::float64});
    fmt::print("{}", derivation(network.cost(X, Y), network.parameters()).text());

    section("compared");
    const auto agrees = [](const char* line, const Tensor& by_the_notes, const Tensor& by_the_graph) {
        const double distance = (norm(by_the_notes - by_the_graph) / norm(by_the_graph)).item();
        fmt::print("{:<42} {}\n", line, distance < 1e-12 ? "is that of the graph" : "is not that of the graph");
    };
    const double m = 400;
    const auto [graph_dZ2, graph_dZ1] = grad(J, Z2, Z1);
    const auto [graph_dW2, graph_db2, graph_dW1, graph_db1] = grad(J, W2, b2, W1, b1);
    const Tensor dZ2 = A2 - Y;
    const Tensor dZ1 = dot(transpose(W2), dZ2) * (1 - square(A1));
    agrees("∂Z2 = A2 − Y", dZ2, graph_dZ2);
    agrees("∂Z2 / m = 1/m (A2 − Y)", dZ2 / m, graph_dZ2);
    agrees("∂W2 = 1/m ∂Z2 A1ᵀ", 1 / m * dot(dZ2, transpose(A1)), graph_dW2);
    agrees("∂b2 = 1/m np.sum(∂Z2, axis = 1, keepdims)", 1 / m * sum(dZ2, 1, keepdims), graph_db2);
    agrees("∂Z1 = W2ᵀ ∂Z2 * g'(Z1)", dZ1, graph_dZ1);
    agrees("∂Z1 / m", dZ1 / m, graph_dZ1);
    agrees("∂W1 = 1/m ∂Z1 Xᵀ", 1 / m * dot(dZ1, transpose(X)), graph_dW1);
    agrees("∂b1 = 1/m np.sum(∂Z1, axis = 1, keepdims)", 1 / m * sum(dZ1, 1, keepdims), graph_db1);

    section("softmax");
    const Tensor labels = name(one_hot(reshape(astype(Y, DType::int64), {400}), 2, DType::float64), "Y");
    const Tensor W = parameter(zeros({2, 2}, DType::float64), "W");
    const Tensor A = name(softmax(dot(W, X), 0), "A");
    fmt::print("{}", derivation(-sum(labels * log(A)) / m, {W}).text());

    section("second");
    const Tensor w = parameter(xt::ones<double>({3}), "w");
    const Tensor f = sum(exp(square(w)));
    const Tensor slope = name(grad(f, w), "∂f");
    fmt::print("{}", derivation(sum(square(slope)), {w}).text());

    section("markdown");
    fmt::print("{}", derivation(J, {W2, b2}).markdown());

    section("broadcasts");
    const Tensor list = name(Tensor(xt::xarray<double>(xt::ones<double>({4}))), "y");
    fmt::print("{}", to_string(broadcasts(sum(square(W1)) + sum(square(dot(W1, X) + b1)) + sum(b1 - list))));

    section("summary");
    fmt::print("{}", summary(network, {2, 400}, DType::float64).text());

    section("picture");
    std::filesystem::create_directories("tutorials/pictures");
    draw(J, {.values = true}).save("tutorials/pictures/08_graph.png");
    std::ofstream("tutorials/pictures/08_walkthrough.html") << walkthrough(J, {W1, b1, W2, b2});
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson);
}
