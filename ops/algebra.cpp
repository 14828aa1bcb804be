#include <xgrad/graph/algebra.hpp>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/kernels/simple.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/rearrange.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad::algebra {

namespace {

// Not plain multiplication: where a choice was not taken, g is 0 and p may be infinite (log at 0, √ at 0), and 0 · ∞
// would turn the whole gradient into NaN.
const Op& scale_cotangent_op = define(Linear{
    .name = "scale_cotangent",
    .math = "z = g p, 0 where g = 0",
    .linearity = Linearity::in_each,
    .forward = floating<2>(simple::ScaleCotangent{}),
    // h p and h g, where a 0 again stands for a choice not taken: that of h in both, that of g in the second too.
    .transposes = {[](const Record& r, const Tensor& h) { return scaled(h, r.input(1)); },
                   [](const Record& r, const Tensor& h) {
                       const Tensor g = r.input(0);
                       return scaled(where(g == 0, 0, h), g);
                   }},
    .probes = binary_probes(between(0.5, 2), between(-2, 2)),
});

/// True for copies of the number 1, seen without computing anything.
bool is_one_repeated(const Node& node) {
    const Node* origin = &node;
    while (!origin->inputs().empty() && std::holds_alternative<LayoutRule>(origin->op()->forward)) {
        origin = origin->inputs()[0].get();
    }
    if (!origin->is_leaf() || !origin->is_computed || origin->needs_gradient || origin->shape.size() != 1) return false;
    return visit(origin->dtype, [&](auto zero) { return *static_cast<const decltype(zero)*>(origin->data) == 1; });
}

Shape broadcast_shape(const Tensor& x, const Tensor& y) {
    Shape shape;
    broadcast(x.shape(), y.shape(), shape);
    return shape;
}

}  // namespace

Tensor sum_of(const Tensor& x, const Tensor& y) {
    return add(x, y);
}

Tensor scaled(const Tensor& g, const Tensor& p) {
    // What reverse mode starts with: the derivative of the result with respect to itself.
    if (is_one_repeated(*g.node())) return p.shape() == g.shape() ? p : stretched(p, broadcast_shape(p, g));
    return apply(scale_cotangent_op, Operand(g, Location()), Operand(p, Location()));
}

Tensor unstretched(const Tensor& g, const Shape& shape) {
    if (g.shape() == shape) return g;
    Shape joined;
    if (!broadcast(shape, g.shape(), joined) || joined != g.shape()) {
        throw ShapeError("derivative", "needs a cotangent that " + to_string(shape) + " was stretched to",
                         to_string(g.shape()), Attribution::resolve({}));
    }
    const std::size_t added = g.rank() - shape.rank();
    Shape axes;
    for (std::size_t axis = 0; axis < g.rank(); ++axis) {
        if (axis < added || (shape[axis - added] == 1 && g.shape()[axis] != 1)) {
            axes.push_back(static_cast<std::int64_t>(axis));
        }
    }
    return reshape(sum(g, axes, keepdims), shape);
}

Tensor stretched(const Tensor& x, const Shape& shape) {
    return broadcast_to(x, shape);
}

Tensor filled(double value, DType dtype, const Shape& shape) {
    return full(shape, value, dtype);
}

Tensor cast(const Tensor& x, DType dtype) {
    return astype(x, dtype);
}

Tensor alias(const Tensor& x) {
    return identity(x);
}

Tensor reshaped(const Tensor& x, const Shape& shape) {
    return reshape(x, shape);
}

Tensor stacked(const std::vector<Tensor>& tensors) {
    return stack(tensors);
}

Tensor joined(const std::vector<Tensor>& tensors) {
    return concatenate(tensors, 0);
}

Tensor element(const Tensor& x, std::int64_t index) {
    return view(x, {index});
}

Tensor part(const Tensor& x, std::int64_t first, std::int64_t end) {
    return view(x, {range(first, end)});
}

Tensor permuted(const Tensor& x, const Shape& axes) {
    return transpose(x, axes);
}

Tensor flipped(const Tensor& x) {
    return transpose(x);
}

Tensor inner_product(const Tensor& x, const Tensor& y) {
    return sum(multiply(x, y));
}

}  // namespace xgrad::algebra
