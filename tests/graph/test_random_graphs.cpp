#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include <xgrad/xgrad.hpp>

#include "random_graph.hpp"

// Programs that nobody has thought of: the parts are right one by one (tests/ops), and here in combination.
//
//   XGRAD_TEST_ALL=1     100,000 of them instead of 300
//   XGRAD_TEST_SEED=n    that one only

namespace {

using namespace random_graph;
using xgrad::Record;
using xgrad::Tensor;

struct Seeds {
    std::uint64_t first = 1;
    std::uint64_t count = std::getenv("XGRAD_TEST_ALL") ? 100'000 : 300;
    Seeds() {
        if (const char* one = std::getenv("XGRAD_TEST_SEED")) first = std::strtoull(one, nullptr, 10), count = 1;
    }
};

/// Calls f(i) for every i < count, on all processors.
void on_all_processors(std::uint64_t count, const std::function<void(std::uint64_t)>& f) {
    std::atomic<std::uint64_t> next = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
        threads.emplace_back([&] {
            for (std::uint64_t index; (index = next++) < count;) f(index);
        });
    }
    for (std::thread& thread : threads) thread.join();
}

// tanh, wrong in one way each.
const auto tanh_kernel = xgrad::floating<1>([](auto x) { return std::tanh(x); });
xgrad::Elementwise planted_tanh(const char* name, xgrad::Partial partial) {
    return {.name = name,
            .math = "y = tanh x",
            .forward = tanh_kernel,
            .partials = {std::move(partial)},
            .probes = xgrad::unary_probes(xgrad::between(-1, 1))};
}
const xgrad::Op& first_op =
    define(planted_tanh("planted_first_derivative", [](const Record& r) { return 1 - r.output(); }));
const xgrad::Op& small_op =
    define(planted_tanh("planted_small_error", [](const Record& r) { return (1 + 1e-6) * (1 - square(r.output())); }));
const xgrad::Op& second_op = define(
    planted_tanh("planted_second_derivative", [](const Record& r) { return 1 - square(stop_gradient(r.output())); }));
const xgrad::Op& forward_op = define(xgrad::General{
    .name = "planted_forward_mode",
    .math = "y = tanh x",
    .shape =
        [](const xgrad::Call& call) {
            return xgrad::Signature{call.dtype(0), call.shape(0)};
        },
    .forward = tanh_kernel,
    .vjp = [](const Record& r, const Tensor& g, std::size_t) { return g * (1 - square(r.output())); },
    .jvp = [](const Record& r, auto tangents) { return tangents[0] * (1 - r.output()); },
    .probes = xgrad::unary_probes(xgrad::between(-1, 1)),
});

/// The usual kinds, and among the smooth ones one more.
std::vector<Kind> with(const xgrad::Op& planted) {
    std::vector<Kind> result = kinds();
    result.push_back({planted.name, "smooth", 1, [&](Tensors x, const Integers&) { return apply(planted, {x[0]}); }});
    return result;
}

/// The first failure among the programs of an ordinary run.
struct Found {
    std::string property;
    std::size_t steps = 0;  // of the program, shrunk
    std::string report;
};
Found first_failure(const std::vector<Kind>& among) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        const Program program = generate(seed, among);
        const Verdict verdict = check(program);
        if (!verdict.failure) continue;
        return {verdict.failure->property, shrunk(program, *verdict.failure).steps.size(),
                report(program, *verdict.failure)};
    }
    return {};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(random_graphs)

BOOST_AUTO_TEST_CASE(have_the_right_derivatives) {
    const Seeds seeds;
    const std::int64_t before = xgrad::live_nodes();
    std::vector<std::uint64_t> digests(seeds.count);
    std::vector<std::string> reports;
    std::uint64_t discarded = 0, steps = 0;
    std::mutex mutex;
    const support::Eagerness deferred(false);
    on_all_processors(seeds.count, [&](std::uint64_t i) {
        const Program program = generate(seeds.first + i);
        const Verdict verdict = check(program);
        const std::string text = verdict.failure ? report(program, *verdict.failure) : "";
        const std::lock_guard lock(mutex);
        steps += program.steps.size();
        discarded += verdict.is_discarded;
        if (verdict.failure) reports.push_back(text);
    });
    for (const std::string& text : reports) BOOST_ERROR(text);
    BOOST_TEST(discarded * 20 <= seeds.count);
    BOOST_TEST(xgrad::live_nodes() == before);
    BOOST_TEST_MESSAGE(seeds.count << " programs of " << steps << " steps, " << discarded << " discarded");

    // Evaluation as soon as operations are recorded is a switch of the whole process: the same seeds once more. What is
    // computed at once has let go of its inputs, so that a rewrite would not find them.
    const support::Rewriting as_typed(false);
    on_all_processors(seeds.count, [&](std::uint64_t i) { digests[i] = bits_of(generate(seeds.first + i)); });
    const support::Eagerness eager(true);
    on_all_processors(seeds.count, [&](std::uint64_t i) {
        const Program program = generate(seeds.first + i);
        if (bits_of(program) == digests[i]) return;
        const std::lock_guard lock(mutex);
        BOOST_ERROR("seed " << program.seed << ": eager evaluation gives other bits\n" << to_string(program));
    });
    BOOST_TEST(xgrad::live_nodes() == before);
}

BOOST_AUTO_TEST_CASE(find_planted_errors_and_shrink_them) {
    const struct {
        const xgrad::Op& op;
        const char* property;
    } cases[] = {{first_op, "duality or differences"},
                 {small_op, "differences"},
                 {second_op, "second order"},
                 {forward_op, "duality"}};
    for (const auto& [op, property] : cases) {
        const std::vector<Kind> among = with(op);
        const Found found = first_failure(among);
        BOOST_TEST(std::string(property).find(found.property) != std::string::npos, op.name << ": " << found.property);
        BOOST_TEST((found.steps >= 2 && found.steps <= 4), found.report);
        BOOST_TEST(found.report.find(op.name) != std::string::npos, found.report);
        BOOST_TEST_MESSAGE(found.report);
    }
}

BOOST_AUTO_TEST_CASE(are_repeatable_and_printed) {
    const Program program = generate(7);
    BOOST_TEST(to_string(program) == to_string(generate(7)));
    BOOST_TEST(bits_of(program) == bits_of(generate(7)));
    BOOST_TEST(to_string(program) != to_string(generate(8)));
    BOOST_TEST(to_string(program).starts_with("    x0 = parameter {"), to_string(program));
}

/// Every kind of step occurs in an ordinary run: a kind that is never tame would test nothing.
BOOST_AUTO_TEST_CASE(use_every_kind_of_step) {
    std::map<std::string, int> uses;
    for (const Kind& kind : kinds()) uses[kind.name] = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        for (const Step& step : generate(seed).steps) {
            if (step.kind) ++uses[step.kind->name];
        }
    }
    for (const auto& [name, count] : uses) BOOST_TEST(count > 0, name << " is never used");
}

BOOST_AUTO_TEST_SUITE_END()
