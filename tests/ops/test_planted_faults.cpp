#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "derivative_check.hpp"
#include "planted.hpp"

// How much the check of derivatives sees: into the derivative of every operation by every argument faults of ten kinds
// are planted, one at a time, and each must be caught.

namespace {

using planted::arguments_of;
using planted::Fault;
using planted::faults;
using planted::Plant;
using xgrad::Op;

enum class Verdict { caught, missed, no_fault };

Verdict verdict_on(const Op& op, std::size_t argument, const Fault& fault) {
    bool was_fault = false;
    for (const xgrad::Probe& probe : op.probes) {
        if (probe.inputs.empty()) continue;
        Plant plant(op, argument, fault);
        bool failed = false;
        try {
            failed = !derivative_check::check(op, probe, xgrad::DType::float64, 1).failures.empty();
        } catch (const xgrad::Error&) {
            failed = true;  // a derivative of another shape or dtype is refused by the engine
        }
        if (!plant.has_changed()) continue;
        was_fault = true;
        if (failed) return Verdict::caught;
    }
    return was_fault ? Verdict::missed : Verdict::no_fault;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(planted_faults)

BOOST_AUTO_TEST_CASE(in_every_derivative_are_caught) {
    constexpr std::size_t every = derivative_check::takes_a_sample ? 8 : 1;
    std::size_t planted = 0, caught = 0, derivatives = 0, number = 0;
    for (const Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (std::size_t argument = 0; argument < arguments_of(*op); ++argument) {
            if (op->zero_reason(argument) || number++ % every != 0) continue;
            std::size_t kinds = 0;
            for (const auto& [kind, fault] : faults()) {
                const Verdict verdict = verdict_on(*op, argument, fault);
                if (verdict == Verdict::no_fault) continue;
                ++kinds;
                caught += verdict == Verdict::caught;
                BOOST_TEST((verdict == Verdict::caught), op->name << ": a derivative by argument " << argument
                                                                  << " that is wrong (" << kind << ") passes");
            }
            planted += kinds;
            if (kinds == 0) continue;  // no such argument
            ++derivatives;
            // "aliased" is right where the derivative is 1, and an order of equal elements cannot be wrong.
            BOOST_TEST(kinds >= 6u, op->name << ", argument " << argument << ": only " << kinds << " kinds of fault");
        }
    }
    std::printf("%zu faults planted in %zu derivatives, %zu caught\n", planted, derivatives, caught);
    BOOST_TEST(derivatives >= (derivative_check::takes_a_sample ? 8u : 100u));
    BOOST_TEST(planted >= (derivative_check::takes_a_sample ? 60u : 800u));
}

BOOST_AUTO_TEST_SUITE_END()
