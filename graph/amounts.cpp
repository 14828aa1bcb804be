#include <xgrad/graph/amounts.hpp>

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include <xgrad/graph/explain/notation.hpp>
#include <xgrad/graph/op.hpp>

namespace xgrad {

namespace {

/// A convolution has three arrays: the image x, the filters w and the convolved image y. One of them is computed from
/// the other two, and the formula begins with its name.
double convolution_flops(const Node& node) {
    const std::string_view formula = node.op()->math;
    const Shape* filters = nullptr;
    const Shape* convolved = nullptr;
    if (formula.starts_with("y[o, i] = ")) {
        convolved = &node.shape;
        filters = &node.inputs()[1]->shape;
    } else if (formula.starts_with("x[c, i stride - padding + k dilation] = ")) {
        convolved = &node.inputs()[0]->shape;
        filters = &node.inputs()[1]->shape;
    } else if (formula.starts_with("w[o, c, k] = ")) {
        convolved = &node.inputs()[1]->shape;
        filters = &node.shape;
    }
    if (!filters || filters->rank() == 0 || (*filters)[0] == 0) return 0;
    return 2 * static_cast<double>(convolved->size()) * static_cast<double>(filters->size() / (*filters)[0]);
}

}  // namespace

double flops_of(const Node& node) {
    if (std::holds_alternative<LayoutRule>(node.op()->forward)) return 0;
    const auto size = static_cast<double>(node.shape.size());
    const bool is_product = node.op()->family == Op::Family::linear && node.op()->linearity == Linearity::in_each &&
                            !node.op()->is_elementwise_kernel() && node.inputs().size() == 2;
    if (is_product && explain::writing_of(*node.op()) == explain::Writing::matrix_product) {
        return 2 * size * static_cast<double>(node.inputs()[0]->shape.back());
    }
    if (is_product) {
        if (const double flops = convolution_flops(node); flops > 0) return flops;
    }
    double largest = size;
    for (const NodeRef& input : node.inputs()) largest = std::max(largest, static_cast<double>(input->shape.size()));
    return largest;
}

std::string bytes_text(std::size_t bytes) {
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

std::string time_text(double seconds) {
    if (seconds < 1e-6) return fmt::format("{:.0f} ns", seconds * 1e9);
    if (seconds < 1e-3) return fmt::format("{:.1f} µs", seconds * 1e6);
    if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
    return fmt::format("{:.2f} s", seconds);
}

std::string operations_text(std::span<const Node* const> nodes, std::size_t most) {
    std::string text;
    for (std::size_t i = 0; i < std::min(nodes.size(), most); ++i) {
        text += (i > 0 ? ", " : "") + nodes[i]->formula().op()->name;
    }
    if (nodes.size() > most) text += fmt::format(" and {} more", nodes.size() - most);
    return text;
}

}  // namespace xgrad
