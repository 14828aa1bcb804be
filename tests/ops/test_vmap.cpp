#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include <xgrad/graph/op.hpp>
#include <xgrad/xgrad.hpp>

#include "hand.hpp"
#include "no_leaks.hpp"
#include "probe_inputs.hpp"

// vmap() against a loop over the examples: for every probe of every operation, and for its derivatives; and against
// closed forms.

using hand::Array;
using hand::times;
using hand::transposed;
using support::close;
using support::draws;
using support::message_of;
using xgrad::DType;
using xgrad::grad;
using xgrad::Op;
using xgrad::parameter;
using xgrad::per_example_gradients;
using xgrad::Probe;
using xgrad::ProbeInput;
using xgrad::Shape;
using xgrad::Tensor;
using xgrad::vmap;

namespace {

constexpr std::int64_t examples = 3;

/// A probe's call, with what reverse mode derives from it: the result, and what a fixed cotangent becomes.
std::vector<Tensor> value_and_vjp(const Op& op, const Probe& probe, const std::vector<Tensor>& given) {
    std::vector<Tensor> xs, variables;
    for (const Tensor& x : given) {
        xs.push_back(xgrad::is_floating(x.dtype()) && !x.needs_gradient() ? parameter(x) : x);
        if (xgrad::is_floating(x.dtype())) variables.push_back(xs.back());
    }
    const Tensor y = probe.call ? probe.call(xs) : xgrad::apply(op, std::span<const Tensor>(xs));
    std::vector<Tensor> results{y};
    if (!xgrad::is_floating(y.dtype()) || !y.needs_gradient()) return results;
    derivative_check::Draws draw(7, DType::float64);
    const Tensor v = support::tensor_of(y.dtype(), y.shape(), draw.directions(support::count_of(y.shape())));
    for (Tensor& g : vjp(y, v, variables, xgrad::Unconnected::gives_zeros)) results.push_back(std::move(g));
    return results;
}

/// Every example's inputs, drawn from the probe's intervals: [input][example].
std::vector<std::vector<Tensor>> drawn(const Probe& probe) {
    std::vector<std::vector<Tensor>> inputs(probe.inputs.size());
    for (std::uint32_t example = 0; example < examples; ++example) {
        derivative_check::Draws draw(1 + example, DType::float64);
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const ProbeInput& input = probe.inputs[i];
            inputs[i].push_back(support::tensor_of(derivative_check::dtype_of(input), input.shape, draw.inputs(input)));
        }
    }
    return inputs;
}

/// With `only` mapped over its examples, the other inputs being the first example's; all of them mapped if negative.
void check_probe(const Op& op, const Probe& probe, std::int64_t only) {
    const std::vector<std::vector<Tensor>> inputs = drawn(probe);
    const auto is_mapped = [&](std::size_t input) { return only < 0 || input == static_cast<std::size_t>(only); };
    std::vector<Tensor> mapped;
    for (std::size_t input = 0; input < inputs.size(); ++input) {
        if (is_mapped(input)) mapped.push_back(xgrad::stack(inputs[input]));
    }
    const auto f = [&](const std::vector<Tensor>& one) {
        std::vector<Tensor> xs;
        std::size_t next = 0;
        for (std::size_t input = 0; input < inputs.size(); ++input) {
            xs.push_back(is_mapped(input) ? one[next++] : inputs[input][0]);
        }
        return value_and_vjp(op, probe, xs);
    };
    const std::vector<Tensor> together = vmap(f, mapped);
    for (std::size_t example = 0; example < examples; ++example) {
        std::vector<Tensor> xs;
        for (std::size_t input = 0; input < inputs.size(); ++input) {
            if (is_mapped(input)) xs.push_back(inputs[input][example]);
        }
        const std::vector<Tensor> alone = f(xs);
        BOOST_REQUIRE(alone.size() == together.size());
        for (std::size_t result = 0; result < alone.size(); ++result) {
            const Tensor part = view(together[result], {static_cast<std::int64_t>(example)});
            BOOST_TEST_CONTEXT(op.name << " (" << probe.label << "), mapped " << only << ", example " << example
                                       << ", result " << result)
            BOOST_TEST(close(part, alone[result], 1e-11, 1e-12));
        }
    }
}

/// Logistic regression in the notes' layout: one example per column.
struct Logistic {
    Array X = draws({3, 7}, 1);
    Array Y = xt::cast<double>(draws({1, 7}, 2) > 0.);
    Tensor W = parameter(draws({1, 3}, 3, -1, 1), "W");
    Tensor b = parameter(draws({1, 1}, 4), "b");

    Tensor cost(const Tensor& x, const Tensor& y) const {
        const Tensor A = xgrad::sigmoid(xgrad::matmul(W, x) + b);
        return -mean(y * xgrad::log(A) + (1 - y) * xgrad::log(1 - A));
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(test_vmap)

BOOST_AUTO_TEST_CASE(every_operation_and_its_derivative) {
    std::size_t checked = 0;
    std::set<std::string> refused;
    const auto check = [&](const Op& op, const Probe& probe, std::int64_t only) {
        try {
            check_probe(op, probe, only);
            ++checked;
        } catch (const xgrad::ValueError& error) {
            if (!std::string(error.what()).starts_with("vmap: needs a function that reads no values")) throw;
            refused.insert(op.name);
        }
    };
    for (const Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (const Probe& probe : op->probes) {
            if (probe.inputs.empty()) continue;
            check(*op, probe, -1);
            for (std::size_t input = 0; probe.inputs.size() > 1 && input < probe.inputs.size(); ++input) {
                check(*op, probe, static_cast<std::int64_t>(input));
            }
        }
    }
    // The shape of what it gives depends on values.
    BOOST_TEST(refused == std::set<std::string>{"masked_select"}, boost::test_tools::per_element());
    BOOST_TEST_MESSAGE("vmap: " << checked << " probes against a loop");
    BOOST_TEST(checked > 2000);
}

BOOST_AUTO_TEST_CASE(no_operation_goes_from_example_to_example) {
    std::set<std::string> without;
    for (const Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        const bool is_general = op->family == Op::Family::linear || op->family == Op::Family::general;
        if (is_general && !op->is_elementwise_kernel() && !op->batch) without.insert(op->name);
    }
    // Functions that only the operation knows; and numbers that come from no tensor, the same for all examples.
    BOOST_TEST(
        without == (std::set<std::string>{"arange", "checkpoint", "custom_gradient", "linspace", "random_integers",
                                          "random_normal", "random_permutation", "random_uniform"}),
        boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gradients_of_each_example) {
    const Logistic model;
    const auto cost = [&](auto& x, auto& y) { return model.cost(x, y); };
    const auto gradients = per_example_gradients(cost, {model.W, model.b}, {model.X, model.Y});
    BOOST_TEST(gradients[0].shape() == Shape(7, 1, 3));
    BOOST_TEST(gradients[1].shape() == Shape(7, 1, 1));
    // ∂W of one example is (a - y) xᵀ.
    const Array A = hand::sigmoid(times(model.W.value<double>(), model.X) + model.b.value<double>()(0, 0));
    for (std::size_t i = 0; i < 7; ++i) {
        for (std::size_t k = 0; k < 3; ++k) {
            const double expected = (A(0, i) - model.Y(0, i)) * model.X(k, i);
            BOOST_TEST(gradients[0].value<double>()(i, 0, k) == expected, boost::test_tools::tolerance(1e-12));
        }
    }
    const auto [dW, db] = grad(model.cost(model.X, model.Y), model.W, model.b);
    BOOST_TEST(close(mean(gradients[0], 0), dW));
    BOOST_TEST(close(mean(gradients[1], 0), db));
}

BOOST_AUTO_TEST_CASE(gradients_of_a_network) {
    const Array X = draws({4, 6}, 1);
    const xt::xarray<std::int64_t> labels{2, 0, 1, 1, 2, 0};
    const std::vector<Tensor> parameters{parameter(draws({5, 4}, 2)), parameter(draws({5, 1}, 3)),
                                         parameter(draws({3, 5}, 4)), parameter(draws({3, 1}, 5))};
    const auto cost = [&](auto& x, auto& y) {
        const Tensor hidden = xgrad::relu(xgrad::matmul(parameters[0], x) + parameters[1]);
        return cross_entropy(xgrad::matmul(parameters[2], hidden) + parameters[3], y);
    };
    const auto gradients = per_example_gradients(cost, parameters, {X, labels});
    for (std::int64_t i = 0; i < 6; ++i) {
        const Tensor x = xgrad::view(X, {xgrad::all(), xgrad::range(i, i + 1)});
        const Tensor y = xgrad::view(labels, {xgrad::range(i, i + 1)});
        const std::vector<Tensor> alone = grad(cost(x, y), parameters);
        for (std::size_t p = 0; p < 4; ++p) BOOST_TEST(close(view(gradients[p], {i}), alone[p]));
    }
}

BOOST_AUTO_TEST_CASE(examples_along_any_axis) {
    const Array X = draws({4, 3, 5}, 1);
    const auto f = [](auto& x) { return sum(x * x, 0); };
    BOOST_TEST(close(vmap(f, X, -1), transpose(sum(square(X), 0))));
    BOOST_TEST(close(vmap(f, X, 1), sum(square(X), 0)));
    BOOST_TEST(close(vmap(f, X), sum(square(X), 1)));
}

BOOST_AUTO_TEST_CASE(maps_of_maps_and_of_derivatives) {
    const Array x = draws({5, 3}, 1), y = draws({4, 3}, 2);
    const Tensor distances = vmap([&](auto& a) { return vmap([&](auto& b) { return sum(square(a - b)); }, y); }, x);
    const Tensor expected = sum(square(expand_dims(x, 1) - expand_dims(y, 0)), 2);
    BOOST_TEST(close(distances, expected));

    // The Hessian of sum x^3 is diag(6 x).
    const Tensor hessians = vmap([](auto& a) { return xgrad::hessian([](auto& t) { return sum(t * t * t); }, a); }, x);
    BOOST_TEST(close(hessians, 6 * expand_dims(x, 2) * xgrad::eye(3)));

    // Through the map to what all examples share.
    const Tensor w = parameter(draws({3}, 3), "w");
    const Tensor cost = sum(square(vmap([&](auto& a) { return sum(a * w); }, x)));
    const Tensor by_hand = sum(square(xgrad::matmul(x, w)));
    BOOST_TEST(close(grad(cost, w), grad(by_hand, w)));
}

BOOST_AUTO_TEST_CASE(several_results_some_the_same_for_all) {
    const Array x = draws({4, 2}, 1);
    const std::vector<Tensor> results = vmap([](auto& a) { return std::vector<Tensor>{sum(a), Tensor(2.0), a}; }, x);
    BOOST_TEST(close(results[0], sum(x, 1)));
    BOOST_TEST(close(results[1], Array(2 * xt::ones<double>({4}))));
    BOOST_TEST(close(results[2], x));
}

BOOST_AUTO_TEST_CASE(no_examples) {
    const Tensor none = vmap([](auto& a) { return xgrad::linalg::inv(a); }, xgrad::zeros({0, 2, 2}, DType::float64));
    BOOST_TEST(none.shape() == Shape(0, 2, 2));
}

BOOST_AUTO_TEST_CASE(computed_eagerly_too) {
    const Array x = draws({4, 2}, 1);
    xgrad::set_eager(true);
    const Tensor y = vmap([](auto& a) { return xgrad::exp(a) * 2; }, x);
    xgrad::set_eager(false);
    BOOST_TEST(close(y, Array(2 * xt::exp(x))));
}

BOOST_AUTO_TEST_CASE(misuse) {
    const Array x = draws({4, 2}, 1);
    BOOST_TEST(
        message_of<xgrad::Error>([&] {
            vmap([](auto& a) { return a * sum(a).item(); }, x);
        }).starts_with("vmap: needs a function that reads no values, got one that reads an argument of shape (2,)"));
    BOOST_TEST(message_of<xgrad::Error>([&] {
                   vmap([](auto& a, auto& b) { return a + b; }, {x, draws({3, 2}, 1)});
               }).starts_with("vmap: needs equally many examples along axis 0, got (4, 2) and (3, 2)"));
    BOOST_TEST(message_of<xgrad::Error>([&] {
                   vmap([](auto& a) { return a; }, x, 2);
               }).starts_with("vmap: needs an axis of (4, 2), got 2"));
    BOOST_TEST(message_of<xgrad::Error>([&] {
                   vmap([](auto& a) { return a; }, Tensor(1.0));
               }).starts_with("vmap: needs an axis of (), got 0"));
    BOOST_TEST(message_of<xgrad::Error>([&] {
                   vmap([](const std::vector<Tensor>& a) { return a[0]; }, std::vector<Tensor>());
               }).starts_with("vmap: needs a tensor of examples, got none"));
    const xt::xarray<std::int64_t> bad{0, 5};
    const Tensor late = vmap([](auto& label) { return one_hot(label, 3, DType::float64); }, bad);
    BOOST_TEST(message_of<xgrad::ValueError>([&] {
                   late.value<double>();
               }).starts_with("one_hot: needs labels from 0 to 2, got 5 at index 1"));
    const Tensor hinges = vmap([](auto& a) { return hinge(a, a); }, draws({2, 3}, 1));
    BOOST_TEST(std::isnan(hinges.value<double>()(1)));
    const Logistic model;
    const auto no_cost = [&](auto& a) { return xgrad::matmul(model.W, a); };
    BOOST_TEST(message_of<xgrad::Error>([&] {
                   per_example_gradients(no_cost, {model.W}, {model.X}, 3);
               }).starts_with("vmap: needs an axis of (3, 7), got 3"));
}

BOOST_AUTO_TEST_SUITE_END()
