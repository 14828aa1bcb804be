#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

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

BOOST_AUTO_TEST_CASE(a_network_on_images) {
    random::Generator generator(1);
    const nn::Sequential net(nn::Conv2d(2, 4, 3, {.padding = 1, .groups = 2}, nn::Init::he, generator, DType::float64),
                             nn::Tanh(), nn::AvgPool2d(2), nn::AvgPool2d({2, 1}, {.stride = 1}), nn::Flatten(),
                             nn::Linear(4 * 2 * 2, 3, nn::Init::xavier, generator, DType::float64));
    const std::vector<std::string> expected{"0.W", "0.b", "5.W", "5.b"};
    BOOST_TEST(names_of(net) == expected, boost::test_tools::per_element());
    BOOST_TEST(net.parameters()[0].shape() == (Shape{4, 1, 3, 3}));
    BOOST_TEST(net.parameters()[1].shape() == (Shape{4, 1, 1}));
    const Tensor X = generator.normal({5, 2, 6, 4}, 0, 1, DType::float64);
    BOOST_TEST(net(X).shape() == (Shape{3, 5}));
    const xt::xarray<int> labels{0, 2, 1, 1, 0};
    const auto report = check_gradients([&] { return cross_entropy(net(X), labels); }, net.parameters(), {.order = 2});
    BOOST_TEST(report.rows().size() > 71u);
    BOOST_TEST(bool(report), report.table());
}

BOOST_AUTO_TEST_CASE(flatten_makes_columns_of_examples) {
    const Tensor X = reshape(arange(0, 24), {2, 3, 2, 2});
    BOOST_TEST(support::same_bits(nn::MaxPool2d(2)(X), max_pool2d(X, 2)));
    const Tensor columns = nn::Flatten()(X);
    BOOST_TEST(columns.shape() == (Shape{12, 2}));
    BOOST_TEST(columns.value<float>()(5, 1) == X.value<float>()(1, 1, 0, 1));
    BOOST_TEST(nn::Flatten()(zeros({0, 3, 2, 2})).shape() == (Shape{12, 0}));
    BOOST_TEST(nn::Flatten()(zeros({7})).shape() == (Shape{1, 7}));
    BOOST_CHECK_THROW(nn::Flatten()(zeros({})), ShapeError);
}

BOOST_AUTO_TEST_CASE(convolution_layers_that_cannot_be) {
    const auto message = [](auto&& f) {
        const std::string text = support::message_of<ValueError>(f);
        return text.substr(0, text.rfind(':'));
    };
    BOOST_TEST(message([] { nn::Conv2d(3, 4, 3, {.groups = 2}); }) ==
               "Conv2d: needs groups that divide the channels, at least one in and one out, got 2 groups for 3 and 4 "
               "channels at test_module.cpp");
    BOOST_TEST(message([] { nn::Conv2d(3, 4, 0); }) ==
               "Conv2d: needs a kernel >= 1 and below 2^31, got (0, 0) at test_module.cpp");
    BOOST_CHECK_THROW(nn::Conv2d(1 << 20, 1 << 20, 1 << 20), ShapeError);
}

BOOST_AUTO_TEST_CASE(errors_and_the_graph_name_the_line_that_called_a_layer) {
    struct Net : nn::Module {
        nn::Linear hidden = register_module("hidden", nn::Linear(3, 4));
        nn::Linear output = register_module("output", nn::Linear(5, 1));
        Tensor forward(const Tensor& X) const override {
            const Tensor A = tanh(hidden(X));
            return output(A);  // does not fit
        }
        static int line() { return __LINE__ - 2; }
    };
    const auto place = [](int line) { return " at test_module.cpp:" + std::to_string(line); };
    const Net net;
    const Tensor X = zeros({3, 2});
    const auto has = [](const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    };
    const std::string inner = support::message_of<ShapeError>([&] { net(X); });
    BOOST_TEST(has(inner, "got output.W (1, 5) and (4, 2)" + place(Net::line())), inner);
    const std::string outer = support::message_of<ShapeError>([&] { net(transpose(X)); });
    BOOST_TEST(has(outer, "got hidden.W (4, 3) and (2, 3)" + place(Net::line() - 1)), outer);
    const nn::Sequential sequence(nn::Linear(3, 4), nn::Tanh(), nn::Linear(5, 1));
    const std::string of_sequence = support::message_of<ShapeError>([&] { sequence(X); });
    BOOST_TEST(has(of_sequence, "got 2.W (1, 5) and (4, 2)" + place(__LINE__ - 1)), of_sequence);
    // The call is over: what comes then is on its own.
    const nn::Linear layer(3, 4);
    const std::string direct = support::message_of<ShapeError>([&] { layer.forward(zeros({2, 2})); });
    BOOST_TEST(has(direct, " at layers.cpp:"), direct);
    // What a layer recorded is found at that line, too.
    const Tensor J = sum(log(layer(X)));
    const std::vector<Broadcast> stretched = broadcasts(J);
    BOOST_REQUIRE(stretched.size() == 1u);
    BOOST_TEST(stretched[0].at.line == __LINE__ - 3u);
    const std::string flat = support::message_of<ShapeError>([&] { nn::Flatten()(name(zeros({}), "number")); });
    BOOST_TEST(flat == "Flatten: needs examples (N, ...), got number ()" + place(__LINE__ - 1));
}

BOOST_AUTO_TEST_SUITE_END()
