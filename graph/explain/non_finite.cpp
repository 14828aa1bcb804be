#include <xgrad/graph/explain/non_finite.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <ostream>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/explain/culprit.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/explain/notation.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/explain/watch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/verify/recorded.hpp>

namespace xgrad {

namespace {

using namespace explain;

/// What is looked at: a result, or a gradient, by the name that the report gives it.
struct Target {
    NodeRef node;
    std::string name;
};

Shape index_of(const Shape& shape, std::int64_t element) {
    Shape index = Shape::of_rank(shape.rank());
    for (std::size_t axis = shape.rank(); axis-- > 0; element /= shape[axis]) index[axis] = element % shape[axis];
    return index;
}

bool is_number(const Node& node) {
    return node.is_leaf() && node.shape.rank() == 0 && operand_name(node).empty();
}

NonFinite::Input described(const Node& input, const Node& result, std::int64_t index) {
    NonFinite::Input description{is_number(input) ? "a number" : recorded::name_of(input), input.shape, 0, 0};
    if (result.op()->is_elementwise_kernel()) {
        description.low = description.high = number_at(input, element_of_operand(input.shape, result.shape, index));
        return description;
    }
    description.low = std::numeric_limits<double>::infinity();
    description.high = -description.low;
    for (std::int64_t k = 0; k < input.shape.size(); ++k) {
        description.low = std::min(description.low, number_at(input, k));
        description.high = std::max(description.high, number_at(input, k));
    }
    return description;
}

/// The operation whose derivative a node of the backward pass belongs to: one of its line, with which it has most in
/// common. Null if there is none.
const Node* differentiated(const History& history, const Node& derivative) {
    std::unordered_set<const Node*> seen;
    std::vector<const Node*> path{&derivative};
    while (!path.empty()) {
        const Node* node = path.back();
        path.pop_back();
        for (const NodeRef& input : history.inputs(*node)) {
            if (!seen.insert(input.get()).second || !input->is_transient || input->line != derivative.line) continue;
            path.push_back(input.get());
        }
    }
    const Node* best = nullptr;
    int most = 0;
    for (const NodeRef& node : history.nodes()) {
        if (node->is_leaf() || node->is_transient || !node->needs_gradient) continue;
        if (node->line != derivative.line || std::string_view(node->file) != derivative.file) continue;
        int common = seen.contains(node.get()) ? 2 : 0;
        for (const NodeRef& input : history.inputs(*node))
            common += input->needs_gradient && seen.contains(input.get());
        if (common > most) best = node.get(), most = common;
    }
    return best;
}

/// What the local slope that a node of the backward pass brings in is computed from.
std::unordered_set<const Node*> behind_slope(const History& history, const Node& derivative) {
    const std::vector<NodeRef>& inputs = history.inputs(derivative);
    const Writing writing = writing_of(*derivative.op());
    std::vector<const Node*> path;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const bool is_cotangent = (writing == Writing::choice && i > 0) || (writing == Writing::multiply && i == 0);
        if (!is_cotangent) path.push_back(inputs[i].get());
    }
    std::unordered_set<const Node*> seen(path.begin(), path.end());
    while (!path.empty()) {
        const Node* node = path.back();
        path.pop_back();
        if (!node->is_transient || node->line != derivative.line) continue;
        for (const NodeRef& input : history.inputs(*node)) {
            if (seen.insert(input.get()).second) path.push_back(input.get());
        }
    }
    return seen;
}

/// The choice between branches by which reverse mode came to a 0: of those in the line of what it recorded there, the
/// one that has most in common with it. Null if there is none.
const Node* choice_behind(const History& history, const Node& derivative) {
    const std::unordered_set<const Node*> seen = behind_slope(history, derivative);
    const Node* best = nullptr;
    std::ptrdiff_t most = 0;
    for (const NodeRef& node : history.nodes()) {
        if (node->is_leaf() || node->is_transient || !node->needs_gradient) continue;
        if (node->line != derivative.line || std::string_view(node->file) != derivative.file) continue;
        if (writing_of(*node->op()) != Writing::choice && !node->op()->switches) continue;
        const std::vector<NodeRef>& inputs = history.inputs(*node);
        const auto common = std::count_if(inputs.begin(), inputs.end(),
                                          [&](const NodeRef& input) { return seen.contains(input.get()); });
        if (common > most) best = node.get(), most = common;
    }
    return best;
}

/// Says of the 0 that an infinity met, if it met one, where it comes from.
void describe_zero(const History& history, const Trace& trace, NonFinite& report) {
    if (!trace.zero) return;
    const ZeroTrace zero = trace_zero(history, *trace.zero);
    if (zero.last_passed) {
        const Node& last = *zero.last_passed;
        const Node* choice = choice_behind(history, last);
        // A gradient that is differentiated again need not depend on the choice itself.
        if (!choice && writing_of(*last.op()) == Writing::choice) choice = &last;
        if (choice) report.untaken_at = recorded::described(*choice);
    }
    report.meets_zero = trace.meets_zero;
    const Node& node = *zero.origin.node;
    const bool is_known = !is_number(node) && !node.is_transient;
    if (trace.meets_zero && is_known) report.zero_of = recorded::name_of(node);
}

/// What made a target's first element that is not finite. All values are computed.
NonFinite finding(const History& history, const Target& target, std::int64_t element) {
    const Trace trace = trace_back(history, {target.node, element});
    const Node& node = *trace.origin.node;
    NonFinite report;
    report.pass = node.is_transient ? NonFinite::Pass::backward : NonFinite::Pass::forward;
    report.op = node.is_leaf() ? "" : node.op()->name;
    report.name = operand_name(node);
    report.result = target.name;
    report.shape = node.shape;
    report.index = index_of(node.shape, trace.origin.index);
    report.value = number_at(node, trace.origin.index);
    report.at = node.location();
    for (const NodeRef& input : history.inputs(node)) {
        report.inputs.push_back(described(*input, node, trace.origin.index));
    }
    if (node.is_transient && !node.is_leaf()) {
        if (const Node* op = differentiated(history, node)) report.derivative_of = op->op()->name;
    }
    describe_zero(history, trace, report);
    return report;
}

std::string value_text(double value) {
    return std::isnan(value) ? "nan" : fmt::format("{:.6g}", value);
}

std::string input_text(const NonFinite::Input& input) {
    if (input.name == "a number") return fmt::format("    of the number {}\n", value_text(input.low));
    const std::string operand = input.name + " " + to_string(input.shape);
    if (input.low > input.high) return fmt::format("    of {}\n", operand);
    if (input.low < input.high) {
        return fmt::format("    of {}, from {} to {}\n", operand, value_text(input.low), value_text(input.high));
    }
    return fmt::format("    of {}, which is {} there\n", operand, value_text(input.low));
}

/// What usually helps where a branch that is not taken spoils the gradient.
std::string cure_of_branch(const NonFinite& report) {
    const bool is_forward = report.pass == NonFinite::Pass::forward;
    const std::string& op = is_forward ? report.op : report.derivative_of;
    if (is_forward && op.empty()) {
        return fmt::format("replace it before it is used, as in where(c, {}, 0)",
                           report.name.empty() ? "x" : report.name);
    }
    if (op.empty()) return "make what it is computed from safe inside, with a where() around it";
    const Op* known = find_op(op);
    if (is_forward && known && !known->is_elementwise_kernel()) {
        return "its numbers are too large: data of one scale, or a smaller learning rate, would keep it finite";
    }
    if (is_forward && report.inputs.size() > 1) {
        return fmt::format("make the arguments of {} safe inside, with a where() around them", op);
    }
    return fmt::format("make its argument safe inside, as in where(c, {}(where(c, x, 1)), 0)", op);
}

/// How 0 times infinity came about, and what to do about it.
std::string zero_text(const NonFinite& report) {
    if (!report.untaken_at.empty()) {
        return fmt::format(
            "    {} does not take this branch there, but in the gradient 0 times infinity, or 0 / 0, is NaN;\n    {}\n",
            report.untaken_at, cure_of_branch(report));
    }
    if (!report.meets_zero) return "";
    return fmt::format("    it is multiplied by 0 on its way{}, and 0 times infinity is NaN;\n    {}\n",
                       report.zero_of.empty() ? "" : ", that of " + report.zero_of,
                       report.pass == NonFinite::Pass::forward ? "if that is a mask, where() is safe, a product is not"
                                                               : cure_of_branch(report));
}

thread_local bool watching = [] {
    const char* value = std::getenv("XGRAD_WATCH");
    return value && std::string_view(value) == "1";
}();

}  // namespace

std::ostream& operator<<(std::ostream& stream, const NonFinite& report) {
    return stream << report.text();
}

std::string NonFinite::text() const {
    if (pass == Pass::none) return "the result and its gradients are finite\n";
    const std::string place = at.line > 0 ? " at " + place_text(at) : "";
    const std::string whose = (name.empty() ? "" : name + " ") + to_string(shape);
    const std::string element = fmt::format("[{}]", fmt::join(index.begin(), index.end(), ", "));
    std::string text;
    if (op.empty()) {
        text = fmt::format("{} was given with {} at {}{}\n", whose, value_text(value), element, place);
    } else if (pass == Pass::forward) {
        text = fmt::format("{} makes {} at {} of {}, forward,{}\n", op, value_text(value), element, whose, place);
    } else {
        text = fmt::format("the derivative of {} makes {} at {} of {}, backward, in its {}{}\n",
                           derivative_of.empty() ? "an operation" : derivative_of, value_text(value), element, whose,
                           op, place);
    }
    for (const Input& input : inputs) text += input_text(input);
    text += fmt::format("    {} is not finite\n", result);
    text += zero_text(*this);
    return text;
}

namespace {

class Unwatched {
  public:
    Unwatched() : previous_(std::exchange(watching, false)) {}
    ~Unwatched() { watching = previous_; }
    Unwatched(const Unwatched&) = delete;
    Unwatched& operator=(const Unwatched&) = delete;

  private:
    bool previous_;
};

}  // namespace

NonFinite first_non_finite(const Tensor& y, std::span<const Tensor> xs, Location at) {
    at = Attribution::resolve(at);
    const Unwatched unwatched;
    const NodeRef& root = source(y, "first_non_finite", at);
    std::vector<Target> targets{{root, y.name().empty() ? "the result" : y.name()}};
    const std::vector<Tensor> gradients =
        xs.empty() ? std::vector<Tensor>{} : grad(y, xs, Unconnected::is_an_error, at);
    for (std::size_t i = 0; i < xs.size(); ++i) {
        const std::string name = xs[i].name().empty() ? "argument " + std::to_string(i + 1) : xs[i].name();
        targets.push_back({source(gradients[i], "first_non_finite", at), "the gradient of " + name});
    }
    std::vector<NodeRef> roots;
    for (const Target& target : targets) roots.push_back(target.node);
    const History history(roots);
    history.compute_all();
    for (const Target& target : targets) {
        const auto element = first_bad(*target.node);
        if (!element) continue;
        return finding(history, target, *element);
    }
    return {};
}

WatchNonFinite::WatchNonFinite(bool watch) noexcept : previous_(std::exchange(watching, watch)) {}

WatchNonFinite::~WatchNonFinite() {
    watching = previous_;
}

namespace explain {

bool is_watching() noexcept {
    return watching;
}

void watch(std::span<Node* const> roots, void (*compute)(std::span<Node* const>)) {
    const Unwatched unwatched;
    std::vector<NodeRef> held;
    for (Node* root : roots) held.push_back(NodeRef::share(*root));
    const History history(held);
    compute(roots);
    for (const NodeRef& root : held) {
        const auto element = first_bad(*root);
        if (!element) continue;
        history.compute_all();
        const NonFinite report = finding(history, {root, recorded::name_of(*root)}, *element);
        const std::string text = report.text();
        throw ValueError(report.op.empty() ? "watch" : report.op, "needs to be finite while values are watched",
                         value_text(report.value), report.at, "\n" + text.substr(0, text.size() - 1));
    }
}

}  // namespace explain

}  // namespace xgrad
