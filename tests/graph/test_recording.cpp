#include <boost/test/unit_test.hpp>

#include <set>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Deferred evaluation that nobody can tell, parameters that are assigned, gradients that are accumulated.

using support::draws;
using support::Eagerness;
using support::same_bits;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

/// Values and derivatives of a small network.
std::vector<Tensor> a_bit_of_everything() {
    const Tensor X = Array(draws({4, 30}, 1));
    const Tensor W = xgrad::parameter(Array(draws({3, 4}, 2)));
    const Tensor b = xgrad::parameter(Array(draws({3, 1}, 3)));
    const Tensor A = xgrad::softmax(xgrad::tanh(xgrad::matmul(W, X) + b));
    const Tensor J = mean(square(view(A, {xgrad::all(-1), xgrad::range(3, 20, 4)}))) + norm(W);
    const auto [dW, db] = grad(J, W, b);
    const Tensor second = grad(sum(square(dW)), b);
    const Tensor along = jvp(J, {&W, 1}, {&dW, 1});
    return {A, J, dW, db, second, along};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recording)

BOOST_AUTO_TEST_CASE(eager_and_deferred_give_the_same_bits) {
    const Eagerness later(false);
    const std::vector<Tensor> deferred = a_bit_of_everything();
    std::vector<Tensor> eager;
    {
        const Eagerness now(true);
        BOOST_TEST(xgrad::is_eager());
        eager = a_bit_of_everything();
        BOOST_TEST(bool(eager[0].node()->is_computed));
    }
    BOOST_TEST(!deferred[0].node()->is_computed);
    for (std::size_t i = 0; i < eager.size(); ++i) BOOST_TEST(same_bits(deferred[i], eager[i]));
}

BOOST_AUTO_TEST_CASE(nothing_is_computed_before_it_is_read) {
    const Eagerness later(false);
    const Tensor x = Array(draws({5}, 4));
    const Tensor y = x * 2;
    const Tensor z = xgrad::exp(y);
    BOOST_TEST(!y.node()->is_computed);
    z.value<double>();
    BOOST_TEST(bool(y.node()->is_computed));
    const Tensor unread = y + 1;
    BOOST_TEST(!unread.node()->is_computed);
}

BOOST_AUTO_TEST_CASE(a_loop_that_never_reads_runs_in_bounded_memory) {
    const std::int64_t before = xgrad::live_nodes();
    std::int64_t most = 0;
    Tensor x = 0.;
    for (int i = 0; i < 3'000'000; ++i) {
        x = x + 1;
        if (i % 1000 == 0) most = std::max(most, xgrad::live_nodes() - before);
    }
    BOOST_TEST(x.item() == 3e6);
    BOOST_TEST(most < 3'000'000);
    BOOST_TEST(xgrad::live_nodes() - before == 1);
}

BOOST_AUTO_TEST_CASE(what_no_gradient_needs_lets_go_of_its_history) {
    const Eagerness later(false);
    const std::int64_t before = xgrad::live_nodes();
    const Tensor y = xgrad::exp(Tensor(Array(draws({5}, 5))) * 2) + 1;
    BOOST_TEST(xgrad::live_nodes() - before > 3);
    y.value<double>();
    BOOST_TEST(xgrad::live_nodes() - before == 1);
    BOOST_TEST(y.node()->inputs().empty());
    // With a parameter it is kept: someone may ask for a derivative.
    const Tensor w = xgrad::parameter(1.);
    const Tensor z = w * 2 + 1;
    z.item();
    BOOST_TEST(!z.node()->inputs().empty());
    BOOST_TEST(grad(z, w).item() == 2);
}

BOOST_AUTO_TEST_CASE(a_training_loop_leaves_nothing_behind) {
    const Tensor w = xgrad::parameter(Array(draws({3}, 6)));
    std::int64_t after_first = 0;
    for (int step = 0; step < 20; ++step) {
        w.zero_grad();
        mean(square(w - 1)).backward();
        w.assign(w - 0.1 * w.grad());
        if (step == 0) after_first = xgrad::live_nodes();
    }
    BOOST_TEST(xgrad::live_nodes() == after_first);
}

BOOST_AUTO_TEST_CASE(an_old_graph_sees_the_old_value) {
    const Tensor w = xgrad::parameter(3., "w");
    const Tensor read = w * w;
    const Tensor unread = w * 10;
    BOOST_TEST(read.item() == 9);
    w.assign(5.);
    BOOST_TEST(w.item() == 5);
    BOOST_TEST(read.item() == 9);
    BOOST_TEST(unread.item() == 30);
    BOOST_TEST((w * w).item() == 25);
    BOOST_TEST(grad(read, w).item() == 6);
    // A value taken from itself is taken before it changes.
    w.assign(w + 1);
    BOOST_TEST(w.item() == 6);
    // A graph that mixes both: the derivative is with respect to every value that was used.
    const Tensor mixed = unread + 2 * w;
    BOOST_TEST(grad(mixed, w).item() == 12);
}

BOOST_AUTO_TEST_CASE(a_gradient_adds_up_over_all_values_that_a_parameter_had) {
    const Tensor a = xgrad::parameter(2., "a"), b = xgrad::parameter(3., "b"), c = xgrad::parameter(7., "c");
    Tensor y = c * 0;
    for (int time = 1; time <= 3; ++time) {
        y = y + time * a * b;
        a.assign(a + 1);
        b.assign(b * 2);
    }
    // y = 2 3 + 2 (3 6) + 3 (4 12)
    BOOST_TEST(y.item() == 6. + 36. + 144.);
    const auto [da, db, dc] = xgrad::grad(y, a, b, c);
    BOOST_TEST(da.item() == 1 * 3. + 2 * 6. + 3 * 12.);
    BOOST_TEST(db.item() == 1 * 2. + 2 * 3. + 3 * 4.);
    BOOST_TEST(dc.item() == 0.);
}

BOOST_AUTO_TEST_CASE(copies_share_the_parameter) {
    const Tensor w = xgrad::parameter(1.);
    const Tensor same = w;
    same.assign(2.);
    BOOST_TEST(w.item() == 2);
    // A parameter from a parameter is a new one.
    const Tensor other = xgrad::parameter(w);
    other.assign(7.);
    BOOST_TEST(w.item() == 2);
    BOOST_CHECK_THROW(grad(w * 2, other), xgrad::GradientError);
}

BOOST_AUTO_TEST_CASE(backward_accumulates) {
    const Tensor w = xgrad::parameter(3.), b = xgrad::parameter(1.);
    BOOST_TEST(!w.has_grad());
    (w * w).backward();
    BOOST_TEST(w.has_grad());
    BOOST_TEST(!b.has_grad());
    BOOST_TEST(w.grad().item() == 6);
    (w * 2 + b).backward();
    BOOST_TEST(w.grad().item() == 8);
    BOOST_TEST(b.grad().item() == 1);
    const Tensor kept = w.grad();
    w.zero_grad();
    BOOST_TEST(!w.has_grad());
    BOOST_CHECK_THROW(w.grad(), xgrad::GradientError);
    BOOST_TEST(kept.item() == 8);
    const Tensor J = w * b;
    J.backward();
    J.backward();  // the graph is still there
    BOOST_TEST(w.grad().item() == 2);
    // A gradient is a constant.
    BOOST_TEST(!w.grad().needs_gradient());
}

BOOST_AUTO_TEST_CASE(gradients_of_what_was_computed_on_the_way) {
    const Tensor x = xgrad::parameter(2.);
    const Tensor y = x * x;
    const Tensor z = y * x;
    BOOST_TEST(grad(z, y).item() == 2);
    BOOST_TEST(grad(z, x).item() == 12);
    BOOST_TEST(grad(z, z).item() == 1);
    const auto [dy, dx] = grad(z, y, x);
    BOOST_TEST(dy.item() == 2);
    BOOST_TEST(dx.item() == 12);
    BOOST_TEST(grad(dx, x).item() == 12);
    BOOST_TEST(grad(grad(dx, x), x).item() == 6);
}

BOOST_AUTO_TEST_CASE(what_is_not_connected) {
    const Tensor x = xgrad::parameter(2.), other = xgrad::parameter(Array(draws({2, 3}, 7)));
    const Tensor y = x * 3;
    BOOST_CHECK_THROW(grad(y, other), xgrad::GradientError);
    const std::vector<Tensor> zeros = grad(y, std::vector<Tensor>{x, other}, xgrad::Unconnected::gives_zeros);
    BOOST_TEST(zeros[0].item() == 3);
    BOOST_TEST(same_bits(zeros[1], Tensor(Array(xt::zeros<double>({2, 3})))));
    BOOST_CHECK_THROW(grad(stop_gradient(y), x), xgrad::GradientError);
    BOOST_CHECK_THROW(grad(Tensor(1.), x), xgrad::GradientError);
    // Connected, with a derivative that is declared zero.
    BOOST_TEST(grad(xgrad::sign(x), x).item() == 0);
    BOOST_TEST(grad(y + stop_gradient(x * x), x).item() == 3);
}

BOOST_AUTO_TEST_CASE(dtypes_of_gradients) {
    const Tensor w = xgrad::parameter(xt::xarray<float>{1, 2});
    const Tensor J = sum(astype(w, xgrad::DType::float64) * Tensor(Array{3, 4}));
    const Tensor g = grad(J, w);
    BOOST_TEST((g.dtype() == xgrad::DType::float32));
    BOOST_TEST(same_bits(g, Tensor(xt::xarray<float>{3, 4})));
    J.backward();
    BOOST_TEST((w.grad().dtype() == xgrad::DType::float32));
    BOOST_CHECK_THROW(xgrad::parameter(3), xgrad::DTypeError);
}

BOOST_AUTO_TEST_CASE(a_number_that_comes_back_in_reverse_mode_is_one_leaf) {
    const Tensor x = xgrad::parameter(Array(draws({3}, 1)), "x");
    Tensor y = x;
    for (int layer = 0; layer < 10; ++layer) y = xgrad::tanh(y);
    const Tensor g = grad(sum(y), x);
    // The 1 of the ten 1 - tanh².
    std::set<const xgrad::Node*> seen, ones;
    std::vector<const xgrad::Node*> path{g.node().get()};
    while (!path.empty()) {
        const xgrad::Node* node = path.back();
        path.pop_back();
        if (!seen.insert(node).second) continue;
        for (const xgrad::NodeRef& input : node->inputs()) {
            path.push_back(input.get());
            const bool is_subtracted_from =
                node->op() == xgrad::find_op("subtract") && &input == node->inputs().begin();
            if (is_subtracted_from && input->is_leaf()) ones.insert(input.get());
        }
    }
    BOOST_TEST(ones.size() == 1U);

    // The sign of a 0 and the dtype tell numbers apart.
    xgrad::SharedNumbers scope;
    scope.leaf_for(0., xgrad::DType::float64) = Tensor(0.).node();
    BOOST_TEST(bool(scope.leaf_for(0., xgrad::DType::float64)));
    BOOST_TEST(!scope.leaf_for(-0., xgrad::DType::float64));
    BOOST_TEST(!scope.leaf_for(0., xgrad::DType::float32));
}

BOOST_AUTO_TEST_CASE(a_leak_is_noticed) {
    const std::int64_t before = xgrad::live_nodes();
    {
        const Tensor kept = 1.;
        BOOST_TEST(xgrad::live_nodes() == before + 1);
    }
    BOOST_TEST(xgrad::live_nodes() == before);
}

BOOST_AUTO_TEST_SUITE_END()
