#include <xgrad/graph/op.hpp>

#include <memory>
#include <stdexcept>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

std::string dtypes_of(const Call& call) {
    std::string text;
    for (std::size_t input = 0; input < call.inputs.size(); ++input) {
        if (input > 0) text += input + 1 == call.inputs.size() ? " and " : ", ";
        text += name(call.dtype(input));
    }
    return text;
}

std::vector<std::unique_ptr<Op>>& owned() {
    static auto* ops = new std::vector<std::unique_ptr<Op>>;  // outlives every static object that may use it
    return *ops;
}

std::vector<const Op*>& enrolled() {
    static auto* ops = new std::vector<const Op*>;
    return *ops;
}

const Op& enrol(Op op) {
    if (find_op(op.name)) throw std::logic_error("define: an op named " + op.name + " exists already");
    if (!op.shape && op.family != Op::Family::composite)
        throw std::logic_error("define: " + op.name + " has no shape rule");
    if (op.row_by_row > Op::most_row_by_row)
        throw std::logic_error("define: " + op.name + " reads more inputs row by row than " +
                               std::to_string(Op::most_row_by_row));
    owned().push_back(std::make_unique<Op>(std::move(op)));
    enrolled().push_back(owned().back().get());
    return *owned().back();
}

std::string supported(const BlockKernels& kernels) {
    std::string text;
    for (std::size_t dtype = 0; dtype < dtype_count; ++dtype) {
        if (!kernels.takes(static_cast<DType>(dtype)) || static_cast<DType>(dtype) == DType::longdouble) continue;
        if (!text.empty()) text += " or ";
        text += name(static_cast<DType>(dtype));
    }
    return text;
}

/// NumPy's rule for all operands.
Shape joined_shape(const Call& call) {
    Shape result = call.shape(0);
    for (std::size_t input = 1; input < call.inputs.size(); ++input) {
        Shape joined;
        if (!broadcast(result, call.shape(input), joined)) call.fail("needs shapes that broadcast");
        result = std::move(joined);
    }
    refuse_doubtful_stretch(call, result);
    return result;
}

}  // namespace

Signature elementwise_signature(const Call& call, const BlockKernels& kernels) {
    if (call.inputs.size() != kernels.arity) {
        call.fail("takes " + std::to_string(kernels.arity) + " arguments");
    }
    const std::size_t first = kernels.first_is_boolean ? 1 : 0;
    if (kernels.first_is_boolean && call.dtype(0) != DType::boolean) call.fail_dtype("needs a bool mask first");
    const DType dtype = call.dtype(first);
    for (std::size_t input = first; input < call.inputs.size(); ++input) {
        if (call.dtype(input) != dtype) call.fail_dtype("needs one dtype");
    }
    if (!kernels.takes(dtype)) call.fail_dtype("needs " + supported(kernels));
    const DType result = kernels.gives_boolean ? DType::boolean : dtype;
    for (std::size_t input = 1; input < call.inputs.size(); ++input) {
        if (call.shape(input) != call.shape(0)) return {result, joined_shape(call)};
    }
    return {result, call.shape(0)};
}

namespace {

ShapeRule elementwise_rule(const BlockKernels& kernels) {
    return [kernels](const Call& call) { return elementwise_signature(call, kernels); };
}

}  // namespace

Transposes::Transposes(std::initializer_list<Transpose> each) : each_(each) {}
Transposes::Transposes(Rule rule) : rule_(std::move(rule)) {}

void Call::fail(std::string_view rule) const {
    throw ShapeError(op, rule, explain::operands_text(inputs), at, explain::cure(*this));
}

void Call::fail_dtype(std::string_view rule) const {
    throw DTypeError(op, rule, dtypes_of(*this), at);
}

bool Array::is_contiguous() const {
    std::int64_t step = 1;
    for (std::size_t axis = shape.rank(); axis-- > 0;) {
        if (shape[axis] != 1 && strides[axis] != step) return false;
        step *= shape[axis];
    }
    return true;
}

Tensor Record::output() const {
    return Tensor(NodeRef::share(output_));
}

const std::string* Op::zero_reason(std::size_t argument) const {
    const Zero* zero = nullptr;
    switch (family) {
        case Family::elementwise:
            zero = std::get_if<Zero>(&partials[argument]);
            break;
        case Family::linear:
            if (!transposes.rule_) zero = std::get_if<Zero>(&transposes.each_[argument]);
            break;
        case Family::general:
            zero = std::get_if<Zero>(&vjp);
            break;
        case Family::composite:
            break;
    }
    return zero ? &zero->reason : nullptr;
}

const void* prepared(const KernelCall& call, const Preparation& preparation, StorageRef& scratch) {
    if (call.prepared) return call.prepared;
    const std::size_t bytes = preparation.bytes(call);
    if (bytes == 0) return nullptr;
    scratch = StorageRef(Storage::allocate(bytes));
    preparation.make(call, scratch->data());
    return scratch->data();
}

const Op& define(Elementwise op) {
    const BlockKernels kernels = op.forward.value();
    if (op.partials.value().size() != kernels.arity) {
        throw std::logic_error("define: " + op.name.value() + " needs one partial per argument");
    }
    return enrol({.name = std::move(op.name.value()),
                  .math = std::move(op.math.value()),
                  .family = Op::Family::elementwise,
                  .shape = elementwise_rule(kernels),
                  .forward = kernels,
                  .probes = std::move(op.probes.value()),
                  .broadcasts = true,
                  .partials = std::move(op.partials.value()),
                  .switches = std::move(op.switches),
                  .rewrite = op.rewrite});
}

const Op& define(Linear op) {
    bool broadcasts = false;
    if (const auto* kernels = std::get_if<BlockKernels>(&op.forward.value()); kernels && !op.shape) {
        op.shape = elementwise_rule(*kernels);
        broadcasts = true;
    }
    return enrol({.name = std::move(op.name.value()),
                  .math = std::move(op.math.value()),
                  .family = Op::Family::linear,
                  .shape = std::move(op.shape),
                  .forward = std::move(op.forward.value()),
                  .probes = std::move(op.probes.value()),
                  .batch = std::move(op.batch),
                  .row_by_row = op.row_by_row,
                  .prepare = std::move(op.prepare),
                  .block_sum = op.block_sum,
                  .broadcasts = broadcasts,
                  .transposes = std::move(op.transposes.value()),
                  .linearity = op.linearity,
                  .switches = std::move(op.switches),
                  .rewrite = op.rewrite});
}

const Op& define(General op) {
    return enrol({.name = std::move(op.name.value()),
                  .math = std::move(op.math.value()),
                  .family = Op::Family::general,
                  .shape = std::move(op.shape.value()),
                  .forward = std::move(op.forward.value()),
                  .probes = std::move(op.probes.value()),
                  .batch = std::move(op.batch),
                  .row_by_row = op.row_by_row,
                  .vjp = std::move(op.vjp.value()),
                  .jvp = std::move(op.jvp.value()),
                  .switches = std::move(op.switches)});
}

const Op& define(Composite op) {
    return enrol({.name = std::move(op.name.value()),
                  .math = std::move(op.math.value()),
                  .family = Op::Family::composite,
                  .shape = nullptr,
                  .forward = Kernel(),
                  .probes = std::move(op.probes.value())});
}

std::span<const Op* const> catalogue() {
    return enrolled();
}

const Op* find_op(std::string_view name) {
    for (const Op* op : enrolled()) {
        if (op->name == name) return op;
    }
    return nullptr;
}

const std::vector<Probe>& Probes::list() const {
    std::call_once(made_->once, [this] {
        made_->list = made_->make();
        made_->make = nullptr;
    });
    return made_->list;
}

Probes unary_probes(Interval x) {
    return [x] {
        std::vector<Probe> probes;
        for (const Shape& shape :
             {Shape{}, Shape{1}, Shape{3}, Shape{8}, Shape{15}, Shape{16}, Shape{33}, Shape{2, 3}, Shape{1, 17},
              Shape{7, 1}, Shape{2, 1, 3}, Shape{2, 2, 1, 3}, Shape{1, 2, 1, 3, 2}, Shape{0}, Shape{2, 0}}) {
            probes.push_back({to_string(shape), {{shape, x.low, x.high}}});
        }
        return probes;
    };
}

Probes binary_probes(Interval x, Interval y) {
    return [x, y] {
        const std::pair<Shape, Shape> patterns[] = {
            {{}, {}},         {{2, 3}, {2, 3}}, {{2, 3}, {}},        {{}, {2, 3}},
            {{2, 3}, {3}},    {{3}, {2, 3}},    {{2, 3}, {2, 1}},    {{1, 3}, {2, 3}},
            {{2, 1}, {1, 3}}, {{2, 3}, {1}},    {{4, 1, 3}, {2, 1}}, {{0, 3}, {1, 3}},
            {{17}, {17}},     {{8}, {1}},       {{1, 16}, {2, 1}},   {{2, 1, 1, 1, 2}, {3, 1, 2}}};
        std::vector<Probe> probes;
        for (const auto& [left, right] : patterns) {
            probes.push_back(
                {to_string(left) + " " + to_string(right), {{left, x.low, x.high}, {right, y.low, y.high}}});
        }
        return probes;
    };
}

Probes choice_probes(Interval x, Interval y) {
    return [x, y] {
        const std::array<Shape, 3> patterns[] = {{Shape{2, 3}, Shape{2, 3}, Shape{2, 3}},
                                                 {Shape{2, 1}, Shape{2, 3}, Shape{}},
                                                 {Shape{2, 3}, Shape{3}, Shape{2, 1}},
                                                 {Shape{}, Shape{}, Shape{}},
                                                 {Shape{0}, Shape{1}, Shape{0}},
                                                 {Shape{17}, Shape{17}, Shape{17}},
                                                 {Shape{1}, Shape{1}, Shape{1}},
                                                 {Shape{}, Shape{16}, Shape{1}},
                                                 {Shape{1, 7}, Shape{2, 1}, Shape{7}},
                                                 {Shape{2, 1, 3}, Shape{2, 2, 1}, Shape{3}},
                                                 {Shape{8}, Shape{}, Shape{}},
                                                 {Shape{2, 2, 1, 3}, Shape{1, 3}, Shape{2, 1, 2, 1}},
                                                 {Shape{3}, Shape{0, 3}, Shape{0, 1}},
                                                 {Shape{1, 2, 1, 3, 2}, Shape{2, 1, 2}, Shape{1, 1, 2, 1, 1}}};
        std::vector<Probe> probes;
        for (const auto& [mask, left, right] : patterns) {
            probes.push_back(
                {to_string(mask) + " " + to_string(left) + " " + to_string(right),
                 {{mask, 0, 1, ProbeInput::Kind::boolean}, {left, x.low, x.high}, {right, y.low, y.high}}});
        }
        return probes;
    };
}

}  // namespace xgrad
