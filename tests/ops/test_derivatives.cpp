#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdlib>
#include <mutex>
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

}  // namespace

BOOST_AUTO_TEST_SUITE(derivatives)

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
