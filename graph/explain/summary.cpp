#include <xgrad/graph/explain/summary.hpp>

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include <xgrad/graph/explain/names.hpp>
#include <xgrad/graph/explain/notation.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

using explain::Writing;

bool is_parameter(const Node& node) {
    return node.inputs.empty() && node.needs_gradient;
}

const std::string& name_of(const Node& node) {
    static const std::string none;
    return node.extra ? node.extra->name : none;
}

double flops_of(const Node& node) {
    const auto size = static_cast<double>(node.shape.size());
    if (std::holds_alternative<LayoutRule>(node.op->forward)) return 0;  // moves no data
    double largest = size;
    for (const NodeRef& input : node.inputs) largest = std::max(largest, static_cast<double>(input->shape.size()));
    const bool is_product = node.op->family == Op::Family::linear && node.op->linearity == Linearity::in_each &&
                            !node.op->is_elementwise_kernel() && node.inputs.size() == 2;
    if (!is_product || size == 0) return largest;
    if (explain::writing_of(*node.op) == Writing::matrix_product) {
        return 2 * size * static_cast<double>(node.inputs[0]->shape.back());
    }
    // A convolution: each filter once for each element of the result.
    const Shape& filters = node.inputs[1]->shape;
    return filters.rank() == 0 || filters[0] == 0 ? largest
                                                  : 2 * size * static_cast<double>(filters.size() / filters[0]);
}

/// hidden of hidden.W, 1 of W1: what the parameters of a step have in common.
std::string part_of(const std::string& parameter) {
    if (const std::size_t point = parameter.rfind('.'); point != std::string::npos) return parameter.substr(0, point);
    const auto numbered = explain::numbered(parameter);
    return numbered ? std::to_string(numbered->number) : parameter;
}

std::string bytes_text(std::int64_t bytes) {
    const auto number = static_cast<double>(bytes);
    if (bytes < 10'000) return fmt::format("{} B", bytes);
    if (bytes < 10'000'000) return fmt::format("{:.1f} kB", number / 1e3);
    return fmt::format("{:.1f} MB", number / 1e6);
}

std::string flops_text(double flops) {
    if (flops < 1e4) return fmt::format("{:.0f}", flops);
    if (flops < 1e7) return fmt::format("{:.1f} k", flops / 1e3);
    if (flops < 1e10) return fmt::format("{:.1f} M", flops / 1e6);
    return fmt::format("{:.1f} G", flops / 1e9);
}

}  // namespace

Summary summary(const Tensor& y, Location at) {
    const NodeRef root = source(y, "summary", Attribution::resolve(at));
    Summary result;
    std::unordered_set<const Node*> counted;
    const Node* previous = nullptr;  // the last step, if it has parameters
    for (const Node* node : explain::ancestors({&root, 1})) {
        const bool is_constant =
            !node->needs_gradient && std::all_of(node->inputs.begin(), node->inputs.end(), [](const NodeRef& input) {
                return input->shape.rank() == 0 && input->inputs.empty();
            });
        if (node->inputs.empty() || is_constant) continue;
        SummaryRow row{.name = name_of(*node), .ops = node->op->name, .shape = node->shape};
        std::string part;
        bool follows = false;
        for (const NodeRef& input : node->inputs) {
            follows = follows || input.get() == previous;
            if (!is_parameter(*input)) continue;
            if (part.empty()) part = part_of(name_of(*input));
            if (!counted.insert(input.get()).second) continue;
            row.parameters += input->shape.size();
            result.parameter_bytes += input->shape.size() * static_cast<std::int64_t>(item_size(input->dtype));
        }
        const bool moves_data = !std::holds_alternative<LayoutRule>(node->op->forward);
        row.bytes = moves_data ? node->shape.size() * static_cast<std::int64_t>(item_size(node->dtype)) : 0;
        row.flops = flops_of(*node);
        if (row.name.empty()) row.name = part;
        result.parameters += row.parameters;
        result.bytes += row.bytes;
        result.flops += row.flops;
        if (follows && row.parameters > 0 && node->op->is_elementwise_kernel()) {
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
        table.push_back({row.name, row.ops, to_string(row.shape), std::to_string(row.parameters), bytes_text(row.bytes),
                         flops_text(row.flops)});
    }
    table.push_back({"total", "", "", std::to_string(parameters), bytes_text(bytes), flops_text(flops)});
    std::string text = explain::table_text(table, {3, 4, 5});
    return text + fmt::format("parameters take {}\n", bytes_text(parameter_bytes));
}

}  // namespace xgrad
