#include <xgrad/graph/tensor.hpp>

#include <atomic>
#include <cstring>

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/execute.hpp>
#include <xgrad/graph/short_list.hpp>

namespace xgrad {

namespace {

Node& checked(const NodeRef& node, std::string_view op, Location at) {
    if (!node) throw ValueError(op, "needs a tensor", "an empty handle", Attribution::resolve(at));
    return *node;
}

/// The rare part of a parameter's node.
Extra& parameter_part(const NodeRef& node, std::string_view op, Location at) {
    if (!checked(node, op, at).is_parameter()) {
        throw ValueError(op, "needs a parameter", "a tensor that is not one", Attribution::resolve(at));
    }
    return *node->extra;
}

NodeRef version_of(const Tensor& value, std::shared_ptr<ParameterSlot> slot, std::string name, Location at) {
    NodeRef version = detail::constant_leaf(value, at);
    version->needs_gradient = true;
    version->extra = std::make_unique<Extra>();
    version->extra->slot = std::move(slot);
    version->extra->name = std::move(name);
    return version;
}

const std::string no_name;

}  // namespace

const Shape& Tensor::shape() const {
    return checked(node_, "shape", {}).shape;
}

DType Tensor::dtype() const {
    return checked(node_, "dtype", {}).dtype;
}

bool Tensor::needs_gradient() const {
    return checked(node_, "needs_gradient", {}).needs_gradient;
}

const std::string& Tensor::name() const noexcept {
    return node_ && node_->extra ? node_->extra->name : no_name;
}

void Tensor::assign(const Tensor& value, Location at) const {
    xgrad::assign({*this}, {value}, at);
}

Tensor Tensor::grad(Location at) const {
    const Extra& part = parameter_part(node_, "grad", at);
    if (!part.slot->gradient) {
        throw GradientError("grad", "needs backward() first", "no gradient on this parameter",
                            Attribution::resolve(at));
    }
    return Tensor(part.slot->gradient);
}

bool Tensor::has_grad() const noexcept {
    return is_parameter() && node_->extra->slot->gradient;
}

void Tensor::zero_grad() const noexcept {
    if (is_parameter()) node_->extra->slot->gradient = NodeRef();
}

Tensor parameter(const Tensor& value, std::string name, Location at) {
    at = Attribution::resolve(at);
    const NodeRef& given = source(value, "parameter", at);
    if (!is_floating(given->dtype)) {
        throw DTypeError("parameter", "needs a floating-point dtype", std::string(xgrad::name(given->dtype)), at);
    }
    auto slot = std::make_shared<ParameterSlot>();
    NodeRef version = version_of(value, slot, name, at);
    NodeRef node(new Node(given->dtype, given->shape));
    node->file = at.file;
    node->line = at.line;
    node->needs_gradient = true;
    node->is_computed = true;
    node->extra = std::make_unique<Extra>();
    node->extra->name = std::move(name);
    slot->parameter = node.get();
    node->extra->slot = std::move(slot);
    node->extra->current = std::move(version);
    return Tensor(std::move(node));
}

void assign(const std::vector<Tensor>& parameters, const std::vector<Tensor>& values, Location at) {
    at = Attribution::resolve(at);
    if (parameters.size() != values.size()) {
        throw ValueError(
            "assign", "needs one value per parameter",
            std::to_string(parameters.size()) + " parameters and " + std::to_string(values.size()) + " values", at);
    }
    for (std::size_t index = 0; index < values.size(); ++index) {
        parameter_part(parameters[index].node(), "assign", at);
        const Node& node = *parameters[index].node();
        const NodeRef& given = source(values[index], "assign", at);
        if (given->shape != node.shape) {
            throw ShapeError("assign", "needs the parameter's shape " + explain::operand_text(node),
                             explain::operand_text(*given), at);
        }
        if (given->dtype != node.dtype) {
            throw DTypeError("assign", "needs the parameter's dtype " + std::string(name(node.dtype)),
                             std::string(name(given->dtype)), at);
        }
    }
    compute(values);
    ShortList<NodeRef, 64> versions;
    for (std::size_t index = 0; index < values.size(); ++index) {
        const Extra& part = *parameters[index].node()->extra;
        versions.push_back(version_of(values[index], part.slot, part.name, at));
    }
    for (std::size_t index = 0; index < values.size(); ++index) {
        parameters[index].node()->extra->current = std::move(versions[index]);
    }
}

Tensor name(const Tensor& tensor, std::string name) {
    Node& node = checked(tensor.node(), "name", {});
    if (!node.extra) node.extra = std::make_unique<Extra>();
    if (node.is_parameter()) node.extra->current->extra->name = name;
    node.extra->name = std::move(name);
    return tensor;
}

const Tensor& Operand::tensor() const {
    const Tensor& tensor = handle();
    checked(tensor.node(), "argument", at_);
    return tensor;
}

const Tensor& Operand::handle() const {
    if (given_) return *given_;
    if (is_number_ && made_.is_empty_handle()) made_ = Tensor(number_, at_);
    return made_;
}

void compute(const std::vector<Tensor>& tensors, Location at) {
    detail::compute(tensors, at);
}

namespace detail {

void compute(std::span<const Tensor> tensors, Location at) {
    at = Attribution::resolve(at);
    ShortList<Node*, 128> roots;
    for (const Tensor& tensor : tensors) roots.push_back(source(tensor, "compute", at).get());
    run::execute(roots);
}

NodeRef new_leaf(DType dtype, Shape shape, Location at) {
    at = Attribution::resolve(at);
    if (!is_valid(shape)) {
        throw ShapeError("Tensor", "needs extents that are not negative and fit memory", to_string(shape), at);
    }
    NodeRef leaf(new Node(dtype, std::move(shape)));
    leaf->file = at.file;
    leaf->line = at.line;
    leaf->allocate();
    if (leaf->storage) pending().leaf_bytes += static_cast<std::int64_t>(leaf->storage->bytes());
    leaf->is_computed = true;
    return leaf;
}

NodeRef adopt_leaf(DType dtype, Shape shape, void* data, std::shared_ptr<void> owner, Location at) {
    at = Attribution::resolve(at);
    NodeRef leaf(new Node(dtype, std::move(shape)));
    leaf->file = at.file;
    leaf->line = at.line;
    const std::size_t bytes = static_cast<std::size_t>(leaf->shape.size()) * item_size(dtype);
    leaf->storage = StorageRef(Storage::adopt(data, bytes, std::move(owner)));
    pending().leaf_bytes += static_cast<std::int64_t>(bytes);
    leaf->data = data;
    leaf->is_computed = true;
    return leaf;
}

NodeRef constant_leaf(const Tensor& value, Location at) {
    const NodeRef& node = source(value, "constant", at);
    Node* root = node.get();
    run::execute({&root, 1});
    run::make_contiguous(*node);
    NodeRef leaf(new Node(node->dtype, node->shape));
    leaf->file = at.file;
    leaf->line = at.line;
    leaf->storage = node->storage;
    if (leaf->storage) {
        leaf->data = node->data;
        pending().leaf_bytes += static_cast<std::int64_t>(leaf->storage->bytes());
    } else {
        std::memcpy(leaf->scalar, node->data, sizeof leaf->scalar);
        leaf->data = leaf->scalar;
    }
    leaf->is_computed = true;
    return leaf;
}

std::shared_ptr<const void> share_memory(NodeRef node) {
    const void* data = node->data;
    return {data, [keep = std::move(node)](const void*) {}};
}

NodeRef readable(const Tensor& tensor, DType dtype, Location at) {
    at = Attribution::resolve(at);
    NodeRef node = source(tensor, "value", at);
    if (node->dtype != dtype) {
        throw DTypeError("value", "needs the tensor's own dtype " + std::string(xgrad::name(node->dtype)),
                         std::string(xgrad::name(dtype)), at);
    }
    Node* root = node.get();
    run::execute({&root, 1});
    run::make_contiguous(*node);
    return node;
}

long double only_element(const Tensor& tensor, Location at) {
    at = Attribution::resolve(at);
    const NodeRef& node = source(tensor, "item", at);
    if (node->shape.size() != 1) {
        throw ShapeError("item", "needs exactly one element", explain::operand_text(*node), at);
    }
    Node* root = node.get();
    run::execute({&root, 1});
    return visit(node->dtype, [&](auto zero) -> long double {
        return static_cast<long double>(*static_cast<const decltype(zero)*>(node->data));
    });
}

}  // namespace detail

template View<float> Tensor::value<float>(Location) const;
template View<double> Tensor::value<double>(Location) const;
template Tensor::Tensor(xt::xarray<float>&&, Location);
template Tensor::Tensor(xt::xarray<double>&&, Location);

}  // namespace xgrad
