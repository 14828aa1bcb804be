#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <optional>

#include <xgrad/xgrad.hpp>

#include "derivative_check.hpp"
#include "planted.hpp"
#include "probe_inputs.hpp"
#include "support.hpp"

// check_gradients() on every operation of the catalogue: it raises no alarm where derivatives are right, on kinks and
// ties neither, and finds the faults that are planted in them.

namespace {

using derivative_check::Draws;
using planted::Plant;
using support::Numbers;
using xgrad::CheckOptions;
using xgrad::DType;
using xgrad::GradientReport;
using xgrad::Op;
using xgrad::Probe;
using xgrad::ProbeInput;
using xgrad::Tensor;

/// Where a probe is tried: at drawn numbers, or at multiples of a half, where kinks and ties are.
enum class At { draws, lattice };

std::vector<Tensor> inputs_of(const Probe& probe, DType dtype, std::uint32_t seed, At at) {
    Draws draws(seed, dtype);
    std::vector<Tensor> inputs;
    for (const ProbeInput& input : probe.inputs) {
        Numbers numbers = draws.inputs(input);
        const bool is_real = input.kind == ProbeInput::Kind::real;
        if (is_real && at == At::lattice) {
            for (long double& number : numbers) number = std::round(2 * number) / 2;
        }
        inputs.push_back(support::tensor_of(derivative_check::dtype_of(input, dtype), input.shape, numbers));
    }
    return inputs;
}

/// None if the result is not floating point, or if the operation refuses the numbers.
std::optional<GradientReport> report_on(const Op& op, const Probe& probe, const std::vector<Tensor>& inputs,
                                        const CheckOptions& options) {
    const auto f = [&](const std::vector<Tensor>& x) { return probe.call ? probe.call(x) : xgrad::apply(op, x); };
    if (!is_floating(f(inputs).dtype())) return std::nullopt;
    return xgrad::check_gradients(f, inputs, options);
}

bool is_checked(const Op& op, const Probe& probe) {
    // stop_gradient is there to differ from differences.
    return !op.name.starts_with("planted_") && op.name != "stop_gradient" && !probe.inputs.empty();
}

struct Count {
    std::size_t runs = 0, rows = 0, undecidable = 0;
};

void raises_no_alarm(DType dtype, At at, const CheckOptions& options, std::uint32_t seed, Count& count) {
    for (const Op* op : xgrad::catalogue()) {
        for (const Probe& probe : op->probes) {
            if (!is_checked(*op, probe)) continue;
            std::optional<GradientReport> report;
            try {
                report = report_on(*op, probe, inputs_of(probe, dtype, seed, at), options);
            } catch (const xgrad::ValueError&) {
                continue;  // a matrix on the lattice may be singular
            }
            if (!report) continue;
            ++count.runs;
            count.rows += report->rows().size();
            count.undecidable += report->undecidable();
            BOOST_TEST(*report, op->name << ", probe " << probe.label << ", " << name(dtype) << ", seed " << seed
                                         << ":\n"
                                         << report->table());
        }
    }
}

/// Whether some probe shows the fault; none if it changes nothing.
std::optional<bool> is_caught(const Op& op, std::size_t argument, const planted::Fault& fault,
                              const CheckOptions& options) {
    bool was_fault = false;
    for (const Probe& probe : op.probes) {
        if (!is_checked(op, probe)) continue;
        const Plant plant(op, argument, fault);
        bool failed = false;
        try {
            const auto report = report_on(op, probe, inputs_of(probe, DType::float64, 1, At::draws), options);
            failed = report && !*report;
        } catch (const xgrad::Error&) {
            failed = true;  // a derivative of another shape is refused by the engine
        }
        if (!plant.has_changed()) continue;
        was_fault = true;
        if (failed) return true;
    }
    return was_fault ? std::optional(false) : std::nullopt;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(check_gradients_on_the_catalogue)

BOOST_AUTO_TEST_CASE(raises_no_false_alarm) {
    Count smooth, kinks;
    const CheckOptions full, first{.order = 1}, quick{.directions = 2};
    const bool sample = derivative_check::takes_a_sample;
    raises_no_alarm(DType::float64, At::draws, sample ? first : full, 1, smooth);
    raises_no_alarm(DType::float32, At::draws, sample ? quick : full, 2, smooth);
    for (std::uint32_t seed = 3; seed < (sample ? 4 : 6); ++seed) {
        raises_no_alarm(seed % 2 ? DType::float64 : DType::float32, At::lattice, first, seed, kinks);
    }
    if (!sample) raises_no_alarm(DType::float64, At::lattice, full, 7, kinks);
    std::printf("check_gradients: %zu runs away from kinks, %zu derivatives, %zu undecidable\n", smooth.runs,
                smooth.rows, smooth.undecidable);
    std::printf("check_gradients: %zu runs on kinks and ties, %zu derivatives, %zu undecidable\n", kinks.runs,
                kinks.rows, kinks.undecidable);
    BOOST_TEST(smooth.runs + kinks.runs >= (sample ? 4000u : 10000u));
    BOOST_TEST(kinks.undecidable > 100u);
}

BOOST_AUTO_TEST_CASE(finds_planted_faults) {
    constexpr std::size_t every = derivative_check::takes_a_sample ? 16 : 1;
    const CheckOptions full{.order = 1, .forward = false, .blame = false};
    const CheckOptions quick{.order = 1, .forward = false, .directions = 2, .blame = false};
    std::size_t planted_faults = 0, caught = 0, caught_quickly = 0, derivatives = 0, number = 0;
    for (const Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (std::size_t argument = 0; argument < planted::arguments_of(*op); ++argument) {
            if (op->zero_reason(argument) || number++ % every != 0) continue;
            std::size_t kinds = 0;
            for (const auto& [kind, fault] : planted::faults()) {
                const std::optional<bool> in_full = is_caught(*op, argument, fault, full);
                if (!in_full) continue;
                // astype to float32 rounds its result to seven digits, and differences of it see no more.
                if (op->name == "astype" && kind == "a millionth") continue;
                ++kinds;
                caught += *in_full;
                caught_quickly += is_caught(*op, argument, fault, quick).value_or(false);
                BOOST_TEST(*in_full, op->name << ": a derivative by argument " << argument << " that is wrong (" << kind
                                              << ") passes");
            }
            planted_faults += kinds;
            derivatives += kinds > 0;
        }
    }
    std::printf("check_gradients: %zu faults in %zu derivatives, %zu found, %zu of them along two directions\n",
                planted_faults, derivatives, caught, caught_quickly);
    BOOST_TEST(derivatives >= (derivative_check::takes_a_sample ? 4u : 100u));
    BOOST_TEST(caught_quickly * 100 >= planted_faults * 98);
}

BOOST_AUTO_TEST_CASE(names_the_operation) {
    constexpr std::size_t every = derivative_check::takes_a_sample ? 16 : 1;
    std::size_t wrong = 0, named = 0, described = 0, number = 0;
    for (const Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (std::size_t argument = 0; argument < planted::arguments_of(*op); ++argument) {
            if (op->zero_reason(argument) || number++ % every != 0) continue;
            for (const Probe& probe : op->probes) {
                if (!is_checked(*op, probe)) continue;
                const Plant plant(*op, argument, planted::faults().at("factor 2"));
                std::optional<GradientReport> report;
                try {
                    report = report_on(*op, probe, inputs_of(probe, DType::float64, 1, At::draws), {.order = 1});
                } catch (const xgrad::Error&) {
                    continue;
                }
                if (!report || *report) continue;
                ++wrong;
                if (!report->wrong_op() || report->wrong_op()->op != op->name) {
                    BOOST_TEST_MESSAGE(op->name << ", probe " << probe.label << ":\n" << report->table());
                    continue;
                }
                ++named;
                described += report->wrong_op()->looks_like == "twice the right one: a factor 2 too many";
                break;
            }
        }
    }
    std::printf("check_gradients: of %zu wrong operations %zu named, %zu with \"twice the right one\"\n", wrong, named,
                described);
    BOOST_TEST(named == wrong);
    BOOST_TEST(described * 100 >= named * 80);
}

BOOST_AUTO_TEST_SUITE_END()
