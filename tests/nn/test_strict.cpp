#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// While broadcasting is strict, layers, costs, models, optimisers and what explains them work as they always do, for
// any number of units and examples: 1 included, where shapes look alike.

using namespace xgrad;

namespace {

Tensor numbers(const Shape& shape, unsigned seed) {
    return astype(support::drawn(shape, seed), DType::float32);
}

Tensor labels(const Shape& shape, std::int64_t classes) {
    std::vector<std::size_t> extents(shape.begin(), shape.end());
    xt::xarray<std::int64_t> values(extents);
    for (std::size_t i = 0; i < values.size(); ++i) values.data()[i] = static_cast<std::int64_t>(i) % classes;
    return values;
}

/// The gradients of a cost, and those of their sum of squares.
void derive(const Tensor& J, const std::vector<Tensor>& parameters) {
    Tensor squares = Tensor(0.F);
    for (const Tensor& gradient : grad(J, parameters)) squares = squares + sum(square(gradient));
    compute(grad(squares, parameters, Unconnected::gives_zeros));
}

std::string refusal_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const ShapeError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(strict)

BOOST_AUTO_TEST_CASE(layers) {
    const StrictBroadcasting strict;
    for (const std::int64_t m : {1, 2, 5}) {
        for (const std::int64_t units : {1, 3, 5}) {
            nn::Sequential dense(nn::Linear(3, units), nn::ReLU(), nn::Dropout(0.3), nn::Linear(units, 4),
                                 nn::LeakyReLU(), nn::Linear(4, units), nn::Tanh(), nn::Linear(units, 3), nn::Sigmoid(),
                                 nn::Softmax());
            BOOST_CHECK_NO_THROW(derive(mean(square(dense(numbers({3, m}, 1)))), dense.parameters()));
            nn::Sequential images(nn::Conv2d(2, units, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2),
                                  nn::Conv2d(units, 2, 1), nn::AvgPool2d(2), nn::Flatten(), nn::Linear(2, 3));
            BOOST_CHECK_NO_THROW(
                derive(cross_entropy(images(numbers({m, 2, 4, 4}, 2)), labels({m}, 3)), images.parameters()));
        }
    }
}

BOOST_AUTO_TEST_CASE(costs) {
    const StrictBroadcasting strict;
    for (const Shape& shape : {Shape{1, 5}, Shape{5, 1}, Shape{1, 1}, Shape{5}, Shape{3, 4}, Shape{}}) {
        const Tensor Z = parameter(support::draws(std::vector<std::size_t>(shape.begin(), shape.end()), 1), "Z");
        const Tensor Y = astype(labels(shape, 2), DType::float64), signs = 2 * Y - 1;
        const Tensor all[] = {mse(Z, Y),
                              l1(Z, Y),
                              huber(Z, Y),
                              hinge(Z, signs),
                              binary_cross_entropy(sigmoid(Z), Y),
                              binary_cross_entropy_with_logits(Z, Y)};
        for (const Tensor& J : all) BOOST_CHECK_NO_THROW(derive(astype(J, DType::float32), {Z}));
    }
    for (const Shape& shape : {Shape{3, 4}, Shape{3, 1}, Shape{1, 4}, Shape{4, 4}}) {
        const Tensor Z = parameter(support::draws(std::vector<std::size_t>(shape.begin(), shape.end()), 1), "Z");
        const Tensor P = softmax(support::drawn(shape, 2), 0), y = labels({shape[1]}, shape[0]);
        const Tensor all[] = {cross_entropy(Z, y), cross_entropy(Z, P), nll(log_softmax(Z, 0), reshape(y, {1, -1})),
                              kl_div(log_softmax(Z, 0), P), cross_entropy(Z, y, 0)};
        for (const Tensor& J : all) BOOST_CHECK_NO_THROW(derive(astype(J, DType::float32), {Z}));
    }
}

BOOST_AUTO_TEST_CASE(models_and_optimisers) {
    const StrictBroadcasting strict;
    for (const std::int64_t m : {1, 2, 9}) {
        const Tensor X = numbers({2, m}, 1), Y = labels({1, m}, 2);
        BOOST_CHECK_NO_THROW(([&] {
            nn::LogisticRegression logistic(2, {.iterations = 3, .l2 = 0.1});
            logistic.fit(X, Y);
            logistic.score(X, Y);
        }()));
        for (const nn::Method method : {nn::Method::gradient_descent, nn::Method::momentum, nn::Method::adam}) {
            const nn::FitOptions options{.iterations = 3, .batch_size = 4, .method = method, .l2 = 0.1};
            BOOST_CHECK_NO_THROW(([&] {
                nn::DeepNetwork binary({.units = {2, 3, 1}, .dropout = 0.2}, options);
                binary.fit(X, Y);
                binary.score(X, Y);
                nn::DeepNetwork multiclass(
                    {.units = {2, 1, 3}, .activations = {nn::Activation::tanh, nn::Activation::softmax}}, options);
                multiclass.fit(X, labels({m}, 3));
                multiclass.score(X, labels({m}, 3));
            }()));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_explains_and_verifies) {
    const StrictBroadcasting strict;
    const Tensor X = support::drawn({2, 5}, 1), Y = astype(labels({1, 5}, 2), DType::float64);
    const Tensor W = parameter(support::draws({1, 2}, 2), "W"), b = parameter(support::draws({1, 1}, 3), "b");
    const auto cost = [&](const Tensor& w, const Tensor& c) {
        return binary_cross_entropy(sigmoid(matmul(w, X) + c), Y);
    };
    BOOST_TEST(check_gradients(cost, {W, b}));
    const Tensor J = cost(W, b);
    const std::vector<Tensor> gradients = grad(J, {W, b});
    BOOST_TEST(compare_gradient(xt::xarray<double>(gradients[0].value<double>()), J, W));
    BOOST_CHECK_NO_THROW(derivation(J, {W, b}).text());
    BOOST_CHECK_NO_THROW(draw(J, {.values = true}));
    BOOST_CHECK_NO_THROW(walkthrough(J, {W, b}));
    BOOST_CHECK_NO_THROW(hessian([&](const Tensor& w) { return cost(w, b); }, W));
    const auto of_one = [&](const Tensor& x, const Tensor& y) { return mean(square(matmul(W, x) - y)); };
    BOOST_CHECK_NO_THROW(per_example_gradients(of_one, {W}, {X, Y}));
    BOOST_TEST(!first_non_finite(J, {W, b}));
}

BOOST_AUTO_TEST_CASE(a_module_of_a_user_is_not_spared) {
    struct Careless : nn::Module {
        Tensor forward(const Tensor& Z) const override { return Z + zeros({Z.shape()[0]}); }
    };
    const Careless careless;
    BOOST_TEST(refusal_of([&] { careless(numbers({3, 3}, 1)); }).empty());
    const StrictBroadcasting strict;
    BOOST_TEST(refusal_of([&] {
                   careless(numbers({3, 3}, 1));
               }).find("while broadcasting is strict") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
