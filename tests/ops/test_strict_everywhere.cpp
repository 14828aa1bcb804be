#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "probe_inputs.hpp"
#include "support.hpp"

// Strict broadcasting is about what the user stretches: it stops no function of the library in what it does inside, and
// no derivative. Tried on every operation of the catalogue.

namespace {

using derivative_check::Draws;
using xgrad::DType;
using xgrad::Op;
using xgrad::Probe;
using xgrad::ProbeInput;
using xgrad::Shape;
using xgrad::StrictBroadcasting;
using xgrad::Tensor;

std::vector<Tensor> inputs_of(const Probe& probe) {
    Draws draws(1, DType::float64);
    std::vector<Tensor> inputs;
    for (const ProbeInput& input : probe.inputs) {
        const Tensor drawn = support::tensor_of(derivative_check::dtype_of(input), input.shape, draws.inputs(input));
        inputs.push_back(input.kind == ProbeInput::Kind::real ? xgrad::parameter(drawn.value<double>()) : drawn);
    }
    return inputs;
}

Tensor call(const Op& op, const Probe& probe, const std::vector<Tensor>& inputs) {
    return probe.call ? probe.call(inputs) : xgrad::apply(op, inputs);
}

/// Whether operands are stretched in a way that strict broadcasting refuses: an array of one axis beside one of
/// several, or none of them with the extents of all.
bool is_doubtful(const Probe& probe) {
    std::size_t lists = 0, more = 0, rank = 0;
    for (const ProbeInput& input : probe.inputs) {
        lists += input.shape.rank() == 1;
        more += input.shape.rank() > 1;
        rank = std::max(rank, input.shape.rank());
    }
    if (lists > 0 && more > 0) return true;
    const auto extent = [&](const ProbeInput& input, std::size_t axis) {
        const std::size_t missing = rank - input.shape.rank();
        return axis < missing ? std::int64_t{1} : input.shape[axis - missing];
    };
    return std::none_of(probe.inputs.begin(), probe.inputs.end(), [&](const ProbeInput& whole) {
        for (std::size_t axis = 0; axis < rank; ++axis) {
            for (const ProbeInput& other : probe.inputs) {
                if (extent(whole, axis) == 1 && extent(other, axis) != 1) return false;
            }
        }
        return whole.shape.rank() == rank;
    });
}

/// Probes that make their matrix of a column and a row, or have a number for each row.
bool is_stretched_by_the_probe(const Probe& probe) {
    static const std::set<std::string> others{"one zero", "two zeros", "with a zero"};
    return probe.label.ends_with("of two vectors") || others.contains(probe.label);
}

/// Everything derived: in reverse and forward mode, and of second order in both.
void derive(const Tensor& y, const std::vector<Tensor>& inputs) {
    std::vector<Tensor> xs, tangents;
    for (const Tensor& x : inputs) {
        if (!x.needs_gradient()) continue;
        xs.push_back(x);
        tangents.push_back(xgrad::ones_like(x) * 0.5);
    }
    if (xs.empty() || !y.needs_gradient()) return;
    const auto zeros = xgrad::Unconnected::gives_zeros;
    const std::vector<Tensor> first = vjp(y, xgrad::ones_like(y) * 0.5, xs, zeros);
    static_cast<void>(jvp({&y, 1}, xs, tangents, zeros));
    std::vector<Tensor> again;
    for (const Tensor& g : first) {
        if (g.needs_gradient()) again.push_back(g);
    }
    for (const Tensor& g : again) static_cast<void>(vjp(g, xgrad::ones_like(g) * 0.5, xs, zeros));
    if (!again.empty()) static_cast<void>(jvp(again, xs, tangents, zeros));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(strict_everywhere)

BOOST_AUTO_TEST_CASE(refuses_nothing_but_what_the_user_stretches) {
    std::size_t calls = 0, refused = 0;
    for (const Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (const Probe& probe : op->probes) {
            if (probe.inputs.empty()) continue;
            const std::vector<Tensor> inputs = inputs_of(probe);
            const bool is_refused = is_stretched_by_the_probe(probe) || (op->broadcasts && is_doubtful(probe));
            ++calls;
            refused += is_refused;
            std::string text;
            try {
                const StrictBroadcasting strict;
                static_cast<void>(call(*op, probe, inputs));
            } catch (const xgrad::ShapeError& error) {
                text = error.what();
            }
            BOOST_TEST((text.find("while broadcasting is strict") != std::string::npos) == is_refused,
                       op->name << ", probe " << probe.label << ": " << text);
        }
    }
    std::printf("%zu calls, %zu of them refused\n", calls, refused);
    BOOST_TEST(calls > 2000u);
    BOOST_TEST(refused > 50u);
}

BOOST_AUTO_TEST_CASE(stops_no_derivative) {
    std::size_t derived = 0;
    for (const Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (const Probe& probe : op->probes) {
            if (probe.inputs.empty()) continue;
            const std::vector<Tensor> inputs = inputs_of(probe);
            const Tensor y = call(*op, probe, inputs);
            if (!is_floating(y.dtype())) continue;
            ++derived;
            const StrictBroadcasting strict;
            try {
                derive(y, inputs);
            } catch (const xgrad::ShapeError& error) {
                BOOST_ERROR(op->name << ", probe " << probe.label << ": " << error.what());
            }
        }
    }
    BOOST_TEST(derived > 2000u);
}

BOOST_AUTO_TEST_SUITE_END()
