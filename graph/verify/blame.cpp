#include <xgrad/graph/verify/blame.hpp>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include <fmt/format.h>

#include <xgrad/graph/verify/pattern.hpp>

namespace xgrad::verify {

namespace {

using recorded::Step;
using subject::numbers;

/// An operation with more elements is first tried along a few directions.
constexpr std::int64_t many = 64;

/// Of a larger result not every element is checked alone.
constexpr std::int64_t most_elements = 256;

/// Of larger gradients only the worst direction is reported.
constexpr std::int64_t most_entries = 4096;

/// The operations that derivatives could flow through; not what a function of its own computed its value with.
std::vector<const Step*> suspects_of(const std::vector<Step>& steps) {
    std::unordered_set<const Node*> seen;
    std::vector<const Step*> suspects;
    for (std::size_t i = steps.size(); i-- > 0;) {
        const Step& step = steps[i];
        if (i + 1 < steps.size() && !seen.contains(step.node.get())) continue;
        bool varies = false;
        for (const NodeRef& input : step.inputs) {
            varies = varies || input->needs_gradient;
            if (input->needs_gradient || !recorded::is_given_by_a_function(*step.node)) seen.insert(input.get());
        }
        if (varies && is_floating(step.node->dtype)) suspects.push_back(&step);
    }
    std::reverse(suspects.begin(), suspects.end());
    return suspects;
}

bool is_zero_by_declaration(const Step& step) {
    for (std::size_t input = 0; input < step.inputs.size(); ++input) {
        if (step.inputs[input]->needs_gradient && !step.node->op()->zero_reason(input)) return false;
    }
    return true;
}

std::string shapes_of(const Step& step) {
    std::string text;
    for (std::size_t input = 0; input < step.inputs.size(); ++input) {
        if (input > 0) text += input + 1 == step.inputs.size() ? " and " : ", ";
        text += to_string(step.inputs[input]->shape);
    }
    return text + " -> " + to_string(step.node->shape);
}

/// Whether something is wrong other than between the branches of a switch.
bool is_plainly_wrong(const Findings& findings) {
    for (std::size_t i = 0; i < findings.rows.size(); ++i) {
        if (findings.rows[i].verdict == Verdict::wrong && !findings.is_suspect[i]) return true;
    }
    return false;
}

std::vector<CheckRow> rows_of(const Step& step, const CheckOptions& options, Location at,
                              std::vector<std::size_t>& input_of) {
    subject::StepSubject subject(step);
    Findings findings = Checker(subject, options, at).check(1);
    input_of = std::move(findings.input_of);
    return std::move(findings.rows);
}

/// Whether an operation is wrong when it is checked alone. On a kink each element of its result has slopes of its own,
/// and a sum of them with weights may leave the slopes of the sum: there every element has to be wrong or right by
/// itself.
bool is_wrong(const Step& step, const CheckOptions& options, Location at) {
    subject::StepSubject whole(step);
    const Findings findings = Checker(whole, options, at).check(1);
    if (is_plainly_wrong(findings)) return true;
    const auto is_row_wrong = [](const CheckRow& row) { return row.verdict == Verdict::wrong; };
    if (std::none_of(findings.rows.begin(), findings.rows.end(), is_row_wrong)) return false;
    const std::int64_t elements = step.node->shape.size();
    for (std::int64_t i = 0; i < elements && elements <= most_elements; ++i) {
        subject::StepSubject one(step, i);
        const Findings alone = Checker(one, options, at).check(1);
        if (std::any_of(alone.rows.begin(), alone.rows.end(), is_row_wrong)) return true;
    }
    return false;
}

const CheckRow* worst_wrong(const std::vector<CheckRow>& rows) {
    const CheckRow* worst = nullptr;
    for (const CheckRow& row : rows) {
        if (row.verdict != Verdict::wrong) continue;
        // Differences know what is right; forward mode only that one of two is wrong.
        const bool is_forward = row.entry < 0, was_forward = worst && worst->entry < 0;
        const bool is_worse = !worst || !(row.error() / row.bound <= worst->error() / worst->bound);
        if (is_forward != was_forward ? was_forward || !worst : is_worse) worst = &row;
    }
    return worst;
}

/// Derived and checked gradient of one argument, whole.
struct Both {
    pattern::Numbers derived, checked;
};

Both gradients_of(const std::vector<CheckRow>& rows, const std::vector<std::size_t>& input_of, std::size_t input) {
    Both both;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (input_of[i] != input || rows[i].entry < 0) continue;
        both.derived.shape = both.checked.shape = rows[i].shape;
        both.derived.values.push_back(rows[i].analytic);
        both.checked.values.push_back(rows[i].numeric);
    }
    return both;
}

/// What the error may come from: the cotangent, the arguments, the result, the other arguments' gradients.
pattern::Clues clues_of(const Step& step, const CheckOptions& options, const std::vector<CheckRow>& rows,
                        const std::vector<std::size_t>& input_of, std::size_t input,
                        const subject::StepSubject& subject) {
    pattern::Clues clues;
    clues.tolerance = 1e-5L;
    const auto add_extents = [&](const Shape& shape) {
        for (std::int64_t extent : shape) clues.extents.push_back({extent, {}});
        clues.extents.push_back({shape.size(), {}});
    };
    add_extents(step.node->shape);
    for (const NodeRef& each : step.inputs) add_extents(each->shape);
    const pattern::Numbers g{step.node->shape, subject::Directions(options.seed).numbers(step.node->shape.size())};
    clues.ingredients.push_back({g, "g"});
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        if (!is_floating(step.inputs[i]->dtype) || step.inputs[i]->shape.size() > most_entries) continue;
        clues.ingredients.push_back(
            {{step.inputs[i]->shape, numbers(Tensor(step.inputs[i]))}, fmt::format("argument {}", i)});
    }
    clues.ingredients.push_back({{step.node->shape, numbers(Tensor(step.node))}, "y"});
    for (std::size_t other = 0; other < subject.inputs(); ++other) {
        if (other == input) continue;
        clues.hypotheses.push_back(
            {gradients_of(rows, input_of, other).checked,
             fmt::format("what argument {} should get: gradients are swapped", subject.argument(other))});
    }
    clues.hypotheses.push_back({g, "the cotangent as it came: the derivative of the operation is missing"});
    return clues;
}

WrongOp wrong_op(const Step& step, const CheckOptions& options, Location at) {
    const bool is_small = std::all_of(step.inputs.begin(), step.inputs.end(),
                                      [](const NodeRef& input) { return input->shape.size() <= most_entries; });
    CheckOptions whole = options;
    whole.directions = is_small ? 0 : 2;
    std::vector<std::size_t> input_of;
    const std::vector<CheckRow> rows = rows_of(step, whole, at, input_of);
    const CheckRow* worst = worst_wrong(rows);
    if (!worst) worst = &rows.front();  // a direction told, no single entry does
    const std::size_t input = input_of[static_cast<std::size_t>(worst - rows.data())];
    const subject::StepSubject subject(step);
    WrongOp result{
        step.node->op()->name, recorded::place_of(*step.node), shapes_of(step), subject.argument(input), *worst, {}};
    const Both both = gradients_of(rows, input_of, input);
    if (std::string_view(worst->mode) == "forward") {
        result.looks_like = "forward mode and reverse mode differ";
    } else if (!both.derived.values.empty()) {
        result.looks_like =
            pattern::looks_like(both.derived, both.checked, clues_of(step, options, rows, input_of, input, subject));
    } else {
        const pattern::Numbers derived{{}, {worst->analytic}}, checked{{}, {worst->numeric}};
        result.looks_like = pattern::looks_like(derived, checked, {});
    }
    if (const std::string* reason = step.node->op()->zero_reason(result.argument)) {
        result.looks_like += ", declared with the reason: " + *reason;
    }
    return result;
}

}  // namespace

std::optional<WrongOp> first_wrong_op(const Tensor& scalar, const CheckOptions& given, Location at) {
    CheckOptions options = given;
    options.order = 1;
    const std::vector<Step> steps = recorded::steps_to(scalar);
    const Step* declared_zero = nullptr;
    const Step* given_by_function = nullptr;
    for (const Step* suspect : suspects_of(steps)) {
        const Step& step = *suspect;
        if (recorded::is_given_by_a_function(*step.node)) {
            if (!given_by_function) given_by_function = &step;
            continue;
        }
        const bool is_large = std::any_of(step.inputs.begin(), step.inputs.end(),
                                          [](const NodeRef& input) { return input->shape.size() > many; });
        options.directions = is_large ? 2 : 0;
        if (!is_wrong(step, options, at)) continue;
        if (is_zero_by_declaration(step)) {
            if (!declared_zero) declared_zero = &step;
            continue;
        }
        return wrong_op(step, options, at);
    }
    if (declared_zero) return wrong_op(*declared_zero, options, at);
    if (given_by_function) {
        WrongOp result;
        result.op = given_by_function->node->op()->name;
        result.place = recorded::place_of(*given_by_function->node);
        result.shapes = shapes_of(*given_by_function);
        result.looks_like = "given by a function of its own; all other operations are right";
        return result;
    }
    return std::nullopt;
}

}  // namespace xgrad::verify
