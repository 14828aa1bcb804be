#include <xgrad/graph/explain/culprit.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/execute.hpp>
#include <xgrad/graph/verify/recorded.hpp>

namespace xgrad::explain {

namespace {

/// Where an element stands in the memory of a value, in elements from the first.
std::int64_t place_of(const Node& node, std::int64_t index) {
    if (!node.strides) return index;
    std::int64_t place = 0;
    for (std::size_t axis = node.shape.rank(); axis-- > 0; index /= node.shape[axis]) {
        place += index % node.shape[axis] * (*node.strides)[axis];
    }
    return place;
}

/// An element of one of an operation's inputs.
struct Suspect {
    std::size_t input;
    std::int64_t index;
};

/// The first element of a floating-point value that has a property.
std::optional<std::int64_t> first_with(const Node& node, bool (*property)(double)) {
    if (!is_floating(node.dtype)) return std::nullopt;
    // Of what is repeated along an axis one copy is enough: a stretched number may look like more than fits memory.
    Shape once = node.shape;
    for (std::size_t axis = 0; node.strides && axis < once.rank(); ++axis) {
        if ((*node.strides)[axis] == 0 && once[axis] > 0) once[axis] = 1;
    }
    for (std::int64_t k = 0; k < once.size(); ++k) {
        const std::int64_t index = once == node.shape ? k : element_of_operand(node.shape, once, k);
        if (property(number_at(node, index))) return index;
    }
    return std::nullopt;
}

/// One operation, computed again with some of its inputs' elements replaced by 1.
class Experiment {
  public:
    using Property = bool (*)(double);

    /// Suspects are the elements of inputs that have a property and may be the reason that the element of the result
    /// has one.
    Experiment(const Node& node, const std::vector<NodeRef>& inputs, std::int64_t index, Property of_input,
               Property of_result)
        : node_(node),
          inputs_(inputs),
          index_(index),
          of_result_(of_result),
          is_elementwise_(node.op()->is_elementwise_kernel()) {
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const Node& input = *inputs[i];
            if (!is_floating(input.dtype)) continue;
            if (is_elementwise_) {
                const std::int64_t only = element_of_operand(input.shape, node.shape, index);
                if (of_input(number_at(input, only))) suspects_.push_back({i, only});
            } else if (const auto first = first_with(input, of_input)) {
                for (std::int64_t k = *first; k < input.shape.size(); ++k) {
                    if (of_input(number_at(input, k))) suspects_.push_back({i, k});
                }
            }
        }
    }

    const std::vector<Suspect>& suspects() const { return suspects_; }

    /// What reverse mode recorded is suspected before what it found.
    void suspect_cotangents_first() {
        std::stable_partition(suspects_.begin(), suspects_.end(), [&](const Suspect& suspect) {
            return inputs_[suspect.input]->is_transient && !inputs_[suspect.input]->is_leaf();
        });
    }

    /// Whatever happens to the suspects, this element is infinite, and all that are not finite but this one are 1.
    void with_infinity(const Suspect& infinite) { infinite_ = infinite; }

    /// The first of the suspects with which, and with those before it, the element has its property. None: the
    /// operation makes it without them, too.
    std::optional<Suspect> culprit() const {
        if (suspects_.empty()) return std::nullopt;
        std::size_t innocent = 0, guilty = suspects_.size();
        if (is_spoilt(innocent) || !is_spoilt(guilty)) return std::nullopt;
        while (guilty - innocent > 1) {
            const std::size_t middle = innocent + (guilty - innocent) / 2;
            (is_spoilt(middle) ? guilty : innocent) = middle;
        }
        return suspects_[guilty - 1];
    }

  private:
    /// With the suspects from this one on replaced.
    bool is_spoilt(std::size_t kept) const {
        std::vector<Tensor> operands;
        for (std::size_t i = 0; i < inputs_.size(); ++i) operands.push_back(operand(i, kept));
        try {
            const Attribution attribution(node_.location());
            const Tensor result = apply(*node_.op(), operands, node_.attributes());
            compute({result});
            return of_result_(number_at(*result.node(), is_elementwise_ ? 0 : index_));
        } catch (const Error&) {
            return true;
        }
    }

    Tensor operand(std::size_t input, std::size_t kept) const {
        const Node& node = *inputs_[input];
        const bool is_changed = std::any_of(suspects_.begin() + static_cast<std::ptrdiff_t>(kept), suspects_.end(),
                                            [&](const Suspect& suspect) { return suspect.input == input; });
        if (!is_elementwise_ && !is_changed && !infinite_) {
            return Tensor(detail::constant_leaf(Tensor(inputs_[input]), {}));
        }
        NodeRef leaf = detail::new_leaf(node.dtype, is_elementwise_ ? Shape() : node.shape, {});
        const std::int64_t first = is_elementwise_ ? element_of_operand(node.shape, node_.shape, index_) : 0;
        visit(node.dtype, [&](auto zero) {
            using T = decltype(zero);
            auto* values = static_cast<T*>(leaf->data);
            for (std::int64_t k = 0; k < leaf->shape.size(); ++k) {
                values[k] = static_cast<const T*>(node.data)[place_of(node, first + k)];
                if (infinite_ && !std::isfinite(static_cast<double>(values[k]))) values[k] = T(1);
            }
            for (std::size_t i = kept; i < suspects_.size(); ++i) {
                if (suspects_[i].input == input) values[suspects_[i].index - first] = T(1);
            }
            if (infinite_ && infinite_->input == input) {
                values[infinite_->index - first] = static_cast<T>(std::numeric_limits<double>::infinity());
            }
        });
        return Tensor(std::move(leaf));
    }

    const Node& node_;
    const std::vector<NodeRef>& inputs_;
    std::int64_t index_;
    Property of_result_;
    bool is_elementwise_;
    std::vector<Suspect> suspects_;
    std::optional<Suspect> infinite_;
};

bool is_bad(double number) {
    return !std::isfinite(number);
}

bool is_zero(double number) {
    return number == 0;
}

bool is_nan(double number) {
    return std::isnan(number);
}

/// The element of an input that spoils an element; none if the operation makes it of finite numbers, too.
std::optional<Suspect> spoiler(const Node& node, const std::vector<NodeRef>& inputs, std::int64_t index) {
    const Experiment experiment(node, inputs, index, is_bad, is_bad);
    if (recorded::is_given_by_a_function(node) && !experiment.suspects().empty()) return experiment.suspects()[0];
    return experiment.culprit();
}

/// The 0 that makes NaN of an infinite element.
std::optional<Suspect> zero_beside(const Node& node, const std::vector<NodeRef>& inputs, std::int64_t index,
                                   const Suspect& infinite) {
    Experiment experiment(node, inputs, index, is_zero, is_nan);
    experiment.suspect_cotangents_first();
    experiment.with_infinity(infinite);
    return experiment.culprit();
}

/// The 0 of reverse mode in 0 / 0.
std::optional<Suspect> zero_cotangent(const Node& node, const std::vector<NodeRef>& inputs, std::int64_t index) {
    Experiment experiment(node, inputs, index, is_zero, is_nan);
    experiment.suspect_cotangents_first();
    if (!experiment.culprit()) return std::nullopt;
    const Suspect first = experiment.suspects()[0];
    return inputs[first.input]->is_transient ? std::optional(first) : std::nullopt;
}

}  // namespace

History::History(std::span<const NodeRef> roots) {
    for (Node* node : ancestors(roots)) {
        nodes_.push_back(NodeRef::share(*node));
        const Inputs& inputs = node->inputs();
        inputs_.emplace(node, std::vector<NodeRef>(inputs.begin(), inputs.end()));
    }
}

void History::compute_all() const {
    std::vector<Node*> all;
    for (const NodeRef& node : nodes_) all.push_back(node.get());
    run::execute(all);
}

double number_at(const Node& node, std::int64_t index) {
    return visit(node.dtype, [&](auto zero) {
        return static_cast<double>(static_cast<const decltype(zero)*>(node.data)[place_of(node, index)]);
    });
}

std::optional<std::int64_t> first_bad(const Node& node) {
    return first_with(node, is_bad);
}

std::int64_t element_of_operand(const Shape& operand, const Shape& result, std::int64_t index) {
    const Strides strides = stretched_strides(operand, row_major(operand), result);
    std::int64_t place = 0;
    for (std::size_t axis = result.rank(); axis-- > 0; index /= result[axis]) {
        place += index % result[axis] * strides[axis];
    }
    return place;
}

Trace trace_back(const History& history, Element element) {
    Trace trace{std::move(element)};
    const auto element_of = [](const std::vector<NodeRef>& inputs, const Suspect& suspect) {
        return Element{NodeRef(inputs[suspect.input]), suspect.index};
    };
    for (;;) {
        const Node& node = *trace.origin.node;
        const std::int64_t index = trace.origin.index;
        const std::vector<NodeRef>& inputs = history.inputs(node);
        if (node.is_leaf() || inputs.empty()) return trace;
        const bool is_nan_here = std::isnan(number_at(node, index)) && !recorded::is_given_by_a_function(node);
        const std::optional<Suspect> culprit = spoiler(node, inputs, index);
        if (!culprit) {
            if (!trace.zero && is_nan_here && node.is_transient) {
                if (const auto zero = zero_cotangent(node, inputs, index)) trace.zero = element_of(inputs, *zero);
            }
            return trace;
        }
        const bool is_infinite = std::isinf(number_at(*inputs[culprit->input], culprit->index));
        // Backward, where nothing is asked for a NaN of the forward pass, it meets a 0 just like an infinity.
        if (!trace.zero && is_nan_here && (is_infinite || node.is_transient)) {
            if (const auto zero = zero_beside(node, inputs, index, *culprit)) {
                trace.zero = element_of(inputs, *zero);
                trace.meets_zero = is_infinite;
            }
        }
        trace.origin = element_of(inputs, *culprit);
    }
}

ZeroTrace trace_zero(const History& history, Element zero) {
    ZeroTrace trace{std::move(zero), {}};
    while (trace.origin.node->is_transient && !trace.origin.node->is_leaf()) {
        const Node& node = *trace.origin.node;
        trace.last_passed = trace.origin.node;
        const std::vector<NodeRef>& inputs = history.inputs(node);
        if (inputs.empty() || recorded::is_given_by_a_function(node)) break;
        Experiment experiment(node, inputs, trace.origin.index, is_zero, is_zero);
        experiment.suspect_cotangents_first();
        const std::optional<Suspect> culprit = experiment.culprit();
        if (!culprit) break;
        trace.origin = {NodeRef(inputs[culprit->input]), culprit->index};
    }
    return trace;
}

}  // namespace xgrad::explain
