#include <boost/test/unit_test.hpp>

#include <sstream>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;

namespace {

/// y = x³ with whatever is said to be its derivative.
const Op& cube(const char* name, Partial partial) {
    if (const Op* op = find_op(name)) return *op;
    return define(Elementwise{
        .name = name,
        .math = "y = x^3",
        .forward = floating<1>([](auto x) { return x * x * x; }),
        .partials = {std::move(partial)},
        .probes = std::vector<Probe>{},
    });
}

GradientReport check(const Op& op, const Tensor& x, CheckOptions options = {}) {
    return check_gradients([&](auto& t) { return apply(op, {t}); }, {x}, options);
}

Tensor point() {
    return xt::xarray<double>{{0.5, -1.25, 2.0}, {-0.75, 1.5, 3.0}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(verify)

BOOST_AUTO_TEST_CASE(a_right_derivative_passes_in_both_precisions) {
    const Op& op = cube("planted_right_cube", [](const Record& r) { return 3 * square(r.input()); });
    BOOST_TEST(check(op, point()));
    BOOST_TEST(check(op, astype(point(), DType::float32)));
    BOOST_TEST(check(op, Tensor(2.0)));
    BOOST_TEST(check(op, zeros({0, 3}, DType::float64)));
}

BOOST_AUTO_TEST_CASE(what_was_computed_on_the_way_is_no_constant) {
    // Positions need no gradient, so that they would lose their history when they are computed. They depend on x all
    // the same: here two of them change places, which makes a derivative undecidable and not wrong.
    const Tensor x = parameter(xt::xarray<double>{0.5, -1.0, 2.0, 0.5, 0.75}, "x");
    const Tensor weights = xt::xarray<double>{1, -2, 3, 0.5, 4};
    const auto cost = [&](const Tensor& t) {
        const Tensor sorted = sort(t);
        compute({sorted});
        return sum(weights * sorted);
    };
    const bool was_eager = is_eager();
    for (const bool eager : {false, true}) {
        set_eager(eager);
        for (const GradientReport& report : {check_gradients([&](const auto& t) { return cost(t); }, {x}),
                                             check_gradients([&] { return cost(x); }, {x})}) {
            BOOST_TEST(report, report.table());
            BOOST_TEST(report.undecidable() > 0U);
        }
    }
    set_eager(was_eager);
}

BOOST_AUTO_TEST_CASE(wrong_first_derivatives_are_caught) {
    const std::vector<std::pair<const char*, Partial>> faults{
        {"planted_sign", [](const Record& r) { return -3 * square(r.input()); }},
        {"planted_factor", [](const Record& r) { return 6 * square(r.input()); }},
        {"planted_millionth", [](const Record& r) { return (3 + 3e-6) * square(r.input()); }},
        {"planted_zero", Zero{"wrongly"}},
        {"planted_power", [](const Record& r) { return 3 * r.input(); }},
        {"planted_one_element",
         [](const Record& r) {
             return 3 * square(r.input()) * (Tensor(1.0) + astype(r.input() == 3.0, DType::float64));
         }},
    };
    for (const auto& [name, partial] : faults) {
        BOOST_TEST_CONTEXT(name) {
            BOOST_TEST(!check(cube(name, partial), point()));
        }
    }
}

BOOST_AUTO_TEST_CASE(digits_that_saturation_costs_raise_no_alarm) {
    // 1 − tanh² keeps few digits at 10, as does 1 − σ at 12.
    const auto saturated = [](auto& W, auto& x) { return tanh(matmul(W, x)); };
    const Tensor a = xt::xarray<double>{{1, 2}, {3, 4}};
    BOOST_TEST(check_gradients(saturated, {a, a}));
    BOOST_TEST(check_gradients(saturated, {astype(a, DType::float32), astype(a, DType::float32)}));
    BOOST_TEST(check_gradients([](auto& z) { return log(1 - sigmoid(z)); }, {xt::xarray<double>{12, -20, 7}}));
    // A wrong factor is still one, however small the derivative.
    const Op& op = define(Elementwise{
        .name = "planted_saturated",
        .math = "y = tanh x",
        .forward = floating<1>([](auto x) { return std::tanh(x); }),
        .partials = {[](const Record& r) { return 1.5 * (1 - square(r.output())); }},
        .probes = std::vector<Probe>{},
    });
    BOOST_TEST(!check(op, xt::xarray<double>{10.0}));
    BOOST_TEST(!check(op, xt::xarray<double>{1.0, 10.0}));
}

BOOST_AUTO_TEST_CASE(a_wrong_second_derivative_is_caught_at_order_two) {
    const Op& op = cube("planted_second", [](const Record& r) { return 3 * stop_gradient(r.input()) * r.input(); });
    BOOST_TEST(check(op, point(), {.order = 1}));
    BOOST_TEST(!check(op, point(), {.order = 2}));
}

BOOST_AUTO_TEST_CASE(a_forward_mode_that_differs_from_reverse_is_caught) {
    if (!find_op("planted_forward")) {
        define(General{
            .name = "planted_forward",
            .math = "y = 2 x",
            .shape =
                [](const Call& call) {
                    return Signature{call.dtype(0), call.shape(0)};
                },
            .forward =
                [](const KernelCall& call) {
                    for (std::int64_t i = 0; i < call.shape.size(); ++i) {
                        visit_floating(call.dtype, [&](auto zero) {
                            using T = decltype(zero);
                            call.out<T>()[i] = 2 * call.inputs[0].as<T>()[i];
                        });
                    }
                },
            .vjp = [](const Record&, const Tensor& g, std::size_t) { return 2 * g; },
            .jvp = [](const Record&, std::span<const Tensor> t) { return 3 * t[0]; },
            .probes = std::vector<Probe>{},
        });
    }
    const GradientReport report = check(*find_op("planted_forward"), point());
    BOOST_TEST(!report);
    BOOST_TEST(std::string(report.worst()->mode) == "forward");
    BOOST_TEST(check(*find_op("planted_forward"), point(), {.forward = false}));
}

BOOST_AUTO_TEST_CASE(a_models_parameters_get_their_values_back) {
    const Tensor W = parameter(xt::xarray<double>{{0.3, -0.2}}, "W");
    const Tensor X = xt::xarray<double>{{1, 2, 3}, {4, 5, 6}};
    const auto cost = [&] { return mean(square(tanh(matmul(W, X)))); };
    const GradientReport report = check_gradients(cost, {W});
    BOOST_TEST(report);
    BOOST_TEST(report.rows().front().input == "W");
    BOOST_TEST(W.value<double>()(0, 0) == 0.3);
    int calls = 0;
    const auto failing = [&]() -> Tensor {
        if (++calls > 5) throw std::runtime_error("enough");
        return checkpoint([&](auto& w) { return mean(square(tanh(matmul(w, X)))); }, {W});
    };
    BOOST_CHECK_THROW(check_gradients(failing, {W}), std::runtime_error);
    BOOST_TEST(W.value<double>()(0, 0) == 0.3);
    calls = -1000000;
    BOOST_TEST(check_gradients(failing, {W}));
    BOOST_TEST(W.value<double>()(0, 0) == 0.3);
    BOOST_CHECK_THROW(check_gradients(cost, {X}), ValueError);
}

BOOST_AUTO_TEST_CASE(a_float32_model_is_checked_in_float64) {
    nn::DeepNetwork model({.units = {3, 4, 1}, .activations = {nn::Activation::relu, nn::Activation::sigmoid}});
    const Tensor X = astype(Tensor(support::draws({3, 20}, 1)), DType::float32);
    const Tensor Y = astype(Tensor(support::draws({1, 20}, 2)) > 0, DType::float32);
    int calls = 0;
    const GradientReport report = check_gradients([&] { return ++calls, model.cost(X, Y); }, model.parameters());
    BOOST_TEST(report);
    BOOST_TEST(calls == 1);
    // A millionth is less than float32 resolves in a difference, and more than what may pass.
    const Op& op = cube("planted_millionth", Zero{"defined above"});
    const Tensor w = parameter(astype(point(), DType::float32), "w");
    BOOST_TEST(!check_gradients([&] { return apply(op, {w}); }, {w}, {.order = 1}));
}

BOOST_AUTO_TEST_CASE(random_draws_of_a_model_stay_as_they_were) {
    random::Generator generator(1);
    const Tensor W = parameter(Tensor(support::draws({2, 3}, 1)), "W");
    const Tensor X = support::draws({3, 5}, 2);
    BOOST_TEST(check_gradients(
        [&] {
            return tanh(matmul(W, X)) * generator.bernoulli(0.5, {2, 5}, DType::float64);
        },
        {W}));
}

BOOST_AUTO_TEST_CASE(whole_numbers_are_passed_as_they_are) {
    const Tensor labels = xt::xarray<int>{0, 2, 1};
    const auto report =
        check_gradients([](auto& Z, auto& y) { return cross_entropy(Z, y); },
                        {xt::xarray<double>{{0.1, 0.2, 0.3}, {1, -1, 0.5}, {0.4, 0.2, -0.6}}, labels}, {.order = 1});
    BOOST_TEST(report);
    BOOST_TEST(report.rows().size() == 10u);  // nine entries and one direction
}

BOOST_AUTO_TEST_CASE(the_report_is_a_table_with_the_worst_row_marked) {
    const Op& op = cube("planted_factor", Zero{"defined above"});
    const GradientReport report = check(op, xt::xarray<double>{2.0}, {.order = 1});
    std::ostringstream stream;
    stream << report;
    const std::string expected =
        "2 derivatives checked: 1 right, 1 wrong, 0 undecidable here\n"
        "input   shape entry      order mode           derived        checked    error    bound verdict\n";
    BOOST_TEST(stream.str().substr(0, expected.size()) == expected);
    BOOST_TEST(stream.str().find("wrong  <- worst\n") != std::string::npos);
    BOOST_TEST(fmt::format("{}", report) == stream.str());
    BOOST_TEST(report.wrong() == 1u);
    BOOST_TEST(report.worst()->entry == 0);
    BOOST_TEST(stream.str().find('\033') == std::string::npos);
    BOOST_TEST(report.table(true).find("\033[31m") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_result_that_is_not_floating_point_is_refused) {
    BOOST_CHECK_THROW(check_gradients([](auto& x) { return x > 0; }, {point()}), GradientError);
}

BOOST_AUTO_TEST_CASE(a_function_may_give_several_tensors) {
    const Tensor W = xgrad::name(Tensor(support::draws({2, 3}, 1)), "W"), x = support::drawn({3, 2}, 2);
    const auto both = [](const Tensor& w, const Tensor& v) {
        const Tensor Z = matmul(w, v);
        return std::vector<Tensor>{tanh(Z), Z > 0, xgrad::sum(square(w))};
    };
    const GradientReport report = check_gradients(both, {W, x});
    BOOST_TEST(report);
    BOOST_TEST(report.rows().size() == 2 * (12u + 2u));
    // A wrong derivative on the way to the last of them alone is found.
    const auto hidden = [&](const Tensor& w, const Tensor& v) {
        std::vector<Tensor> all = both(w, v);
        all[2] = sum(w * stop_gradient(w));
        return all;
    };
    BOOST_TEST(!check_gradients(hidden, {W, x}));
    const auto none = [](const Tensor& w) { return std::vector<Tensor>{w > 0}; };
    BOOST_CHECK_THROW(check_gradients(none, {W}), xgrad::GradientError);
}

BOOST_AUTO_TEST_SUITE_END()
