#include <xgrad/graph/explain/culprit.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/graph/explain/notation.hpp>
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

/// One operation, computed again with some of its inputs' elements replaced.
class Experiment {
  public:
    Experiment(const Node& node, const std::vector<NodeRef>& inputs, std::int64_t index)
        : node_(node), inputs_(inputs), index_(index), is_elementwise_(node.op->is_elementwise_kernel()) {
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const Node& input = *inputs[i];
            if (!is_floating(input.dtype)) continue;
            if (is_elementwise_) {
                const std::int64_t only = element_of_operand(input.shape, node.shape, index);
                if (!std::isfinite(number_at(input, only))) suspects_.push_back({i, only});
            } else if (first_bad(input)) {
                for (std::int64_t k = *first_bad(input); k < input.shape.size(); ++k) {
                    if (!std::isfinite(number_at(input, k))) suspects_.push_back({i, k});
                }
            }
        }
    }

    /// The first of the suspects with which, and with those before it, the element is not finite. None: the operation
    /// makes it of finite numbers, too.
    std::optional<Suspect> culprit() const {
        if (suspects_.empty()) return std::nullopt;
        if (recorded::is_given_by_a_function(node_)) return suspects_[0];
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
            const Tensor result = apply(*node_.op, operands, node_.attributes);
            compute({result});
            return !std::isfinite(number_at(*result.node(), is_elementwise_ ? 0 : index_));
        } catch (const Error&) {
            return true;
        }
    }

    Tensor operand(std::size_t input, std::size_t kept) const {
        const Node& node = *inputs_[input];
        const bool is_changed = std::any_of(suspects_.begin() + static_cast<std::ptrdiff_t>(kept), suspects_.end(),
                                            [&](const Suspect& suspect) { return suspect.input == input; });
        if (!is_elementwise_ && !is_changed) return Tensor(detail::constant_leaf(Tensor(inputs_[input]), {}));
        NodeRef leaf = detail::new_leaf(node.dtype, is_elementwise_ ? Shape() : node.shape, {});
        const std::int64_t first = is_elementwise_ ? element_of_operand(node.shape, node_.shape, index_) : 0;
        visit(node.dtype, [&](auto zero) {
            using T = decltype(zero);
            auto* values = static_cast<T*>(leaf->data);
            for (std::int64_t k = 0; k < leaf->shape.size(); ++k) {
                values[k] = static_cast<const T*>(node.data)[place_of(node, first + k)];
            }
            for (std::size_t i = kept; i < suspects_.size(); ++i) {
                if (suspects_[i].input == input) values[suspects_[i].index - first] = T(1);
            }
        });
        return Tensor(std::move(leaf));
    }

    const Node& node_;
    const std::vector<NodeRef>& inputs_;
    std::int64_t index_;
    bool is_elementwise_;
    std::vector<Suspect> suspects_;
};

/// Whether an element of a product is 0 times infinity.
bool is_zero_times_infinity(const Node& node, std::int64_t index) {
    return writing_of(*node.op) == Writing::multiply && std::isnan(number_at(node, index));
}

}  // namespace

History::History(std::span<const NodeRef> roots) {
    for (Node* node : ancestors(roots)) {
        nodes_.push_back(NodeRef::share(*node));
        const Inputs& inputs = node->inputs;
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
    if (!is_floating(node.dtype)) return std::nullopt;
    // Of what is repeated along an axis one copy is enough: a stretched number may look like more than fits memory.
    Shape once = node.shape;
    for (std::size_t axis = 0; node.strides && axis < once.rank(); ++axis) {
        if ((*node.strides)[axis] == 0 && once[axis] > 0) once[axis] = 1;
    }
    for (std::int64_t k = 0; k < once.size(); ++k) {
        const std::int64_t index = once == node.shape ? k : element_of_operand(node.shape, once, k);
        if (!std::isfinite(number_at(node, index))) return index;
    }
    return std::nullopt;
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
    for (;;) {
        const Node& node = *trace.origin.node;
        const std::vector<NodeRef>& inputs = history.inputs(node);
        if (node.is_leaf() || inputs.empty()) return trace;
        const std::optional<Suspect> culprit = Experiment(node, inputs, trace.origin.index).culprit();
        if (!culprit) return trace;
        const bool is_infinite = std::isinf(number_at(*inputs[culprit->input], culprit->index));
        trace.meets_zero |= is_infinite && is_zero_times_infinity(node, trace.origin.index);
        trace.origin = {NodeRef(inputs[culprit->input]), culprit->index};
    }
}

}  // namespace xgrad::explain
