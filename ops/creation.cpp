#include <xgrad/ops/creation.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/rearrange.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

bool is_integer(DType dtype) {
    return dtype == DType::int32 || dtype == DType::int64;
}

template <class T>
void require_labels(const T* labels, std::int64_t count, std::int64_t classes, Location at) {
    for (std::int64_t i = 0; i < count; ++i) {
        const auto label = static_cast<std::int64_t>(labels[i]);
        if (label >= 0 && label < classes) continue;
        throw ValueError("one_hot", "needs labels from 0 to " + std::to_string(classes - 1),
                         std::to_string(label) + " at index " + std::to_string(i), at);
    }
}

const Op& one_hot_op = define(General{
    .name = "one_hot",
    .math = "y[c, i] = [labels[i] = c]",
    .batch = [](const BatchCall& call) { return moveaxis(apply(call.op(), {call.given(0)}, call.attributes()), 0, 1); },
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
                    require_labels(labels, count, classes, call.at);
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

/// Where a sequence begins and how it goes on: an input and not an attribute, so that a program that makes another
/// sequence in every step repeats one structure.
template <class T>
Tensor bounds(T first, T second, Location at) {
    NodeRef leaf = detail::new_leaf(dtype_of<T>, Shape{2}, at);
    static_cast<T*>(leaf->data)[0] = first;
    static_cast<T*>(leaf->data)[1] = second;
    return Tensor(std::move(leaf));
}

Signature sequence(const Call& call) {
    return {call.attributes.at<DType>("dtype"), call.attributes.at<Shape>("shape")};
}

/// y[i] = f(bounds[0], bounds[1], i), with f in the bounds' type.
template <class B, class F>
void fill_sequence(const KernelCall& call, F&& f) {
    const B first = call.inputs[0].as<B>()[0];
    const B second = call.inputs[0].as<B>()[call.inputs[0].strides[0]];
    const std::int64_t size = call.shape[0];
    constexpr std::int64_t per_part = 1 << 14;
    const auto parts = static_cast<std::size_t>((size + per_part - 1) / per_part);
    visit(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        T* output = call.out<T>();
        run::parallel_for(parts, static_cast<std::size_t>(size) * sizeof(T), [&](std::size_t part) {
            const std::int64_t start = static_cast<std::int64_t>(part) * per_part;
            const std::int64_t end = std::min(size, start + per_part);
            for (std::int64_t i = start; i < end; ++i) output[i] = static_cast<T>(f(first, second, i));
        });
    });
}

const Zero no_input{"a sequence depends on no quantity"};

const Op& arange_op = define(General{
    .name = "arange",
    .math = "y[i] = start + i step",
    .shape = sequence,
    .forward =
        [](const KernelCall& call) {
            if (!is_integer(call.dtype)) {
                return fill_sequence<double>(call, [](double start, double step, std::int64_t i) {
                    return start + static_cast<double>(i) * step;
                });
            }
            // Unsigned, because i step may overflow where start + i step does not.
            fill_sequence<std::int64_t>(call, [](std::uint64_t start, std::uint64_t step, std::int64_t i) {
                return static_cast<std::int64_t>(start + static_cast<std::uint64_t>(i) * step);
            });
        },
    .vjp = no_input,
    .jvp = no_input,
    .probes = {Probe{"numbers", {}, [](auto) { return arange(0, 1, 0.1); }},
               Probe{"integers", {}, [](auto) { return arange(5, -5, -3, DType::int64); }}},
});

const Op& linspace_op = define(General{
    .name = "linspace",
    .math = "y[i] = start + i (stop - start) / (n - 1)",
    .shape = sequence,
    .forward =
        [](const KernelCall& call) {
            const auto last = call.shape[0] - 1;
            const auto parts = static_cast<double>(std::max<std::int64_t>(last, 1));
            fill_sequence<double>(call, [&](double start, double stop, std::int64_t i) {
                if (i == last && i > 0) return stop;
                double step = (stop - start) / parts;
                if (!std::isfinite(step)) step = stop / parts - start / parts;  // the difference is beyond a double
                return start + static_cast<double>(i) * step;
            });
        },
    .vjp = no_input,
    .jvp = no_input,
    .probes = {Probe{"five", {}, [](auto) { return linspace(-1, 1, 5); }},
               Probe{"one", {}, [](auto) { return linspace(-1, 1, 1, DType::float64); }}},
});

const Op& eye_op = define(Composite{
    .name = "eye",
    .math = "y[i, j] = [j = i + k]",
    .probes = {Probe{"square", {}, [](auto) { return eye(3); }}, Probe{"wide", {}, [](auto) { return eye(2, 4, 1); }}},
});

/// Refuses what an integer dtype cannot hold exactly.
void require_integer(double number, DType dtype, Location at) {
    const double bound = dtype == DType::int32 ? 0x1p31 : 0x1p63;
    if (std::trunc(number) == number && number >= -bound && number < bound) return;
    throw ValueError("arange", "needs whole numbers that fit " + std::string(name(dtype)), std::to_string(number), at);
}

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

Tensor full_like(const Tensor& x, double value, Location at) {
    return full(x.shape(), value, x.dtype(), at);
}

Tensor arange(double start, double stop, double step, DType dtype, Location at) {
    at = Attribution::resolve(at);
    if (dtype == DType::boolean) throw DTypeError("arange", "needs numbers", std::string(name(dtype)), at);
    if (step == 0) throw ValueError("arange", "needs a step that is not 0", {}, at);
    for (const double number : {start, stop, step}) {
        if (!std::isfinite(number)) throw ValueError("arange", "needs finite numbers", std::to_string(number), at);
    }
    const double count = std::max(0.0, std::ceil((stop - start) / step));
    if (!(count < 0x1p59)) {
        throw ShapeError("arange", "needs a length that fits memory", std::to_string(count) + " elements", at);
    }
    const Attributes attributes{{"shape", Shape{static_cast<std::int64_t>(count)}}, {"dtype", dtype}};
    if (!is_integer(dtype)) return apply(arange_op, {bounds(start, step, at)}, attributes, at);
    require_integer(start, dtype, at);
    require_integer(step, dtype, at);
    if (count > 0) require_integer(start + (count - 1) * step, dtype, at);
    const Tensor from = bounds(static_cast<std::int64_t>(start), static_cast<std::int64_t>(step), at);
    return apply(arange_op, {from}, attributes, at);
}

Tensor linspace(double start, double stop, std::int64_t n, DType dtype, Location at) {
    at = Attribution::resolve(at);
    if (!is_floating(dtype)) throw DTypeError("linspace", "needs a floating-point dtype", std::string(name(dtype)), at);
    if (n < 0) throw ValueError("linspace", "needs n >= 0", std::to_string(n), at);
    for (const double number : {start, stop}) {
        if (!std::isfinite(number)) throw ValueError("linspace", "needs finite numbers", std::to_string(number), at);
    }
    return apply(linspace_op, {bounds(start, stop, at)}, {{"shape", Shape{n}}, {"dtype", dtype}}, at);
}

Tensor eye(std::int64_t n, std::optional<std::int64_t> m, std::int64_t k, DType dtype, Location at) {
    at = Attribution::resolve(at);
    const Attribution attribution(at);
    const std::int64_t columns = m.value_or(n);
    if (!is_valid({n, columns})) {
        throw ShapeError("eye", "needs extents that are not negative and fit memory", to_string(Shape{n, columns}), at);
    }
    const auto indices = [](std::int64_t count) { return arange(0, static_cast<double>(count), 1, DType::int64); };
    const std::int64_t diagonal = std::clamp(k, -n, columns);  // beyond those there is none, and no overflow either
    return astype(reshape(indices(n), {n, 1}) + diagonal == indices(columns), dtype);
}

Tensor one_hot(const Operand& labels, std::int64_t classes, DType dtype) {
    const Location at = Attribution::resolve(labels.location());
    const Tensor& tensor = labels.tensor();
    if (!is_integer(tensor.dtype())) {
        throw DTypeError("one_hot", "needs int32 or int64 labels", std::string(name(tensor.dtype())), at);
    }
    if (classes < 1) throw ValueError("one_hot", "needs at least one class", std::to_string(classes), at);
    // Labels are data: they are read now, so that a bad one is reported at this line and not at some later reading.
    if (!is_tracing()) {
        visit(tensor.dtype(), [&](auto zero) {
            const NodeRef node = detail::readable(tensor, tensor.dtype(), at);
            require_labels(static_cast<const decltype(zero)*>(node->data), tensor.size(), classes, at);
        });
    }
    return apply(one_hot_op, {tensor}, {{"classes", classes}, {"dtype", dtype}}, at);
}

}  // namespace xgrad
