#include <xgrad/graph/explain/draw.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <unordered_map>

#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/explain/names.hpp>
#include <xgrad/graph/explain/picture.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

using namespace explain;

bool is_number(const Node& node) {
    return node.inputs().empty() && node.is_computed && node.shape.rank() == 0 && !node.needs_gradient &&
           !(node.extra && !node.extra->name.empty());
}

std::int64_t layer_of(const Node& node, const Picture& picture, const std::vector<std::size_t>& inputs) {
    if (node.extra && !node.extra->name.empty()) {
        if (const auto own = numbered(readable_name(node.extra->name))) return own->number;
    }
    // Otherwise that of its inputs, if all of them but numbers belong to one; the highest.
    std::int64_t layer = -1;
    for (std::size_t input : inputs) {
        const Box& box = picture.boxes[input];
        const bool is_first_data = box.kind == Box::Kind::data && node.op() && !node.op()->is_elementwise_kernel();
        if (box.kind == Box::Kind::number || is_first_data) continue;
        if (box.layer < 0) return -1;
        layer = std::max(layer, box.layer);
    }
    return node.shape.rank() == 0 ? -1 : layer;
}

Picture picture_of(const std::vector<Node*>& nodes) {
    Picture picture;
    std::unordered_map<const Node*, std::size_t> index;
    for (Node* node : nodes) {
        Box box{.kind = Box::Kind::operation,
                .title = "",
                .op = "",
                .shape = to_string(node->shape),
                .place = "",
                .layer = -1};
        if (node->extra) box.title = node->extra->name;
        if (node->op()) box.op = node->op()->name;
        for (const NodeRef& input : node->inputs()) box.inputs.push_back(index.at(input.get()));
        if (is_number(*node)) {
            box.kind = Box::Kind::number;
            box.title = to_string(Record(*node).output());
            box.shape.clear();
            box.op.clear();
        } else if (node->is_leaf()) {
            box.kind = node->needs_gradient ? Box::Kind::parameter : Box::Kind::data;
            if (box.title.empty()) box.title = node->needs_gradient ? "parameter" : "data";
        }
        if (node == nodes.back()) box.kind = Box::Kind::result;
        if (node->line > 0) box.place = place_text(node->location());
        box.layer = layer_of(*node, picture, box.inputs);
        index.emplace(node, picture.boxes.size());
        picture.boxes.push_back(std::move(box));
    }
    return picture;
}

/// Values and gradients of all nodes, after everything else has been read off the graph.
void add_values(Picture& picture, const Tensor& y, const std::vector<Node*>& nodes, Location at) {
    std::vector<Tensor> values, differentiable;
    std::vector<std::size_t> boxes;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        values.push_back(Record(*nodes[i]).output());
        const bool has_gradient = nodes[i]->needs_gradient && !nodes[i]->is_variable && is_floating(nodes[i]->dtype);
        if (!has_gradient || y.size() != 1 || !y.needs_gradient()) continue;
        differentiable.push_back(values.back());
        boxes.push_back(i);
    }
    std::vector<Tensor> gradients;
    if (!differentiable.empty()) gradients = connected_gradients(y, differentiable, at);
    std::vector<Tensor> all = values;
    for (const Tensor& gradient : gradients) {
        if (!gradient.is_empty_handle()) all.push_back(gradient);
    }
    compute(all, at);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (picture.boxes[i].kind != Box::Kind::number) picture.boxes[i].value = values_text(values[i], at);
    }
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        if (!gradients[i].is_empty_handle()) picture.boxes[boxes[i]].gradient = values_text(gradients[i], at);
    }
}

/// Runs dot without a shell. False if there is none or it fails.
bool run_dot(const std::string& format, const std::string& from, const std::string& to) {
    const pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
        const std::string option = "-T" + format;
        execlp("dot", "dot", option.c_str(), from.c_str(), "-o", to.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

std::string Drawing::save(const std::string& path, Location at) const {
    const std::size_t point = path.rfind('.');
    const std::string extension = point == std::string::npos ? "" : path.substr(point + 1);
    const bool is_picture = extension == "svg" || extension == "png" || extension == "pdf";
    if (!is_picture && extension != "dot") {
        throw FileError("draw", "needs a .dot, .svg, .png or .pdf", path, Attribution::resolve(at));
    }
    const std::string source = path.substr(0, point) + ".dot";
    std::ofstream file(source);
    file << dot_;
    file.close();
    if (!file) throw FileError("draw", "cannot write", source, Attribution::resolve(at));
    if (!is_picture) return source;
    if (run_dot(extension, source, path)) {
        std::remove(source.c_str());
        return path;
    }
    fmt::print(stderr, "draw: {} needs Graphviz's dot (Debian: apt-get install graphviz); wrote {}\n", path, source);
    return source;
}

Drawing draw(const Tensor& y, const DrawOptions& options, Location at) {
    at = Attribution::resolve(at);
    const NodeRef root = source(y, "draw", at);
    const std::vector<Node*> nodes = ancestors({&root, 1});
    Picture picture = picture_of(nodes);
    if (options.values && picture.boxes.size() <= options.most_nodes) add_values(picture, y, nodes, at);
    return Drawing(dot_text(folded(picture, options.most_nodes), options.layers));
}

}  // namespace xgrad
