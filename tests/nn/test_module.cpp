#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

using namespace xgrad;

namespace {

struct Net : nn::Module {
    nn::Linear hidden = register_module("hidden", nn::Linear(3, 4));
    nn::Linear output = register_module("output", nn::Linear(4, 1));
    Tensor scale = register_parameter("scale", ones({1, 1}));
    Tensor forward(const Tensor& X) const override { return scale * output(tanh(hidden(X))); }
};

std::vector<std::string> names_of(const nn::Module& module) {
    std::vector<std::string> names;
    for (const auto& [name, parameter] : module.named_parameters()) names.push_back(name);
    return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(module)

BOOST_AUTO_TEST_CASE(parameters_have_paths_as_names) {
    const Net net;
    const std::vector<std::string> expected{"scale", "hidden.W", "hidden.b", "output.W", "output.b"};
    BOOST_TEST(names_of(net) == expected, boost::test_tools::per_element());
    BOOST_TEST(net.hidden.W().name() == "hidden.W");
    BOOST_TEST(net.parameters().size() == 5u);
}

BOOST_AUTO_TEST_CASE(a_copy_is_the_same_module) {
    Net net;
    const Net copy = net;
    net.hidden.W().assign(zeros({4, 3}));
    BOOST_TEST(copy.hidden.W().value<float>()(1, 2) == 0.0f);
    net.eval();
    BOOST_TEST(!copy.is_training());
    BOOST_TEST(!copy.hidden.is_training());
    net.train();
    BOOST_TEST(copy.output.is_training());
}

BOOST_AUTO_TEST_CASE(a_name_is_given_once) {
    struct Twice : nn::Module {
        Tensor a = register_parameter("W", ones({1}));
        Tensor b = register_parameter("W", ones({1}));
        Tensor forward(const Tensor& X) const override { return X; }
    };
    BOOST_CHECK_THROW(Twice(), ValueError);
}

BOOST_AUTO_TEST_CASE(a_module_is_differentiated) {
    const Net net;
    const Tensor X = random::Generator(3).normal({3, 5});
    const auto report = check_gradients([&] { return mean(square(net(X))); }, net.parameters(), {.order = 1});
    BOOST_TEST(report.rows().size() > 21u);
    for (const Tensor& gradient : grad(mean(square(net(X))), net.parameters())) BOOST_TEST(gradient.size() > 0);
}

BOOST_AUTO_TEST_CASE(sequential_goes_through_its_parts) {
    random::Generator generator(5);
    const nn::Sequential net(nn::Linear(2, 3, nn::Init::xavier, generator), nn::ReLU(), nn::LeakyReLU(0.1), nn::Tanh(),
                             nn::Linear(3, 4, nn::Init::he, generator), nn::Softmax());
    const std::vector<std::string> expected{"0.W", "0.b", "4.W", "4.b"};
    BOOST_TEST(names_of(net) == expected, boost::test_tools::per_element());
    const Tensor A = net(random::Generator(1).normal({2, 7}));
    BOOST_TEST((A.shape() == Shape{4, 7}));
    for (float total : sum(A, 0).value<float>()) BOOST_TEST(total == 1.0f, boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(dropout_keeps_the_expectation_and_rests_in_evaluation) {
    random::seed(11);
    nn::Dropout dropout(0.25);
    const Tensor X = ones({100, 1000});
    const Tensor A = dropout(X);
    const double kept = mean(astype(A > 0, DType::float64)).item();
    BOOST_TEST(kept == 0.75, boost::test_tools::tolerance(0.01));
    BOOST_TEST(mean(astype(A, DType::float64)).item() == 1.0, boost::test_tools::tolerance(0.01));
    BOOST_TEST(amax(A).item() == 1 / 0.75, boost::test_tools::tolerance(1e-6));
    dropout.eval();
    BOOST_TEST(mean(dropout(X)).item() == 1.0);
    BOOST_CHECK_THROW(nn::Dropout(1.0), ValueError);
    BOOST_CHECK_THROW(nn::Dropout(-0.1), ValueError);
}

BOOST_AUTO_TEST_CASE(weights_begin_with_the_variance_asked_for) {
    const auto deviation = [](nn::Init init) {
        random::Generator generator(2);
        const Tensor W = nn::initial_weights(init, 200, 300, generator, DType::float64);
        return sqrt(mean(square(W))).item();
    };
    BOOST_TEST(deviation(nn::Init::zeros) == 0.0);
    BOOST_TEST(deviation(nn::Init::small) == 0.01, boost::test_tools::tolerance(0.01));
    BOOST_TEST(deviation(nn::Init::xavier) == std::sqrt(1.0 / 300), boost::test_tools::tolerance(0.01));
    BOOST_TEST(deviation(nn::Init::he) == std::sqrt(2.0 / 300), boost::test_tools::tolerance(0.01));
    BOOST_CHECK_THROW(nn::Linear(0, 3), ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
