#include <limits>

#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "random_graph_recording.hpp"

// Right, wrong, or undecidable here: what check_gradients() says near kinks, ties, steps and infinities.

using namespace xgrad;

namespace {

using Doubles = xt::xarray<double>;
using Function = std::function<Tensor(const Tensor&)>;

/// The verdict on each entry of the gradient.
std::vector<Verdict> verdicts(const Function& f, const Tensor& x, CheckOptions options = {.order = 1}) {
    options.forward = false;
    std::vector<Verdict> result;
    const GradientReport report = check_gradients([&](auto& t) { return f(t); }, {x}, options);
    for (const CheckRow& row : report.rows()) result.push_back(row.verdict);
    return result;
}

CheckRow row_of(const Function& f, double x) {
    return check_gradients([&](auto& t) { return f(t); }, {Doubles{x}}, {.order = 1, .forward = false}).rows().front();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

constexpr Verdict right = Verdict::right, wrong = Verdict::wrong, undecidable = Verdict::undecidable;

Elementwise elementwise(const char* name, BlockKernels forward, Partial partial) {
    return {.name = name,
            .math = "y = f(x)",
            .forward = forward,
            .partials = {std::move(partial)},
            .probes = std::vector<Probe>{}};
}

Tensor step(const Record& r) {
    return astype(r.input() >= 0, r.input().dtype());
}

const auto relu_kernel = floating<1>([](auto x) { return x < 0 ? decltype(x)(0) : x; });
// A user's own, of which the graph knows no switch.
const Op& own_relu = define(elementwise("planted_own_relu", relu_kernel, step));
const Op& twice_relu =
    define(elementwise("planted_twice_relu", relu_kernel, [](const Record& r) { return 2 * step(r); }));
const Op& nan_square = define(elementwise("planted_nan_square", floating<1>([](auto x) { return x * x; }),
                                          [](const Record& r) { return log(-square(r.input())); }));

}  // namespace

BOOST_AUTO_TEST_SUITE(verdicts_near_switches)

BOOST_AUTO_TEST_CASE(on_a_kink_differences_cannot_tell) {
    const std::pair<const char*, Function> functions[] = {
        {"relu", [](auto& x) { return relu(x); }},
        {"leaky_relu", [](auto& x) { return leaky_relu(x); }},
        {"elu", [](auto& x) { return elu(x, 0.5); }},
        {"abs", [](auto& x) { return abs(x); }},
        {"maximum", [](auto& x) { return maximum(x, -x); }},
        {"minimum", [](auto& x) { return minimum(x, 3 * x); }},
        {"clip", [](auto& x) { return clip(x, 0, 2); }},
        {"where", [](auto& x) { return where(x > 0, 2 * x, x); }},
        {"own", [](auto& x) { return apply(own_relu, {x}); }},
    };
    for (const auto& [name, f] : functions) {
        for (const DType dtype : {DType::float32, DType::float64}) {
            BOOST_TEST((verdicts(f, astype(Tensor(Doubles{-1, 0, 1.5}), dtype)) ==
                        std::vector<Verdict>{right, undecidable, right}),
                       name << " in " << xgrad::name(dtype));
        }
    }
}

BOOST_AUTO_TEST_CASE(lengths_have_a_kink_where_they_are_0) {
    const std::pair<const char*, Function> lengths[] = {
        {"norm", [](auto& x) { return norm(x); }},
        {"norm_lp 3", [](auto& x) { return norm_lp(x, 3); }},
        {"norm_lp inf", [](auto& x) { return norm_lp(x, std::numeric_limits<double>::infinity()); }},
        {"linalg::norm", [](auto& x) { return linalg::norm(x, 1.5); }},
        {"norm of a difference", [](auto& x) { return norm((x + 1) - 1); }},
        {"hypot", [](auto& x) { return hypot(x, 2 * x); }},
        {"stddev",
         [](auto& x) {
             return stddev(x + Doubles{1, 1});
         }},
        {"typed", [](auto& x) { return sqrt(sum(square(x))); }},
    };
    const std::vector<Verdict> both{undecidable, undecidable};
    for (const auto& [name, length] : lengths) {
        const Function f = length;
        for (const DType dtype : {DType::float32, DType::float64}) {
            const Tensor origin = astype(Tensor(Doubles{0, 0}), dtype);
            BOOST_TEST((verdicts(f, origin) == both), name << " in " << xgrad::name(dtype));
            for (const int directions : {0, 2}) {
                const auto all = [&](auto& x) { return f(x); };
                BOOST_TEST(check_gradients(all, {origin}, {.order = 2, .directions = directions}),
                           name << " in " << xgrad::name(dtype) << ", " << directions << " directions");
            }
        }
    }
    BOOST_TEST(has(row_of([](auto& x) { return hypot(x, 2 * x); }, 0).evidence, "; hypot at test_verdicts.cpp:"));
    BOOST_TEST(has(row_of([](auto& x) { return norm(x); }, 0).evidence, "a kink: slope "));
    // Times something that is 0 there, it is smooth.
    BOOST_TEST((verdicts([](auto& x) { return x * norm(x); }, Doubles{0, 0}) == std::vector<Verdict>{right, right}));
    // Beside it, and of rows that are not 0, it is decided.
    BOOST_TEST((verdicts([](auto& x) { return norm(x, 1); }, Doubles{{0, 0}, {3, 4}}) ==
                std::vector<Verdict>{undecidable, undecidable, right, right}));
    BOOST_TEST((verdicts([](auto& x) { return hypot(x, x); }, Doubles{1e-9, -1e-9, 1}) ==
                std::vector<Verdict>{right, right, right}));
    // A root of less than a square has no slope at all there, in neither mode.
    BOOST_TEST(check_gradients([](auto& x) { return norm_lp(x, 0.5); }, {Doubles{0, 1}}));
}

BOOST_AUTO_TEST_CASE(near_a_kink_a_smaller_step_tells) {
    // Each within the first step, and the derivative is decided all the same.
    const Doubles near{1e-4, -1e-4, 1e-6, -1e-6, 1e-9, -1e-9};
    const std::vector<Verdict> all_right(6, right), all_wrong{wrong, right, wrong, right, wrong, right};
    BOOST_TEST((verdicts([](auto& x) { return relu(x); }, near) == all_right));
    BOOST_TEST((verdicts([](auto& x) { return abs(x); }, near) == all_right));
    BOOST_TEST((verdicts([](auto& x) { return apply(own_relu, {x}); }, near) == all_right));
    BOOST_TEST((verdicts([](auto& x) { return relu(x); }, near, {.order = 2}) == std::vector<Verdict>(12, right)));
    // A kink nearby excuses nothing.
    BOOST_TEST((verdicts([](auto& x) { return apply(twice_relu, {x}); }, near) == all_wrong));
}

BOOST_AUTO_TEST_CASE(a_derivative_beyond_both_slopes_is_wrong) {
    const CheckRow row = row_of([](auto& x) { return apply(twice_relu, {x}); }, 0);
    BOOST_TEST((row.verdict == wrong));
    // Only what crosses a switch may be undecidable: the wrong operation behind a ReLU on its kink is found there too.
    const Op& op = define(elementwise("planted_behind_relu", floating<1>([](auto x) { return 2 * x; }),
                                      [](const Record& r) { return full_like(r.input(), 5); }));
    const CheckRow behind = row_of([&](auto& x) { return apply(op, {relu(x)}); }, 0);
    BOOST_TEST((behind.verdict == wrong));
    BOOST_TEST(has(behind.evidence, "relu at test_verdicts.cpp"));
    BOOST_TEST(has(behind.evidence, "is on its switch at [0]"));
    // relu(x) - relu(-x) is x, but g'(0) = 1 makes its derivative 2: no operation is wrong.
    const CheckRow convention = row_of([](auto& x) { return relu(x) - relu(-x); }, 0);
    BOOST_TEST(convention.analytic == convention.numeric * 2, boost::test_tools::tolerance(1e-9));
    BOOST_TEST((convention.verdict == undecidable));
    BOOST_TEST(has(convention.evidence, "every operation alone is right"));
}

BOOST_AUTO_TEST_CASE(ties_are_kinks_of_those_that_are_tied) {
    const Tensor x = Doubles{3, 1, 3, 2};
    const std::vector<Verdict> two{undecidable, right, undecidable, right};
    BOOST_TEST((verdicts([](auto& t) { return amax(t); }, x) == two));
    BOOST_TEST((verdicts([](auto& t) { return sort(t); }, x) == two));
    BOOST_TEST((verdicts([](auto& t) { return topk(t, 1).values; }, x) == two));
    BOOST_TEST((verdicts([](auto& t) { return max_pool2d(reshape(t, {1, 1, 2, 2}), 2); }, x) == two));
    // In overlapping windows the shares of a tie add up to what lies outside of both slopes of the sum: no alarm.
    const auto overlapping = [](auto& t) { return max_pool2d(reshape(t, {1, 1, 3, 3}), 2, {.stride = 1}); };
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        BOOST_TEST(check_gradients(overlapping, {xt::xarray<double>(xt::ones<double>({9}))}, {.seed = seed}));
    }
    // A tie that makes no difference: the largest one is taken out of the exponent and comes back.
    BOOST_TEST((verdicts([](auto& t) { return logsumexp(t); }, x) == std::vector<Verdict>(4, right)));
    BOOST_TEST((verdicts([](auto& t) { return softmax(t); }, x) == std::vector<Verdict>(4, right)));
}

BOOST_AUTO_TEST_CASE(steps_and_infinities) {
    BOOST_TEST((verdicts([](auto& x) { return round(x); }, Doubles{0.5, 0.4, 2.5000001, -1}) ==
                std::vector<Verdict>{undecidable, right, right, right}));
    BOOST_TEST((verdicts([](auto& x) { return floor(x); }, Doubles{1, 1.25, 0}) ==
                std::vector<Verdict>{undecidable, right, undecidable}));
    BOOST_TEST((verdicts([](auto& x) { return trunc(x); }, Doubles{0, 1}) == std::vector<Verdict>{right, undecidable}));
    BOOST_TEST(
        (verdicts([](auto& x) { return sign(x); }, Doubles{0, 1e-8}) == std::vector<Verdict>{undecidable, right}));
    BOOST_TEST((row_of([](auto& x) { return sqrt(x); }, 0).verdict == undecidable));
    BOOST_TEST((row_of([](auto& x) { return log(x); }, 0).verdict == undecidable));
    BOOST_TEST((row_of([](auto& x) { return log(x); }, -1).verdict == undecidable));
    // Near the edge of its domain the step shrinks.
    BOOST_TEST((verdicts([](auto& x) { return log(x); }, Doubles{1e-3, 1e-5, 1e-8}) == std::vector<Verdict>(3, right)));
    BOOST_TEST((verdicts([](auto& x) { return sqrt(x); }, Doubles{1e-3, 1e-6}) == std::vector<Verdict>(2, right)));
    // NaN where the function has a slope is no kink.
    BOOST_TEST((row_of([](auto& x) { return apply(nan_square, {x}); }, 2).verdict == wrong));
}

BOOST_AUTO_TEST_CASE(an_infinite_slope_excuses_no_other_entry) {
    const auto beside = [](const Op& op) {
        return [&op](const Tensor& x) {
            return concatenate({sqrt(view(x, {range(0, 1)})), apply(op, {view(x, {range(1, 3)})})});
        };
    };
    const Doubles x{0, 1.5, 2};
    BOOST_TEST((verdicts(beside(own_relu), x) == std::vector<Verdict>{undecidable, right, right}));
    BOOST_TEST((verdicts(beside(twice_relu), x) == std::vector<Verdict>{undecidable, wrong, wrong}));
    BOOST_TEST((verdicts(beside(twice_relu), x, {.order = 2})[1] == wrong));
    // Infinite on both sides, where differences are finite and grow.
    BOOST_TEST((row_of([](auto& t) { return cbrt(t); }, 0).verdict == undecidable));
    for (const int directions : {0, 2}) {
        BOOST_TEST(check_gradients([](auto& t) { return cbrt(t); }, {x}, {.order = 2, .directions = directions}));
    }
}

BOOST_AUTO_TEST_CASE(evidence_says_why) {
    const CheckRow kink = row_of([](auto& x) { return abs(x); }, 0);
    BOOST_TEST(has(kink.evidence, "a kink: slope "));
    BOOST_TEST(has(kink.evidence, "; abs at test_verdicts.cpp:"));
    BOOST_TEST(has(row_of([](auto& x) { return round(x); }, 1.5).evidence, "a step: it jumps here; round at "));
    BOOST_TEST(has(row_of([](auto& x) { return tanh(x); }, 1.5).evidence, "differences settle at h = "));
    const CheckRow doubled = row_of([](auto& x) { return apply(twice_relu, {x}); }, 2);
    BOOST_TEST(has(doubled.evidence, "f(x + h) - f(x) - h g shrinks like h^1.0, not h^2"));
}

BOOST_AUTO_TEST_CASE(a_network_of_relus_in_float32) {
    // 4,000 kinks: rounding alone puts some of them on the other side.
    const Tensor X = astype(Tensor(support::draws({20, 200}, 1)), DType::float32);
    const Tensor W = astype(Tensor(support::draws({20, 20}, 2)), DType::float32);
    const auto f = [&](const Tensor& w) { return mean(square(relu(matmul(w, X)))); };
    const GradientReport full = check_gradients(f, {W}, {.order = 1});
    BOOST_TEST(full);
    BOOST_TEST(full.undecidable() < 20u);
    const GradientReport quick = check_gradients(f, {W}, {.order = 1, .directions = 3});
    BOOST_TEST(quick);
    BOOST_TEST(quick.rows().size() == 4u);
    BOOST_TEST(quick.probability_of_missing() > 0);
    BOOST_TEST(quick.probability_of_missing() < 1e-6);
}

BOOST_AUTO_TEST_CASE(directions_find_what_they_promise) {
    // One entry of 400 is off by a hundredth: found along any two directions.
    const Op& op = define(General{
        .name = "planted_one_of_many",
        .math = "y = x",
        .shape =
            [](const Call& call) {
                return Signature{call.dtype(0), call.shape(0)};
            },
        .forward = floating<1>([](auto x) { return 3 * x; }),
        .vjp =
            [](const Record&, const Tensor& g, std::size_t) {
                const Tensor off = reshape(one_hot(Tensor(std::int64_t{123}), 400, g.dtype()), g.shape());
                return 3 * g * (1 + 0.01 * off);
            },
        .jvp = [](const Record&, std::span<const Tensor> t) { return 3 * t[0]; },
        .probes = std::vector<Probe>{},
    });
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const auto f = [&](const Tensor& x) { return apply(op, {x}); };
        BOOST_TEST(!check_gradients(f, {Tensor(support::draws({20, 20}, 3))},
                                    {.order = 1, .forward = false, .directions = 2, .blame = false, .seed = seed}));
    }
}

BOOST_AUTO_TEST_CASE(random_programs_raise_no_alarm) {
    std::size_t runs = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const random_graph::Program program = random_graph::generate(seed);
        const std::string text = to_string(program);
        // These are recorded once here, and what a function gives cannot be recorded again.
        if (has(text, "checkpoint") || has(text, "custom_gradient")) continue;
        random_graph::Recording recording(program, seed % 3 ? DType::float64 : DType::float32);
        recording.push_all();
        const Tensor y = recording.contracted();
        if (!y.needs_gradient()) continue;
        const GradientReport report =
            check_gradients([&] { return y; }, recording.parameters(), {.directions = seed % 2 ? 2 : 0});
        BOOST_TEST(report, "seed " << seed << ":\n" << report.table() << text);
        ++runs;
    }
    BOOST_TEST(runs > 30u);
}

BOOST_AUTO_TEST_CASE(the_third_order) {
    const auto f = [](const Tensor& x) { return tanh(x) * exp(x); };
    const GradientReport report = check_gradients(f, {Doubles{0.5, -1}}, {.order = 3});
    BOOST_TEST(report);
    BOOST_TEST(report.rows().size() == 9u);
    const Op& op =
        define(elementwise("planted_third", floating<1>([](auto x) { return x * x * x; }),
                           [](const Record& r) { return 3 * r.input() * (r.input() + 0 * stop_gradient(r.input())); }));
    BOOST_TEST(check_gradients([&](auto& x) { return apply(op, {x}); }, {Doubles{0.5, -1}}, {.order = 3}));
    const Op& bad =
        define(elementwise("planted_bad_third", floating<1>([](auto x) { return x * x * x * x; }), [](const Record& r) {
            // Right to the second order: 4 x³, then 12 x².
            const Tensor x = r.input(), c = stop_gradient(x);
            return 4 * c * c * c + 12 * c * c * (x - c);
        }));
    const auto g = [&](const Tensor& x) { return apply(bad, {x}); };
    BOOST_TEST(check_gradients(g, {Doubles{0.5, -1}}, {.order = 2}));
    BOOST_TEST(!check_gradients(g, {Doubles{0.5, -1}}, {.order = 3}));
}

BOOST_AUTO_TEST_SUITE_END()
