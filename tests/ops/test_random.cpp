#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Promise 7: every random draw comes from a counter-based generator with a seed that can be saved and restored.

using support::Numbers;
using support::numbers_of;
using support::same_bits;
using xgrad::DType;
using xgrad::Tensor;
using xgrad::random::Generator;
using xgrad::random::State;

BOOST_AUTO_TEST_SUITE(random_)

BOOST_AUTO_TEST_CASE(philox_gives_the_published_answers) {
    // From the file kat_vectors of Random123.
    struct Known {
        std::uint32_t counter[4], key[2];
        std::array<std::uint32_t, 4> answer;
    };
    const Known known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (const Known& each : known) {
        std::uint32_t output[4];
        xgrad::random::philox(each.counter, each.key, output);
        BOOST_TEST(std::equal(output, output + 4, each.answer.begin()));
    }
}

BOOST_AUTO_TEST_CASE(a_draw_is_a_function_of_seed_and_place) {
    // The numbers themselves, so that no release changes them: the first block of seed 0 is the first answer above.
    const Tensor u = Generator(0).uniform({2}, 0, 1, DType::float64);
    BOOST_TEST(u.value<double>()(0) == 0x6627e8d5e169c58dp-64, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(u.value<double>()(1) == 0xbc57ac4c9b00dbd8p-64, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(same_bits(Generator(3).normal({4, 5}), Generator(3).normal({4, 5})));
    BOOST_TEST(!same_bits(Generator(3).normal({4, 5}), Generator(4).normal({4, 5})));
    // Numbers come in pairs: a draw of six is one of two and one of four.
    Generator whole(9), parts(9);
    const Tensor six = whole.uniform({6});
    BOOST_TEST(same_bits(xgrad::concatenate({parts.uniform({2}), parts.uniform({4})}), six));
    BOOST_TEST((whole.state() == parts.state()));
}

BOOST_AUTO_TEST_CASE(every_number_is_made_of_the_published_words) {
    // Box and Muller's formula with the C library's functions, place by place; the generator has many abreast.
    const std::uint64_t seed = 0x123456789abcdef0, begin = 0xfffffff0;  // the counter's lower half runs over
    for (const std::int64_t size : {1, 2, 127, 128, 129, 5001}) {
        const State state{seed, begin};
        const Numbers uniform = numbers_of(Generator(state).uniform({size}, 0, 1, DType::float64));
        const Numbers normal = numbers_of(Generator(state).normal({size}, 0, 1, DType::float64));
        for (std::size_t i = 0; i < uniform.size(); ++i) {
            const std::uint64_t place = begin + i / 2;
            const std::uint32_t counter[4] = {static_cast<std::uint32_t>(place),
                                              static_cast<std::uint32_t>(place >> 32), 0, 0};
            const std::uint32_t key[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
            std::uint32_t bits[4];
            xgrad::random::philox(counter, key, bits);
            const auto unit = [&](std::size_t word) {
                const std::uint64_t joined = std::uint64_t{bits[2 * word]} << 32 | bits[2 * word + 1];
                return static_cast<long double>(joined >> 11) * 0x1p-53L;
            };
            BOOST_TEST(uniform[i] == unit(i % 2));
            const long double radius = std::sqrt(-2 * std::log(1 - unit(0)));
            const long double angle = 2 * std::numbers::pi_v<long double> * unit(1);
            const long double expected = radius * (i % 2 ? std::sin(angle) : std::cos(angle));
            BOOST_TEST(std::abs(normal[i] - expected) <= radius * 0x1p-50L);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_state_is_saved_and_restored) {
    Generator generator(123);
    generator.normal({7});
    const State saved = generator.state();
    const Tensor first = generator.normal({3, 3});
    const Tensor second = generator.uniform({5});
    generator.restore(saved);
    BOOST_TEST(same_bits(generator.normal({3, 3}), first));
    BOOST_TEST(same_bits(generator.uniform({5}), second));
    Generator elsewhere(saved);
    BOOST_TEST(same_bits(elsewhere.normal({3, 3}), first));
}

BOOST_AUTO_TEST_CASE(the_common_generator_is_seeded) {
    xgrad::random::seed(11);
    const Tensor first = xgrad::random::normal({4});
    const State saved = xgrad::random::generator().state();
    const Tensor second = xgrad::random::normal({4});
    BOOST_TEST(!same_bits(first, second));
    xgrad::random::seed(11);
    BOOST_TEST(same_bits(xgrad::random::normal({4}), first));
    xgrad::random::generator().restore(saved);
    BOOST_TEST(same_bits(xgrad::random::normal({4}), second));
}

BOOST_AUTO_TEST_CASE(eager_or_deferred_the_numbers_are_the_same) {
    const auto draw = [] {
        Generator generator(5);
        const Tensor a = generator.normal({3}, 1, 2);
        const Tensor b = generator.uniform({3}, -1, 1);
        const Tensor c = generator.normal({3});
        return xgrad::concatenate({c, b, a});  // read in another order than drawn
    };
    const support::Eagerness later(false);
    const Tensor deferred = draw();
    const support::Eagerness now(true);
    const Tensor eager = draw();
    BOOST_TEST(same_bits(eager, deferred));
}

BOOST_AUTO_TEST_CASE(size_does_not_change_the_beginning) {
    const Tensor small = Generator(6).normal({10000}, 0, 1, DType::float64);
    const Tensor large = Generator(6).normal({100000}, 0, 1, DType::float64);  // drawn by several threads
    BOOST_TEST(same_bits(view(large, {xgrad::range(0, 10000)}), small));
}

BOOST_AUTO_TEST_CASE(moments_of_normal_numbers) {
    const std::int64_t n = 1'000'000;
    const Tensor x = Generator(1).normal({n}, 0, 1, DType::float64);
    const double sigma = 1 / std::sqrt(static_cast<double>(n));
    const double expected[] = {0, 1, 0, 3, 0, 15};         // E xᵏ
    const double variance[] = {1, 2, 15, 96, 945, 10170};  // E x²ᵏ - (E xᵏ)²
    Tensor power = xgrad::ones_like(x);
    for (std::size_t k = 0; k < 6; ++k) {
        power = power * x;
        const double moment = mean(power).item();
        BOOST_TEST(std::abs(moment - expected[k]) < 5 * sigma * std::sqrt(variance[k]), "moment " << k + 1);
    }
    const Tensor even = view(x, {xgrad::all(2)});
    const Tensor odd = view(x, {xgrad::range(1, xgrad::Slice::open, 2)});
    BOOST_TEST(std::abs(mean(even * odd).item()) < 5 * sigma * std::sqrt(2.));  // the two of a pair
    const Tensor scaled = Generator(1).normal({n}, 3, 0.5, DType::float64);
    BOOST_TEST(support::close(scaled, 0.5 * x + 3));
}

BOOST_AUTO_TEST_CASE(moments_of_uniform_numbers) {
    const std::int64_t n = 1'000'000;
    for (const DType dtype : {DType::float32, DType::float64}) {
        const Tensor x = astype(Generator(2).uniform({n}, 0, 1, dtype), DType::float64);
        const double sigma = 1 / std::sqrt(static_cast<double>(n));
        BOOST_TEST(std::abs(mean(x).item() - 0.5) < 5 * sigma * std::sqrt(1 / 12.));
        BOOST_TEST(std::abs(mean(square(x)).item() - 1 / 3.) < 5 * sigma * std::sqrt(4 / 45.));
        BOOST_TEST(-xgrad::amax(-x).item() >= 0);
        BOOST_TEST(xgrad::amax(x).item() <= 1);
    }
    const Tensor between = Generator(2).uniform({1000}, -3, 5, DType::float64);
    BOOST_TEST(xgrad::amax(between).item() < 5);
    BOOST_TEST(-xgrad::amax(-between).item() >= -3);
}

BOOST_AUTO_TEST_CASE(integers_are_made_of_the_published_words) {
    // The first two words of seed 0 are 0x6627e8d5e169c58d and 0xbc57ac4c9b00dbd8: 0.399 and 0.736 of 2^64.
    const Tensor x = Generator(0).randint(0, 10, {2});
    BOOST_TEST(x.value<std::int64_t>()(0) == 3);
    BOOST_TEST(x.value<std::int64_t>()(1) == 7);
    BOOST_TEST(same_bits(Generator(0).randint(-5, 5, {2}), x - 5));
    BOOST_TEST(same_bits(Generator(0).randint(0, 10, {2}, DType::int32), astype(x, DType::int32)));
    const Tensor p = Generator(0).permutation(2);  // element 1 changes places with element ⌊0.736 · 2⌋
    BOOST_TEST(p.value<std::int64_t>()(0) == 0);
    BOOST_TEST(p.value<std::int64_t>()(1) == 1);
    const Tensor b = Generator(0).bernoulli(0.5, {2});
    BOOST_TEST(b.value<float>()(0) == 1);
    BOOST_TEST(b.value<float>()(1) == 0);
}

BOOST_AUTO_TEST_CASE(the_whole_range_of_integers) {
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const Tensor wide = Generator(1).randint(least, most, {1000});
    BOOST_TEST(xgrad::amax(wide).item<std::int64_t>() > most / 100 * 98);
    BOOST_TEST(-xgrad::amax(-wide).item<std::int64_t>() < least / 100 * 98);
    BOOST_TEST(same_bits(Generator(1).randint(most - 1, most, {3}),
                         Tensor(xt::xarray<std::int64_t>{most - 1, most - 1, most - 1})));
    const Tensor narrow = Generator(1).randint(INT32_MIN, std::int64_t{INT32_MAX} + 1, {1000}, DType::int32);
    BOOST_TEST((narrow.dtype() == DType::int32));
    // 3/4 of 2^64: a quarter of the words are refused, and without that the lower values would come twice as often.
    constexpr std::int64_t n = 100000;
    const Tensor x = Generator(2).randint(least, most / 2 + 1, {n});
    const auto middle = static_cast<double>(sum(x < least / 4).item<std::int64_t>());
    BOOST_TEST(std::abs(middle - n / 2.) < 5 * std::sqrt(n / 4.));
}

BOOST_AUTO_TEST_CASE(integers_are_equally_likely) {
    constexpr std::int64_t n = 600000;
    const Tensor x = Generator(3).randint(-2, 4, {n});
    for (std::int64_t value = -3; value <= 4; ++value) {
        const auto count = static_cast<double>(sum(x == value).item<std::int64_t>());
        if (value < -2 || value > 3) {
            BOOST_TEST(count == 0);
        } else {
            BOOST_TEST(std::abs(count - n / 6.) < 5 * std::sqrt(n * 5 / 36.), value << " came " << count << " times");
        }
    }
}

BOOST_AUTO_TEST_CASE(coins_with_a_probability) {
    constexpr std::int64_t n = 1'000'000;
    for (const double p : {0.1, 0.5, 0.999}) {
        const double count = sum(Generator(4).bernoulli(p, {n}, DType::float64)).item();
        BOOST_TEST(std::abs(count - n * p) < 5 * std::sqrt(n * p * (1 - p)));
    }
    BOOST_TEST(same_bits(Generator(4).bernoulli(0, {1000}), xgrad::zeros({1000})));
    BOOST_TEST(same_bits(Generator(4).bernoulli(1, {1000}), xgrad::ones({1000})));
    BOOST_TEST((Generator(4).bernoulli(0.5, {2, 3}, DType::boolean).dtype() == DType::boolean));
}

BOOST_AUTO_TEST_CASE(permutations_are_equally_likely) {
    const Tensor one = Generator(5).permutation(1000);
    std::vector<bool> seen(1000, false);
    for (const std::int64_t i : one.value<std::int64_t>()) seen.at(static_cast<std::size_t>(i)) = true;
    BOOST_TEST(std::count(seen.begin(), seen.end(), true) == 1000);
    Generator generator(6);
    constexpr int draws = 24000;
    std::array<int, 256> counts{};
    for (int draw = 0; draw < draws; ++draw) {
        const auto p = generator.permutation(4).value<std::int64_t>();
        ++counts.at(static_cast<std::size_t>(p(0) + 4 * p(1) + 16 * p(2) + 64 * p(3)));
    }
    int orders = 0;
    for (const int count : counts) {
        if (count == 0) continue;
        ++orders;
        BOOST_TEST(std::abs(count - 1000) < 5 * 32);
    }
    BOOST_TEST(orders == 24);
    BOOST_TEST(Generator(5).permutation(0).value<std::int64_t>().size() == 0U);
    BOOST_TEST(Generator(5).permutation(1).item<std::int64_t>() == 0);
}

BOOST_AUTO_TEST_CASE(every_draw_advances_the_counter) {
    Generator g(7);
    g.bernoulli(0.5, {5});
    BOOST_TEST(g.state().counter == 3U);
    g.randint(0, 3, {2, 2});
    BOOST_TEST(g.state().counter == 5U);
    g.permutation(7);
    BOOST_TEST(g.state().counter == 9U);
    g.permutation(0);
    BOOST_TEST(g.state().counter == 9U);
    const Tensor large = Generator(8).randint(0, 1000, {100000});  // drawn by several threads
    Generator parts(8);
    const Tensor first = parts.randint(0, 1000, {60000});
    BOOST_TEST(same_bits(xgrad::concatenate({first, parts.randint(0, 1000, {40000})}), large));
}

BOOST_AUTO_TEST_CASE(bad_ranges) {
    using support::message_of;
    Generator g(0);
    const State before = g.state();
    const std::string here = " at test_random.cpp:";
    // Outside the macro, whose lines compilers count differently.
    std::string text;
    int line = __LINE__ + 1;
    text = message_of<xgrad::ValueError>([&] { g.randint(3, 3, {2}); });
    BOOST_TEST(text == "randint: needs low < high, got 3 and 3" + here + std::to_string(line));
    line = __LINE__ + 1;
    text = message_of<xgrad::ValueError>([&] { g.randint(0, INT64_MAX, {2}, DType::int32); });
    BOOST_TEST(text ==
               "randint: needs integers that fit int32, got 0 and 9223372036854775807" + here + std::to_string(line));
    line = __LINE__ + 1;
    text = message_of<xgrad::DTypeError>([&] { g.randint(0, 2, {2}, DType::float32); });
    BOOST_TEST(text == "randint: needs int32 or int64, got float32" + here + std::to_string(line));
    line = __LINE__ + 1;
    text = message_of<xgrad::ValueError>([&] { g.bernoulli(1.5, {2}); });
    BOOST_TEST(text == "bernoulli: needs a probability 0 <= p <= 1, got 1.500000" + here + std::to_string(line));
    BOOST_CHECK_THROW(g.bernoulli(std::nan(""), {2}), xgrad::ValueError);
    line = __LINE__ + 1;
    text = message_of<xgrad::ValueError>([&] { g.permutation(-1); });
    BOOST_TEST(text == "permutation: needs n >= 0, got -1" + here + std::to_string(line));
    BOOST_CHECK_THROW(g.permutation(INT64_MAX), xgrad::ShapeError);
    BOOST_CHECK_THROW(g.randint(0, 2, {INT64_MAX, 2}), xgrad::ShapeError);
    BOOST_CHECK_THROW(g.bernoulli(0.5, {-1}), xgrad::ShapeError);
    BOOST_TEST((g.state() == before));
    const support::Eagerness later(false);  // recorded, not computed
    BOOST_TEST(g.permutation(std::int64_t{1} << 31).size() == std::int64_t{1} << 31);
}

BOOST_AUTO_TEST_CASE(bad_arguments) {
    using support::message_of;
    Generator g(0);
    const State before = g.state();
    // Outside the macro, whose lines compilers count differently.
    int line = __LINE__ + 1;
    std::string text = message_of<xgrad::ValueError>([&] { g.normal({2}, 0, -1); });
    BOOST_TEST(text == "normal: needs a deviation >= 0, got -1.000000 at test_random.cpp:" + std::to_string(line));
    line = __LINE__ + 1;
    text = message_of<xgrad::ValueError>([&] { g.uniform({2}, 2, 1); });
    BOOST_TEST(text ==
               "uniform: needs low <= high, got 2.000000 and 1.000000 at test_random.cpp:" + std::to_string(line));
    line = __LINE__ + 1;
    text = message_of<xgrad::DTypeError>([&] { g.normal({2}, 0, 1, DType::int32); });
    BOOST_TEST(text == "normal: needs a floating-point dtype, got int32 at test_random.cpp:" + std::to_string(line));
    line = __LINE__ + 1;
    text = message_of<xgrad::ShapeError>([&] { g.uniform({-2}); });
    BOOST_TEST(text ==
               "random_uniform: needs extents that are not negative and fit memory, got (-2,) at test_random.cpp:" +
                   std::to_string(line));
    BOOST_TEST((g.state() == before));
}

BOOST_AUTO_TEST_SUITE_END()
