#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "no_leaks.hpp"
#include "support.hpp"

// A compiled function gives the bits of the function itself, call after call, whatever happens between the calls.

using support::same_bits;
using xgrad::DType;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

struct Network {
    Tensor W1 = xgrad::parameter(support::drawn({4, 2}, 1), "W1");
    Tensor b1 = xgrad::parameter(support::drawn({4, 1}, 2), "b1");
    Tensor W2 = xgrad::parameter(support::drawn({1, 4}, 3), "W2");
    std::vector<Tensor> parameters{W1, b1, W2};

    Tensor cost(const Tensor& X, const Tensor& Y) const {
        return binary_cross_entropy_with_logits(matmul(W2, xgrad::tanh(matmul(W1, X) + b1)), Y);
    }
    /// The cost, and what gradient descent makes of the parameters.
    std::vector<Tensor> step(const Tensor& X, const Tensor& Y) const {
        std::vector<Tensor> results{cost(X, Y)};
        const std::vector<Tensor> gradients = grad(results[0], parameters);
        for (std::size_t i = 0; i < parameters.size(); ++i) results.push_back(parameters[i] - 0.5 * gradients[i]);
        return results;
    }
};

void check_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
    BOOST_TEST_REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(same_bits(a[i], b[i]), "result " << i);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(compiled)

BOOST_AUTO_TEST_CASE(a_training_gives_the_bits_of_the_recorded_one) {
    const Network net, other;
    const auto step = xgrad::compile([&](const Tensor& X, const Tensor& Y) { return net.step(X, Y); });
    for (std::uint64_t i = 0; i < 5; ++i) {
        const Tensor X = support::drawn({2, 30}, 10 + i);
        const Tensor Y = astype(support::drawn({1, 30}, 20 + i) > 0, DType::float64);
        const std::vector<Tensor> now = step(X, Y);
        check_same(now, other.step(X, Y));
        for (std::size_t p = 0; p < 3; ++p) {
            net.parameters[p].assign(now[p + 1]);
            other.parameters[p].assign(now[p + 1]);
        }
    }
    BOOST_TEST(step.recordings() == 1);
}

BOOST_AUTO_TEST_CASE(earlier_results_keep_their_values) {
    const auto f = xgrad::compile([](const Tensor& x) { return xgrad::exp(x) * 2; });
    const Tensor first = f(support::drawn({5}, 1));
    const Tensor again = 2 * xgrad::exp(support::drawn({5}, 1));
    f(support::drawn({5}, 2));
    BOOST_TEST(same_bits(first, again));
    BOOST_TEST(!first.needs_gradient());
}

BOOST_AUTO_TEST_CASE(other_shapes_and_dtypes_are_recorded_anew_and_remembered) {
    const auto f = xgrad::compile([](const Tensor& x) { return sum(square(x)); });
    f(support::drawn({2, 3}, 1));
    BOOST_TEST(f.reason() == "first call");
    const Tensor wide = support::drawn({4, 3}, 2);
    BOOST_TEST(same_bits(f(wide), sum(square(wide))));
    BOOST_TEST(f.recordings() == 2);
    BOOST_TEST(f.reason() == "argument 0 was float64 (2, 3) and is float64 (4, 3)");
    f(support::drawn({2, 3}, 3));
    BOOST_TEST(f.recordings() == 2);
    f(astype(wide, DType::float32));
    BOOST_TEST(f.recordings() == 3);
    BOOST_TEST(f.reason() == "argument 0 was float64 (2, 3) and is float32 (4, 3)");
    for (std::int64_t n = 1; n < 40; ++n) {
        const Tensor x = support::drawn({n}, 5);
        BOOST_TEST(same_bits(f(x), sum(square(x))));
    }
}

BOOST_AUTO_TEST_CASE(any_result_is_a_value_of_its_own) {
    const Tensor p = xgrad::parameter(support::drawn({2, 3}, 1));
    const Tensor constant = support::drawn({2, 3}, 2);
    const auto results = [&](const Tensor& x) {
        const Tensor y = x * p;
        return std::vector<Tensor>{x,
                                   transpose(x),
                                   p,
                                   transpose(p),
                                   constant,
                                   exp(constant),
                                   y,
                                   y,
                                   transpose(y),
                                   flatten(transpose(y)),
                                   view(y, {1}),
                                   broadcast_to(sum(y), {2, 2})};
    };
    const auto f = xgrad::compile(results);
    for (std::uint64_t seed : {3, 4}) {
        const Tensor x = support::drawn({2, 3}, seed);
        check_same(f(x), results(x));
        p.assign(support::drawn({2, 3}, seed + 5));
    }
    // An argument that is not row-major, or not computed yet.
    const Tensor turned = transpose(support::drawn({3, 2}, 6)) + 1;
    check_same(f(turned), results(turned));
    check_same(f(transpose(support::drawn({3, 2}, 6))), results(transpose(support::drawn({3, 2}, 6))));
}

BOOST_AUTO_TEST_CASE(one_number_over_and_over_is_repeated_as_it_is_when_recorded) {
    // Some that a loop repeats, one that a product reads, one that is a result, and derivatives, which begin with a 1.
    Tensor few, many, different;
    const auto f = [&](const Tensor& x) {
        const Tensor rate = broadcast_to(exp(Tensor(-0.5F)), {300, 200});
        few = xgrad::tanh(broadcast_to(Tensor(2.F), {200}) * 3);
        many = xgrad::tanh(rate * 3);
        different = exp(xgrad::linspace(0, 1, 60000, xgrad::DType::float32));
        const Tensor half = square(rate) / 2;
        const Tensor y = xgrad::tanh(x * half) - sum(xgrad::matmul(transpose(half), x - rate), 0);
        return std::vector<Tensor>{y, half, grad(sum(y / 3 - rate), x), x * few + many, flatten(x) * different};
    };
    const auto compiled = xgrad::compile(f);
    for (const std::uint64_t seed : {1, 2}) {
        const Tensor x = xgrad::parameter(astype(support::drawn({300, 200}, seed), xgrad::DType::float32));
        const auto results = compiled(x);
        if (seed == 1) {
            BOOST_TEST(bool(few.node()->is_computed));
            BOOST_TEST(!many.node()->is_computed);
            BOOST_TEST(bool(different.node()->is_computed));
        }
        check_same(results, f(x));
    }
}

BOOST_AUTO_TEST_CASE(derivatives_of_any_order_are_taken_inside) {
    const auto g = [](const Tensor& x, const Tensor& v) {
        const auto f = [](const Tensor& y) { return sum(xgrad::tanh(y) * y * y); };
        return std::vector<Tensor>{grad(f(x), x), xgrad::hvp(f, {x}, {v})[0]};
    };
    const auto compiled = xgrad::compile(g);
    const Tensor x = xgrad::parameter(support::drawn({7}, 1));
    const Tensor v = support::drawn({7}, 2);
    check_same(compiled(x, v), g(x, v));
    check_same(compiled(x * 2, v), g(x * 2, v));
}

BOOST_AUTO_TEST_CASE(draws_are_made_anew_at_each_call) {
    const auto noisy = [](xgrad::random::Generator& generator) {
        return [&generator](const Tensor& x) { return x + generator.normal({3}, 0, 1, DType::float64); };
    };
    xgrad::random::Generator one(7), two(7);
    const auto f = xgrad::compile(noisy(one));
    const Tensor x = support::drawn({3}, 1);
    for (int i = 0; i < 4; ++i) BOOST_TEST(same_bits(f(x), noisy(two)(x)));
    BOOST_TEST(one.state().counter == two.state().counter);
}

BOOST_AUTO_TEST_CASE(what_was_assigned_before_is_seen_and_a_parameter_may_be_gone) {
    auto p = std::make_unique<Tensor>(xgrad::parameter(support::drawn({3}, 1)));
    const Tensor inner = *p;
    const auto f = xgrad::compile([&](const Tensor& x) { return p ? x * *p : x * inner; });
    const Tensor x = support::drawn({3}, 2);
    f(x);
    p->assign(support::drawn({3}, 3));
    BOOST_TEST(same_bits(f(x), x * support::drawn({3}, 3)));

    const auto local = xgrad::compile([](const Tensor& y) { return y * xgrad::parameter(support::drawn({3}, 4)); });
    local(x);
    BOOST_TEST(same_bits(local(x), x * support::drawn({3}, 4)));
}

BOOST_AUTO_TEST_CASE(a_compiled_function_is_a_part_of_another_one) {
    const auto inner = xgrad::compile([](const Tensor& x) { return square(x); });
    const auto outer = xgrad::compile([&](const Tensor& x) { return grad(sum(inner(x) * x), x); });
    const Tensor x = support::drawn({5}, 1);
    for (int i = 0; i < 2; ++i) BOOST_TEST(support::close(outer(x + i), 3 * square(x + i)));
    BOOST_TEST(support::close(xgrad::vmap([&](const Tensor& one) { return inner(one); }, x), square(x)));
}

BOOST_AUTO_TEST_CASE(while_values_are_watched_an_error_names_the_operation_and_its_line) {
    xgrad::random::Generator one(7), two(7);
    const Tensor scale = xgrad::parameter(xt::xarray<double>{1, 1}, "scale");
    const auto step = [&](xgrad::random::Generator& generator) {
        return [&](const Tensor& x) {
            const Tensor noise = 1 + generator.uniform({2}, 0, 1e-3, DType::float64);
            const Tensor J = sum(scale * log(x * noise));
            return std::vector<Tensor>{J, grad(J, x), grad(J, scale)};
        };
    };
    const std::string place = "test_compile.cpp:" + std::to_string(__LINE__ - 4);
    const auto compiled = xgrad::compile(step(one));
    const Tensor good = xgrad::parameter(xt::xarray<double>{1, 2}),
                 bad = xgrad::parameter(xt::xarray<double>{1, 0}, "bad");
    check_same(compiled(good), step(two)(good));
    {
        const xgrad::WatchNonFinite watch;
        check_same(compiled(good), step(two)(good));
        const std::string text = support::message_of<xgrad::ValueError>([&] { compiled(bad); });
        BOOST_TEST(text.starts_with("log: needs to be finite while values are watched, got -inf at " + place), text);
        BOOST_TEST(text.find("log makes -inf at [1] of (2,), forward, at " + place) != std::string::npos, text);
        BOOST_TEST(text.find("of multiply at " + place + " (2,), which is 0 there") != std::string::npos, text);
        // The derivative alone is not finite: √ at 0.
        const auto root = xgrad::compile([](const Tensor& x) { return grad(sum(xgrad::sqrt(x)), x); });
        const std::string backward = support::message_of<xgrad::ValueError>([&] { root(bad); });
        BOOST_TEST(backward.find("the derivative of sqrt makes inf at [1]") != std::string::npos, backward);
        BOOST_TEST(backward.find("test_compile.cpp:" + std::to_string(__LINE__ - 3)) != std::string::npos, backward);
        const auto given = xgrad::compile([](const Tensor& x) { return 1 / x; });
        const std::string named = support::message_of<xgrad::ValueError>([&] { given(bad); });
        BOOST_TEST(named.find("of bad (2,), which is 0 there") != std::string::npos, named);
    }
    // Nothing has been left behind: the draws go on where they were, and nobody watches.
    step(two)(good);
    BOOST_TEST(compiled.recordings() == 1);
    check_same(compiled(good), step(two)(good));
    BOOST_TEST(compiled(bad)[0].item() == -std::numeric_limits<double>::infinity());
}

BOOST_AUTO_TEST_CASE(a_function_that_reads_a_value_is_an_error_and_leaves_nothing) {
    int calls = 0;
    const auto f = xgrad::compile([&](const Tensor& x) {
        ++calls;
        return x.item() > 0 ? x : -x;
    });
    const auto call = [&] { f(support::drawn({1}, 1)); };
    BOOST_CHECK_EXCEPTION(call(), xgrad::ValueError, [](const xgrad::ValueError& error) {
        return std::string(error.what()).find("reads no values") != std::string::npos;
    });
    BOOST_CHECK_THROW(call(), xgrad::ValueError);
    BOOST_TEST(calls == 2);
    BOOST_TEST(f.recordings() == 0);
}

BOOST_AUTO_TEST_CASE(wrong_arguments_are_named_with_the_callers_line) {
    const auto f = xgrad::compile([](const Tensor& x, const Tensor& y) { return matmul(x, y); });
    BOOST_CHECK_THROW(f(support::drawn({2, 3}, 1), support::drawn({2, 3}, 1)), xgrad::ShapeError);
    BOOST_CHECK_THROW(f(support::drawn({2, 3}, 1)), xgrad::ValueError);
    const unsigned line = __LINE__ + 1;
    const auto empty = [&] { f(Tensor(), Tensor()); };
    BOOST_CHECK_EXCEPTION(empty(), xgrad::ValueError, [&](const xgrad::ValueError& error) {
        return std::string(error.what()).find("test_compile.cpp:" + std::to_string(line)) != std::string::npos;
    });
    BOOST_TEST(f(support::drawn({2, 3}, 1), support::drawn({3, 2}, 1)).shape() == (Shape{2, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
