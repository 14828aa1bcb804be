#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <xgrad/graph/reference_count.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Promise 4: separate threads build and run separate graphs, sharing parameters that they only read.

using support::draws;
using support::same_bits;
using xgrad::Tensor;

namespace {

struct Shared {
    Tensor W = xgrad::parameter(xt::xarray<double>(draws({40, 30}, 1)), "W");
    Tensor b = xgrad::parameter(xt::xarray<double>(draws({40, 1}, 2)), "b");
    Tensor X = xt::xarray<double>(draws({30, 200}, 3));

    /// The gradient for one part of the examples, and the gradient of its norm.
    std::vector<Tensor> part(int number) const {
        const Tensor some = view(X, {xgrad::all(), xgrad::range(10 * number, 10 * number + 10)});
        const Tensor J = mean(square(xgrad::tanh(xgrad::matmul(W, some) + b)));
        const auto [dW, db] = grad(J, W, b);
        const Tensor second = grad(sum(square(dW)), W);
        const std::vector<Tensor> results{J, dW, db, second};
        compute(results);
        return results;
    }
};

constexpr int parts = 20;

}  // namespace

BOOST_AUTO_TEST_SUITE(threads)

BOOST_AUTO_TEST_CASE(owners_are_counted_with_and_without_other_threads) {
    xgrad::detail::ReferenceCount owners;
    const auto come_and_go = [&owners] {
        for (int repeat = 0; repeat < 100'000; ++repeat) {
            owners.add();
            if (owners.drop()) std::abort();  // it still has the owner that it began with
        }
    };
    come_and_go();
    BOOST_TEST(owners.count() == 1U);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) threads.emplace_back(come_and_go);
    for (std::thread& thread : threads) thread.join();
    BOOST_TEST(owners.count() == 1U);
    owners.add();
    BOOST_TEST(!owners.drop());
    BOOST_TEST(owners.drop());
}

BOOST_AUTO_TEST_CASE(share_parameters_and_constants) {
    const Shared shared;
    std::vector<std::vector<Tensor>> alone;
    for (int number = 0; number < parts; ++number) alone.push_back(shared.part(number));

    std::vector<std::vector<Tensor>> together(parts);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            for (int repeat = 0; repeat < 5; ++repeat) {
                for (int number = thread; number < parts; number += 4) {
                    together[static_cast<std::size_t>(number)] = shared.part(number);
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (int number = 0; number < parts; ++number) {
        for (std::size_t i = 0; i < 4; ++i) {
            const auto index = static_cast<std::size_t>(number);
            BOOST_TEST(same_bits(together[index][i], alone[index][i]));
        }
    }
}

BOOST_AUTO_TEST_CASE(train_models_of_their_own) {
    const auto train = [] {
        const Tensor w = xgrad::parameter(xt::xarray<double>(draws({1, 5}, 4)), "w");
        const Tensor X = xt::xarray<double>(draws({5, 20}, 5));
        for (int step = 0; step < 50; ++step) {
            w.zero_grad();
            mean(square(xgrad::matmul(w, X) - 1)).backward();
            w.assign(w - 0.05 * w.grad());
        }
        return 1 * w;
    };
    const Tensor expected = train();
    std::vector<Tensor> results(4);
    std::vector<std::thread> threads;
    for (Tensor& result : results) threads.emplace_back([&] { result = train(); });
    for (std::thread& thread : threads) thread.join();
    for (const Tensor& result : results) BOOST_TEST(same_bits(result, expected));
}

BOOST_AUTO_TEST_CASE(hand_computed_tensors_on) {
    // A thread may free what another has made.
    std::vector<Tensor> made(100);
    std::thread maker([&] {
        for (std::size_t i = 0; i < made.size(); ++i) {
            made[i] = Tensor(static_cast<double>(i)) * 2;
            xgrad::compute({made[i]});
        }
    });
    maker.join();
    double total = 0;
    for (const Tensor& tensor : made) total += tensor.item();
    BOOST_TEST(total == 9900);
}

BOOST_AUTO_TEST_CASE(draw_from_generators_of_their_own) {
    xgrad::random::seed(5);
    const Tensor here = xgrad::random::normal({10});
    Tensor there;
    std::thread([&] {
        xgrad::random::seed(5);
        there = xgrad::random::normal({10});
        xgrad::compute({there});
    }).join();
    BOOST_TEST(same_bits(here, there));
}

BOOST_AUTO_TEST_CASE(every_part_is_done_once) {
    const std::size_t before = xgrad::threads();
    constexpr std::size_t plenty = std::size_t{1} << 30;
    for (const std::size_t threads : {1, 2, 3, 8}) {
        xgrad::set_threads(threads);
        BOOST_TEST(xgrad::threads() == threads);
        for (std::size_t call = 0; call < 2000; ++call) {
            std::vector<std::atomic<int>> times(call % 37);
            xgrad::run::parallel_for(times.size(), plenty, [&](std::size_t part) { ++times[part]; });
            const bool once = std::all_of(times.begin(), times.end(), [](const auto& count) { return count == 1; });
            BOOST_REQUIRE(once);
        }
    }
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_CASE(more_parts_than_a_share_can_count_are_done_once) {
    const std::size_t before = xgrad::threads();
    for (const std::size_t threads : {2, 3}) {
        xgrad::set_threads(threads);
        for (const std::size_t count : {65'534, 65'535, 65'536, 196'609, 1'000'003}) {
            std::vector<std::atomic<unsigned char>> times(count);
            xgrad::run::parallel_for(count, std::size_t{1} << 30, [&](std::size_t part) { ++times[part]; });
            const bool once = std::all_of(times.begin(), times.end(), [](const auto& time) { return time == 1; });
            BOOST_TEST(once, count << " parts, " << threads << " threads");
        }
    }
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_CASE(parts_within_parts_and_callers_at_once) {
    const std::size_t before = xgrad::threads();
    xgrad::set_threads(4);
    constexpr std::size_t plenty = std::size_t{1} << 30;
    std::atomic<int> sum = 0;
    const auto outer = [&] {
        for (int call = 0; call < 200; ++call) {
            xgrad::run::parallel_for(8, plenty, [&](std::size_t) {
                xgrad::run::parallel_for(4, plenty, [&](std::size_t part) { sum += static_cast<int>(part); });
            });
        }
    };
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 3; ++caller) callers.emplace_back(outer);
    for (std::thread& caller : callers) caller.join();
    BOOST_TEST(sum == 3 * 200 * 8 * (0 + 1 + 2 + 3));
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_CASE(what_a_part_throws_arrives_when_all_are_done) {
    std::atomic<int> calls = 0;
    const auto fails_at_five = [&](std::size_t part) {
        ++calls;
        if (part == 5) throw std::length_error("five");
    };
    for (int call = 0; call < 100; ++call) {
        calls = 0;
        BOOST_CHECK_THROW(xgrad::run::parallel_for(8, std::size_t{1} << 30, fails_at_five), std::length_error);
        BOOST_TEST(calls == 8);
    }
}

BOOST_AUTO_TEST_SUITE_END()
