#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "equations.hpp"
#include "random_graph_recording.hpp"

// The derivation of programs that nobody has thought of, evaluated as it is printed.

using equations::Evaluation;
using xgrad::Tensor;

namespace {

/// A random program with a name for each leaf.
struct Named {
    std::map<std::string, Tensor> given;
    std::vector<Tensor> parameters;
    Tensor J;

    explicit Named(const random_graph::Program& program) {
        std::vector<Tensor> values;
        std::vector<bool> is_used(program.steps.size());
        for (const random_graph::Step& step : program.steps) {
            const std::string name = "x" + std::to_string(values.size());
            std::vector<Tensor> inputs;
            for (std::size_t input : step.inputs) inputs.push_back(values[input]), is_used[input] = true;
            if (step.kind) {
                values.push_back(step.kind->apply(inputs, step.attributes));
                continue;
            }
            const Tensor leaf = support::tensor_of(xgrad::DType::float64, step.shape, step.numbers);
            values.push_back(step.is_parameter ? parameter(leaf, name) : xgrad::name(leaf, name));
            given.emplace(name, values.back());
            if (step.is_parameter) parameters.push_back(values.back());
        }
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (is_used[i]) continue;
            const std::string name = "w" + std::to_string(i);
            const std::vector<std::size_t> extents(values[i].shape().begin(), values[i].shape().end());
            const Tensor w = xgrad::name(Tensor(support::draws(extents, static_cast<unsigned>(i))), name);
            given.emplace(name, w);
            const Tensor term = sum(values[i] * w);
            J = J.is_empty_handle() ? term : J + term;
        }
        equations::name_leaves(J, given);
    }
};

struct Count {
    int evaluated = 0;
    int unreadable = 0;
    std::size_t lines = 0;
};

/// Evaluates the equations. They have to be written before anything is computed: constants then lose their history.
void compare(const std::string& text, const std::vector<Tensor>& xs, const std::vector<Tensor>& gradients,
             const std::map<std::string, Tensor>& given, Count& count) {
    try {
        const Evaluation lines(text, given);
        for (std::size_t i = 0; i < xs.size(); ++i) {
            BOOST_TEST(equations::same(lines["d" + xs[i].name()], gradients[i]), xs[i].name() << " in\n" << text);
        }
        ++count.evaluated;
        count.lines += lines.lines();
    } catch (const equations::Unreadable& error) {
        ++count.unreadable;
        BOOST_TEST_MESSAGE(error.what());
    } catch (const std::exception& error) {
        BOOST_ERROR(error.what() << " in\n" << text);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(derivations)

BOOST_AUTO_TEST_CASE(of_random_graphs_give_their_gradients) {
    const support::Eagerness deferred(false);
    const std::int64_t before = xgrad::live_nodes();
    Count count, raw;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            const Named named(random_graph::generate(seed));
            const std::vector<Tensor> xs = equations::connected(named.J, named.parameters);
            if (xs.empty()) continue;
            const std::string text = derivation(named.J, xs).ascii();
            const std::string as_recorded = derivation(named.J, xs, {.simplify = false}).ascii();
            const std::vector<Tensor> gradients = grad(named.J, xs);
            compare(text, xs, gradients, named.given, count);
            compare(as_recorded, xs, gradients, named.given, raw);
        }
    }
    BOOST_TEST(count.evaluated > 150);
    BOOST_TEST(count.unreadable * 8 <= count.evaluated);  // functions as attributes: checkpoint, custom_gradient
    BOOST_TEST(raw.evaluated == count.evaluated);
    BOOST_TEST(xgrad::live_nodes() == before);
    BOOST_TEST_MESSAGE(count.evaluated << " derivations of " << count.lines << " lines, " << count.unreadable
                                       << " that cannot be read; " << raw.lines << " lines without simplification");
}

BOOST_AUTO_TEST_CASE(of_second_derivatives_give_them) {
    const support::Eagerness deferred(false);
    Count count;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            const Named named(random_graph::generate(seed));
            const std::vector<Tensor> xs = equations::connected(named.J, named.parameters);
            if (xs.empty()) continue;
            Tensor norm;
            for (const Tensor& gradient : grad(named.J, xs)) {
                const Tensor term = sum(square(gradient));
                norm = norm.is_empty_handle() ? term : norm + term;
            }
            if (!norm.needs_gradient()) continue;
            const std::vector<Tensor> again = equations::connected(norm, xs);
            if (again.empty()) continue;
            const std::string text = derivation(norm, again).ascii();
            compare(text, again, grad(norm, again), named.given, count);
        }
    }
    BOOST_TEST(count.evaluated > 30);
    BOOST_TEST_MESSAGE(count.evaluated << " second derivatives, " << count.unreadable << " that cannot be read");
}

BOOST_AUTO_TEST_SUITE_END()
