#include <xgrad/graph/differentiate.hpp>

#include <algorithm>
#include <unordered_map>

#include <xgrad/graph/ancestry.hpp>
#include <xgrad/graph/deferred.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/execute.hpp>
#include <xgrad/graph/short_list.hpp>

namespace xgrad {

namespace {

using algebra::filled;
using algebra::scaled;
using algebra::stretched;
using algebra::sum_of;
using algebra::unstretched;

std::string described(const Tensor& x) {
    return x.name().empty() ? "a tensor of shape " + to_string(x.shape())
                            : x.name() + " of shape " + to_string(x.shape());
}

void require_differentiable(const Tensor& x, std::string_view op, Location at) {
    if (source(x, op, at)->needs_gradient) return;
    throw GradientError(op, "needs a parameter or something computed from one", described(x), at);
}

Tensor vjp_of(const Node& node, const Record& record, std::size_t argument, const Tensor& g) {
    const Op& op = *node.op();
    Tensor result;
    switch (op.family) {
        case Op::Family::elementwise:
            result = scaled(g, std::get<0>(op.partials[argument])(record));
            break;
        case Op::Family::linear:
            result = op.transposes.rule_ ? op.transposes.rule_(record, g, argument)
                                         : std::get<0>(op.transposes.each_[argument])(record, g);
            break;
        case Op::Family::general:
            result = std::get<Vjp>(op.vjp)(record, g, argument);
            break;
        case Op::Family::composite:
            break;
    }
    const Shape& shape = node.inputs()[argument]->shape;
    if (result.shape() != shape) result = unstretched(result, shape);
    if (result.dtype() != node.inputs()[argument]->dtype) {
        throw DTypeError(op.name, "its derivative has another dtype than argument " + std::to_string(argument),
                         std::string(name(result.dtype())), node.location());
    }
    return result;
}

/// Carries cotangents from y back to every node that is wanted, or on the way to one.
void sweep_back(const Ancestry& ancestry, const Tensor& seed) {
    const std::size_t count = ancestry.size();
    const std::span<const char> needed = ancestry.needed();
    const std::span<Tensor> cotangents = ancestry.carried();
    const TransientScope transient(count);
    cotangents[count - 1] = seed;
    for (std::size_t index = count; index-- > 0;) {
        if (cotangents[index].is_empty_handle()) continue;
        const Tensor g = ancestry.is_wanted(index) ? cotangents[index] : std::move(cotangents[index]);
        const Node& node = ancestry.formula(index);
        const Attribution attribution(node.location());
        const Record record(node, ancestry[index]);
        for (std::size_t input = 0; input < node.inputs().size(); ++input) {
            const std::uint32_t target = ancestry.target(index, input);
            if (target == Ancestry::none || !needed[target]) continue;
            Tensor contribution = vjp_of(node, record, input, g);
            Tensor& sum = cotangents[target];
            sum = sum.is_empty_handle() ? std::move(contribution) : sum_of(sum, contribution);
        }
    }
}

Tensor jvp_of(const Node& node, Node& output, std::span<const Tensor> tangents) {
    const Op& op = *node.op();
    const Record record(node, output);
    Tensor result;
    const auto add = [&](const Tensor& term) { result = result.is_empty_handle() ? term : sum_of(result, term); };
    const auto repeated = [&](const Tensor& x) { return x.shape() == node.shape ? x : stretched(x, node.shape); };
    switch (op.family) {
        case Op::Family::elementwise:
            for (std::size_t input = 0; input < tangents.size(); ++input) {
                if (tangents[input].is_empty_handle() || op.zero_reason(input)) continue;
                add(repeated(scaled(tangents[input], std::get<0>(op.partials[input])(record))));
            }
            break;
        case Op::Family::linear:
            for (std::size_t input = 0; input < tangents.size(); ++input) {
                if (tangents[input].is_empty_handle() || op.zero_reason(input)) continue;
                ShortList<Tensor, 4> arguments;
                for (std::size_t other = 0; other < tangents.size(); ++other) {
                    const bool in_each = op.linearity == Linearity::in_each || op.zero_reason(other);
                    if (op.linearity == Linearity::jointly && !tangents[other].is_empty_handle()) {
                        arguments.push_back(tangents[other]);
                    } else if (in_each) {
                        arguments.push_back(other == input ? tangents[other] : record.input(other));
                    } else {
                        arguments.push_back(filled(0, node.inputs()[other]->dtype, node.inputs()[other]->shape));
                    }
                }
                add(apply(op, arguments, record.attributes(), node.location()));
                if (op.linearity == Linearity::jointly) break;
            }
            break;
        case Op::Family::general:
            if (const auto* rule = std::get_if<Jvp>(&op.jvp)) result = (*rule)(record, tangents);
            break;
        case Op::Family::composite:
            break;
    }
    return result;
}

}  // namespace

namespace {

using Mode = Differentiation::Mode;

/// ∂y/∂x for all xs, carried back from the cotangent v.
void record_back(const Differentiation& what, std::span<Tensor> result) {
    const auto& [mode, roots, xs, unconnected, at] = what;
    const NodeRef root = NodeRef::share(*roots[0]);
    const Tensor v(NodeRef::share(*roots[1]));
    Ancestry ancestry({&root, 1}, xs);
    ShortList<std::uint32_t, 64> targets;       // of all xs, one after the other
    ShortList<std::size_t, 64> end_of_targets;  // of each
    for (const Tensor& x : xs) {
        const std::size_t first = targets.size();
        ancestry.find(x, targets);
        end_of_targets.push_back(targets.size());
        for (std::size_t i = first; i < targets.size(); ++i) ancestry.want(targets[i]);
        if (targets.size() == first && unconnected == Unconnected::is_an_error) {
            throw GradientError("grad", "needs a result that depends on it", described(x), at);
        }
    }
    if (ancestry.size() > 0) sweep_back(ancestry, v);
    const std::span<const Tensor> cotangents = ancestry.carried();
    const Attribution attribution(at);
    const TransientScope transient;
    std::size_t next = 0;
    for (std::size_t index = 0; index < xs.size(); ++index) {
        Tensor sum;
        for (; next < end_of_targets[index]; ++next) {
            const Tensor& cotangent = cotangents[targets[next]];
            if (cotangent.is_empty_handle()) continue;
            sum = sum.is_empty_handle() ? cotangent : sum_of(sum, cotangent);
        }
        // Connected, but only through derivatives that are declared zero.
        if (sum.is_empty_handle()) sum = filled(0, xs[index].dtype(), xs[index].shape());
        result[index] = std::move(sum);
    }
}

/// The tangents of all ys, carried along from those of the xs.
void record_along(const Differentiation& what, std::span<Tensor> result) {
    const auto& [mode, all_roots, xs, unconnected, at] = what;
    ShortList<NodeRef> roots;
    for (Node* root : what.ys()) roots.push_back(NodeRef::share(*root));
    const std::span<Node* const> tangents = all_roots.subspan(roots.size());
    const Ancestry ancestry(roots, xs);
    const std::span<Tensor> carried = ancestry.carried();
    const TransientScope transient;
    ShortList<std::uint32_t, 16> targets;
    for (std::size_t index = 0; index < xs.size(); ++index) {
        targets.clear();
        ancestry.find(xs[index], targets);
        if (targets.empty() && unconnected == Unconnected::is_an_error) {
            throw GradientError("jvp", "needs a result that depends on it", described(xs[index]), at);
        }
        const Tensor tangent(NodeRef::share(*tangents[index]));
        for (const std::uint32_t target : targets) {
            Tensor& sum = carried[target];
            sum = sum.is_empty_handle() ? tangent : sum_of(sum, tangent);
        }
    }
    ShortList<Tensor, 4> inputs;
    for (std::size_t index = 0; index < ancestry.size(); ++index) {
        const Node& node = ancestry.formula(index);
        if (node.is_leaf()) continue;
        inputs.assign(node.inputs().size(), Tensor());
        bool moves = false;
        for (std::size_t input = 0; input < node.inputs().size(); ++input) {
            const std::uint32_t target = ancestry.target(index, input);
            if (target == Ancestry::none) continue;
            inputs[input] = carried[target];
            moves = moves || !inputs[input].is_empty_handle();
        }
        if (!moves) continue;
        const Attribution attribution(node.location());
        const Tensor tangent = jvp_of(node, ancestry[index], inputs);
        if (tangent.is_empty_handle()) continue;
        Tensor& sum = carried[index];
        sum = sum.is_empty_handle() ? tangent : sum_of(sum, tangent);
    }
    for (std::size_t y = 0; y < roots.size(); ++y) {
        const std::uint32_t index = ancestry.index_of(*roots[y]);
        const bool moves = index != Ancestry::none && !carried[index].is_empty_handle();
        result[y] = moves ? carried[index] : filled(0, roots[y]->dtype, roots[y]->shape);
    }
}

}  // namespace

void detail::record_derivatives(const Differentiation& what, std::span<Tensor> result) {
    switch (what.mode) {
        case Mode::reverse:
            return record_back(what, result);
        case Mode::forward:
            return record_along(what, result);
        case Mode::rows:
        case Mode::columns:
            return record_jacobians(what, result);
    }
}

void detail::differentiate(const Differentiation& what, std::span<Tensor> result) {
    const Deferral deferral(what);
    if (deferral.known()) return DeferredDerivatives::make(deferral.known(), what, result);
    record_derivatives(what, result);
    deferral.learn(result);
}

namespace {

/// ∂y/∂x for all xs, carried back from the cotangent v.
void carry_back(const Tensor& y, const Tensor& v, std::span<const Tensor> xs, std::span<Tensor> result,
                Unconnected unconnected, Location at) {
    const NodeRef root = source(y, "grad", at);
    const NodeRef& seed = source(v, "vjp", at);
    if (!is_floating(root->dtype)) {
        throw GradientError("grad", "needs a floating-point result", std::string(name(root->dtype)), at);
    }
    if (seed->shape != root->shape) {
        throw ShapeError("vjp", "needs a cotangent like the result " + explain::operand_text(*root),
                         explain::operand_text(*seed), at);
    }
    if (seed->dtype != root->dtype) {
        throw DTypeError("vjp", "needs a cotangent of the result's dtype " + std::string(name(root->dtype)),
                         std::string(name(seed->dtype)), at);
    }
    for (const Tensor& x : xs) require_differentiable(x, "grad", at);
    Node* const roots[] = {root.get(), seed.get()};
    detail::differentiate({Mode::reverse, roots, xs, unconnected, at}, result);
}

}  // namespace

std::vector<Tensor> vjp(const Tensor& y, const Tensor& v, std::span<const Tensor> xs, Unconnected unconnected,
                        Location at) {
    std::vector<Tensor> result(xs.size());
    carry_back(y, v, xs, result, unconnected, Attribution::resolve(at));
    return result;
}

void detail::grad(const Tensor& y, std::span<const Tensor> xs, std::span<Tensor> result, Unconnected unconnected,
                  Location at) {
    at = Attribution::resolve(at);
    const NodeRef& root = source(y, "grad", at);
    if (root->shape.size() != 1) {
        throw GradientError("grad", "needs a scalar cost", to_string(root->shape), at);
    }
    if (!is_floating(root->dtype)) {
        throw GradientError("grad", "needs a floating-point cost", std::string(name(root->dtype)), at);
    }
    carry_back(y, filled(1, root->dtype, root->shape), xs, result, unconnected, at);
}

std::vector<Tensor> grad(const Tensor& y, std::span<const Tensor> xs, Unconnected unconnected, Location at) {
    std::vector<Tensor> result(xs.size());
    detail::grad(y, xs, result, unconnected, at);
    return result;
}

Tensor grad(const Tensor& y, const Tensor& x, Location at) {
    Tensor result;
    detail::grad(y, {&x, 1}, {&result, 1}, Unconnected::is_an_error, at);
    return result;
}

std::vector<Tensor> jvp(std::span<const Tensor> ys, std::span<const Tensor> xs, std::span<const Tensor> tangents,
                        Unconnected unconnected, Location at) {
    at = Attribution::resolve(at);
    ShortList<Node*, 16> roots;
    for (const Tensor& y : ys) roots.push_back(source(y, "jvp", at).get());
    if (xs.size() != tangents.size()) {
        throw ValueError("jvp", "needs one tangent per tensor",
                         std::to_string(xs.size()) + " tensors and " + std::to_string(tangents.size()) + " tangents",
                         at);
    }
    for (std::size_t index = 0; index < xs.size(); ++index) {
        require_differentiable(xs[index], "jvp", at);
        const NodeRef& tangent = source(tangents[index], "jvp", at);
        if (tangent->shape != xs[index].shape()) {
            throw ShapeError("jvp", "needs a tangent like its tensor " + explain::operand_text(xs[index]),
                             explain::operand_text(*tangent), at);
        }
        if (tangent->dtype != xs[index].dtype()) {
            throw DTypeError("jvp", "needs a tangent of its tensor's dtype " + std::string(name(xs[index].dtype())),
                             std::string(name(tangent->dtype)), at);
        }
        roots.push_back(tangent.get());
    }
    std::vector<Tensor> results(ys.size());
    detail::differentiate({Mode::forward, roots, xs, unconnected, at}, results);
    return results;
}

Tensor jvp(const Tensor& y, std::span<const Tensor> xs, std::span<const Tensor> tangents, Location at) {
    return jvp({&y, 1}, xs, tangents, Unconnected::is_an_error, at)[0];
}

void Tensor::backward(Location at) const {
    at = Attribution::resolve(at);
    const NodeRef& root = source(*this, "backward", at);
    if (root->shape.size() != 1) throw GradientError("backward", "needs a scalar cost", to_string(root->shape), at);
    if (!root->needs_gradient) {
        throw GradientError("backward", "needs a cost that depends on a parameter", described(*this), at);
    }
    std::vector<Tensor> versions;
    std::vector<Tensor> sums;
    {
        Ancestry ancestry({&root, 1});
        for (std::size_t index = 0; index < ancestry.size(); ++index) {
            if (ancestry[index].extra && ancestry[index].extra->slot) ancestry.want(index);
        }
        sweep_back(ancestry, filled(1, root->dtype, root->shape));
        const std::span<const Tensor> cotangents = ancestry.carried();
        for (std::size_t index = 0; index < ancestry.size(); ++index) {
            if (!ancestry.is_wanted(index) || cotangents[index].is_empty_handle()) continue;
            versions.push_back(Record(ancestry[index]).output());
            sums.push_back(cotangents[index]);
        }
    }
    // Everything that can fail comes first: the new gradients are complete before any parameter sees one.
    std::unordered_map<ParameterSlot*, Tensor> totals;
    for (std::size_t index = 0; index < versions.size(); ++index) {
        ParameterSlot* slot = versions[index].node()->extra->slot.get();
        Tensor& total = totals[slot];
        if (total.is_empty_handle() && slot->gradient) total = Tensor(slot->gradient);
        total = total.is_empty_handle() ? sums[index] : sum_of(total, sums[index]);
    }
    std::vector<std::pair<ParameterSlot*, NodeRef>> ready;
    std::vector<Tensor> roots;
    for (const auto& [slot, total] : totals) roots.push_back(total);
    compute(roots);
    for (const auto& [slot, total] : totals) ready.emplace_back(slot, detail::constant_leaf(total, at));
    for (auto& [slot, gradient] : ready) slot->gradient = std::move(gradient);
}

}  // namespace xgrad
