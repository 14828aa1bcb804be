#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "probe_inputs.hpp"
#include "support.hpp"

// Calls with wrong shapes of every operation of the catalogue: each probe with its operands transposed, exchanged, with
// an axis more or less, longer. An error names every operand, and what it proposes is accepted.

namespace {

using derivative_check::Draws;
using xgrad::DType;
using xgrad::Op;
using xgrad::Probe;
using xgrad::ProbeInput;
using xgrad::Shape;
using xgrad::Tensor;

/// One operand of each shape that differs from the probe's by one edit.
std::vector<Shape> edits_of(const Shape& shape) {
    std::vector<Shape> edits;
    if (shape.rank() >= 2) {
        Shape turned = shape;
        std::swap(turned[shape.rank() - 1], turned[shape.rank() - 2]);
        edits.push_back(turned);
    }
    for (std::size_t axis = 0; axis <= shape.rank(); ++axis) {
        Shape longer = shape;
        longer.insert(axis, 1);
        edits.push_back(longer);
        if (axis == shape.rank()) break;
        Shape shorter = shape, larger = shape;
        shorter.erase(axis);
        ++larger[axis];
        edits.push_back(shorter);
        edits.push_back(larger);
    }
    return edits;
}

struct Operands {
    std::vector<ProbeInput> inputs;
    std::vector<Tensor> tensors() const {
        Draws draws(1, DType::float64);
        std::vector<Tensor> result;
        for (const ProbeInput& input : inputs) {
            const std::string called = "operand" + std::to_string(result.size());
            result.push_back(xgrad::name(
                support::tensor_of(derivative_check::dtype_of(input), input.shape, draws.inputs(input)), called));
        }
        return result;
    }
};

std::vector<Operands> wrong_calls(const Probe& probe) {
    std::vector<Operands> calls;
    for (std::size_t i = 0; i < probe.inputs.size(); ++i) {
        for (const Shape& shape : edits_of(probe.inputs[i].shape)) {
            calls.push_back({probe.inputs});
            calls.back().inputs[i].shape = shape;
        }
        for (std::size_t j = i + 1; j < probe.inputs.size(); ++j) {
            calls.push_back({probe.inputs});
            std::swap(calls.back().inputs[i].shape, calls.back().inputs[j].shape);
        }
    }
    return calls;
}

/// The text of the ShapeError that a call gives; none if it is accepted, or refused for other reasons.
struct Refusal {
    std::string op, head, cure;  // the operation that refuses, its rule and facts, what is proposed
};
std::optional<Refusal> refusal(const Op& op, const Probe& probe, const std::vector<Tensor>& operands) {
    try {
        static_cast<void>(probe.call ? probe.call(operands) : xgrad::apply(op, operands));
    } catch (const xgrad::ShapeError& error) {
        const std::string text = error.what();
        const std::size_t end = text.find("; ");
        return Refusal{error.op(), text.substr(0, end), end == std::string::npos ? "" : text.substr(end + 2)};
    } catch (const xgrad::Error&) {
    }
    return std::nullopt;
}

/// Calls f(op, probe, wrong operands, the refusal) for all of them; tells how many calls there were.
template <class F>
std::size_t for_each_refusal(F&& f) {
    // Nothing is computed: what only other operations call takes what they give it, and may accept anything else.
    const support::Eagerness deferred(false);
    std::size_t calls = 0;
    for (const Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (const Probe& probe : op->probes) {
            for (const Operands& wrong : wrong_calls(probe)) {
                const std::vector<Tensor> operands = wrong.tensors();
                ++calls;
                if (const auto refused = refusal(*op, probe, operands)) f(*op, probe, wrong, *refused);
            }
        }
    }
    return calls;
}

std::vector<std::string> matches(const std::string& text, const char* pattern) {
    const std::regex regex(pattern);
    std::vector<std::string> found;
    for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) found.push_back(it->str());
    return found;
}

constexpr const char* a_shape = R"(\((\d+,|\d+(, \d+)+)?\))";

/// What is wrong with the operands that an error shows.
std::string gap_in(const Probe& probe, const Operands& wrong, const Refusal& refused) {
    const std::size_t got = refused.head.find(", got ");
    if (got == std::string::npos) return "says nothing of what it got";
    // The operand whose axis, or whose elements, are counted stands in the rule; the others have nothing to do with it.
    const bool is_counted = refused.head.find(": needs an axis of ") != std::string::npos ||
                            refused.head.find(": needs each axis once") != std::string::npos ||
                            refused.head.find(" elements for ") != std::string::npos;
    std::size_t shown = matches(is_counted ? refused.head : refused.head.substr(got), a_shape).size();
    for (std::size_t i = 0; i < wrong.inputs.size(); ++i) {
        const std::string called = "operand" + std::to_string(i) + " ";
        const std::size_t at = refused.head.find(called);
        if (at == std::string::npos) continue;
        if (refused.head.find(called + to_string(wrong.inputs[i].shape)) == std::string::npos) {
            return "shows another shape of " + called;
        }
        if (!is_counted && at < got) ++shown;
    }
    // Here the probe itself makes one operand of two.
    const bool is_of_product = probe.label.ends_with("of two vectors") || probe.label == "of rank n - 1";
    const std::size_t least = is_counted || is_of_product ? 1 : wrong.inputs.size();
    return shown < least ? "does not show every operand" : "";
}

Shape shape_in(const std::string& braces) {
    Shape shape;
    for (const std::string& extent : matches(braces, R"(\d+)")) shape.push_back(std::stoll(extent));
    return shape;
}

/// The operands as one proposal would have them; none if it cannot be told which it means, as it does not name them.
std::optional<Operands> edited(const Operands& wrong, const Refusal& refused, const std::string& proposal) {
    Operands result = wrong;
    std::smatch match;
    const auto operand = [&]() -> Shape& { return result.inputs[std::stoul(match[1])].shape; };
    if (std::regex_search(proposal, match, std::regex(R"(transpose\(operand(\d), \{0, 3, 1, 2\}\))"))) {
        const Shape shape = operand();
        operand() = {shape[0], shape[3], shape[1], shape[2]};
    } else if (std::regex_search(proposal, match, std::regex(R"(transpose\(operand(\d)\))"))) {
        Shape& shape = operand();
        std::swap(shape[shape.rank() - 1], shape[shape.rank() - 2]);
    } else if (std::regex_search(proposal, match, std::regex(R"(reshape\(operand(\d), (\{[^}]*\})\))"))) {
        operand() = shape_in(match[2]);
    } else {
        const std::vector<std::string> before = matches(refused.head, R"(operand\d)"),
                                       after = matches(proposal, R"(operand\d)");
        if (before.size() != 2 || after.size() != 2 || before[0] != after[1] || before[1] != after[0])
            return std::nullopt;
        if (before[0] == before[1]) return std::nullopt;
        std::swap(result.inputs[std::stoul(before[0].substr(7))], result.inputs[std::stoul(before[1].substr(7))]);
    }
    return result;
}

std::vector<std::string> proposals_in(const std::string& cure) {
    const std::string begin = "did you mean ";
    if (!cure.starts_with(begin)) return {};
    std::vector<std::string> proposals{cure.substr(begin.size(), cure.size() - begin.size() - 1)};
    for (std::size_t at; (at = proposals.back().find(" or ")) != std::string::npos;) {
        const std::string rest = proposals.back().substr(at + 4);
        proposals.back().resize(at);
        proposals.push_back(rest);
    }
    return proposals;
}

/// Not for users: the two halves of the derivative of max_pool2d, whose probes begin with max_pool2d.
bool is_internal(const Op& op) {
    return op.name == "max_pool2d_tangent" || op.name == "max_pool2d_transpose";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(refusals)

BOOST_AUTO_TEST_CASE(show_every_operand_with_its_name_and_shape) {
    std::size_t refused = 0;
    const std::size_t calls =
        for_each_refusal([&](const Op& op, const Probe& probe, const Operands& wrong, const Refusal& refusal) {
            ++refused;
            const std::string gap = is_internal(op) ? "" : gap_in(probe, wrong, refusal);
            BOOST_TEST(gap.empty(), op.name << ", probe " << probe.label << ": " << refusal.head << ": " << gap);
        });
    std::printf("%zu wrong calls, %zu refused\n", calls, refused);
    BOOST_TEST(calls > 20000u);
    BOOST_TEST(refused > 8000u);
}

BOOST_AUTO_TEST_CASE(propose_what_is_accepted) {
    std::size_t proposed = 0, tried = 0, unnamed = 0;
    std::set<std::string> ops;
    for_each_refusal([&](const Op& op, const Probe& probe, const Operands& wrong, const Refusal& refused) {
        const std::vector<std::string> proposals = proposals_in(refused.cure);
        BOOST_TEST((std::set<std::string>(proposals.begin(), proposals.end()).size() == proposals.size()),
                   refused.head << "; " << refused.cure);
        if (op.name == "reshape" || op.name == "squeeze") return;  // what they propose is another shape or axis
        if (probe.label == "a matrix with itself") return;         // one of its two places is edited, not both
        for (const std::string& proposal : proposals) {
            ++proposed;
            const std::optional<Operands> mended = edited(wrong, refused, proposal);
            if (!mended) {
                ++unnamed;
                continue;
            }
            ++tried;
            ops.insert(op.name);
            const auto again = refusal(op, probe, mended->tensors());
            BOOST_TEST((!again || again->op != refused.op), op.name << ", probe " << probe.label << ": " << refused.head
                                                                    << "; " << refused.cure << "\n    but then "
                                                                    << (again ? again->head : ""));
        }
    });
    std::printf("%zu edits proposed by %zu operations, %zu tried, %zu without names\n", proposed, ops.size(), tried,
                unnamed);
    BOOST_TEST(tried > 3000u);
    BOOST_TEST(unnamed < tried / 2);
}

BOOST_AUTO_TEST_SUITE_END()
