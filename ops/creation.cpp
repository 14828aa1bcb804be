#include <xgrad/ops/creation.hpp>

#include <limits>
#include <string>
#include <type_traits>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/movement.hpp>

namespace xgrad {

namespace {

bool is_integer(DType dtype) {
    return dtype == DType::int32 || dtype == DType::int64;
}

const Op& one_hot_op = define(General{
    .name = "one_hot",
    .math = "y[c, i] = [labels[i] = c]",
    .shape =
        [](const Call& call) {
            Shape shape = call.shape(0);
            shape.insert(0, call.attributes.at<std::int64_t>("classes"));
            return Signature{call.attributes.at<DType>("dtype"), shape};
        },
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            const std::int64_t count = call.inputs[0].shape.size();
            const auto classes = call.attributes.at<std::int64_t>("classes");
            visit(call.inputs[0].dtype, [&](auto label) {
                visit(call.dtype, [&](auto zero) {
                    const auto* labels = static_cast<const decltype(label)*>(data);
                    auto* output = call.out<decltype(zero)>();
                    for (std::int64_t c = 0; c < classes; ++c) {
                        for (std::int64_t i = 0; i < count; ++i) {
                            output[c * count + i] =
                                static_cast<decltype(zero)>(static_cast<std::int64_t>(labels[i]) == c);
                        }
                    }
                });
            });
        },
    .vjp = Zero{"labels are whole numbers"},
    .jvp = Zero{"labels are whole numbers"},
    .probes = {Probe{"vector", {{{5}, 0, 3, ProbeInput::Kind::integer}}, [](auto x) { return one_hot(x[0], 3); }}},
});

}  // namespace

Tensor full(const Shape& shape, double value, DType dtype, Location at) {
    if (!is_valid(shape)) {
        throw ShapeError("full", "needs extents that are not negative and fit memory", to_string(shape),
                         Attribution::resolve(at));
    }
    NodeRef leaf = detail::new_leaf(dtype, Shape(), at);
    visit(dtype, [&](auto zero) {
        using T = decltype(zero);
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
            // −min is a power of two, so both bounds are exact.
            constexpr auto least = static_cast<double>(std::numeric_limits<T>::min());
            if (!(value >= least && value < -least)) {
                throw ValueError("full", "needs a number that fits " + std::string(name(dtype)), std::to_string(value),
                                 Attribution::resolve(at));
            }
        }
        *static_cast<T*>(leaf->data) = static_cast<T>(value);
    });
    return broadcast_to(Operand(Tensor(std::move(leaf)), at), shape);
}

Tensor zeros(const Shape& shape, DType dtype, Location at) {
    return full(shape, 0, dtype, at);
}
Tensor ones(const Shape& shape, DType dtype, Location at) {
    return full(shape, 1, dtype, at);
}
Tensor zeros_like(const Tensor& x, Location at) {
    return full(x.shape(), 0, x.dtype(), at);
}
Tensor ones_like(const Tensor& x, Location at) {
    return full(x.shape(), 1, x.dtype(), at);
}

Tensor one_hot(const Operand& labels, std::int64_t classes, DType dtype) {
    const Location at = Attribution::resolve(labels.location());
    const Tensor& tensor = labels.tensor();
    if (!is_integer(tensor.dtype())) {
        throw DTypeError("one_hot", "needs int32 or int64 labels", std::string(name(tensor.dtype())), at);
    }
    if (classes < 1) throw ValueError("one_hot", "needs at least one class", std::to_string(classes), at);
    // Labels are data: they are read now, so that a bad one is reported at this line and not at some later reading.
    visit(tensor.dtype(), [&](auto zero) {
        const NodeRef node = detail::readable(tensor, tensor.dtype(), at);
        const auto* values = static_cast<const decltype(zero)*>(node->data);
        for (std::int64_t i = 0; i < tensor.size(); ++i) {
            const auto label = static_cast<std::int64_t>(values[i]);
            if (label < 0 || label >= classes) {
                throw ValueError("one_hot", "needs labels from 0 to " + std::to_string(classes - 1),
                                 std::to_string(label) + " at index " + std::to_string(i), at);
            }
        }
    });
    return apply(one_hot_op, {tensor}, {{"classes", classes}, {"dtype", dtype}}, at);
}

}  // namespace xgrad
