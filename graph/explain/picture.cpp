#include <xgrad/graph/explain/picture.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

namespace xgrad::explain {

namespace {

constexpr std::int64_t shown_in_full = 16;

std::vector<double> doubles(const Tensor& tensor, Location at) {
    const NodeRef node = detail::readable(tensor, tensor.dtype(), at);
    return visit(node->dtype, [&](auto zero) {
        const auto* values = static_cast<const decltype(zero)*>(node->data);
        std::vector<double> result;
        for (std::int64_t i = 0; i < node->shape.size(); ++i) result.push_back(static_cast<double>(values[i]));
        return result;
    });
}

std::string escaped(const std::string& text) {
    std::string result;
    for (char c : text) {
        if (c == '&') {
            result += "&amp;";
        } else if (c == '<') {
            result += "&lt;";
        } else if (c == '>') {
            result += "&gt;";
        } else if (c == '"') {
            result += "&quot;";
        } else {
            result += c;
        }
    }
    return result;
}

/// Lines of a label one below the other.
std::string label_lines(const std::string& text) {
    std::string result;
    for (char c : escaped(text)) result += c == '\n' ? std::string("<BR ALIGN=\"LEFT\"/>") : std::string(1, c);
    return result + "<BR ALIGN=\"LEFT\"/>";
}

std::string label(const Box& box) {
    std::string head;
    if (!box.title.empty()) head += "<B>" + escaped(box.title) + "</B>";
    if (!box.op.empty()) head += (head.empty() ? "" : "  ") + escaped(box.op);
    if (!box.shape.empty()) head += "  <FONT COLOR=\"#777777\">" + box.shape + "</FONT>";
    if (box.value.empty()) return head;
    const bool has_gradient = !box.gradient.empty();
    const auto cell = [](const std::string& text) {
        return "<TD ALIGN=\"LEFT\" BALIGN=\"LEFT\"><FONT FACE=\"monospace\" POINT-SIZE=\"9\">" + label_lines(text) +
               "</FONT></TD>";
    };
    std::string table = fmt::format("<TABLE BORDER=\"0\" CELLSPACING=\"1\"><TR><TD COLSPAN=\"{}\">{}</TD></TR>",
                                    has_gradient ? 2 : 1, head);
    if (has_gradient) {
        constexpr const char* heading = "<TD ALIGN=\"LEFT\"><FONT COLOR=\"#777777\" POINT-SIZE=\"9\">{}</FONT></TD>";
        table += "<TR>" + fmt::format(heading, "value") + fmt::format(heading, "gradient") + "</TR>";
    }
    return table + "<TR>" + cell(box.value) + (has_gradient ? cell(box.gradient) : "") + "</TR></TABLE>";
}

const char* style(Box::Kind kind) {
    switch (kind) {
        case Box::Kind::parameter:
            return "shape=box, style=filled, fillcolor=\"#ffe9a8\"";
        case Box::Kind::data:
            return "shape=box, style=filled, fillcolor=\"#cfe3f7\"";
        case Box::Kind::number:
            return "shape=plaintext";
        case Box::Kind::result:
            return "shape=box, style=\"rounded,filled,bold\", fillcolor=\"#cdeccd\"";
        case Box::Kind::folded:
            return "shape=box3d, style=filled, fillcolor=\"#eeeeee\"";
        default:
            return "shape=box, style=\"rounded,filled\", fillcolor=white";
    }
}

std::string box_text(std::size_t index, const Box& box) {
    return fmt::format("n{} [label=<{}>, {}, tooltip=\"{}\"];\n", index, label(box), style(box.kind),
                       escaped(box.place.empty() ? box.title : box.place));
}

/// Joins boxes of one group; group[i] is that of box i, and -1 for one that stays alone.
Picture joined(const Picture& picture, const std::vector<std::int64_t>& group) {
    Picture result;
    std::map<std::int64_t, std::size_t> box_of_group;
    std::vector<std::size_t> target(picture.boxes.size());
    std::map<std::int64_t, std::map<std::string, int>> contents;
    std::map<std::int64_t, std::set<std::size_t>> inputs;
    // A group stands where its last box stands.
    std::map<std::int64_t, std::size_t> last;
    for (std::size_t i = 0; i < group.size(); ++i) last[group[i]] = i;
    for (std::size_t i = 0; i < group.size(); ++i) {
        const Box& box = picture.boxes[i];
        if (group[i] >= 0) {
            ++contents[group[i]][box.op.empty() ? (box.kind == Box::Kind::parameter ? "parameter" : "array") : box.op];
        }
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
        const auto [found, is_new] = box_of_group.try_emplace(group[i], result.boxes.size());
        if (group[i] >= 0 && !is_new) {
            target[i] = found->second;
            continue;
        }
        target[i] = result.boxes.size();
        Box box = picture.boxes[i];
        box.inputs.clear();
        if (group[i] >= 0) {
            int count = 0;
            std::string list;
            for (const auto& [op, times] : contents[group[i]]) {
                count += times;
                const bool is_plural = times > 1 && (op == "parameter" || op == "array");
                if (list.size() < 60) {
                    list += fmt::format("{}{} {}{}", list.empty() ? "" : ", ", times, op, is_plural ? "s" : "");
                }
            }
            const Box& end = picture.boxes[last[group[i]]];
            const std::string title =
                box.layer >= 0 ? fmt::format("layer {}", box.layer) : fmt::format("{} nodes", count);
            box = {.kind = Box::Kind::folded,
                   .title = title,
                   .op = list,
                   .shape = end.shape,
                   .place = end.place,
                   .layer = -1};
        } else {
            box_of_group.erase(found);
        }
        result.boxes.push_back(std::move(box));
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
        std::vector<std::size_t>& own = result.boxes[target[i]].inputs;
        for (std::size_t input : picture.boxes[i].inputs) {
            const std::size_t from = target[input];
            const bool is_folded = group[i] >= 0 || group[input] >= 0;
            if (from == target[i] || (is_folded && std::find(own.begin(), own.end(), from) != own.end())) continue;
            own.push_back(from);
        }
    }
    return result;
}

}  // namespace

std::string sparkline(const std::vector<double>& values, std::size_t columns) {
    static const char* const heights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double low = INFINITY, high = -INFINITY;
    for (double value : values) {
        if (!std::isfinite(value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (!(low < high)) return "";
    std::vector<std::size_t> counts(columns);
    for (double value : values) {
        if (!std::isfinite(value)) continue;
        const auto column =
            static_cast<std::size_t>((value / 2 - low / 2) / (high / 2 - low / 2) * static_cast<double>(columns));
        ++counts[std::min(column, columns - 1)];
    }
    const std::size_t most = *std::max_element(counts.begin(), counts.end());
    std::string line;
    for (std::size_t count : counts) line += count == 0 ? " " : heights[(count * 7 + most - 1) / most];
    return line;
}

std::string values_text(const Tensor& tensor, Location at) {
    if (tensor.size() <= shown_in_full) return to_string(tensor, is_floating(tensor.dtype()) ? ".3g" : "", at);
    const std::vector<double> values = doubles(tensor, at);
    double total = 0, low = INFINITY, high = -INFINITY;
    std::size_t strange = 0;
    for (double value : values) {
        total += value;
        low = std::min(low, value);
        high = std::max(high, value);
        strange += !std::isfinite(value);
    }
    std::string text =
        fmt::format("mean {:.3g}\n{:.3g} to {:.3g}", total / static_cast<double>(values.size()), low, high);
    if (strange > 0) text += fmt::format("\n{} not finite", strange);
    const std::string line = sparkline(values, 16);
    return line.empty() ? text : text + "\n" + line;
}

Picture folded(const Picture& picture, std::size_t most_boxes) {
    if (picture.boxes.size() <= most_boxes) return picture;
    std::vector<std::int64_t> group;
    for (const Box& box : picture.boxes) group.push_back(box.layer);
    Picture by_layer = joined(picture, group);
    if (by_layer.boxes.size() <= most_boxes) return by_layer;
    // Stretches of the order in which things are computed; the result stays.
    const std::size_t count = picture.boxes.size();
    const std::size_t parts = std::max<std::size_t>(1, most_boxes / 4);
    Picture without_layers = picture;
    for (Box& box : without_layers.boxes) box.layer = -1;
    for (std::size_t i = 0; i < count; ++i) group[i] = static_cast<std::int64_t>(i * parts / count);
    group.back() = -1;
    return joined(without_layers, group);
}

std::string dot_text(const Picture& picture, bool has_layers) {
    std::string text =
        "digraph xgrad {\n"
        "rankdir=BT; bgcolor=white;\n"
        "node [fontname=\"Helvetica\", fontsize=11]; edge [color=\"#666666\", arrowsize=0.7];\n";
    std::map<std::int64_t, std::string> layers;
    for (std::size_t i = 0; i < picture.boxes.size(); ++i) {
        const Box& box = picture.boxes[i];
        layers[has_layers ? box.layer : -1] += box_text(i, box);
    }
    for (const auto& [layer, boxes] : layers) {
        if (layer < 0) {
            text += boxes;
            continue;
        }
        text += fmt::format(
            "subgraph cluster_{} {{\nlabel=\"layer {}\"; style=\"rounded\"; color=\"#aaaaaa\"; "
            "fontname=\"Helvetica\"; fontsize=11; fontcolor=\"#777777\";\n{}}}\n",
            layer, layer, boxes);
    }
    for (std::size_t i = 0; i < picture.boxes.size(); ++i) {
        for (std::size_t input : picture.boxes[i].inputs) text += fmt::format("n{} -> n{};\n", input, i);
    }
    return text + "}\n";
}

}  // namespace xgrad::explain
