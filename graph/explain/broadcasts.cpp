#include <xgrad/graph/explain/broadcasts.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/graph/explain/equations.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

bool is_number(const Node& node) {
    return node.shape.rank() == 0;
}

/// Every operand of the node is stretched.
bool is_two_way(const Node& node) {
    return std::none_of(node.inputs().begin(), node.inputs().end(),
                        [&](const NodeRef& input) { return !is_number(*input) && input->shape == node.shape; });
}

/// What may be wrong with an operand, and the reshape that would mend it.
std::string doubt_about(const Node& operand, const Node& node) {
    const auto is_list = [&](const Node& input) { return input.shape.rank() == 1 && node.shape.rank() > 1; };
    const bool has_list =
        std::any_of(node.inputs().begin(), node.inputs().end(), [&](const NodeRef& input) { return is_list(*input); });
    const bool is_stretched_twice = is_two_way(node) && !is_number(operand);
    if (!is_list(operand) && (has_list || !is_stretched_twice || operand.shape.rank() != 2)) return "";
    const bool becomes_row = is_list(operand) ? !is_stretched_twice : operand.shape[1] == 1;
    const std::int64_t size = operand.shape.size();
    return fmt::format("{}; meant reshape({}, {{{}}})?", is_list(operand) ? "rank 1" : "two ways",
                       operand.extra && !operand.extra->name.empty() ? operand.extra->name : "x",
                       becomes_row ? fmt::format("1, {}", size) : fmt::format("{}, 1", size));
}

}  // namespace

std::vector<Broadcast> broadcasts(const Tensor& y, Location at) {
    const NodeRef root = source(y, "broadcasts", Attribution::resolve(at));
    std::vector<Broadcast> result;
    for (const Node* node : explain::ancestors({&root, 1})) {
        if (node->is_leaf() || !node->op()->is_elementwise_kernel()) continue;
        for (const NodeRef& input : node->inputs()) {
            const bool is_constant = is_number(*input) && input->inputs().empty() && !input->needs_gradient;
            if (input->shape == node->shape || is_constant) continue;
            result.push_back({.op = node->op()->name,
                              .name = input->extra ? input->extra->name : "",
                              .from = input->shape,
                              .to = node->shape,
                              .is_two_way = is_two_way(*node) && !is_number(*input),
                              .is_of_rank_1 = input->shape.rank() == 1 && node->shape.rank() > 1,
                              .doubt = doubt_about(*input, *node),
                              .at = node->location()});
        }
    }
    return result;
}

std::string to_string(const std::vector<Broadcast>& broadcasts) {
    std::vector<std::vector<std::string>> rows;
    for (const Broadcast& stretch : broadcasts) {
        rows.push_back(
            {explain::place_text(stretch.at), stretch.op,
             (stretch.name.empty() ? "" : stretch.name + " ") + to_string(stretch.from),
             stretch.is_two_way ? "to " + to_string(stretch.to) : explain::stretch_text(stretch.from, stretch.to),
             stretch.doubt});
    }
    return explain::table_text(rows, {});
}

}  // namespace xgrad
