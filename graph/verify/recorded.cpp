#include <xgrad/graph/verify/recorded.hpp>

#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include <xgrad/graph/recording.hpp>

namespace xgrad::recorded {

std::vector<Step> steps_to(const Tensor& result) {
    struct Frame {
        NodeRef node;
        std::size_t next_input;
    };
    std::vector<Step> steps;
    std::unordered_map<const Node*, bool> depends;  // of every node that is done
    std::vector<Frame> path{{source(result, "check_gradients", {}), 0}};
    while (!path.empty()) {
        Frame& top = path.back();
        if (depends.contains(top.node.get())) {
            path.pop_back();
        } else if (top.next_input < top.node->inputs().size()) {
            const NodeRef input = top.node->inputs()[top.next_input++];
            if (!depends.contains(input.get())) path.push_back({input, 0});
        } else {
            const NodeRef node = top.node;
            path.pop_back();
            bool does = node->needs_gradient;
            for (const NodeRef& input : node->inputs()) does = does || depends.at(input.get());
            depends.emplace(node.get(), does);
            const Inputs& inputs = node->inputs();
            if (!node->is_leaf()) steps.push_back({node, {inputs.begin(), inputs.end()}, does});
        }
    }
    return steps;
}

bool is_given_by_a_function(const Node& node) {
    return node.attributes().has_function();
}

std::string place_of(const Node& node) {
    const std::string_view file(node.file);
    if (node.line == 0) return {};
    return fmt::format("{}:{}", file.substr(file.find_last_of('/') + 1), node.line);
}

std::string described(const Node& node) {
    const std::string place = place_of(node);
    return (node.op() ? node.op()->name : "a tensor") + (place.empty() ? "" : " at " + place);
}

std::string name_of(const Node& node) {
    return node.extra && !node.extra->name.empty() ? node.extra->name : described(node);
}

std::string index_text(const Shape& shape, std::int64_t element) {
    std::string text;
    for (std::size_t axis = shape.rank(); axis-- > 0; element /= shape[axis]) {
        text = fmt::format("{}{}{}", element % shape[axis], text.empty() ? "" : ", ", text);
    }
    return "[" + text + "]";
}

}  // namespace xgrad::recorded
