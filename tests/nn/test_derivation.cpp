#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "equations.hpp"

// The derivations of the models that the tutorials train, evaluated as they are printed.

namespace nn = xgrad::nn;
using equations::Evaluation;
using xgrad::Tensor;

namespace {

using Given = std::map<std::string, Tensor>;

/// Compares every gradient with its line. `names` are those in the equations, one per parameter.
void check(const Tensor& J, const std::vector<Tensor>& parameters, const std::vector<std::string>& names, Given given) {
    equations::name_leaves(J, given);
    const std::string text = derivation(J, parameters).ascii();
    const std::vector<Tensor> gradients = grad(J, parameters);
    for (std::size_t i = 0; i < names.size(); ++i) given.emplace(names[i], parameters[i]);
    const Evaluation lines(text, given);
    for (std::size_t i = 0; i < names.size(); ++i) {
        BOOST_TEST(equations::same(lines["d" + names[i]], gradients[i]), names[i] << " in\n" << text);
    }
}

std::vector<std::string> layer_names(std::size_t layers) {
    std::vector<std::string> names;
    for (std::size_t l = 1; l <= layers; ++l)
        names.push_back("W" + std::to_string(l)), names.push_back("b" + std::to_string(l));
    return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(derivations)

BOOST_AUTO_TEST_CASE(of_logistic_regression_are_the_notes) {
    const support::Eagerness deferred(false);
    const auto [X, Y] = nn::flower(40, 1, xgrad::DType::float64);
    name(X, "X"), name(Y, "Y");
    const Tensor w = xgrad::parameter(support::draws({2, 1}, 1), "w"),
                 b = xgrad::parameter(support::draws({1, 1}, 2), "b");
    const Tensor A = sigmoid(matmul(transpose(w), X) + b);
    const Tensor J = -mean(Y * log(A) + (1 - Y) * log(1 - A));
    check(J, {w, b}, {"w", "b"}, {});
    const std::string text = derivation(J, {w, b}).ascii();
    for (const char* line : {"Z = w^T X + b ", "A = sigmoid(Z) ", "dZ = 1/m (A - Y) ", "db = sum_columns(dZ) "}) {
        BOOST_TEST(text.find(std::string("    ") + line) != std::string::npos, line << " in\n" << text);
    }
}

BOOST_AUTO_TEST_CASE(of_deep_networks_give_their_gradients) {
    const support::Eagerness deferred(false);
    const auto [X, Y] = nn::flower(40, 1, xgrad::DType::float64);
    for (const double dropout : {0., 0.3}) {
        nn::DeepNetwork binary({.units = {2, 5, 4, 6, 3, 1}, .dropout = dropout, .dtype = xgrad::DType::float64});
        check(binary.cost(X, Y), binary.parameters(), layer_names(5), {});
        const Tensor penalty = nn::l2_penalty({binary.W(1), binary.W(2)}, 0.1, 40);
        check(binary.cost(X, Y) + penalty, binary.parameters(), layer_names(5), {});

        nn::DeepNetwork several({.units = {2, 5, 4, 3}, .dropout = dropout, .dtype = xgrad::DType::float64});
        const Tensor labels = reshape(astype(Y, xgrad::DType::int64), {40});
        check(several.cost(X, labels), several.parameters(), layer_names(3), {});
    }
}

BOOST_AUTO_TEST_CASE(of_a_network_for_images_give_its_gradients) {
    const support::Eagerness deferred(false);
    xgrad::random::Generator generator(1);
    const xgrad::DType dtype = xgrad::DType::float64;
    nn::Sequential model(nn::Conv2d(1, 2, 3, {.padding = 1}, nn::Init::he, generator, dtype), nn::ReLU(),
                         nn::MaxPool2d(2), nn::Flatten(), nn::Linear(2 * 2 * 3, 3, nn::Init::xavier, generator, dtype));
    const Tensor X = support::draws({5, 1, 4, 6}, 1);
    const Tensor labels = xt::xarray<int>{0, 2, 1, 1, 0};
    check(cross_entropy(model(X), labels), model.parameters(), {"W0", "b0", "W4", "b4"}, {});
}

BOOST_AUTO_TEST_SUITE_END()
