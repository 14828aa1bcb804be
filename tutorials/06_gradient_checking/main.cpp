#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using tutorial::section;
using tutorial::show_error;

// [own_op]
/// An activation of our own, g(z) = z / (1 + z²), whose derivative is g'(z) = (1 − z²) / (1 + z²)².
Elementwise serpentine(const char* name, Partial derivative) {
    return {.name = name,
            .math = "y = x / (1 + x²)",
            .forward = floating<1>([](auto x) { return x / (1 + x * x); }),
            .partials = {std::move(derivative)},
            .probes = unary_probes(between(-2, 2))};
}

const Op& right_op = define(serpentine("serpentine", [](const Record& r) {
    const Tensor x = r.input();
    return (1 - square(x)) / square(1 + square(x));
}));
const Op& wrong_op = define(serpentine("wrong_serpentine", [](const Record& r) {
    return 1 / (1 + square(r.input()));  // the quotient rule's other half was forgotten
}));
const Op& doubled_op = define(serpentine(
    "doubled_serpentine", [](const Record& r) { return 2 * (1 - square(r.input())) / square(1 + square(r.input())); }));
// [/own_op]

void lesson(const tutorial::Arguments&) {
    random::Generator generator(1);
    const auto draw = [&](const Shape& shape) { return generator.normal(shape, 0, 1, DType::float64); };
    const std::int64_t n = 3, m = 5;
    const Tensor X = draw({n, m});
    const Tensor Y = name(astype(draw({1, m}) > 0, DType::float64), "Y");
    const Tensor W1 = name(draw({2, n}), "W1"), b1 = name(draw({2, 1}), "b1");
    const Tensor W2 = name(draw({1, 2}), "W2"), b2 = name(draw({1, 1}), "b2");

    section("definition");
    const auto J = [&](const Tensor& w) { return binary_cross_entropy(sigmoid(dot(w, X)), Y); };
    const Tensor w = draw({1, n});
    const double h = 1e-4;
    Tensor numeric_dw = zeros({1, n}, DType::float64);
    for (std::int64_t i = 0; i < n; ++i) {
        const Tensor e = reshape(one_hot(Tensor(i), n, DType::float64), {1, n});  // 1 at entry i
        numeric_dw = numeric_dw + e * (J(w + h * e) - J(w - h * e)) / (2 * h);
    }
    const Tensor dZ = sigmoid(dot(w, X)) - Y;
    const Tensor right_dw = 1.0 / m * dot(dZ, transpose(X));
    const Tensor wrong_dw = dot(dZ, transpose(X));  // 1/m is missing
    const auto distance = [](const Tensor& x, const Tensor& y) { return (norm(x - y) / (norm(x) + norm(y))).item(); };
    fmt::print("numeric     {:.6f}\nwith 1/m    {:.6f}\nwithout 1/m {:.6f}\n", numeric_dw, right_dw, wrong_dw);
    fmt::print("distance with 1/m below 1e-7: {}, without: {:.3f}\n", distance(numeric_dw, right_dw) < 1e-7,
               distance(numeric_dw, wrong_dw));

    section("network");
    const auto cost = [&](const Tensor& w1, const Tensor& c1, const Tensor& w2, const Tensor& c2) {
        const Tensor A1 = tanh(dot(w1, X) + c1);
        return binary_cross_entropy_with_logits(dot(w2, A1) + c2, Y);
    };
    fmt::print("{}", check_gradients(cost, {W1, b1, W2, b2}));

    section("model");
    nn::DeepNetwork model({.units = {n, 4, 1}, .activations = {nn::Activation::relu, nn::Activation::sigmoid}});
    const GradientReport of_model = check_gradients(
        [&] { return model.cost(astype(X, DType::float32), astype(Y, DType::float32)); }, model.parameters());
    fmt::print("{} derivatives: {} right, {} wrong, {} undecidable here\n", of_model.rows().size(),
               of_model.count(Verdict::right), of_model.wrong(), of_model.undecidable());

    section("own_right");
    const Tensor z = name(draw({3}), "z");
    fmt::print("{}", check_gradients([](const Tensor& x) { return apply(right_op, {x}); }, {z}));

    section("own_wrong");
    const auto buggy = [&](const Tensor& w1, const Tensor& c1, const Tensor& w2, const Tensor& c2) {
        const Tensor Z1 = dot(w1, X) + c1;
        const Tensor A1 = apply(wrong_op, {Z1});
        return binary_cross_entropy_with_logits(dot(w2, A1) + c2, Y);
    };
    const GradientReport report = check_gradients(buggy, {W1, b1, W2, b2}, {.order = 1});
    fmt::print("{}", report);

    section("blame");
    const WrongOp& culprit = *report.wrong_op();
    fmt::print("{} at {}: {}\n", culprit.op, culprit.place, culprit.shapes);
    const auto doubled = [](const Tensor& x) { return exp(apply(doubled_op, {x})); };
    fmt::print("its gradient is {}\n", check_gradients(doubled, {z}).wrong_op()->looks_like);

    section("kink");
    const Tensor at_zero = name(xt::xarray<double>{-1, 0, 1e-7}, "z");
    fmt::print("{}", check_gradients([](const Tensor& x) { return relu(x); }, {at_zero}, {.order = 1}));

    section("no_excuse");
    const auto behind = [](const Tensor& x) { return apply(doubled_op, {relu(x)}); };
    fmt::print("{}", check_gradients(behind, {at_zero}, {.order = 1, .forward = false}));

    section("non_finite");
    const auto careless = [&] {
        const Tensor A2 = name(relu(dot(W2, tanh(dot(W1, X) + b1))), "A2");  // a probability? it may be 0
        return name(-mean(Y * log(A2)), "J");
    };
    fmt::print("J = {}\n{}", careless(), first_non_finite(careless()));

    section("watch");
    {
        const WatchNonFinite watch;  // until the end of this block
        show_error([&] { careless().item(); });
    }

    section("quick");
    const Tensor images = draw({784, 32}), classes = Tensor(xt::xarray<int>(xt::arange<int>(0, 32) % 10));
    const Tensor V1 = name(0.05 * draw({128, 784}), "W1"), V2 = name(0.1 * draw({10, 128}), "W2");
    const auto large = [&](const Tensor& w1, const Tensor& w2) {
        return cross_entropy(dot(w2, relu(dot(w1, images))), classes);
    };
    const GradientReport quick = check_gradients(large, {V1, V2}, {.order = 1, .directions = 2});
    fmt::print("{}", quick);
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson);
}
