#include <boost/test/unit_test.hpp>

#include <pthread.h>

#include <cmath>
#include <functional>

#include <xgrad/graph/address_sanitizer.hpp>
#include <xgrad/xgrad.hpp>

#include "no_leaks.hpp"
#include "support.hpp"

// Promise 1: nothing recurses over the depth of a graph.

using xgrad::Tensor;

namespace {

#if defined(NDEBUG)
constexpr int deep = xgrad::detail::has_address_sanitizer ? 1'000'000 : 10'000'000;
#else
constexpr int deep = 1'000'000;
#endif

/// Runs f on a thread whose stack would not bear a recursion a few thousand calls deep.
void on_a_small_stack(std::function<void()> f) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    BOOST_REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
    pthread_t thread;
    const auto start = [](void* argument) -> void* {
        (*static_cast<std::function<void()>*>(argument))();
        return nullptr;
    };
    BOOST_REQUIRE(pthread_create(&thread, &attributes, start, &f) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(depth)

BOOST_AUTO_TEST_CASE(a_chain_of_ten_million_nodes) {
    const std::int64_t before = xgrad::live_nodes();
    std::int64_t alive = 0;
    float value = 0, slope = 0;
    on_a_small_stack([&] {
        const Tensor x = xgrad::parameter(1.5F);
        Tensor y = x;
        for (int i = 0; i < deep; ++i) y = -y;
        alive = xgrad::live_nodes() - before;
        slope = grad(y, x).item<float>();
        value = y.item<float>();
    });
    BOOST_TEST(alive >= deep);
    BOOST_TEST(value == 1.5F);
    BOOST_TEST(slope == 1.F);
    BOOST_TEST(xgrad::live_nodes() == before);
}

BOOST_AUTO_TEST_CASE(a_chain_that_backward_differentiates) {
    // y = 1 + x (1 + x (1 + ...)) with x = ½: 2, and its derivative 1 / (1 - x)² = 4
    double value = 0, slope = 0;
    on_a_small_stack([&] {
        const Tensor x = xgrad::parameter(0.5);
        Tensor y = 0 * x + 1;
        for (int i = 0; i < deep / 20; ++i) y = x * y + 1;
        y.backward();
        value = y.item();
        slope = x.grad().item();
    });
    BOOST_TEST(value == 2);
    BOOST_TEST(slope == 4, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_chain_in_forward_mode_and_twice_in_reverse) {
    // y = sⁿ x with s = 1: its derivative along ds is n, the second one n (n - 1).
    const int n = deep / 200;
    double along = 0, twice = 0, forward_over_reverse = 0;
    on_a_small_stack([&] {
        const Tensor s = xgrad::parameter(1.);
        const Tensor u = 1.;
        Tensor y = 1 * s;
        for (int i = 1; i < n; ++i) y = y * s;
        along = jvp(y, {&s, 1}, {&u, 1}).item();
        const Tensor slope = grad(y, s);
        twice = grad(slope, s).item();
        forward_over_reverse = jvp(slope, {&s, 1}, {&u, 1}).item();
    });
    BOOST_TEST(along == n);
    BOOST_TEST(twice == static_cast<double>(n) * (n - 1));
    BOOST_TEST(forward_over_reverse == twice);
}

BOOST_AUTO_TEST_CASE(a_chain_that_is_never_read) {
    const std::int64_t before = xgrad::live_nodes();
    on_a_small_stack([&] {
        const Tensor x = xgrad::parameter(1.F);
        Tensor y = x;
        for (int i = 0; i < deep / 10; ++i) y = y + x;
    });
    BOOST_TEST(xgrad::live_nodes() == before);
}

BOOST_AUTO_TEST_CASE(what_is_recorded_for_a_gradient_is_not_computed_meanwhile) {
    if (xgrad::is_eager()) return;
    const Tensor x = xgrad::parameter(0.5);
    Tensor y = x, middle;
    constexpr int n = 500'000;
    for (int i = 0; i < n; ++i) {
        y = xgrad::sin(y);
        if (i == n / 2) middle = y;
    }
    // More nodes than may be pending otherwise.
    const Tensor slope = grad(y, x);
    BOOST_TEST(xgrad::live_nodes() > 2 * n);
    BOOST_TEST(!middle.node()->is_computed);
    double value = 0.5, product = 1;
    for (int i = 0; i < n; ++i) {
        product *= std::cos(value);
        value = std::sin(value);
    }
    BOOST_TEST(slope.item<double>() == product, boost::test_tools::tolerance(1e-10));
}

BOOST_AUTO_TEST_CASE(a_lattice_has_many_paths_and_few_nodes) {
    // Every node is used twice: 2⁶⁰ paths.
    const Tensor x = xgrad::parameter(1.);
    Tensor y = x;
    for (int i = 0; i < 60; ++i) y = y + y;
    BOOST_TEST(grad(y, x).item() == 0x1p60);
}

BOOST_AUTO_TEST_SUITE_END()
