#include <xgrad/graph/explain/walk.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad::explain {

std::vector<Node*> ancestors(std::span<const NodeRef> roots) {
    std::vector<Node*> order;
    std::unordered_set<const Node*> seen;
    std::vector<std::pair<Node*, std::size_t>> path;
    const auto enter = [&](Node* node) {
        if (seen.insert(node).second) path.emplace_back(node, 0);
    };
    for (const NodeRef& root : roots) {
        enter(root.get());
        while (!path.empty()) {
            auto& [node, next] = path.back();
            if (next < node->inputs().size()) {
                enter(node->inputs()[next++].get());
                continue;
            }
            order.push_back(node);
            path.pop_back();
        }
    }
    return order;
}

std::vector<Tensor> connected_gradients(const Tensor& y, const std::vector<Tensor>& ancestors, Location at) {
    std::unordered_set<const Node*> reached{source(y, "grad", at).get()};
    std::vector<const Node*> path(reached.begin(), reached.end());
    while (!path.empty()) {
        const Node* node = path.back();
        path.pop_back();
        if (node->is_variable) continue;
        for (const NodeRef& input : node->inputs()) {
            if (input->needs_gradient && reached.insert(input.get()).second) path.push_back(input.get());
        }
    }
    std::vector<Tensor> xs, result(ancestors.size());
    for (const Tensor& x : ancestors) {
        if (reached.contains(x.node().get())) xs.push_back(x);
    }
    const std::vector<Tensor> gradients = grad(y, xs, Unconnected::is_an_error, at);
    std::size_t next = 0;
    for (std::size_t i = 0; i < ancestors.size(); ++i) {
        if (reached.contains(ancestors[i].node().get())) result[i] = gradients[next++];
    }
    return result;
}

std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string table_text(const std::vector<std::vector<std::string>>& rows,
                       const std::vector<std::size_t>& to_the_right) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const bool is_right = std::find(to_the_right.begin(), to_the_right.end(), i) != to_the_right.end();
            const std::string gap(widths[i] - width(row[i]), ' ');
            line += (i > 0 ? "   " : "") + (is_right ? gap + row[i] : row[i] + gap);
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

std::string place_text(Location at) {
    const std::string_view file = at.file;
    return std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(at.line);
}

}  // namespace xgrad::explain
