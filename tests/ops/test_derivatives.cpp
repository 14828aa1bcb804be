#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <xgrad/xgrad.hpp>

#include "derivative_check.hpp"
#include "no_leaks.hpp"

// Every derivative of every operation, from the catalogue: an operation that is defined is tested, there is no list to
// add it to.

namespace {

struct Task {
    const xgrad::Op* op;
    const xgrad::Probe* probe;
};

/// Checks the tasks in both precisions with each seed, on all cores: separate threads run separate graphs.
derivative_check::Outcome check_all(const std::vector<Task>& tasks, std::uint32_t seeds) {
    derivative_check::Outcome total;
    std::mutex mutex;
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
        for (std::size_t index = next++; index < tasks.size(); index = next++) {
            const auto& [op, probe] = tasks[index];
            derivative_check::Outcome outcome;
            for (std::uint32_t seed = 0; seed < seeds; ++seed) {
                for (const xgrad::DType dtype : {xgrad::DType::float64, xgrad::DType::float32}) {
                    try {
                        outcome.add(derivative_check::check(*op, *probe, dtype, seed));
                    } catch (const std::exception& error) {
                        outcome.failures.push_back({derivative_check::Property::values,
                                                    op->name + ", probe " + probe->label + ": " + error.what()});
                    }
                }
            }
            const std::lock_guard lock(mutex);
            total.add(outcome);
        }
    };
    std::vector<std::thread> threads(std::max(1u, std::thread::hardware_concurrency()));
    for (std::thread& thread : threads) thread = std::thread(work);
    for (std::thread& thread : threads) thread.join();
    return total;
}

/// Operations that no probe gives an empty tensor, and why.
const std::map<std::string, std::string> never_empty{
    {"binary_cross_entropy", "the mean of nothing is NaN"},
    {"binary_cross_entropy_with_logits", "the mean of nothing is NaN"},
    {"hinge", "the mean of nothing is NaN"},
    {"huber", "the mean of nothing is NaN"},
    {"kl_div", "the mean of nothing is NaN"},
    {"l1", "the mean of nothing is NaN"},
    {"mse", "the mean of nothing is NaN"},
};

constexpr std::size_t least_patterns = 12;

/// What is missing in the probes of an operation with floating-point inputs: patterns of shapes and attributes, an
/// empty tensor.
std::vector<std::string> gaps_in_probes(const xgrad::Op& op) {
    std::set<std::string> patterns;
    bool has_empty = false;
    for (const xgrad::Probe& probe : op.probes) {
        bool has_real = false;
        std::string pattern = probe.label;
        for (const xgrad::ProbeInput& input : probe.inputs) {
            const bool is_real = input.kind == xgrad::ProbeInput::Kind::real;
            has_real = has_real || is_real;
            has_empty = has_empty || (is_real && input.shape.size() == 0);
            pattern += " " + to_string(input.shape);
        }
        if (has_real) patterns.insert(pattern);
    }
    std::vector<std::string> gaps;
    if (patterns.empty()) return gaps;  // of labels, of truth values, of nothing
    if (patterns.size() < least_patterns) {
        gaps.push_back(op.name + " has probes of " + std::to_string(patterns.size()) + " patterns only");
    }
    if (has_empty == never_empty.contains(op.name)) {
        gaps.push_back(op.name + (has_empty ? " has a probe of an empty tensor" : " has no probe of an empty tensor"));
    }
    return gaps;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(derivatives)

BOOST_AUTO_TEST_CASE(are_checked_for_twelve_patterns_of_shapes) {
    std::size_t operations = 0;
    for (const xgrad::Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (const std::string& gap : gaps_in_probes(*op)) BOOST_ERROR(gap);
        ++operations;
    }
    BOOST_TEST(operations >= 150u);
}

BOOST_AUTO_TEST_CASE(that_are_checked_for_fewer_patterns_are_found) {
    const std::vector<xgrad::Probe> all = xgrad::find_op("exp")->probes;
    const auto gaps_with = [](std::vector<xgrad::Probe> probes, const char* name = "some") {
        return gaps_in_probes({.name = name, .probes = std::move(probes)});
    };
    const auto is_empty = [](const xgrad::Probe& probe) { return probe.inputs[0].shape.size() == 0; };
    BOOST_TEST(gaps_with(all).empty());
    std::vector<xgrad::Probe> few(all.end() - 11, all.end());
    BOOST_TEST(gaps_with(few) == std::vector<std::string>{"some has probes of 11 patterns only"});
    few.push_back(few[0]);  // again is not another
    BOOST_TEST(gaps_with(few) == std::vector<std::string>{"some has probes of 11 patterns only"});
    few.back().label = "another way to call it";
    BOOST_TEST(gaps_with(few).empty());
    std::vector<xgrad::Probe> full = all;
    std::erase_if(full, is_empty);
    BOOST_TEST(gaps_with(full) == std::vector<std::string>{"some has no probe of an empty tensor"});
    BOOST_TEST(gaps_with(full, "mse").empty());
    BOOST_TEST(gaps_with(all, "mse") == std::vector<std::string>{"mse has a probe of an empty tensor"});
}

BOOST_AUTO_TEST_CASE(of_every_operation) {
    const std::uint32_t seeds = std::getenv("XGRAD_TEST_ALL") ? 20 : derivative_check::takes_a_sample ? 1 : 2;
    constexpr std::size_t every = derivative_check::takes_a_sample ? 4 : 1;
    std::size_t number = 0;
    std::int64_t operations = 0;
    std::vector<Task> tasks;
    for (const xgrad::Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        ++operations;
        BOOST_TEST(!op->math.empty(), op->name << " has no formula");
        BOOST_TEST(!op->probes.empty(), op->name << " has no probes");
        for (const xgrad::Probe& probe : op->probes) {
            BOOST_TEST((op->family != xgrad::Op::Family::composite || probe.call),
                       op->name << ", probe " << probe.label << ": says nothing to call");
            const bool is_taken = !probe.inputs.empty() && number++ % every == 0;  // no inputs: a random draw
            if (is_taken) tasks.push_back({op, &probe});
        }
    }
    const derivative_check::Outcome outcome = check_all(tasks, seeds);
    for (const derivative_check::Failure& failure : outcome.failures) BOOST_ERROR(failure.text);
    const std::size_t runs = tasks.size() * seeds * 2 * std::size(derivative_check::all_layouts);
    std::printf("%ld operations, %zu probes, %zu runs, %ld checks, %zu alarms\n", operations, tasks.size(), runs,
                outcome.checks, outcome.failures.size());
    BOOST_TEST(operations >= 150);
    BOOST_TEST(runs * every >= 10000u);
    BOOST_TEST(outcome.checks > (derivative_check::takes_a_sample ? 100000 : 1000000));
}

BOOST_AUTO_TEST_SUITE_END()
