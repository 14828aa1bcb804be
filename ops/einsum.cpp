#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xgrad::linalg {

namespace {

/// What an axis is called: a letter, or −1, −2, ... for those of an ellipsis, counted from its end.
using Label = int;
using Labels = std::vector<Label>;

Probe einsum_probe(std::string_view subscripts, std::initializer_list<Shape> shapes) {
    Probe probe{std::string(subscripts), {}};
    for (const Shape& shape : shapes) probe.inputs.push_back({shape});
    probe.call = [=](std::span<const Tensor> x) { return einsum(subscripts, std::vector<Tensor>(x.begin(), x.end())); };
    return probe;
}

const Op& einsum_op = define(Composite{
    .name = "einsum",
    .math = "y = sum of products over the letters that the result does not have",
    .probes = {einsum_probe("ij,jk->ik", {{2, 3}, {3, 2}}), einsum_probe("ij->ji", {{2, 3}}),
               einsum_probe("ii", {{3, 3}}), einsum_probe("iij->ji", {{2, 2, 3}}), einsum_probe("ij->j", {{2, 3}}),
               einsum_probe("i,j,k->kij", {{2}, {1}, {3}}),
               einsum_probe("bij,bjk,bk->bi", {{2, 2, 3}, {2, 3, 2}, {2, 2}}),
               einsum_probe("...ij,...j->...i", {{2, 2, 3}, {1, 3}}), einsum_probe("i,i", {{3}, {3}}),
               einsum_probe("ij,ik->j", {{2, 3}, {2, 2}}), einsum_probe("ij,jk->ik", {{0, 2}, {2, 3}}),
               einsum_probe("i,i->i", {17, 17}), einsum_probe("abcde->eca", {{1, 2, 1, 3, 2}}),
               einsum_probe("...i->...", {{2, 2, 1, 3}}), einsum_probe(",->", {{}, {}})},
});

/// One operand with names for its axes.
struct Named {
    Tensor tensor;
    Labels labels;
};

bool holds(const Labels& labels, Label label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
}

/// The subscripts taken apart.
class Subscripts {
  public:
    Subscripts(std::string_view text, const std::vector<Tensor>& operands, Location at)
        : text_(text), operands_(operands), at_(at) {
        std::string plain;
        for (char c : text) {
            if (c != ' ') plain += c;
        }
        const std::size_t arrow = plain.find("->");
        const std::string left = plain.substr(0, arrow);
        std::vector<std::string> groups{""};
        for (char c : left) {
            if (c == ',') {
                groups.emplace_back();
            } else {
                groups.back() += c;
            }
        }
        if (groups.size() != operands.size()) {
            fail("needs one group of subscripts per operand",
                 std::to_string(groups.size()) + " for " + std::to_string(operands.size()));
        }
        for (std::size_t i = 0; i < groups.size(); ++i) inputs.push_back(input(groups[i], operands[i].shape()));
        result = arrow == std::string::npos ? implicit_result() : explicit_result(plain.substr(arrow + 2));
        for (std::size_t i = 0; i < groups.size(); ++i) check_extents(inputs[i], operands[i].shape());
    }

    std::vector<Labels> inputs;
    Labels result;

  private:
    [[noreturn]] void fail(std::string_view rule, const std::string& facts) const {
        std::vector<Node*> nodes;
        for (const Tensor& operand : operands_) nodes.push_back(operand.node().get());
        throw ShapeError("einsum", rule, facts + " in " + std::string(text_) + " of " + explain::operands_text(nodes),
                         at_);
    }

    /// The letters of one group; `hidden` axes stand in place of an ellipsis.
    Labels read(const std::string& group, std::size_t hidden) const {
        Labels labels;
        bool has_ellipsis = false;
        for (std::size_t i = 0; i < group.size(); ++i) {
            if (!has_ellipsis && group.compare(i, 3, "...") == 0) {
                has_ellipsis = true;
                for (std::size_t axis = hidden; axis > 0; --axis) labels.push_back(-static_cast<Label>(axis));
                i += 2;
                continue;
            }
            const bool is_letter = (group[i] >= 'a' && group[i] <= 'z') || (group[i] >= 'A' && group[i] <= 'Z');
            if (!is_letter)
                fail("needs letters, commas, at most one ... per operand and one ->",
                     "'" + std::string(1, group[i]) + "'");
            labels.push_back(group[i]);
        }
        return labels;
    }

    Labels input(const std::string& group, const Shape& shape) {
        const bool has_ellipsis = group.find("...") != std::string::npos;
        const std::size_t letters = read(group, 0).size();
        if (letters > shape.rank() || (letters < shape.rank() && !has_ellipsis)) {
            fail("needs a letter for each axis", "'" + group + "' for " + to_string(shape));
        }
        hidden_ = std::max(hidden_, shape.rank() - letters);
        return read(group, shape.rank() - letters);
    }

    Labels implicit_result() const {
        std::map<Label, int> count;
        for (const Labels& labels : inputs) {
            for (Label label : labels) ++count[label];
        }
        Labels labels = read("...", hidden_);
        for (const auto& [label, times] : count) {
            if (label > 0 && times == 1) labels.push_back(label);
        }
        return labels;
    }

    Labels explicit_result(const std::string& group) const {
        const Labels labels = read(group, hidden_);
        if (hidden_ > 0 && group.find("...") == std::string::npos) {
            fail("needs ... in the result, as in the operands", "'" + group + "'");
        }
        for (Label label : labels) {
            if (label < 0) continue;
            const std::string letter(1, static_cast<char>(label));
            if (std::count(labels.begin(), labels.end(), label) > 1) {
                fail("needs each letter of the result once", "'" + letter + "' twice");
            }
            if (std::none_of(inputs.begin(), inputs.end(), [&](const Labels& in) { return holds(in, label); })) {
                fail("needs letters of the operands in the result", "'" + letter + "'");
            }
        }
        return labels;
    }

    void check_extents(const Labels& labels, const Shape& shape) {
        for (std::size_t axis = 0; axis < labels.size(); ++axis) {
            std::int64_t& extent = extents_.try_emplace(labels[axis], shape[axis]).first->second;
            if (labels[axis] < 0 && extent == 1) extent = shape[axis];
            if (extent == shape[axis] || (labels[axis] < 0 && shape[axis] == 1)) continue;
            const std::string what = labels[axis] < 0 ? "..." : std::string(1, static_cast<char>(labels[axis]));
            fail("needs one extent per letter",
                 std::to_string(extent) + " and " + std::to_string(shape[axis]) + " for '" + what + "'");
        }
    }

    std::string_view text_;
    const std::vector<Tensor>& operands_;
    Location at_;
    std::size_t hidden_ = 0;  // axes behind the longest ellipsis
    std::map<Label, std::int64_t> extents_;
};

/// The axes brought into the order of `labels`, which must be the same ones.
Tensor ordered(const Named& x, const Labels& labels) {
    if (labels == x.labels) return x.tensor;
    Shape axes;
    for (Label label : labels) {
        axes.push_back(std::find(x.labels.begin(), x.labels.end(), label) - x.labels.begin());
    }
    return transpose(x.tensor, axes);
}

/// Every letter once: the two axes that share one are moved to the end, and their diagonal is one axis.
Named without_repetition(Named x) {
    for (std::size_t first = 0; first < x.labels.size(); ++first) {
        const auto second =
            std::find(x.labels.begin() + static_cast<std::ptrdiff_t>(first) + 1, x.labels.end(), x.labels[first]);
        if (second == x.labels.end()) continue;
        const std::int64_t other = second - x.labels.begin();
        Shape axes;
        Labels rest;
        for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(x.labels.size()); ++axis) {
            if (axis == static_cast<std::int64_t>(first) || axis == other) continue;
            axes.push_back(axis);
            rest.push_back(x.labels[static_cast<std::size_t>(axis)]);
        }
        axes.append({static_cast<std::int64_t>(first), other});
        rest.push_back(x.labels[first]);
        x = without_repetition({linalg::diagonal(transpose(x.tensor, axes)), rest});
        break;
    }
    return x;
}

/// Sums over the axes whose letters nobody needs any more.
Named summed(const Named& x, const std::set<Label>& needed) {
    Shape axes;
    Named result{x.tensor, {}};
    for (std::size_t axis = 0; axis < x.labels.size(); ++axis) {
        if (needed.contains(x.labels[axis])) {
            result.labels.push_back(x.labels[axis]);
        } else {
            axes.push_back(static_cast<std::int64_t>(axis));
        }
    }
    if (!axes.empty()) result.tensor = sum(x.tensor, axes);
    return result;
}

/// The shape of a tensor between two of its axes.
Shape part(const Tensor& x, std::size_t first, std::size_t last) {
    return {x.shape().begin() + first, x.shape().begin() + last};
}

/// x y, summed over the letters that both have and that are not needed any more. Floating point goes through matmul:
/// what both have and is needed is a stack, the rest of x are rows and that of y columns.
Named joined(const Named& given_x, const Named& given_y, const std::set<Label>& needed, Location at) {
    const auto with = [&](const Labels& labels) {
        std::set<Label> all = needed;
        all.insert(labels.begin(), labels.end());
        return all;
    };
    Named x = summed(given_x, with(given_y.labels));
    Named y = summed(given_y, with(given_x.labels));
    const Promoted pair = promote("einsum", Operand(x.tensor, at), Operand(y.tensor, at));
    x.tensor = pair.x;
    y.tensor = pair.y;
    Labels stack, inner, left, right;
    for (Label label : x.labels) {
        (!holds(y.labels, label) ? left : needed.contains(label) ? stack : inner).push_back(label);
    }
    for (Label label : y.labels) {
        if (!holds(x.labels, label)) right.push_back(label);
    }
    const auto chain = [](std::initializer_list<Labels> parts) {
        Labels all;
        for (const Labels& each : parts) all.insert(all.end(), each.begin(), each.end());
        return all;
    };
    const Tensor a = ordered(x, chain({stack, left, inner}));
    const Tensor b = ordered(y, chain({stack, inner, right}));
    const std::size_t s = stack.size();
    const Shape rows = part(a, s, s + left.size());
    const Shape columns = part(b, s + inner.size(), b.rank());
    const std::int64_t terms = part(b, s, s + inner.size()).size();
    Shape shape_a = part(a, 0, s);
    Shape shape_b = part(b, 0, s);
    shape_a.append({rows.size(), terms});
    shape_b.append({terms, columns.size()});
    const Tensor A = reshape(a, shape_a);
    const Tensor B = reshape(b, shape_b);
    Tensor product;
    if (inner.empty()) {
        product = A * B;
    } else if (is_floating(A.dtype())) {
        product = matmul(A, B);
    } else {
        product = sum(view(A, {ellipsis, newaxis}) * view(B, {ellipsis, newaxis, all(), all()}), -2);
    }
    Shape shape = part(product, 0, s);
    shape.append(rows);
    shape.append(columns);
    return {reshape(product, shape), chain({stack, left, right})};
}

}  // namespace

Tensor einsum(std::string_view subscripts, const std::vector<Tensor>& operands, Location at) {
    at = Attribution::resolve(at);
    const Attribution attribution(at);
    if (operands.empty()) throw ShapeError("einsum", "needs at least one operand", "none", at);
    for (const Tensor& operand : operands) {
        if (operand.is_empty_handle()) throw ValueError("einsum", "needs a tensor", "an empty handle", at);
    }
    const Subscripts parsed(subscripts, operands, at);
    Named result = without_repetition({operands[0], parsed.inputs[0]});
    for (std::size_t i = 1; i < operands.size(); ++i) {
        std::set<Label> needed(parsed.result.begin(), parsed.result.end());
        for (std::size_t later = i + 1; later < operands.size(); ++later) {
            needed.insert(parsed.inputs[later].begin(), parsed.inputs[later].end());
        }
        result = joined(result, without_repetition({operands[i], parsed.inputs[i]}), needed, at);
    }
    result = summed(result, {parsed.result.begin(), parsed.result.end()});
    return ordered(result, parsed.result);
}

}  // namespace xgrad::linalg
