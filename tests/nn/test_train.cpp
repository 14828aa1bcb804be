#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <xgrad/nn/legacy_random.hpp>
#include <xgrad/xgrad.hpp>

using namespace xgrad;

namespace {

std::string message_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        const std::string text = error.what();
        return text.substr(0, text.rfind(" at "));
    }
    return "no error";
}

/// np.random.randn(rows, columns) * scale
Tensor course_weights(nn::LegacyRandom& draws, std::size_t rows, std::size_t columns, double scale) {
    xt::xarray<double> W = xt::zeros<double>({rows, columns});
    for (double& w : W) w = scale * draws.normal();
    return W;
}

nn::DeepNetwork shallow(nn::FitOptions options, DType dtype = DType::float32) {
    return nn::DeepNetwork({.units = {2, 4, 1},
                            .activations = {nn::Activation::tanh, nn::Activation::sigmoid},
                            .init = nn::Init::small,
                            .dtype = dtype},
                           options);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(train)

BOOST_AUTO_TEST_CASE(batches_hold_each_example_once_with_its_label) {
    const Tensor X = xt::xarray<float>(xt::arange<float>(0, 14).reshape({2, 7}));
    const Tensor Y = xt::xarray<int>(xt::arange<int>(0, 7));
    nn::Batches batches(X, Y, 3, 42);
    BOOST_TEST(batches.count() == 3);
    for (int epoch = 0; epoch < 3; ++epoch) {
        batches.shuffle();
        std::vector<int> seen;
        for (std::int64_t i = 0; i < batches.count(); ++i) {
            const nn::Batch batch = batches[i];
            const auto x = batch.X.value<float>();
            const auto y = batch.Y.value<std::int32_t>();
            BOOST_TEST(batch.examples == (i < 2 ? 3 : 1));
            for (std::size_t j = 0; j < y.size(); ++j) {
                BOOST_TEST(x(0, j) == static_cast<float>(y(j)));
                BOOST_TEST(x(1, j) == static_cast<float>(y(j) + 7));
                seen.push_back(y(j));
            }
        }
        std::sort(seen.begin(), seen.end());
        std::vector<int> all(7);
        std::iota(all.begin(), all.end(), 0);
        BOOST_TEST(seen == all, boost::test_tools::per_element());
    }
}

// The course's own run: np.random.seed(2), four hidden units, 10,000 iterations with α = 1.2. Its notebook prints
// 0.693048 first and 90 % accuracy at the end.
BOOST_AUTO_TEST_CASE(the_courses_network_on_the_flower) {
    const nn::Dataset data = nn::flower(400, 1, DType::float64);
    auto network = shallow({.learning_rate = 1.2, .iterations = 10000}, DType::float64);
    nn::LegacyRandom draws(2);
    network.W(1).assign(course_weights(draws, 4, 2, 0.01));
    network.W(2).assign(course_weights(draws, 1, 4, 0.01));
    network.fit(data.X, data.Y);
    BOOST_TEST(network.costs().front() == 0.693048, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(network.costs()[1000] == 0.288083, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(network.costs()[2000] == 0.254385, boost::test_tools::tolerance(1e-4));
    BOOST_TEST(network.score(data.X, data.Y) >= 0.90);
}

BOOST_AUTO_TEST_CASE(logistic_regression_cannot_bend) {
    const nn::Dataset data = nn::flower();
    nn::LogisticRegression model(2, {.learning_rate = 0.1, .iterations = 1000});
    model.fit(data.X, data.Y);
    BOOST_TEST(model.score(data.X, data.Y) == 0.47, boost::test_tools::tolerance(0.03));
    BOOST_TEST(model.costs().size() == 1000u);
    BOOST_TEST(model.costs().back() < model.costs().front());
    BOOST_TEST((model.predict(data.X).shape() == Shape{1, 400}));
}

BOOST_AUTO_TEST_CASE(the_same_bits_on_every_run) {
    const nn::Dataset data = nn::flower();
    const auto run = [&](nn::FitOptions options) {
        auto network = shallow(options);
        network.fit(data.X, data.Y);
        return std::pair(xt::xarray<float>(network.W(1).value<float>()), network.costs());
    };
    for (const nn::Method method : {nn::Method::gradient_descent, nn::Method::momentum, nn::Method::adam}) {
        const nn::FitOptions options{
            .learning_rate = 0.05, .iterations = 30, .batch_size = 64, .method = method, .l2 = 0.1};
        const auto [W, costs] = run(options);
        const auto [again, costs_again] = run(options);
        BOOST_TEST((W == again));
        BOOST_TEST((costs == costs_again));
        BOOST_TEST(costs.back() < costs.front());
    }
}

BOOST_AUTO_TEST_CASE(several_classes_are_told_apart) {
    // Three clouds around the corners of a triangle.
    const std::int64_t m = 300;
    random::Generator draws(4);
    const Tensor noise = draws.normal({2, m}, 0, 0.3);
    xt::xarray<float> centres = xt::zeros<float>({2, 300});
    xt::xarray<std::int64_t> labels = xt::zeros<std::int64_t>({300});
    for (std::size_t i = 0; i < 300; ++i) {
        labels(i) = static_cast<std::int64_t>(i % 3);
        centres(0, i) = 2 * std::cos(2.1f * static_cast<float>(i % 3));
        centres(1, i) = 2 * std::sin(2.1f * static_cast<float>(i % 3));
    }
    const Tensor X = centres + noise;
    nn::DeepNetwork network({.units = {2, 8, 3}, .dropout = 0.1},
                            {.learning_rate = 0.01, .iterations = 60, .batch_size = 50, .method = nn::Method::adam});
    network.fit(X, labels);
    BOOST_TEST(network.score(X, labels) > 0.98);
    BOOST_TEST((network.forward(X).shape() == Shape{3, m}));
    BOOST_TEST(!network.is_training());
}

BOOST_AUTO_TEST_CASE(bad_input_gives_one_clear_line) {
    const nn::Dataset data = nn::flower();
    auto network = shallow({.learning_rate = 0.1, .iterations = 1});
    BOOST_TEST(message_of([&] { network.fit(transpose(data.X), data.Y); }) ==
               "DeepNetwork: needs examples (2, m), got (400, 2)");
    BOOST_TEST(message_of([&] { network.fit(data.X, transpose(data.Y)); }) ==
               "fit: needs labels (1, m) for examples (n, m), got (2, 400) and (400, 1)");
    BOOST_TEST(message_of([&] {
                   network.fit(zeros({2, 0}), zeros({1, 0}));
               }) == "DeepNetwork: needs at least one example, got (2, 0)");
    BOOST_TEST(message_of([&] { network.fit(data.X, data.Y * 2); }) == "fit: needs labels 0 and 1, got 2 at index 200");
    BOOST_TEST(message_of([&] {
                   network.fit(data.X, view(data.Y, {all(), range(0, 7)}));
               }) == "fit: needs labels (1, m) for examples (n, m), got (2, 400) and (1, 7)");
    nn::DeepNetwork classes({.units = {2, 3}}, {.iterations = 1});
    xt::xarray<int> labels = xt::zeros<int>({400});
    labels(7) = 3;
    BOOST_TEST(message_of([&] { classes.fit(data.X, labels); }) ==
               "one_hot: needs labels from 0 to 2, got 3 at index 7");
    BOOST_TEST(message_of([&] { nn::DeepNetwork({.units = {2}}); }) ==
               "DeepNetwork: needs units n[0] ... n[L], got 1 of them");
    BOOST_TEST(message_of([&] { nn::Batches(data.X, data.Y, -1); }) == "Batches: needs a batch size >= 0, got -1");
}

BOOST_AUTO_TEST_CASE(a_cost_that_becomes_nan_stops_the_training) {
    const nn::Dataset data = nn::flower();
    auto network = nn::DeepNetwork({.units = {2, 8, 8, 1}}, {.learning_rate = 1e30, .iterations = 100});
    const std::string message = message_of([&] { network.fit(data.X, data.Y); });
    BOOST_TEST(message.find("train: needs a finite cost (a smaller learning rate may help), got ") == 0u);
    BOOST_TEST(message.find(" at iteration ") != std::string::npos);
    BOOST_TEST(message.find("with learning rate 1e+30") != std::string::npos);
    BOOST_TEST(!network.is_training());
}

BOOST_AUTO_TEST_CASE(training_draws_leave_the_threads_generator_alone) {
    random::seed(9);
    const random::State before = random::generator().state();
    const nn::Dataset data = nn::flower();
    nn::DeepNetwork network({.units = {2, 4, 1}, .dropout = 0.5}, {.iterations = 2});
    network.fit(data.X, data.Y);
    BOOST_TEST((random::generator().state() == before));
}

BOOST_AUTO_TEST_SUITE_END()
