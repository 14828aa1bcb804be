#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "no_leaks.hpp"
#include "support.hpp"

// What plan() says of a computation, and what the plans' memory must do: shared by lifetime, and the same values
// whether or not a plan was seen before.

using support::mentions;
using xgrad::DType;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

/// The bytes of working memory that plan() names.
std::size_t working_bytes(const std::string& text) {
    const std::string before = " values, ";
    return std::stoul(text.substr(text.find(before) + before.size()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plans)

BOOST_AUTO_TEST_CASE(a_chain_is_one_loop_with_its_sum) {
    const Tensor x = support::drawn({30, 40}, 1);
    xgrad::compute({x});
    const Tensor J = sum(xgrad::tanh(x) * 2 + 1);
    const std::string text = plan(J);
    BOOST_TEST_INFO(text);
    BOOST_TEST(mentions(text, "4 operations: 0 with a kernel of their own, 4 in 1 loops, 0 views"));
    BOOST_TEST(mentions(text, "over (30, 40): tanh, multiply, add; sum"));
    // 1200 elements of x and two numbers; three operations on each element, and the sum.
    BOOST_TEST(mentions(text, "reads 9616 B in 3 arrays, writes 8 B, 4800 FLOPs"));
    BOOST_TEST(mentions(text, "8 B kept by 1 values, 0 B of working memory"));
    J.item();
    BOOST_TEST(plan(J) == "everything is computed already\n");
}

BOOST_AUTO_TEST_CASE(a_value_that_leaves_its_loop_has_a_reason) {
    const Tensor x = support::drawn({30, 30}, 1);
    xgrad::compute({x});
    const Tensor y = xgrad::exp(x);
    const std::vector<Tensor> all{xgrad::tanh(matmul(y, x)), sum(y * x, 0)};
    const std::string text = plan(all);
    BOOST_TEST_INFO(text);
    BOOST_TEST(mentions(text, "writes exp: somebody holds it"));
    BOOST_TEST(mentions(text, "writes multiply: sum reads it"));
    BOOST_TEST(mentions(text, "kernel  matmul (30, 30), reads 14.4 kB, writes 7200 B, 54.0 k FLOPs"));
}

BOOST_AUTO_TEST_CASE(what_only_later_loops_read_is_computed_there) {
    const Tensor Y = support::drawn({1, 30}, 1), k = support::drawn({1, 30}, 2), X = support::drawn({4, 30}, 3);
    const Tensor W = support::drawn({1, 4}, 4);
    xgrad::compute({Y, k, X, W});
    const Tensor J = [&] {
        const Tensor rest = 1 - Y, Z = matmul(W, X), first = rest * xgrad::tanh(Z);
        // It reads what a later loop reads too, and is itself read later.
        const Tensor scaled = rest * k;
        return sum(first) + sum(scaled * xgrad::exp(Z));
    }();
    const std::string text = plan(J);
    BOOST_TEST_INFO(text);
    BOOST_TEST(support::count_of(text, "over (1, 30)") == 1u);
    BOOST_TEST(!mentions(text, "writes subtract"));
}

BOOST_AUTO_TEST_CASE(memory_is_shared_by_lifetime) {
    // A chain of products: two matrices are alive at any time, however long it is.
    const auto chain = [](int length) {
        Tensor y = support::drawn({100, 100}, 1);
        const Tensor A = support::drawn({100, 100}, 2);
        xgrad::compute({y, A});
        for (int i = 0; i < length; ++i) y = matmul(A, y);
        return sum(y, 0);
    };
    const std::string ten = plan(chain(10)), hundred = plan(chain(100));
    BOOST_TEST_INFO(ten << hundred);
    BOOST_TEST(working_bytes(ten) == 160);  // kB
    BOOST_TEST(working_bytes(hundred) == 160);
}

BOOST_AUTO_TEST_CASE(a_plan_that_was_seen_before_gives_the_same_bits_on_other_data) {
    const auto results = [](std::uint64_t seed) {
        const Tensor W = xgrad::parameter(support::drawn({4, 6}, seed));
        const Tensor x = support::drawn({6, 5}, seed + 1);
        const Tensor y = transpose(xgrad::sigmoid(matmul(W, x)));
        const Tensor J = sum(square(flatten(y)) * 0.5) + mean(view(y, {xgrad::range(0, 3)}));
        return std::vector<Tensor>{J, grad(J, W), reshape(y, {2, 10})};
    };
    for (std::uint64_t seed : {1, 2, 3}) {
        xgrad::set_eager(true);
        const std::vector<Tensor> eager = results(seed);
        xgrad::set_eager(false);
        const std::vector<Tensor> planned = results(seed);
        for (std::size_t i = 0; i < eager.size(); ++i) BOOST_TEST(support::same_bits(eager[i], planned[i]));
    }
}

BOOST_AUTO_TEST_CASE(a_view_of_one_number_may_be_empty) {
    // The number stands in its node, and the view begins behind it.
    for (const Tensor& x : {support::drawn({1}, 1), exp(support::drawn({1}, 1))}) {
        const Tensor none = view(x, {xgrad::range(1, 1)});
        BOOST_TEST(none.value<double>().size() == 0u);
        const Tensor reversed = view(x, {xgrad::range(0, 1, 1)});
        BOOST_TEST(reversed.item() == x.item());
    }
}

BOOST_AUTO_TEST_CASE(structures_that_differ_in_one_thing_have_plans_of_their_own) {
    // The same operations on the same shapes, but other edges, attributes, layouts, dtypes or holders.
    const Tensor a = support::drawn({4, 4}, 1), b = support::drawn({4, 4}, 2);
    const auto check = [](const Tensor& lazy, const Tensor& expected) {
        BOOST_TEST(support::same_bits(lazy, expected));
    };
    for (int round = 0; round < 2; ++round) {
        check(a - b, xgrad::negative(b - a));
        check(a - a, xgrad::zeros({4, 4}, DType::float64));
        check(sum(exp(a), 0), sum(exp(transpose(a)), 1));
        check(sum(exp(a), 1), sum(exp(transpose(a)), 0));
        check(exp(transpose(a)), transpose(exp(a)));
        const Tensor large = 100 * a;
        check(astype(astype(large, DType::int32), DType::float64), where(a > 0, floor(large), ceil(large)) + 0);
        check(astype(astype(a, DType::float32), DType::float64) + 0,
              astype(astype(a + 0, DType::float32), DType::float64));
        check(where(a > b, a, b), maximum(a, b));
        check(where(b > a, b, a), maximum(b, a));
        const Tensor held = exp(a);
        check(held + held, 2 * held);
        check(view(a, {xgrad::range(0, 2)}) + 0, view(a + 0, {xgrad::range(0, 2)}));
        check(view(a, {xgrad::range(2, 4)}) + 0, view(a + 0, {xgrad::range(2, 4)}));
    }
}

BOOST_AUTO_TEST_SUITE_END()
