#include <xgrad/ops/convolution.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/convolution_probes.hpp>
#include <xgrad/ops/kernels/convolution.hpp>
#include <xgrad/ops/movement.hpp>

namespace xgrad {

namespace {

// Three operations share one set of attributes: stride, padding, dilation, groups, and `size`, the spatial extents of
// the result. With X the windows of x, they are y = w X, its transpose in x and its transpose in w. Each is linear in
// both arguments, and its own transposes are the other two: so every derivative of every order is one of the three.

Shape spatial(const Shape& shape) {
    return {shape.begin() + 2, shape.end()};
}

Shape with_spatial(std::int64_t first, std::int64_t second, const Shape& size) {
    Shape shape{first, second};
    shape.append(size);
    return shape;
}

Attributes with_size(const Attributes& attributes, const Shape& size) {
    return {{"stride", attributes.at<Shape>("stride")},
            {"padding", attributes.at<Shape>("padding")},
            {"dilation", attributes.at<Shape>("dilation")},
            {"groups", attributes.at<std::int64_t>("groups")},
            {"size", size}};
}

/// One of the three, carrying g to an argument: the result is of that argument's size.
Tensor transposed(const char* op, const Record& r, const Tensor& x, const Tensor& y, std::size_t argument) {
    return apply(*find_op(op), {x, y}, with_size(r.attributes(), spatial(r.shape(argument))));
}

/// Judges the arguments for images with as many spatial axes as `size` has.
void judge(const Call& call, const char* rule) {
    const std::size_t rank = call.attributes.at<Shape>("size").rank() + 2;
    if (!is_floating(call.dtype(0)) || call.dtype(0) != call.dtype(1)) call.fail_dtype("needs float32 or float64");
    if (call.shape(0).rank() != rank || call.shape(1).rank() != rank) call.fail(rule);
    const auto groups = call.attributes.at<std::int64_t>("groups");
    for (std::size_t input = 0; input < 2; ++input) {
        for (const std::int64_t extent : call.shape(input)) {
            if (extent > INT32_MAX) call.fail("needs extents below 2^31");
        }
    }
    if (groups < 1 || groups > INT32_MAX) {
        throw ValueError(call.op, "needs groups >= 1 and below 2^31", std::to_string(groups), call.at);
    }
}

void require_divisible(const Call& call, std::int64_t channels, const char* what) {
    const auto groups = call.attributes.at<std::int64_t>("groups");
    if (channels % groups != 0) call.fail("needs " + std::to_string(groups) + " groups that divide the " + what);
}

/// y (N, O, size) of x (N, C, ...) and w (O, C / groups, ...).
Signature convolved(const Call& call) {
    const auto& size = call.attributes.at<Shape>("size");
    const char* rule = size.rank() == 1 ? "needs x (N, C, L) and w (O, C / groups, K)"
                                        : "needs x (N, C, H, W) and w (O, C / groups, kH, kW)";
    judge(call, rule);
    const Shape& x = call.shape(0);
    const Shape& w = call.shape(1);
    require_divisible(call, x[1], "channels");
    require_divisible(call, w[0], "filters");
    if (w[1] != x[1] / call.attributes.at<std::int64_t>("groups")) call.fail(rule);
    for (const std::int64_t extent : size) {
        if (extent < 1) call.fail("needs a kernel that is not empty and fits the padded input");
    }
    return {call.dtype(0), with_spatial(x[0], w[0], size)};
}

/// x (N, C, size) of y (N, O, ...) and w (O, C / groups, ...).
Signature transposed_in_x(const Call& call) {
    // To the user, who calls it as an operation of its own, y is x and O are the channels.
    const char* rule = "needs x (N, C, H, W) and w (C, O / groups, kH, kW)";
    judge(call, rule);
    const Shape& y = call.shape(0);
    const Shape& w = call.shape(1);
    require_divisible(call, y[1], "channels");
    if (w[0] != y[1]) call.fail(rule);
    return {call.dtype(0),
            with_spatial(y[0], w[1] * call.attributes.at<std::int64_t>("groups"), call.attributes.at<Shape>("size"))};
}

/// w (O, C / groups, size) of x (N, C, ...) and y (N, O, ...).
Signature transposed_in_w(const Call& call) {
    const char* rule = "needs x (N, C, H, W) and y (N, O, i, j)";
    judge(call, rule);
    const Shape& x = call.shape(0);
    const Shape& y = call.shape(1);
    require_divisible(call, x[1], "channels");
    require_divisible(call, y[1], "filters");
    if (x[0] != y[0]) call.fail(rule);
    return {call.dtype(0),
            with_spatial(y[1], x[1] / call.attributes.at<std::int64_t>("groups"), call.attributes.at<Shape>("size"))};
}

kernels::Convolution extents(const Attributes& attributes, const Shape& x, const Shape& w, const Shape& y) {
    const auto pair = [](const Shape& shape) { return kernels::Windows::Pair{shape[0], shape[1]}; };
    const auto groups = attributes.at<std::int64_t>("groups");
    return {x[0],
            groups,
            w[1],
            w[0] / groups,
            {pair(spatial(x)), pair(spatial(w)), pair(attributes.at<Shape>("stride")),
             pair(attributes.at<Shape>("padding")), pair(attributes.at<Shape>("dilation")), pair(spatial(y))}};
}

/// Calls f with both arguments in row-major order and typed, and the output.
template <class F>
void with_row_major(const KernelCall& call, F&& f) {
    StorageRef first;
    StorageRef second;
    const void* a = run::contiguous(call.inputs[0], first);
    const void* b = run::contiguous(call.inputs[1], second);
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        f(static_cast<const T*>(a), static_cast<const T*>(b), call.out<T>());
    });
}

kernels::Convolution extents_of_images(const KernelCall& call) {
    return extents(call.attributes, call.inputs[0].shape, call.inputs[1].shape, call.shape);
}
kernels::Convolution extents_of_results(const KernelCall& call) {
    return extents(call.attributes, call.shape, call.inputs[1].shape, call.inputs[0].shape);
}

/// w as convolve() reads it,
const Preparation packed_filters{
    .bytes =
        [](const KernelCall& call) {
            return visit_floating(call.dtype, [&]<class T>(T) {
                return static_cast<std::size_t>(kernels::packed_size<T>(extents_of_images(call))) * sizeof(T);
            });
        },
    .make =
        [](const KernelCall& call, void* packed) {
            StorageRef scratch;
            const void* w = run::contiguous(call.inputs[1], scratch);
            visit_floating(call.dtype, [&]<class T>(T) {
                kernels::pack(extents_of_images(call), static_cast<const T*>(w), static_cast<T*>(packed));
            });
        }};

/// and as convolve_transposed() does.
const Preparation packed_channels{
    .bytes =
        [](const KernelCall& call) {
            return visit_floating(call.dtype, [&]<class T>(T) {
                return static_cast<std::size_t>(kernels::packed_size_transposed<T>(extents_of_results(call))) *
                       sizeof(T);
            });
        },
    .make =
        [](const KernelCall& call, void* packed) {
            StorageRef scratch;
            const void* w = run::contiguous(call.inputs[1], scratch);
            visit_floating(call.dtype, [&]<class T>(T) {
                kernels::pack_transposed(extents_of_results(call), static_cast<const T*>(w), static_cast<T*>(packed));
            });
        }};

/// Images (B, N, C, H, W) as (N, B C, H, W): the examples as groups of channels.
Tensor as_groups(const BatchCall& call, std::size_t input) {
    const Shape& one = call.shape(input);
    return reshape(transpose(call.whole(input), {1, 0, 2, 3, 4}), {one[0], call.examples() * one[1], one[2], one[3]});
}

Attributes with_groups_of_examples(const BatchCall& call) {
    const Attributes& one = call.attributes();
    return {{"stride", one.at<Shape>("stride")},
            {"padding", one.at<Shape>("padding")},
            {"dilation", one.at<Shape>("dilation")},
            {"groups", one.at<std::int64_t>("groups") * call.examples()},
            {"size", one.at<Shape>("size")}};
}

/// Each example's images with its own kernels, or with those of all.
Tensor images_of_examples(const BatchCall& call) {
    if (!call.is_batched(1)) return joined_along_first(call, 1);
    const Shape& w = call.shape(1);
    const Tensor kernels = reshape(call.whole(1), {call.examples() * w[0], w[1], w[2], w[3]});
    const Tensor result = apply(call.op(), {as_groups(call, 0), kernels}, with_groups_of_examples(call));
    const Shape& y = call.shape();
    return transpose(reshape(result, {y[0], call.examples(), y[1], y[2], y[3]}), {1, 0, 2, 3, 4});
}

Tensor kernels_of_examples(const BatchCall& call) {
    const Tensor result = apply(call.op(), {as_groups(call, 0), as_groups(call, 1)}, with_groups_of_examples(call));
    return reshape(result, with_examples(call.examples(), call.shape()));
}

const Op& conv2d_op = define(Linear{
    .name = "conv2d",
    .math = "y[o, i] = sum over c, k of w[o, c, k] x[c, i stride - padding + k dilation]",
    .batch = images_of_examples,
    .row_by_row = 1,
    .prepare = packed_filters,
    .linearity = Linearity::in_each,
    .shape = convolved,
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* packed = prepared(call, packed_filters, scratch);
            with_row_major(call, [&]<class T>(const T* x, const T* w, T* y) {
                kernels::convolve(extents_of_images(call), x, w, static_cast<const T*>(packed), y);
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return transposed("conv_transpose2d", r, g, r.input(1), 0); },
                   [](const Record& r, const Tensor& g) { return transposed("conv2d_weight", r, r.input(0), g, 1); }},
    .probes = conv2d_probes,
});

const Op& conv_transpose2d_op = define(Linear{
    .name = "conv_transpose2d",
    .math = "x[c, i stride - padding + k dilation] = sum over o, i, k of w[o, c, k] y[o, i]",
    .batch = images_of_examples,
    .row_by_row = 1,
    .prepare = packed_channels,
    .linearity = Linearity::in_each,
    .shape = transposed_in_x,
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* packed = prepared(call, packed_channels, scratch);
            with_row_major(call, [&]<class T>(const T* y, const T* w, T* x) {
                kernels::convolve_transposed(extents_of_results(call), y, w, static_cast<const T*>(packed), x);
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return transposed("conv2d", r, g, r.input(1), 0); },
                   [](const Record& r, const Tensor& g) { return transposed("conv2d_weight", r, g, r.input(0), 1); }},
    .probes = conv_transpose2d_probes,
});

const Op& conv2d_weight_op = define(Linear{
    .name = "conv2d_weight",
    .math = "w[o, c, k] = sum over images and i of x[c, i stride - padding + k dilation] y[o, i]",
    .batch = kernels_of_examples,
    .linearity = Linearity::in_each,
    .shape = transposed_in_w,
    .forward =
        [](const KernelCall& call) {
            const auto s = extents(call.attributes, call.inputs[0].shape, call.shape, call.inputs[1].shape);
            with_row_major(call, [&](const auto* x, const auto* y, auto* w) { kernels::correlate(s, x, y, w); });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return transposed("conv_transpose2d", r, r.input(1), g, 0); },
                   [](const Record& r, const Tensor& g) { return transposed("conv2d", r, r.input(0), g, 1); }},
    .probes = conv2d_weight_probes,
});

const Op& conv1d_op = define(Composite{
    .name = "conv1d",
    .math = "y[o, i] = sum over c, k of w[o, c, k] x[c, i stride - padding + k dilation]",
    .probes = conv1d_probes,
});

/// The number of positions of a kernel along one axis, 0 if there is none.
std::int64_t positions(std::int64_t extent, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                       std::int64_t dilation) {
    const std::int64_t room = extent + 2 * padding - dilation * (kernel - 1) - 1;
    return kernel < 1 || room < 0 ? 0 : room / stride + 1;
}

/// True if sizes may be worked out from these shapes; if not, the operation's rule says what is wrong with them.
bool have_rank(std::size_t rank, const Shape& x, const Shape& w) {
    const auto fits_int32 = [](std::int64_t extent) { return extent <= INT32_MAX; };
    return x.rank() == rank && w.rank() == rank && std::all_of(x.begin(), x.end(), fits_int32) &&
           std::all_of(w.begin(), w.end(), fits_int32);
}

/// The options of both, which are not of one type; `size` is still to be worked out.
template <class Options>
ConvGeometry geometry_of(const Options& options) {
    return {.size = {0, 0},
            .stride = {options.stride.height, options.stride.width},
            .padding = {options.padding.height, options.padding.width},
            .dilation = {options.dilation.height, options.dilation.width},
            .groups = options.groups};
}

/// The shape of what an operation gives, by a rule that may be stricter than the operation's own, and the attributes
/// that follow from the operands' shapes. What does not fit is refused with a cure, if there is one.
template <class AttributesOf>
std::pair<Shape, Attributes> judged(std::string_view op, const Promoted& pair, Signature (*rule)(const Call&),
                                    const AttributesOf& attributes_of) {
    Node* const inputs[] = {source(pair.x, op, pair.at).get(), source(pair.y, op, pair.at).get()};
    Attributes attributes = attributes_of(inputs[0]->shape, inputs[1]->shape);
    try {
        return {rule(Call{op, inputs, attributes, pair.at}).shape, std::move(attributes)};
    } catch (const ShapeError& error) {
        explain::refuse_with_cure(error, op, {pair.x, pair.y}, [&](std::span<Node* const> operands) {
            return explain::is_taken(rule, operands, attributes_of(operands[0]->shape, operands[1]->shape));
        });
    }
}

}  // namespace

Tensor conv2d(const Operand& x, const Operand& w, const ConvOptions& options) {
    const Promoted pair = promote("conv2d", x, w);
    require_range("conv2d", "stride", options.stride, 1, pair.at);
    require_range("conv2d", "padding", options.padding, 0, pair.at);
    require_range("conv2d", "dilation", options.dilation, 1, pair.at);
    const auto attributes_of = [&](const Shape& image, const Shape& kernel) {
        ConvGeometry geometry = geometry_of(options);
        for (std::size_t axis = 0; axis < 2 && have_rank(4, image, kernel); ++axis) {
            geometry.size[axis] = positions(image[axis + 2], kernel[axis + 2], geometry.stride[axis],
                                            geometry.padding[axis], geometry.dilation[axis]);
        }
        return geometry.attributes();
    };
    return apply(conv2d_op, {pair.x, pair.y}, judged("conv2d", pair, convolved, attributes_of).second, pair.at);
}

Tensor conv1d(const Operand& x, const Operand& w, const Conv1dOptions& options) {
    const Promoted pair = promote("conv1d", x, w);
    const Attribution attribution(pair.at);
    require_range("conv1d", "stride", options.stride, 1, pair.at);
    require_range("conv1d", "padding", options.padding, 0, pair.at);
    require_range("conv1d", "dilation", options.dilation, 1, pair.at);
    const auto attributes_of = [&](const Shape& row, const Shape& kernel) {
        Shape size{0};
        if (have_rank(3, row, kernel)) {
            size = {positions(row[2], kernel[2], options.stride, options.padding, options.dilation)};
        }
        return Attributes{{"groups", options.groups}, {"size", size}};
    };
    // Judged as what it is, so that an error shows the caller's own shapes; computed as an image of one row.
    const Shape result = judged("conv1d", pair, convolved, attributes_of).first;
    const auto as_row = [](const Tensor& tensor) {
        const Shape& shape = tensor.shape();
        return reshape(tensor, {shape[0], shape[1], 1, shape[2]});
    };
    const ConvOptions flat{.stride = {1, options.stride},
                           .padding = {0, options.padding},
                           .dilation = {1, options.dilation},
                           .groups = options.groups};
    return reshape(conv2d(as_row(pair.x), as_row(pair.y), flat), result);
}

Tensor conv_transpose2d(const Operand& x, const Operand& w, const ConvTransposeOptions& options) {
    constexpr std::string_view op = "conv_transpose2d";
    const Promoted pair = promote(op, x, w);
    const PerAxis stride = options.stride, dilation = options.dilation, extra = options.output_padding;
    require_range(op, "stride", stride, 1, pair.at);
    require_range(op, "padding", options.padding, 0, pair.at);
    require_range(op, "dilation", dilation, 1, pair.at);
    require_range(op, "output padding", extra, 0, pair.at);
    if (extra.height >= std::max(stride.height, dilation.height) ||
        extra.width >= std::max(stride.width, dilation.width)) {
        throw ValueError(op, "needs an output padding below the stride or the dilation",
                         to_string(Shape{extra.height, extra.width}), pair.at);
    }
    const auto attributes_of = [&](const Shape& images, const Shape& kernels) {
        ConvGeometry geometry = geometry_of(options);
        const Shape more{extra.height, extra.width};
        for (std::size_t axis = 0; axis < 2 && have_rank(4, images, kernels); ++axis) {
            const std::int64_t image = images[axis + 2];
            const std::int64_t kernel = kernels[axis + 2];
            const std::int64_t size = (image - 1) * geometry.stride[axis] - 2 * geometry.padding[axis] +
                                      geometry.dilation[axis] * (kernel - 1) + 1 + more[axis];
            geometry.size[axis] = image > 0 && kernel > 0 ? std::max<std::int64_t>(size, 0) : 0;
        }
        return geometry.attributes();
    };
    const auto rule = [](const Call& call) {
        const Signature signature = transposed_in_x(call);
        for (const std::int64_t extent : call.attributes.at<Shape>("size")) {
            if (extent < 1) call.fail("needs an input, a kernel and a result of at least one pixel");
        }
        return signature;
    };
    return apply(conv_transpose2d_op, {pair.x, pair.y}, judged(op, pair, rule, attributes_of).second, pair.at);
}

}  // namespace xgrad
