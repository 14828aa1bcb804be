#include <xgrad/graph/verify/replay.hpp>

#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/verify/subject.hpp>

namespace xgrad::verify {

namespace {

/// The attributes with every floating-point dtype replaced.
Attributes in_precision(const Attributes& attributes, DType precision) {
    std::vector<Attributes::Entry> entries(attributes.begin(), attributes.end());
    bool differs = false;
    for (Attributes::Entry& entry : entries) {
        DType* dtype = std::get_if<DType>(&entry.value);
        if (!dtype || !is_floating(*dtype) || *dtype == precision) continue;
        *dtype = precision;
        differs = true;
    }
    return differs ? Attributes(std::span<const Attributes::Entry>(entries)) : attributes;
}

}  // namespace

Replay::Replay(Tensor result, const std::vector<Tensor>& parameters)
    : result_(std::move(result)), steps_(recorded::steps_to(result_)) {
    is_possible_ = true;
    const auto add = [&](const Node* node) {
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            if (node->extra && node->extra->slot == parameters[i].node()->extra->slot) parameter_of_.emplace(node, i);
        }
    };
    add(source(result_, "check_gradients", {}).get());
    for (const recorded::Step& step : steps_) {
        if (recorded::is_given_by_a_function(*step.node)) is_possible_ = false;
        for (const NodeRef& input : step.inputs) {
            if (input->is_leaf()) add(input.get());
        }
    }
    // Later, what no gradient needs has no history any more.
    compute({result_});
}

Tensor Replay::operator()(const std::vector<Tensor>& parameters, DType precision) const {
    if (precision != constants_precision_) constants_.clear();
    constants_precision_ = precision;
    std::unordered_map<const Node*, Tensor> done;
    const auto again = [&](const NodeRef& node) -> const Tensor& {
        if (const auto found = done.find(node.get()); found != done.end()) return found->second;
        if (const auto place = parameter_of_.find(node.get()); place != parameter_of_.end()) {
            return parameters[place->second];
        }
        Tensor& constant = constants_[node.get()];
        if (constant.is_empty_handle()) {
            constant = Tensor(detail::constant_leaf(Tensor(node), {}));
            if (is_floating(node->dtype) && node->dtype != precision) {
                constant = subject::tensor_of(subject::numbers(constant), node->shape, precision);
            }
        }
        return constant;
    };
    for (const recorded::Step& step : steps_) {
        if (!step.depends) continue;
        std::vector<Tensor> inputs;
        for (const NodeRef& input : step.inputs) inputs.push_back(again(input));
        done.emplace(step.node.get(), apply(*step.node->op(), inputs, in_precision(step.node->attributes(), precision),
                                            step.node->location()));
    }
    return again(source(result_, "check_gradients", {}));
}

}  // namespace xgrad::verify
