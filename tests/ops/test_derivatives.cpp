#include <boost/test/unit_test.hpp>

#include <cstdlib>

#include <xgrad/xgrad.hpp>

#include "derivative_check.hpp"
#include "no_leaks.hpp"

// Every derivative of every operation, from the catalogue: an operation that is defined is tested, there is no list to
// add it to.

BOOST_AUTO_TEST_SUITE(derivatives)

BOOST_AUTO_TEST_CASE(of_every_operation) {
    const std::uint32_t seeds = std::getenv("XGRAD_TEST_ALL") ? 50 : 3;
    std::int64_t operations = 0;
    std::int64_t probes = 0;
    std::int64_t checks = 0;
    for (const xgrad::Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        ++operations;
        BOOST_TEST(!op->math.empty(), op->name << " has no formula");
        BOOST_TEST(!op->probes.empty(), op->name << " has no probes");
        for (const xgrad::Probe& probe : op->probes) {
            BOOST_TEST((op->family != xgrad::Op::Family::composite || probe.call),
                       op->name << ", probe " << probe.label << ": says nothing to call");
            if (probe.inputs.empty()) continue;  // a random draw
            ++probes;
            for (std::uint32_t seed = 0; seed < seeds; ++seed) {
                for (const xgrad::DType dtype : {xgrad::DType::float64, xgrad::DType::float32}) {
                    const derivative_check::Outcome outcome = derivative_check::check(*op, probe, dtype, seed);
                    for (const derivative_check::Failure& failure : outcome.failures) BOOST_ERROR(failure.text);
                    checks += outcome.checks;
                }
            }
        }
    }
    BOOST_TEST_MESSAGE(operations << " operations, " << probes << " probes, " << checks << " checks");
    BOOST_TEST(operations >= 40);
    BOOST_TEST(checks > 100000);
}

BOOST_AUTO_TEST_SUITE_END()
