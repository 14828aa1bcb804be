#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using tutorial::section;

void lesson(const tutorial::Arguments& arguments) {
    section("data");
    const nn::Dataset flower = nn::flower(400, 1, DType::float64);
    const Tensor X = flower.X, Y = flower.Y;
    const std::int64_t n = X.shape()[0], m = X.shape()[1];
    fmt::print("X {}, Y {}: n = {} features, m = {} examples\n", X.shape(), Y.shape(), n, m);

    const double alpha = 0.1;
    const int iterations = arguments.is_fast ? 100 : 1000;
    Tensor by_hand_w, by_hand_b;
    {
        // [by_hand_loop]
        Tensor w = zeros({n, 1}, DType::float64), b = zeros({1, 1}, DType::float64);
        for (int iteration = 0; iteration < iterations; ++iteration) {
            const Tensor Z = dot(transpose(w), X) + b;
            const Tensor A = sigmoid(Z);
            const Tensor dZ = A - Y;
            const Tensor dw = 1.0 / m * dot(X, transpose(dZ));
            const Tensor db = 1.0 / m * sum(dZ);
            w = w - alpha * dw;
            b = b - alpha * db;
        }
        // [/by_hand_loop]
        by_hand_w = w;
        by_hand_b = b;
    }
    section("by_hand");
    fmt::print("w = {:.6f}, b = {:.6f}\n", transpose(by_hand_w), by_hand_b);

    section("autodiff");
    const Tensor w = parameter(full({n, 1}, 0.5, DType::float64), "w");
    const Tensor b = parameter(full({1, 1}, -0.25, DType::float64), "b");
    const Tensor Z = dot(transpose(w), X) + b;
    const Tensor A = sigmoid(Z);
    const Tensor J = -1.0 / m * sum(Y * log(A) + (1 - Y) * log(1 - A));
    const auto [dw, db, dJ_dZ] = grad(J, w, b, Z);
    fmt::print("J = {:.6f}\ndw = {:.6f}\ndb = {:.6f}\n", J, transpose(dw), db);

    section("compared");
    const auto largest_difference = [](const Tensor& x, const Tensor& y) { return amax(abs(x - y)).item(); };
    const Tensor dZ = A - Y;
    fmt::print("dw = 1/m X dZᵀ      to 14 digits: {}\n",
               largest_difference(dw, 1.0 / m * dot(X, transpose(dZ))) < 1e-14);
    fmt::print("db = 1/m Σ dZ       to 14 digits: {}\n", largest_difference(db, 1.0 / m * sum(dZ)) < 1e-14);
    fmt::print("∂J/∂Z = 1/m (A − Y) to 14 digits: {}\n", largest_difference(dJ_dZ, 1.0 / m * dZ) < 1e-14);

    section("one_over_m");
    const Tensor L = -(Y * log(A) + (1 - Y) * log(1 - A));  // (1, m): one loss per example
    fmt::print("first example:  A − Y = {:.4f}, ∂ΣL/∂Z = {:.4f}, ∂J/∂Z = {:.6f}\n", view(dZ, {0, 0}),
               view(grad(sum(L), Z), {0, 0}), view(dJ_dZ, {0, 0}));

    section("training");
    assign({w, b}, {zeros_like(w), zeros_like(b)});
    for (int iteration = 0; iteration < iterations; ++iteration) {
        const Tensor cost = binary_cross_entropy_with_logits(dot(transpose(w), X) + b, Y);
        const auto [cost_dw, cost_db] = grad(cost, w, b);
        assign({w, b}, {w - alpha * cost_dw, b - alpha * cost_db});
        if (iteration % 200 == 0) fmt::print("iteration {:>4}: J = {:.6f}\n", iteration, cost);
    }
    fmt::print("w = {:.6f}, b = {:.6f}\n", transpose(w), b);
    fmt::print("the same as by hand: {}\n", largest_difference(w, by_hand_w) < 1e-12);

    section("model");
    nn::LogisticRegression model(n, {.learning_rate = alpha, .iterations = iterations}, DType::float64);
    model.fit(X, Y);
    fmt::print("w = {:.6f}, b = {:.6f}\n", transpose(model.w()), model.b());
    fmt::print("accuracy {:.0f} %\n", 100 * model.score(X, Y));
    tutorial::draw_boundary("03_straight_line.png", "Logistic regression: one straight line", model, X, Y);
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson);
}
