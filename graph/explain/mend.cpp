#include <xgrad/graph/explain/mend.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <xgrad/graph/explain/notation.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad::explain {

namespace {

constexpr std::size_t most_cures = 2;
constexpr std::size_t most_operands = 8;  // of more, the others are not edited

/// One operand in another shape, and how the user would write that: before + operand + after.
struct Edit {
    std::size_t operand;
    Shape shape;
    std::string before, after;
    std::string words;                  // for an operand without a name
    std::size_t least_rank_beside = 0;  // of another operand
};

std::string ordinal(std::size_t operand, std::size_t count) {
    static const char* const words[] = {"first", "second", "third", "fourth"};
    if (count == 1) return "the operand";
    return operand < std::size(words) ? fmt::format("the {} operand", words[operand])
                                      : fmt::format("operand {}", operand + 1);
}

std::string extents_text(const Shape& shape) {
    return fmt::format("{{{}}}", fmt::join(shape.begin(), shape.end(), ", "));
}

Edit reshaped(std::size_t operand, const Shape& shape) {
    return {operand, shape, "reshape(", ", " + extents_text(shape) + ")", " as " + to_string(shape)};
}

std::vector<Edit> transposes(std::size_t operand, const Shape& shape) {
    if (shape.rank() < 2) return {};
    Shape turned = shape;
    std::swap(turned[shape.rank() - 1], turned[shape.rank() - 2]);
    if (turned == shape) return {};
    return {{operand, turned, shape.rank() == 2 ? "transpose(" : "matrix_transpose(", ")", " transposed"}};
}

std::vector<Edit> axes_more_or_less(std::size_t operand, const Shape& shape) {
    std::vector<Edit> edits;
    const auto add = [&](const Shape& edited) {
        const bool is_new = std::none_of(edits.begin(), edits.end(), [&](const Edit& e) { return e.shape == edited; });
        if (is_new) edits.push_back(reshaped(operand, edited));
    };
    if (shape.rank() == 0 || shape.rank() == Shape::max_rank) return edits;
    const auto add_axis_at = [&](std::size_t place) {
        Shape longer = shape;
        longer.insert(place, 1);
        add(longer);
    };
    if (shape.rank() == 1) add_axis_at(1);
    add_axis_at(0);
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] != 1) continue;
        Shape shorter = shape;
        shorter.erase(axis);
        add(shorter);
    }
    // An axis within is only meant to match one of another operand.
    const std::size_t before = edits.size();
    for (std::size_t place = 1; place <= shape.rank(); ++place) add_axis_at(place);
    for (std::size_t i = before; i < edits.size(); ++i) edits[i].least_rank_beside = shape.rank() + 1;
    return edits;
}

/// Images with their channels last, (N, H, W, C), and one image alone, (H, W).
std::vector<Edit> images(std::size_t operand, const Shape& shape) {
    if (shape.rank() == 2) return {reshaped(operand, {1, 1, shape[0], shape[1]})};
    if (shape.rank() != 4) return {};
    const Shape turned{shape[0], shape[3], shape[1], shape[2]};
    if (turned == shape) return {};
    return {{operand, turned, "transpose(", ", {0, 3, 1, 2})", " with its channels first"}};
}

/// The reduction without keepdims that gave an operand its shape: itself, or what a function of each element was
/// applied to, as in mean = sum / count. Null if there is none.
const Node* reduction_behind(const Node& operand) {
    constexpr int furthest = 8;
    const Node* node = &operand;
    for (int step = 0; step < furthest && node->op(); ++step) {
        for (const Attributes::Entry& entry : node->attributes()) {
            const bool* keeps = std::get_if<bool>(&entry.value);
            if (keeps && entry.name == std::string_view("keepdims")) return *keeps ? nullptr : node;
        }
        if (!node->op()->is_elementwise_kernel()) return nullptr;
        const auto same = std::find_if(node->inputs().begin(), node->inputs().end(),
                                       [&](const NodeRef& input) { return input->shape == operand.shape; });
        if (same == node->inputs().end()) return nullptr;
        node = same->get();
    }
    return nullptr;
}

/// The shape of a reduction's result if it had kept its axes; its own if that cannot be told.
Shape shape_with_axes(const Node& reduction) {
    Shape shape = reduction.shape;
    for (const Attributes::Entry& entry : reduction.attributes()) {
        const Shape* axes = std::get_if<Shape>(&entry.value);
        if (!axes || entry.name != std::string_view("axes")) continue;
        for (std::int64_t axis : *axes) {
            if (axis < 0 || static_cast<std::size_t>(axis) > shape.rank()) return reduction.shape;
            shape.insert(static_cast<std::size_t>(axis), 1);
        }
    }
    return shape;
}

/// A call as the user would write it; `rest` is what stands behind the operands.
std::string written(std::string_view name, const std::vector<std::string>& operands, std::string_view rest) {
    static constexpr std::pair<Writing, const char*> signs[] = {
        {Writing::add, "+"},    {Writing::subtract, "-"},    {Writing::multiply, "*"}, {Writing::divide, "/"},
        {Writing::less, "<"},   {Writing::less_equal, "<="}, {Writing::greater, ">"},  {Writing::greater_equal, ">="},
        {Writing::equal, "=="}, {Writing::not_equal, "!="},
    };
    const Op* op = find_op(name);
    for (const auto& [writing, sign] : signs) {
        if (op && operands.size() == 2 && op->family != Op::Family::composite && writing_of(*op) == writing) {
            return fmt::format("{} {} {}", operands[0], sign, operands[1]);
        }
    }
    return fmt::format("{}({}{})", name, fmt::join(operands, ", "), rest);
}

/// Tries edits of a refused call and says which of them it would take.
class Attempt {
  public:
    Attempt(std::string_view op, std::span<Node* const> operands, const Accepts& accepts, std::string_view rest)
        : op_(op), operands_(operands), accepts_(accepts), rest_(rest) {
        for (const Node* operand : operands) {
            names_.push_back(operand_name(*operand));
            stand_ins_.push_back(stand_in_for(*operand, operand->shape));
        }
    }

    std::string cure() {
        const std::string kept = keepdims();
        if (!kept.empty()) return kept;
        std::vector<std::string> cures = exchanged();
        if (cures.empty()) cures = accepted(transposes);
        if (cures.empty()) cures = accepted(axes_more_or_less);
        if (cures.empty()) cures = accepted(images);
        return cures.empty() ? "" : fmt::format("did you mean {}?", fmt::join(cures, " or "));
    }

  private:
    static NodeRef stand_in_for(const Node& operand, const Shape& shape) {
        return NodeRef(new Node(operand.dtype, shape));
    }

    bool is_accepted() const {
        std::vector<Node*> operands;
        for (const NodeRef& stand_in : stand_ins_) operands.push_back(stand_in.get());
        return accepts_(operands);
    }

    bool is_accepted(std::size_t operand, const Shape& shape) {
        const NodeRef before = std::exchange(stand_ins_[operand], stand_in_for(*operands_[operand], shape));
        const bool result = is_accepted();
        stand_ins_[operand] = before;
        return result;
    }

    /// Whether the whole call can be written: that of a function of a list looks different.
    bool all_have_names() const {
        const Op* op = find_op(op_);
        const bool takes_list =
            op && (op->family == Op::Family::composite ? operands_.size() > 2 : op->transposes.rule_ != nullptr);
        return operands_.size() <= 3 && !takes_list &&
               std::none_of(names_.begin(), names_.end(), [](const std::string& name) { return name.empty(); });
    }

    std::size_t edited_operands() const { return std::min(operands_.size(), most_operands); }

    std::string keepdims() {
        for (std::size_t i = 0; i < edited_operands(); ++i) {
            const Node* reduction = reduction_behind(*operands_[i]);
            if (!reduction) continue;
            const Shape shape = shape_with_axes(*reduction);
            if (shape == operands_[i]->shape || !is_accepted(i, shape)) continue;
            const std::string name = names_[i].empty() ? ordinal(i, operands_.size()) : names_[i];
            return fmt::format("keepdims in the {} at {} would make {} {}",
                               reduction == operands_[i] ? reduction->op()->name : "reduction",
                               place_text(reduction->location()), name, to_string(shape));
        }
        return "";
    }

    std::vector<std::string> exchanged() {
        if (operands_.size() != 2) return {};
        std::swap(stand_ins_[0], stand_ins_[1]);
        const bool result = is_accepted();
        std::swap(stand_ins_[0], stand_ins_[1]);
        if (!result) return {};
        return {all_have_names() ? written(op_, {names_[1], names_[0]}, rest_) : "the operands the other way round"};
    }

    std::vector<std::string> accepted(std::vector<Edit> (*edits_of)(std::size_t, const Shape&)) {
        std::vector<std::string> cures;
        for (std::size_t i = 0; i < edited_operands() && cures.size() < most_cures; ++i) {
            for (const Edit& edit : edits_of(i, operands_[i]->shape)) {
                const bool fits = operands_.size() == 1 || rank_beside(i) >= edit.least_rank_beside;
                if (cures.size() < most_cures && fits && is_accepted(i, edit.shape)) cures.push_back(text_of(edit));
            }
        }
        return cures;
    }

    /// The most axes that another operand has.
    std::size_t rank_beside(std::size_t operand) const {
        std::size_t most = 0;
        for (std::size_t i = 0; i < operands_.size(); ++i) {
            if (i != operand) most = std::max(most, operands_[i]->shape.rank());
        }
        return most;
    }

    std::string text_of(const Edit& edit) const {
        const std::string& name = names_[edit.operand];
        if (name.empty()) return ordinal(edit.operand, operands_.size()) + edit.words;
        const std::string edited = edit.before + name + edit.after;
        if (!all_have_names()) return edited;
        std::vector<std::string> texts = names_;
        texts[edit.operand] = edited;
        return written(op_, texts, rest_);
    }

    std::string_view op_;
    std::span<Node* const> operands_;
    const Accepts& accepts_;
    std::string_view rest_;
    std::vector<std::string> names_;
    std::vector<NodeRef> stand_ins_;
};

}  // namespace

std::string operand_name(const Node& operand) {
    for (const Node* node = &operand;; node = node->inputs()[0].get()) {
        if (node->extra && !node->extra->name.empty()) return node->extra->name;
        if (!node->op() || node->inputs().empty() || writing_of(*node->op()) != Writing::cast) return "";
    }
}

std::string operand_text(const Node& operand) {
    const std::string name = operand_name(operand);
    return name.empty() ? to_string(operand.shape) : name + " " + to_string(operand.shape);
}

std::string operand_text(const Tensor& operand) {
    return operand_text(*operand.node());
}

std::string operands_text(std::span<Node* const> operands) {
    std::string text;
    for (std::size_t i = 0; i < operands.size(); ++i) {
        if (i > 0) text += i + 1 == operands.size() ? " and " : ", ";
        text += operand_text(*operands[i]);
    }
    return text;
}

std::string cure(std::string_view op, std::span<Node* const> operands, const Accepts& accepts, std::string_view rest) {
    return Attempt(op, operands, accepts, rest).cure();
}

namespace {

/// An attribute may have been worked out from the operands as they are, such as the size of a convolution's result: the
/// shape rule could then accept what the function that is called would not.
bool has_foreseen_shapes(const Attributes& attributes) {
    return std::any_of(attributes.begin(), attributes.end(),
                       [](const Attributes::Entry& entry) { return std::holds_alternative<Shape>(entry.value); });
}

/// The shape of the result; none if the rule refuses the call.
std::optional<Shape> accepted_shape(const ShapeRule& rule, std::span<Node* const> operands,
                                    const Attributes& attributes) {
    try {
        // Without an operation's name: what is refused now is not to be mended in turn.
        const Signature signature = rule(Call{{}, operands, attributes, {}});
        return is_valid(signature.shape) ? std::optional(signature.shape) : std::nullopt;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

/// An axis has been counted in the first operand.
bool has_axis(const Attributes& attributes) {
    return std::any_of(attributes.begin(), attributes.end(),
                       [](const Attributes::Entry& entry) { return entry.name == std::string_view("axis"); });
}

}  // namespace

std::string cure(const Call& call) {
    const Op* op = find_op(call.op);
    if (!op || !op->shape || call.inputs.empty() || has_foreseen_shapes(call.attributes)) return "";
    const bool first_is_fixed = has_axis(call.attributes);
    return cure(call.op, call.inputs, [&](std::span<Node* const> operands) {
        if (first_is_fixed && operands[0]->shape != call.shape(0)) return false;
        const std::optional<Shape> result = accepted_shape(op->shape, operands, call.attributes);
        return result && (!op->broadcasts || is_plain_stretch(operands, *result));
    });
}

bool is_taken(const ShapeRule& rule, std::span<Node* const> operands, const Attributes& attributes) {
    return accepted_shape(rule, operands, attributes).has_value();
}

void refuse_with_cure(const ShapeError& error, std::string_view op, const std::vector<Tensor>& operands,
                      const Accepts& accepts, std::string_view rest) {
    std::vector<Node*> nodes;
    for (const Tensor& operand : operands) nodes.push_back(source(operand, op, error.location()).get());
    const std::string mended = cure(op, nodes, accepts, rest);
    if (mended.empty()) throw error;
    throw ShapeError(error, mended);
}

bool is_plain_stretch(std::span<Node* const> operands, const Shape& result) {
    bool has_list = false, has_more = false, has_result = result.rank() == 0;
    for (const Node* operand : operands) {
        has_list = has_list || operand->shape.rank() == 1;
        has_more = has_more || operand->shape.rank() > 1;
        has_result = has_result || operand->shape == result;
    }
    return has_result && !(has_list && has_more);
}

void refuse(std::string_view op, std::string_view rule, const std::vector<Tensor>& operands, Location at,
            const Accepts& accepts) {
    std::vector<Node*> nodes;
    for (const Tensor& operand : operands) nodes.push_back(source(operand, op, at).get());
    throw ShapeError(op, rule, operands_text(nodes), at, cure(op, nodes, accepts));
}

}  // namespace xgrad::explain
