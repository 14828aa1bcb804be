#include <xgrad/graph/explain/summary.hpp>

#include <algorithm>
#include <ostream>
#include <unordered_set>

#include <fmt/format.h>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/explain/names.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

bool is_parameter(const Node& node) {
    return node.inputs().empty() && node.needs_gradient;
}

const std::string& name_of(const Node& node) {
    static const std::string none;
    return node.extra ? node.extra->name : none;
}

/// hidden of hidden.W, 1 of W1: what the parameters of a step have in common.
std::string part_of(const std::string& parameter) {
    if (const std::size_t point = parameter.rfind('.'); point != std::string::npos) return parameter.substr(0, point);
    const auto numbered = explain::numbered(parameter);
    return numbered ? std::to_string(numbered->number) : parameter;
}

}  // namespace

Summary summary(const Tensor& y, Location at) {
    const NodeRef root = source(y, "summary", Attribution::resolve(at));
    Summary result;
    std::unordered_set<const Node*> counted;
    const Node* previous = nullptr;  // the last step, if it has parameters
    for (const Node* node : explain::ancestors({&root, 1})) {
        const bool is_constant = !node->needs_gradient &&
                                 std::all_of(node->inputs().begin(), node->inputs().end(), [](const NodeRef& input) {
                                     return input->shape.rank() == 0 && input->inputs().empty();
                                 });
        if (node->inputs().empty() || is_constant) continue;
        SummaryRow row{.name = name_of(*node), .ops = node->op()->name, .shape = node->shape};
        std::string part;
        bool follows = false;
        for (const NodeRef& input : node->inputs()) {
            follows = follows || input.get() == previous;
            if (!is_parameter(*input)) continue;
            if (part.empty()) part = part_of(name_of(*input));
            if (!counted.insert(input.get()).second) continue;
            row.parameters += input->shape.size();
            result.parameter_bytes += input->shape.size() * static_cast<std::int64_t>(item_size(input->dtype));
        }
        const bool moves_data = !std::holds_alternative<LayoutRule>(node->op()->forward);
        row.bytes = moves_data ? node->shape.size() * static_cast<std::int64_t>(item_size(node->dtype)) : 0;
        row.flops = flops_of(*node);
        if (row.name.empty()) row.name = part;
        result.parameters += row.parameters;
        result.bytes += row.bytes;
        result.flops += row.flops;
        if (follows && row.parameters > 0 && node->op()->is_elementwise_kernel()) {
            SummaryRow& product = result.rows.back();
            product.ops += ", " + row.ops;
            if (!name_of(*node).empty()) product.name = name_of(*node);
            product.shape = row.shape;
            product.parameters += row.parameters;
            product.bytes += row.bytes;
            product.flops += row.flops;
        } else {
            result.rows.push_back(std::move(row));
        }
        previous = result.rows.back().parameters > 0 ? node : nullptr;
    }
    return result;
}

std::string Summary::text() const {
    std::vector<std::vector<std::string>> table{{"layer", "operations", "shape", "parameters", "memory", "FLOPs"}};
    for (const SummaryRow& row : rows) {
        table.push_back({row.name, row.ops, to_string(row.shape), std::to_string(row.parameters),
                         bytes_text(static_cast<std::size_t>(row.bytes)), flops_text(row.flops)});
    }
    table.push_back(
        {"total", "", "", std::to_string(parameters), bytes_text(static_cast<std::size_t>(bytes)), flops_text(flops)});
    std::string text = explain::table_text(table, {3, 4, 5});
    return text + fmt::format("parameters take {}\n", bytes_text(static_cast<std::size_t>(parameter_bytes)));
}

std::ostream& operator<<(std::ostream& stream, const Summary& summary) {
    return stream << summary.text();
}

}  // namespace xgrad
