#include <boost/test/unit_test.hpp>

#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/xgrad.hpp>

#include "random_graph.hpp"
#include "support.hpp"

// Derivatives whose structure has been recorded before are one node until somebody looks at their inputs. Nobody can
// tell: the bits, the formulas, the errors and the derivatives of higher order are the same.

using support::close;
using support::drawn;
using support::draws;
using support::same_bits;
using xgrad::DType;
using xgrad::Record;
using xgrad::Tensor;

namespace {

constexpr int often = 6;

bool is_deferred(const Tensor& x) {
    return x.node()->is_deferred;
}

/// Looks at the inputs, which records them.
void look(const std::vector<Tensor>& xs) {
    for (const Tensor& x : xs) x.node()->inputs();
}

/// What reverse mode has recorded, as one reads it.
std::string written(const std::vector<Tensor>& gradients) {
    std::string text;
    for (const Tensor& g : gradients) text += derivation(sum(g), std::vector<Tensor>{}).ascii();
    return text;
}

/// Where operations are computed as soon as they are recorded, derivatives are recorded at once as well.
bool can_be_deferred() {
    return !xgrad::is_eager();
}

/// f with derivatives that are recorded at once.
template <class F>
auto recorded_at_once(F&& f) {
    const xgrad::HistoryScope everything_is_recorded;
    return f();
}

/// What f gives for step 0, 1, …: recorded, and deferred once it is known. All has the same bits.
template <class F>
void same_bits_every_time(F&& f) {
    for (int step = 0; step < often; ++step) {
        const std::vector<Tensor> waiting = f(step);
        if (step == often - 1) BOOST_TEST(is_deferred(waiting.back()) == can_be_deferred());
        const std::vector<Tensor> recorded = recorded_at_once([&] { return f(step); });
        BOOST_TEST(!is_deferred(recorded.back()));
        xgrad::compute(waiting);
        xgrad::compute(recorded);
        for (std::size_t i = 0; i < waiting.size(); ++i) BOOST_TEST(same_bits(waiting[i], recorded[i]));
    }
}

/// 3-5-1 on four examples, others at each step.
struct Network {
    Tensor W1 = xgrad::parameter(draws({5, 3}, 1), "W1");
    Tensor b1 = xgrad::parameter(draws({5, 1}, 2), "b1");
    Tensor W2 = xgrad::parameter(draws({1, 5}, 3), "W2");
    std::vector<Tensor> parameters{W1, b1, W2};

    Tensor cost(int step) const {
        const auto seed = static_cast<unsigned>(step);
        const Tensor X = drawn({3, 4}, 10 + seed);
        const Tensor Y = xgrad::astype(drawn({1, 4}, 20 + seed) > 0, DType::float64);
        const Tensor A = xgrad::sigmoid(xgrad::matmul(W2, xgrad::tanh(xgrad::matmul(W1, X) + b1)));
        return -mean(Y * xgrad::log(A) + (1 - Y) * xgrad::log(1 - A));
    }
    /// The last of many gradients of this structure.
    std::vector<Tensor> known_gradients(const Tensor& J) const {
        for (int step = 0; step < 2; ++step) xgrad::compute(grad(cost(step), parameters));
        return grad(J, parameters);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(deferred)

BOOST_AUTO_TEST_CASE(gradients_have_the_same_bits) {
    const Network net;
    same_bits_every_time([&](int step) {
        const Tensor J = net.cost(step);
        std::vector<Tensor> all = grad(J, net.parameters);
        all.insert(all.begin(), J);
        return all;
    });
}

BOOST_AUTO_TEST_CASE(a_known_gradient_is_one_node) {
    const Network net;
    const Tensor J = net.cost(0);
    for (int step = 0; step < 2; ++step) xgrad::compute(grad(net.cost(step), net.parameters));
    const std::int64_t before = xgrad::live_nodes();
    const std::vector<Tensor> gradients = grad(J, net.parameters);
    if (!can_be_deferred()) return;
    // Its own, and that of the 1 from which reverse mode starts.
    BOOST_TEST(xgrad::live_nodes() - before == 4);
    look(gradients);
    BOOST_TEST(xgrad::live_nodes() - before > 4);
}

BOOST_AUTO_TEST_CASE(a_graph_with_other_handles_has_the_same_bits) {
    const Network net;
    // J is not held, one gradient is dropped, a value in between is held: each is another structure.
    same_bits_every_time([&](int step) { return grad(net.cost(step), net.parameters); });
    same_bits_every_time([&](int step) {
        const std::vector<Tensor> all = grad(net.cost(step), net.parameters);
        return std::vector<Tensor>{all[0], all[2]};
    });
    same_bits_every_time([&](int step) {
        const Tensor X = drawn({3, 4}, 30 + static_cast<unsigned>(step));
        const Tensor Z = xgrad::matmul(net.W1, X);
        const std::vector<Tensor> all = grad(sum(square(xgrad::tanh(Z + net.b1))), std::vector{net.W1, net.b1});
        return std::vector<Tensor>{Z, all[0], all[1]};
    });
    // A gradient that is a transposed view of a product which only reverse mode knows.
    same_bits_every_time([&](int step) {
        const Tensor X = drawn({4, 3}, 40 + static_cast<unsigned>(step));
        return std::vector<Tensor>{grad(sum(square(xgrad::matmul(X, transpose(net.W1)))), net.W1)};
    });
}

BOOST_AUTO_TEST_CASE(values_may_be_read_in_any_order) {
    const Network net;
    for (int step = 0; step < often; ++step) {
        const Tensor J = net.cost(0);
        const std::vector<Tensor> gradients = net.known_gradients(J);
        const Tensor again = net.cost(0);
        const std::vector<Tensor> recorded = recorded_at_once([&] { return grad(again, net.parameters); });
        if (step % 2 == 0) J.item();
        for (int i : {2, 0, 1}) {
            const auto at = static_cast<std::size_t>(i);
            BOOST_TEST(close(gradients[at], recorded[at], 1e-13));
        }
        BOOST_TEST(J.item() == again.item());
    }
}

BOOST_AUTO_TEST_CASE(what_was_computed_before_is_read_and_not_remembered) {
    // Values of one element as well, which could be taken for the numbers that reverse mode brings along.
    const Tensor w = xgrad::parameter(Tensor(0.5), "w"), c = xgrad::parameter(Tensor(-0.25), "c");
    const Network net;
    enum class Read { nothing, cost_before, cost_after, one_gradient };
    const auto of_each = [&](Read read, auto&& cost, const std::vector<Tensor>& xs, int step, bool waits) {
        const Tensor J = cost(step);
        if (read == Read::cost_before) J.item();
        const auto take = [&] { return grad(J, xs); };
        const std::vector<Tensor> gradients = waits ? take() : recorded_at_once(take);
        if (waits && step == often - 1) BOOST_TEST(is_deferred(gradients[0]) == can_be_deferred());
        if (read == Read::cost_after) J.item();
        if (read == Read::one_gradient) xgrad::compute(std::vector{gradients.back()});
        xgrad::compute(gradients);
        return gradients;
    };
    const auto compare = [&](Read read, auto&& cost, const std::vector<Tensor>& xs) {
        for (int step = 0; step < often; ++step) {
            const std::vector<Tensor> waiting = of_each(read, cost, xs, step, true);
            const std::vector<Tensor> recorded = of_each(read, cost, xs, step, false);
            for (std::size_t i = 0; i < xs.size(); ++i) BOOST_TEST(same_bits(waiting[i], recorded[i]));
        }
    };
    for (const Read read : {Read::nothing, Read::cost_before, Read::cost_after, Read::one_gradient}) {
        BOOST_TEST_CONTEXT("read " << static_cast<int>(read)) {
            compare(
                read, [&](int step) { return net.cost(step); }, net.parameters);
            compare(read,
                    [&](int step) {
                        const Tensor x(0.125 * (step + 1));
                        return square(xgrad::tanh(xgrad::exp(w * x) + c * x) - 0.5);
                    },
                    {w, c});
        }
    }
}

BOOST_AUTO_TEST_CASE(computed_graphs_of_other_operations_are_told_apart) {
    const Tensor w = xgrad::parameter(draws({4}, 1), "w");
    for (int step = 0; step < 2 * often; ++step) {
        const Tensor y = step % 2 == 0 ? xgrad::tanh(w) : xgrad::exp(w);
        const Tensor slope = step % 2 == 0 ? 1 - square(y) : y;
        const Tensor J = sum(y);
        J.item();
        BOOST_TEST(close(grad(J, w), slope, 1e-14));
    }
}

BOOST_AUTO_TEST_CASE(a_parameter_may_change_or_go_before_the_gradient_is_computed) {
    for (int step = 0; step < often; ++step) {
        std::optional<Network> net(std::in_place);
        std::vector<Tensor> gradients = net->known_gradients(net->cost(0));
        const std::vector<Tensor> recorded = recorded_at_once([&] { return grad(net->cost(0), net->parameters); });
        net->W1.assign(2 * net->W1);
        if (step % 2 == 0) net.reset();
        if (step % 3 == 0) look(gradients);
        for (std::size_t i = 0; i < gradients.size(); ++i) BOOST_TEST(close(gradients[i], recorded[i], 1e-13));
    }
}

BOOST_AUTO_TEST_CASE(looking_shows_the_operations_of_reverse_mode) {
    const Network net;
    std::string first;
    for (int step = 0; step < often; ++step) {
        const Tensor J = net.cost(step);
        const std::vector<Tensor> gradients = grad(J, net.parameters);
        const std::string text = written(gradients);
        if (step == 0) first = text;
        BOOST_TEST(text == first);
    }
    if (!can_be_deferred()) return;
    // After they have been computed as well: what needs no gradient has then lost its history.
    const std::vector<Tensor> recorded = recorded_at_once([&] { return grad(net.cost(0), net.parameters); });
    xgrad::compute(recorded);
    const std::vector<Tensor> gradients = net.known_gradients(net.cost(0));
    xgrad::compute(gradients);
    BOOST_TEST(is_deferred(gradients[0]));
    BOOST_TEST(written(gradients) == written(recorded));
}

BOOST_AUTO_TEST_CASE(second_derivatives_have_the_same_bits) {
    const Network net;
    const std::vector<Tensor> v{drawn({5, 3}, 7), drawn({5, 1}, 8), drawn({1, 5}, 9)};
    std::vector<Tensor> first;
    for (int step = 0; step < 2 * often; ++step) {
        const std::vector<Tensor> gradients = grad(5 * net.cost(0), net.parameters);
        if (step == 1) xgrad::compute(gradients);
        Tensor along = sum(gradients[0] * v[0]);
        for (std::size_t i = 1; i < v.size(); ++i) along = along + sum(gradients[i] * v[i]);
        const std::vector<Tensor> products = grad(along, net.parameters);
        xgrad::compute(products);
        if (step == 0) first = products;
        for (std::size_t i = 0; i < products.size(); ++i) BOOST_TEST(close(products[i], first[i], 1e-13));
        if (step == 2 * often - 1) BOOST_TEST(is_deferred(products[0]) == can_be_deferred());
    }
}

BOOST_AUTO_TEST_CASE(jacobians_have_the_same_bits) {
    const Network net;
    const auto outputs = [&](int step) {
        return xgrad::tanh(xgrad::matmul(net.W1, drawn({3, 4}, 50 + static_cast<unsigned>(step))) + net.b1);
    };
    same_bits_every_time([&](int step) { return jacobian(sum(outputs(step), {1}), std::vector{net.W1, net.b1}); });
    same_bits_every_time([&](int step) { return jacobian(outputs(step), std::vector{net.b1}); });
    same_bits_every_time([&](int step) {
        std::vector<Tensor> blocks;
        for (const std::vector<Tensor>& row : hessian(net.cost(step), net.parameters)) {
            blocks.insert(blocks.end(), row.begin(), row.end());
        }
        return blocks;
    });
    const std::vector<Tensor> along{drawn({5, 3}, 7), drawn({5, 1}, 8), drawn({1, 5}, 9)};
    same_bits_every_time([&](int step) { return hvp(net.cost(step), net.parameters, along); });
}

BOOST_AUTO_TEST_CASE(what_a_rule_reads_is_not_taken_for_known) {
    const Tensor x = xgrad::parameter(draws({3}, 1, 1, 2), "x");
    // The order of a polygamma function is a number in the graph, and its derivative that of the next order.
    for (int order = 1; order < often; ++order) {
        const Tensor slope = grad(sum(xgrad::polygamma(order, x)), x);
        BOOST_TEST(close(slope, xgrad::polygamma(order + 1, x), 1e-13));
    }
    // Reverse mode leaves a multiplication by 1 out.
    for (const double factor : {1, 1, 1, 3, 1, 3, 3, 2, 1}) {
        BOOST_TEST(close(grad(sum(square(x)) * factor, x), 2 * factor * x, 1e-14));
        const std::vector<Tensor> xs{x};
        const Tensor y = reshape(sum(square(x)), {});
        BOOST_TEST(close(vjp(y, Tensor(factor), xs)[0], 2 * factor * x, 1e-14));
    }
}

BOOST_AUTO_TEST_CASE(what_a_rule_brings_along_is_not_taken_for_known) {
    static Tensor factor;
    static const xgrad::Op& op = define(xgrad::General{
        .name = "planted_outside_factor",
        .math = "y = x, with another derivative",
        .shape =
            [](const xgrad::Call& call) {
                return xgrad::Signature{call.dtype(0), call.shape(0)};
            },
        .forward = xgrad::floating<1>([](auto x) { return x; }),
        .vjp = [](const Record&, const Tensor& g, std::size_t) { return g * factor; },
        .jvp = [](const Record&, auto tangents) { return tangents[0] * factor; },
        .probes = xgrad::unary_probes(xgrad::between(-1, 1)),
    });
    const Tensor x = xgrad::parameter(draws({3}, 1), "x");
    for (int step = 0; step < often; ++step) {
        factor = Tensor(static_cast<double>(step));
        BOOST_TEST(close(grad(sum(square(apply(op, {x}))), x), 2 * x * factor, 1e-14));
    }
    factor = Tensor();
    // A function that is differentiated by recording it again, another one each time.
    for (int step = 0; step < often; ++step) {
        const Tensor y = xgrad::checkpoint([&](const Tensor& z) { return square(z) * (step + 2); }, {x});
        BOOST_TEST(close(grad(sum(y), x), 2.0 * (step + 2) * x, 1e-14));
    }
}

BOOST_AUTO_TEST_CASE(an_error_names_the_line_of_its_own_step) {
    if (!can_be_deferred()) return;
    const Tensor W = xgrad::parameter(xt::xarray<double>{{2, 1}, {1, 3}}, "W");
    const auto slope = [](const Tensor& y, const Tensor& w) { return grad(sum(y), w); };
    for (int step = 0; step < 3; ++step) xgrad::compute(std::vector{slope(xgrad::linalg::inv(W), W)});
    W.assign(xt::zeros<double>({2, 2}));
    const Tensor of_singular = slope(xgrad::linalg::inv(W), W);
    const int line = __LINE__ - 1;
    BOOST_TEST(is_deferred(of_singular));
    const auto names_the_line = [&](const xgrad::Error& error) {
        return support::mentions(error.what(), "test_deferred.cpp:" + std::to_string(line));
    };
    BOOST_CHECK_EXCEPTION(xgrad::compute({of_singular}), xgrad::Error, names_the_line);
    BOOST_TEST(!of_singular.node()->is_computed);
    BOOST_CHECK_EXCEPTION(xgrad::compute({of_singular}), xgrad::Error, names_the_line);
}

BOOST_AUTO_TEST_CASE(who_always_looks_gets_recorded_derivatives) {
    const Tensor x = xgrad::parameter(draws({7}, 1), "x");
    int deferred = 0;
    for (int step = 0; step < 20; ++step) {
        const Tensor slope = grad(sum(x * x * x), x);
        deferred += is_deferred(slope);
        look({slope});
    }
    BOOST_TEST((deferred > 0) == can_be_deferred());
    BOOST_TEST(deferred < 10);
}

BOOST_AUTO_TEST_CASE(after_many_structures_one_that_repeats_is_found) {
    const Tensor x = xgrad::parameter(draws({5}, 1), "x");
    const auto slope = [&](int links) {
        Tensor y = x;
        for (int link = 0; link < links; ++link) y = xgrad::sinh(y);
        return grad(sum(y), x);
    };
    for (int links = 1; links < 120; ++links) BOOST_TEST(!is_deferred(slope(links)));
    int deferred = 0;
    for (int step = 0; step < 60; ++step) {
        const Tensor again = slope(130);
        deferred += is_deferred(again);
        xgrad::compute(std::vector{again});
    }
    BOOST_TEST((deferred > 20) == can_be_deferred());
}

BOOST_AUTO_TEST_CASE(each_thread_learns_for_itself) {
    std::vector<std::vector<Tensor>> of_thread(3);
    std::vector<std::thread> threads;
    for (std::size_t number = 0; number < of_thread.size(); ++number) {
        threads.emplace_back([&, number] {
            const Network net;
            for (int step = 0; step < often; ++step) {
                of_thread[number] = grad(net.cost(step), net.parameters);
                xgrad::compute(of_thread[number]);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::vector<Tensor>& gradients : of_thread) {
        for (std::size_t i = 0; i < gradients.size(); ++i) BOOST_TEST(same_bits(gradients[i], of_thread[0][i]));
    }
}

BOOST_AUTO_TEST_CASE(random_programs_have_the_same_bits_every_time) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const random_graph::Program program = random_graph::generate(seed);
        const std::uint64_t first = bits_of(program);
        for (int step = 1; step < 5; ++step) {
            BOOST_TEST(bits_of(program) == first, "seed " << seed << ", step " << step << '\n' << to_string(program));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
