#include <xgrad/graph/vmap.hpp>

#include <stdexcept>
#include <xgrad/graph/axis.hpp>
#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/node_table.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/short_list.hpp>

namespace xgrad {

namespace {

Tensor with_axis_first(const Tensor& x, std::size_t axis) {
    if (axis == 0) return x;
    Shape order(static_cast<std::int64_t>(axis));
    for (std::size_t other = 0; other < x.rank(); ++other) {
        if (other != axis) order.push_back(static_cast<std::int64_t>(other));
    }
    return algebra::permuted(x, order);
}

/// Records for all examples what was recorded for one.
class Replay {
  public:
    explicit Replay(std::int64_t examples) : examples_(examples) {}

    void stands_for(const Tensor& stand_in, Tensor all) { enter(*stand_in.node(), std::move(all)); }

    /// The tensor with the examples along its first axis; what is the same for all is repeated.
    Tensor operator()(const Tensor& one, Location at) {
        const NodeRef& node = source(one, "vmap", at);
        visit(node.get());
        const Tensor& all = done(*node);
        if (all.rank() > node->shape.rank()) return all;
        return algebra::stretched(all, with_examples(examples_, node->shape));
    }

  private:
    struct Frame {
        Node* node;
        std::size_t next_input;
    };

    bool is_done(const Node& node) const { return numbers_.find(&node) != NodeTable::none; }
    const Tensor& done(const Node& node) const { return done_[numbers_.find(&node)]; }
    void enter(const Node& node, Tensor all) {
        numbers_.enter(&node, static_cast<std::uint32_t>(done_.size()));
        done_.push_back(std::move(all));
    }

    void visit(Node* root) {
        path_.push_back({root, 0});
        while (!path_.empty()) {
            Frame& top = path_.back();
            if (is_done(*top.node)) {
                path_.pop_back();
            } else if (top.next_input < top.node->inputs().size()) {
                Node* const input = top.node->inputs()[top.next_input++].get();
                if (!is_done(*input)) path_.push_back({input, 0});
            } else {
                enter(*top.node, recorded_again(NodeRef::share(*top.node)));
                path_.pop_back();
            }
        }
    }

    Tensor recorded_again(const NodeRef& node) const {
        ShortList<Tensor, 4> inputs;
        bool differs = false;
        for (const NodeRef& input : node->inputs()) {
            inputs.push_back(done(*input));
            differs = differs || inputs.back().rank() > input->shape.rank();
        }
        if (!differs) return Tensor(node);
        const Attribution attribution(node->location());
        std::optional<TransientScope> transient;
        if (node->is_transient) transient.emplace();
        const BatchCall call(*node, inputs, examples_);
        if (node->op()->is_elementwise_kernel()) return lifted_broadcasting(call);
        Tensor result;
        if (node->op()->batch && examples_ > 0) result = node->op()->batch(call);
        return result.is_empty_handle() ? one_by_one(call, node->dtype) : result;
    }

    Tensor one_by_one(const BatchCall& call, DType dtype) const {
        if (examples_ == 0) return algebra::filled(0, dtype, with_examples(0, call.shape()));
        std::vector<Tensor> results;
        std::vector<Tensor> inputs(call.inputs());
        for (std::int64_t example = 0; example < examples_; ++example) {
            for (std::size_t input = 0; input < inputs.size(); ++input) {
                const Tensor& given = call.given(input);
                inputs[input] = call.is_batched(input) ? algebra::element(given, example) : given;
            }
            results.push_back(apply(call.op(), inputs, call.attributes()));
        }
        return algebra::stacked(results);
    }

    std::int64_t examples_;
    NodeTable numbers_;
    std::vector<Tensor> done_;  // by number
    std::vector<Frame> path_;
};

}  // namespace

Shape with_examples(std::int64_t examples, const Shape& shape) {
    Shape result = shape;
    result.insert(0, examples);
    return result;
}

Tensor BatchCall::whole(std::size_t input) const {
    return is_batched(input) ? given(input) : algebra::stretched(given(input), with_examples(examples_, shape(input)));
}

Tensor BatchCall::aligned(std::size_t input) const {
    const Shape& own = shape(input);
    const std::size_t rank = shape().rank();
    if (!is_batched(input) || own.rank() >= rank) return given(input);
    Shape extents = Shape::of_rank(rank + 1 - own.rank(), 1);
    extents[0] = examples_;
    extents.append(own);
    return algebra::reshaped(given(input), extents);
}

Attributes lifted_attributes(const BatchCall& call) {
    ShortList<Attributes::Entry, 5> entries;
    entries.assign(call.attributes().begin(), call.attributes().end());
    for (Attributes::Entry& entry : entries) {
        const std::string_view name = entry.name;
        if (name == "axis") ++std::get<std::int64_t>(entry.value);
        if (name == "axes") {
            for (std::int64_t& axis : std::get<Shape>(entry.value)) ++axis;
        }
        if (name == "shape") std::get<Shape>(entry.value).insert(0, call.examples());
        if (name == "starts") std::get<Shape>(entry.value).insert(0, 0);
        if (name == "steps") std::get<Shape>(entry.value).insert(0, 1);
    }
    return Attributes(std::span<const Attributes::Entry>(entries));
}

Tensor lifted(const BatchCall& call) {
    ShortList<Tensor, 4> inputs;
    for (std::size_t input = 0; input < call.inputs(); ++input) inputs.push_back(call.whole(input));
    return apply(call.op(), inputs, lifted_attributes(call));
}

Tensor lifted_broadcasting(const BatchCall& call) {
    ShortList<Tensor, 4> inputs;
    for (std::size_t input = 0; input < call.inputs(); ++input) inputs.push_back(call.aligned(input));
    return apply(call.op(), inputs, lifted_attributes(call));
}

Tensor joined_along_first(const BatchCall& call, std::size_t joined) {
    ShortList<Tensor, 4> inputs;
    for (std::size_t input = 0; input < call.inputs(); ++input) {
        Shape shape = call.shape(input);
        if (input < joined) shape[0] *= call.examples();
        inputs.push_back(input < joined ? algebra::reshaped(call.whole(input), shape) : call.given(input));
    }
    return algebra::reshaped(apply(call.op(), inputs, call.attributes()), with_examples(call.examples(), call.shape()));
}

namespace detail {

std::vector<Tensor> vmap(const ListFunction& f, const std::vector<Tensor>& xs, std::int64_t axis, Location at) {
    at = Attribution::resolve(at);
    if (xs.empty()) throw ValueError("vmap", "needs a tensor of examples", "none", at);
    std::vector<Tensor> stand_ins;
    std::vector<Tensor> all;
    for (const Tensor& x : xs) {
        source(x, "vmap", at);
        const std::size_t own_axis = resolve_axis(axis, x, "vmap", at);
        Shape one = x.shape();
        one.erase(own_axis);
        stand_ins.push_back(stand_in(x.dtype(), std::move(one), at));
        all.push_back(with_axis_first(x, own_axis));
        if (all.back().shape()[0] != all[0].shape()[0]) {
            throw ShapeError("vmap", "needs equally many examples along axis " + std::to_string(axis),
                             explain::operand_text(xs[0]) + " and " + explain::operand_text(x), at);
        }
    }
    std::vector<Tensor> results;
    {
        const TracingScope tracing;
        results = f(stand_ins);
    }
    Replay replay(all[0].shape()[0]);
    for (std::size_t x = 0; x < xs.size(); ++x) replay.stands_for(stand_ins[x], all[x]);
    try {
        for (Tensor& result : results) result = replay(result, at);
    } catch (const std::length_error&) {
        throw ShapeError("vmap", "needs at most 31 axes in what one example has", "one with 32", at);
    }
    return results;
}

std::vector<Tensor> per_example_gradients(const TensorFunction& cost, const std::vector<Tensor>& parameters,
                                          const std::vector<Tensor>& data, std::int64_t axis, Location at) {
    at = Attribution::resolve(at);
    const auto gradients = [&](const std::vector<Tensor>& examples) {
        std::vector<Tensor> columns;
        for (std::size_t x = 0; x < data.size(); ++x) {
            Shape kept = data[x].shape();
            kept[resolve_axis(axis, kept.rank(), "per_example_gradients", at)] = 1;
            columns.push_back(algebra::reshaped(examples[x], kept));
        }
        return grad(cost(columns), parameters, Unconnected::gives_zeros, at);
    };
    return vmap(gradients, data, axis, at);
}

}  // namespace detail

}  // namespace xgrad
