#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "no_leaks.hpp"
#include "support.hpp"

// What says the same is computed once: which values are merged, which must not be, and the bits are the same.

using support::mentions;
using support::same_bits;
using xgrad::DType;
using xgrad::Tensor;

namespace {

struct Layer {
    Tensor X = support::drawn({5, 40}, 1);
    Tensor Y = support::drawn({3, 40}, 2);
    Tensor W = xgrad::parameter(support::drawn({3, 5}, 3), "W");
    Tensor b = xgrad::parameter(support::drawn({3, 1}, 4), "b");

    Layer() { xgrad::compute({X, Y, W, b}); }
    Tensor activation() const { return xgrad::tanh(matmul(W, X) + b); }
};

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(same_values)

BOOST_AUTO_TEST_CASE(a_layer_that_is_typed_twice_is_computed_once) {
    const Layer layer;
    // Of the second layer product and tanh; the addition between them too, as it would stand in the same loop.
    BOOST_TEST(first_line(plan(mean(square(layer.activation()) - layer.Y * layer.activation()))) ==
               "11 operations: 1 with a kernel of their own, 7 in 2 loops, 0 views, 3 the same as others");
    const auto gradient = [](const Layer& net, const Tensor& A, const Tensor& again) {
        const Tensor J = mean(square(A) - net.Y * again);
        return std::vector<Tensor>{J, grad(J, net.W), grad(J, net.b)};
    };
    const Tensor A = layer.activation();
    const std::string once = plan(gradient(layer, A, A)),
                      twice = plan(gradient(layer, layer.activation(), layer.activation()));
    BOOST_TEST_INFO(once << twice);
    // The way back goes through each of them; its products read different cotangents.
    BOOST_TEST(support::count_of(once, "kernel  matmul (3, 40)") == 1u);
    BOOST_TEST(support::count_of(twice, "kernel  matmul (3, 40)") == 1u);
}

BOOST_AUTO_TEST_CASE(who_holds_several_of_them_sees_one_value) {
    for (const bool computes_gradients : {false, true}) {
        const auto results = [&](const Layer& layer) {
            const Tensor A = layer.activation(), B = layer.activation();
            const Tensor P = transpose(layer.activation()), Q = transpose(layer.activation());
            const Tensor J = sum(A * B) + sum(square(P)) * sum(Q) + sum(square(P));
            std::vector<Tensor> all{A, B, P, Q, J, sum(A), sum(B)};
            if (computes_gradients) {
                for (const Tensor& gradient : grad(J, {layer.W, layer.b})) all.push_back(gradient);
            }
            xgrad::compute(all);
            return all;
        };
        const Layer layer;
        xgrad::set_eager(true);
        const std::vector<Tensor> eager = results(layer);
        xgrad::set_eager(false);
        for (int round = 0; round < 2; ++round) {
            const std::vector<Tensor> merged = results(layer);
            for (std::size_t i = 0; i < eager.size(); ++i) {
                BOOST_TEST(same_bits(eager[i], merged[i]), "result " << i << " of round " << round);
            }
            BOOST_TEST(merged[0].value<double>().data() == merged[1].value<double>().data());
        }
    }
}

BOOST_AUTO_TEST_CASE(one_of_them_lives_on_without_the_other) {
    const Layer layer;
    Tensor A = layer.activation();
    const Tensor B = layer.activation();
    xgrad::compute({A, B});
    const xt::xarray<double> before = A.value<double>();
    A = Tensor();
    for (int i = 0; i < 8; ++i) xgrad::compute({layer.activation() * i});  // takes what was given back
    BOOST_TEST(same_bits(Tensor(before), B));
    const Tensor gradient = grad(sum(B), layer.W);
    BOOST_TEST(same_bits(gradient, grad(sum(layer.activation()), layer.W)));
}

BOOST_AUTO_TEST_CASE(numbers_and_roots_are_merged_too) {
    const Layer layer;
    const Tensor J = mean(layer.activation()), K = mean(layer.activation());
    const Tensor difference = J - K;
    xgrad::compute({J, K, difference});
    BOOST_TEST(J.item() == K.item());
    BOOST_TEST(difference.item() == 0.0);
    const auto f = xgrad::compile([&](const Tensor& x) {
        return std::vector<Tensor>{xgrad::exp(x), xgrad::exp(x), transpose(xgrad::exp(x)), sum(xgrad::exp(x))};
    });
    for (std::uint64_t seed : {1, 2}) {
        const Tensor x = support::drawn({4, 6}, seed);
        const std::vector<Tensor> results = f(x);
        BOOST_TEST(same_bits(results[0], xgrad::exp(x)));
        BOOST_TEST(same_bits(results[1], xgrad::exp(x)));
        BOOST_TEST(same_bits(results[2], transpose(xgrad::exp(x))));
        BOOST_TEST(same_bits(results[3], sum(xgrad::exp(x))));
    }
}

BOOST_AUTO_TEST_CASE(what_differs_in_one_thing_is_not_merged) {
    const Tensor x = support::drawn({6, 6}, 1), y = support::drawn({6, 6}, 2);
    xgrad::compute({x, y});
    const auto sums = [](const std::vector<Tensor>& all) {
        std::vector<Tensor> results;
        for (const Tensor& one : all) results.push_back(sum(one * one));
        return results;
    };
    const auto is_unmerged = [&](const std::vector<Tensor>& all) {
        return !mentions(plan(all), "the same as others") && !mentions(plan(sums(all)), "the same as others");
    };
    BOOST_TEST(is_unmerged({sum(x, 0), sum(x, 1)}));
    BOOST_TEST(is_unmerged({sum(x, 0, true), sum(x, 0)}));
    BOOST_TEST(is_unmerged({matmul(x, y), matmul(y, x)}));
    BOOST_TEST(is_unmerged({xgrad::tanh(x), xgrad::tanh(y)}));
    BOOST_TEST(is_unmerged({astype(x, DType::float32), astype(x, DType::longdouble)}));
    BOOST_TEST(is_unmerged({reshape(x, {4, 9}), reshape(x, {9, 4})}));
    BOOST_TEST(is_unmerged({broadcast_to(x, {2, 6, 6}), broadcast_to(x, {3, 6, 6})}));
    xgrad::random::Generator generator(1);
    const Tensor first = generator.normal({6, 6}), second = generator.normal({6, 6});
    BOOST_TEST(is_unmerged({first, second}));
}

BOOST_AUTO_TEST_CASE(what_is_computed_again_in_order_not_to_be_kept_stays_so) {
    const Layer layer;
    const auto products = [&](bool is_kept) {
        const auto f = [&](const Tensor& W) { return mean(square(xgrad::tanh(matmul(W, layer.X)))); };
        const Tensor J = is_kept ? f(layer.W) : xgrad::checkpoint(f, {layer.W});
        return support::count_of(xgrad::plan({J, grad(J, layer.W)}), "kernel  matmul (3, 40)");
    };
    BOOST_TEST(products(true) == 1u);
    BOOST_TEST(products(false) == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
