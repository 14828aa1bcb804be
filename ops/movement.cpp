#include <xgrad/ops/movement.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include <fmt/format.h>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/kernels/reduce.hpp>
#include <xgrad/ops/movement_probes.hpp>

namespace xgrad {

namespace {

std::size_t index(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

Shape permuted(const Shape& shape, const Shape& axes) {
    Shape result;
    for (std::int64_t axis : axes) result.push_back(shape[index(axis)]);
    return result;
}

const Op& transpose_op = define(Linear{
    .name = "transpose",
    .math = "y[i, j] = x[j, i]",
    .batch =
        [](const BatchCall& call) {
            Shape axes{0};
            for (std::int64_t axis : call.attributes().at<Shape>("axes")) axes.push_back(axis + 1);
            return transpose(call.given(0), axes);
        },
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), permuted(call.shape(0), call.attributes.at<Shape>("axes"))};
        },
    .forward =
        [](const Array& x, const Attributes& attributes, const Shape&) {
            return std::optional<Layout>({0, permuted(x.strides, attributes.at<Shape>("axes"))});
        },
    // The inverse permutation.
    .transposes = {[](const Record& r, const Tensor& g) {
        const auto& axes = r.attribute<Shape>("axes");
        Shape inverse = axes;
        for (std::size_t axis = 0; axis < axes.rank(); ++axis)
            inverse[index(axes[axis])] = static_cast<std::int64_t>(axis);
        return transpose(g, inverse);
    }},
    .probes = transpose_probes,
});

const Op& reshape_op = define(Linear{
    .name = "reshape",
    .math = "y = x, its elements in row-major order under another shape",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.attributes.at<Shape>("shape")};
        },
    .forward =
        [](const Array& x, const Attributes&, const Shape& shape) {
            return x.is_contiguous() ? std::optional<Layout>({0, row_major(shape)}) : std::nullopt;
        },
    .transposes = {[](const Record& r, const Tensor& g) { return reshape(g, r.shape(0)); }},
    .probes = reshape_probes,
});

const Op& broadcast_to_op = define(Linear{
    .name = "broadcast_to",
    .math = "y = x repeated",
    .batch = lifted_broadcasting,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.attributes.at<Shape>("shape")};
        },
    .forward =
        [](const Array& x, const Attributes&, const Shape& shape) {
            return std::optional<Layout>({0, stretched_strides(x.shape, x.strides, shape)});
        },
    // Every copy sends its cotangent back: their sum.
    .transposes = {[](const Record& r, const Tensor& g) { return algebra::unstretched(g, r.shape(0)); }},
    .probes = broadcast_probes,
});

Tensor slice(const Tensor& x, const Shape& starts, const Shape& steps, const Shape& shape, Location at);

/// Where the sliced elements lie in an array with these strides.
Layout slice_layout(const Strides& strides, const Attributes& attributes) {
    const auto& starts = attributes.at<Shape>("starts");
    const auto& steps = attributes.at<Shape>("steps");
    Layout layout{0, strides};
    for (std::size_t axis = 0; axis < strides.rank(); ++axis) {
        layout.offset += starts[axis] * strides[axis];
        layout.strides[axis] = steps[axis] * strides[axis];
    }
    return layout;
}

/// Writes a contiguous array to where a layout says, a row of its last axis at a time.
template <class T>
void scatter_rows(const T* source, const Shape& shape, const Layout& layout, T* target) {
    // Axes that are sliced whole are one.
    Shape merged;
    Strides strides;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        run::append_axis(merged, strides, shape[axis], layout.strides[axis]);
    }
    const std::int64_t width = merged.rank() == 0 ? 1 : merged.back();
    const std::int64_t step = merged.rank() == 0 ? 1 : strides.back();
    if (shape.size() == 0) return;
    if (merged.rank() > 0) merged[merged.rank() - 1] = 1;
    const std::size_t bytes = index(shape.size()) * sizeof(T);
    kernels::share_results(merged.size(), width, bytes, [&](std::int64_t first, std::int64_t end) {
        for (std::int64_t row = first; row < end; ++row) {
            const T* from = source + row * width;
            T* to = target + layout.offset + kernels::offset_of(row, merged, strides);
            if (step == 1) {
                std::copy_n(from, width, to);
            } else {
                for (std::int64_t i = 0; i < width; ++i) to[i * step] = from[i];
            }
        }
    });
}

/// The transpose of slice: an array of zeros with x at the sliced places.
const Op& unslice_op = define(Linear{
    .name = "unslice",
    .math = "y[slice] = x, 0 elsewhere",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.attributes.at<Shape>("shape")};
        },
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* source = run::contiguous(call.inputs[0], scratch);
            const Layout layout = slice_layout(row_major(call.shape), call.attributes);
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const std::int64_t size = call.shape.size();
                kernels::share_results(size, 1, index(size) * sizeof(T), [&](std::int64_t first, std::int64_t end) {
                    std::fill(call.out<T>() + first, call.out<T>() + end, T(0));
                });
                scatter_rows(static_cast<const T*>(source), call.inputs[0].shape, layout, call.out<T>());
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
        return slice(g, r.attribute<Shape>("starts"), r.attribute<Shape>("steps"), r.shape(0), {});
    }},
    .probes = unslice_probes,
});

const Op& slice_op = define(Linear{
    .name = "slice",
    .math = "y[i] = x[start + step i]",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.attributes.at<Shape>("shape")};
        },
    .forward = [](const Array& x, const Attributes& attributes,
                  const Shape&) { return std::optional<Layout>(slice_layout(x.strides, attributes)); },
    .transposes = {[](const Record& r, const Tensor& g) {
        const Attributes attributes{
            {"shape", r.shape(0)}, {"starts", r.attribute<Shape>("starts")}, {"steps", r.attribute<Shape>("steps")}};
        return apply(unslice_op, {g}, attributes);
    }},
    .probes = slice_probes,
});

Tensor slice(const Tensor& x, const Shape& starts, const Shape& steps, const Shape& shape, Location at) {
    return apply(slice_op, {x}, {{"shape", shape}, {"starts", starts}, {"steps", steps}}, at);
}

const Op& concatenate_op = define(Linear{
    .name = "concatenate",
    .math = "y = x1, x2, ... side by side along an axis",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            const std::size_t axis = index(call.attributes.at<std::int64_t>("axis"));
            Shape shape = call.shape(0);
            for (std::size_t input = 1; input < call.inputs.size(); ++input) {
                Shape other = call.shape(input);
                if (call.dtype(input) != call.dtype(0)) call.fail_dtype("needs one dtype");
                if (other.rank() != shape.rank()) call.fail("needs tensors of one rank");
                const std::int64_t joined = shape[axis] + other[axis];
                other[axis] = shape[axis];
                if (other != shape) call.fail("needs equal extents except along axis " + std::to_string(axis));
                shape[axis] = joined;
            }
            return Signature{call.dtype(0), shape};
        },
    .forward =
        [](const KernelCall& call) {
            const std::size_t axis = index(call.attributes.at<std::int64_t>("axis"));
            std::int64_t outer = 1;
            for (std::size_t before = 0; before < axis; ++before) outer *= call.shape[before];
            if (outer == 0) return;
            auto* target = static_cast<std::byte*>(call.output);
            const std::size_t row = index(call.shape.size() / outer) * item_size(call.dtype);
            for (const Array& input : call.inputs) {
                StorageRef scratch;
                const auto* source = static_cast<const std::byte*>(run::contiguous(input, scratch));
                const std::size_t part = index(input.shape.size() / outer) * item_size(call.dtype);
                for (std::size_t i = 0; part > 0 && i < index(outer); ++i) {
                    std::memcpy(target + i * row, source + i * part, part);
                }
                target += part;
            }
        },
    // Each argument takes its own piece of the cotangent.
    .transposes = {[](const Record& r, const Tensor& g, std::size_t argument) {
        const std::size_t axis = index(r.attribute<std::int64_t>("axis"));
        Shape starts = Shape::of_rank(g.rank());
        for (std::size_t before = 0; before < argument; ++before) starts[axis] += r.shape(before)[axis];
        return slice(g, starts, Shape::of_rank(g.rank(), 1), r.shape(argument), {});
    }},
    .probes = concatenate_probes,
});

}  // namespace

Tensor transpose(const Operand& x, const Axes& axes) {
    const std::size_t rank = x.tensor().rank();
    Shape order;
    if (axes.all()) {
        for (std::size_t axis = rank; axis-- > 0;) order.push_back(static_cast<std::int64_t>(axis));
    } else {
        if (axes.resolve(x.tensor(), "transpose", x.location()).rank() != rank) {
            throw ShapeError("transpose", "needs every axis of " + explain::operand_text(x.tensor()),
                             to_string(axes.given()), Attribution::resolve(x.location()));
        }
        for (std::int64_t axis : axes.given()) {
            order.push_back(static_cast<std::int64_t>(resolve_axis(axis, x.tensor(), "transpose", x.location())));
        }
    }
    return apply(transpose_op, {x.tensor()}, {{"axes", order}}, x.location());
}

namespace {

/// The shape with -1 worked out; none if it is not one of so many elements.
std::optional<Shape> shape_of_elements(const Shape& shape, std::int64_t size) {
    Shape target = shape;
    std::int64_t known = 1;
    std::size_t unknown = shape.rank();
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        const bool bad = shape[axis] < -1 || (shape[axis] == -1 && unknown < shape.rank());
        if (bad || (shape[axis] >= 0 && __builtin_mul_overflow(known, shape[axis], &known))) return std::nullopt;
        if (shape[axis] == -1) unknown = axis;
    }
    if (unknown < shape.rank() && known > 0) target[unknown] = size / known;
    const bool is_unknown = std::find(target.begin(), target.end(), -1) != target.end();
    if (is_unknown || target.size() != size) return std::nullopt;
    return target;
}

/// One extent of the shape replaced by -1, or one more, so that it holds so many elements: how that would be written.
std::string mended_shape(const Tensor& x, const Shape& shape) {
    constexpr std::size_t most = 2;
    std::vector<std::string> cures;
    const std::string called = explain::operand_name(*x.node());
    const auto attempt = [&](const Shape& edited) {
        if (cures.size() == most || !shape_of_elements(edited, x.size())) return;
        cures.push_back(fmt::format("reshape({}, {{{}}})", called.empty() ? "..." : called,
                                    fmt::join(edited.begin(), edited.end(), ", ")));
    };
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        Shape edited = shape;
        edited[axis] = -1;
        attempt(edited);
    }
    if (cures.empty() && shape.rank() < Shape::max_rank) {
        Shape longer = shape;
        longer.push_back(-1);
        attempt(longer);
    }
    return cures.empty() ? "" : fmt::format("did you mean {}?", fmt::join(cures, " or "));
}

bool broadcasts_to(const Shape& from, const Shape& shape) {
    Shape joined;
    return is_valid(shape) && broadcast(from, shape, joined) && joined == shape;
}

}  // namespace

Tensor reshape(const Operand& x, const Shape& shape) {
    const Tensor& tensor = x.tensor();
    const std::optional<Shape> target = shape_of_elements(shape, tensor.size());
    if (!target) {
        throw ShapeError(
            "reshape", fmt::format("needs a shape of {} elements for {}", tensor.size(), explain::operand_text(tensor)),
            to_string(shape), Attribution::resolve(x.location()), mended_shape(tensor, shape));
    }
    if (*target == tensor.shape()) return tensor;
    return apply(reshape_op, {tensor}, {{"shape", *target}}, x.location());
}

Tensor broadcast_to(const Operand& x, const Shape& shape) {
    const Tensor& tensor = x.tensor();
    if (!broadcasts_to(tensor.shape(), shape)) {
        const Location at = Attribution::resolve(x.location());
        Node* const operand = source(tensor, "broadcast_to", at).get();
        const auto accepts = [&](auto operands) { return broadcasts_to(operands[0]->shape, shape); };
        const std::string rest = fmt::format(", {{{}}}", fmt::join(shape.begin(), shape.end(), ", "));
        throw ShapeError("broadcast_to", "needs a shape that " + explain::operand_text(tensor) + " broadcasts to",
                         to_string(shape), at, explain::cure("broadcast_to", {&operand, 1}, accepts, rest));
    }
    if (shape == tensor.shape()) return tensor;
    return apply(broadcast_to_op, {tensor}, {{"shape", shape}}, x.location());
}

Tensor view(const Operand& x, const std::vector<Slice>& slices) {
    const Tensor& tensor = x.tensor();
    const Shape& shape = tensor.shape();
    const Location at = Attribution::resolve(x.location());
    std::size_t named = 0;
    std::size_t ellipses = 0;
    std::size_t added = 0;
    std::size_t dropped = 0;
    for (const Slice& step : slices) {
        named += step.kind == Slice::Kind::index || step.kind == Slice::Kind::range;
        ellipses += step.kind == Slice::Kind::ellipsis;
        added += step.kind == Slice::Kind::newaxis;
        dropped += step.kind == Slice::Kind::index;
    }
    if (named > shape.rank() || ellipses > 1) {
        throw ShapeError("view",
                         "needs at most one slice per axis and one ellipsis for " + explain::operand_text(tensor),
                         std::to_string(named) + " slices", at);
    }
    require_rank(shape.rank() + added - dropped, "view", at);
    Shape starts = Shape::of_rank(shape.rank());
    Shape steps = Shape::of_rank(shape.rank(), 1);
    Shape lengths = shape;
    Shape result;
    std::size_t axis = 0;
    const auto keep = [&](std::size_t until) {
        for (; axis < until; ++axis) result.push_back(shape[axis]);
    };
    for (const Slice& step : slices) {
        if (step.kind == Slice::Kind::newaxis) {
            result.push_back(1);
            continue;
        }
        if (step.kind == Slice::Kind::ellipsis) {
            keep(axis + shape.rank() - named);
            continue;
        }
        const std::int64_t extent = shape[axis];
        if (step.kind == Slice::Kind::index) {
            if (step.start < -extent || step.start >= extent) {
                throw ShapeError("view",
                                 fmt::format("needs an index below {} for axis {} of {}", extent, axis,
                                             explain::operand_text(tensor)),
                                 std::to_string(step.start), at);
            }
            starts[axis] = step.start < 0 ? step.start + extent : step.start;
            lengths[axis++] = 1;
            continue;
        }
        if (step.step == 0 || step.step == Slice::open) {
            throw ShapeError("view", "needs a step that is not 0",
                             fmt::format("axis {} of {}", axis, explain::operand_text(tensor)), at);
        }
        const bool forwards = step.step > 0;
        const std::int64_t low = forwards ? 0 : -1;
        const std::int64_t high = forwards ? extent : extent - 1;
        const auto bound = [&](std::int64_t given, std::int64_t otherwise) {
            if (given == Slice::open) return otherwise;
            return std::clamp(given < 0 ? given + extent : given, low, high);
        };
        const std::int64_t start = bound(step.start, forwards ? low : high);
        const std::int64_t stop = bound(step.stop, forwards ? high : low);
        const std::int64_t distance = forwards ? stop - start : start - stop;
        const std::int64_t stride = forwards ? step.step : -step.step;
        lengths[axis] = distance > 0 ? (distance - 1) / stride + 1 : 0;
        starts[axis] = lengths[axis] > 0 ? start : 0;
        // One element needs no step, and a long one would overflow the strides.
        steps[axis] = lengths[axis] > 1 ? step.step : 1;
        result.push_back(lengths[axis++]);
    }
    keep(shape.rank());
    const Attribution attribution(at);
    const Tensor sliced = slice(tensor, starts, steps, lengths, at);
    return reshape(sliced, result);
}

Tensor concatenate(const std::vector<Tensor>& tensors, std::int64_t axis, Location at) {
    at = Attribution::resolve(at);
    if (tensors.empty()) throw ShapeError("concatenate", "needs at least one tensor", "none", at);
    const std::size_t resolved = resolve_axis(axis, tensors[0], "concatenate", at);
    return apply(concatenate_op, tensors, {{"axis", static_cast<std::int64_t>(resolved)}}, at);
}

}  // namespace xgrad
