#include <xgrad/ops/pooling.hpp>

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/fetch.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/kernels/pooling.hpp>
#include <xgrad/ops/kernels/pooling_tiles.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

using namespace kernels;
using detail::run_for_isa;
using detail::run_per_isa;

// All operations here have the attributes kernel, stride and padding, and `size`, the spatial extents of the result.
// They work on each channel of each image by itself: on a plane.

Attributes with_size(const Record& r, const Shape& size) {
    return {{"kernel", r.attribute<Shape>("kernel")},
            {"stride", r.attribute<Shape>("stride")},
            {"padding", r.attribute<Shape>("padding")},
            {"size", size}};
}

/// The two last extents.
Shape spatial(const Shape& shape) {
    return {shape.end() - 2, shape.end()};
}

/// One of the operations below with the windows of r; the result is of the given size.
Tensor like(const char* op, const Record& r, const Tensor& x, const Shape& size) {
    return apply(*find_op(op), {x}, with_size(r, size));
}

Windows windows_of(const Attributes& attributes, const Shape& image, const Shape& positions) {
    const auto pair = [](const Shape& shape) { return Windows::Pair{shape[0], shape[1]}; };
    return {pair(spatial(image)),
            pair(attributes.at<Shape>("kernel")),
            pair(attributes.at<Shape>("stride")),
            pair(attributes.at<Shape>("padding")),
            {1, 1},
            pair(spatial(positions))};
}

/// Calls f(planes of the inputs, plane of the output) for each channel of each image.
template <std::size_t Inputs, class F>
void for_each_plane(const KernelCall& call, F&& f) {
    const auto planes = static_cast<std::size_t>(call.shape[0] * call.shape[1]);
    std::array<StorageRef, Inputs> scratch;
    std::array<const void*, Inputs> data;
    std::array<std::size_t, Inputs> pixels;
    const auto plane_of = [](const Shape& shape) { return static_cast<std::size_t>(spatial(shape).size()); };
    for (std::size_t input = 0; input < Inputs; ++input) {
        data[input] = run::contiguous(call.inputs[input], scratch[input]);
        pixels[input] = plane_of(call.inputs[input].shape);
    }
    const std::size_t out = plane_of(call.shape);
    const std::size_t bytes_of_plane = std::max(out, pixels[Inputs - 1]) * item_size(call.dtype);
    constexpr std::size_t bytes_of_part = std::size_t{1} << 16;
    const std::size_t per_part = std::max<std::size_t>(bytes_of_part / std::max<std::size_t>(bytes_of_plane, 1), 1);
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto of_input = [&](std::size_t input, std::size_t plane) {
            return static_cast<const T*>(data[input]) + plane * pixels[input];
        };
        const auto of_result = [&](std::size_t plane) { return call.out<T>() + plane * out; };
        run::parallel_for((planes + per_part - 1) / per_part, planes * bytes_of_plane, [&](std::size_t part) {
            const std::size_t end = std::min(planes, (part + 1) * per_part);
            for (std::size_t plane = part * per_part; plane < end; ++plane) {
                std::array<const T*, Inputs> in;
                for (std::size_t input = 0; input < Inputs; ++input) {
                    in[input] = of_input(input, plane);
                    if (plane + 1 < end) run::fetch(of_input(input, plane + 1), pixels[input] * sizeof(T));
                }
                if (plane + 1 < end) run::fetch(of_result(plane + 1), out * sizeof(T));
                f(in, of_result(plane));
            }
        });
    });
}

/// The result has the extents of x but for the spatial ones.
Signature pooled(const Call& call) {
    const Shape& x = call.shape(0);
    const Shape& kernel = call.attributes.at<Shape>("kernel");
    if (!is_floating(call.dtype(0))) call.fail_dtype("needs float32 or float64");
    if (x.rank() != 4) call.fail("needs x (N, C, H, W)");
    const Shape& size = call.attributes.at<Shape>("size");
    for (const std::int64_t extent : size) {
        if (extent < 1) call.fail("needs a kernel " + to_string(kernel) + " that fits the padded input");
    }
    return {call.dtype(0), {x[0], x[1], size[0], size[1]}};
}

Attributes geometry(const Shape& kernel, const Shape& stride, const Shape& padding, const Shape& size) {
    return {{"kernel", kernel}, {"stride", stride}, {"padding", padding}, {"size", size}};
}

Probe raw_probe(const char* label, const char* op, const Shape& x, const Attributes& attributes) {
    return {label, {{x}}, [=](auto inputs) { return apply(*find_op(op), {inputs[0]}, attributes); }};
}

Tensor planes_of_examples(const BatchCall& call) {
    return joined_along_first(call, call.inputs());
}

std::vector<Probe> pooling_probes(Tensor (*pool)(const Operand&, PerAxis, const PoolOptions&)) {
    const auto probe = [=](const char* label, const Shape& x, PerAxis kernel, const PoolOptions& options) {
        return Probe{label, {{x}}, [=](auto inputs) { return pool(inputs[0], kernel, options); }};
    };
    return {probe("tiles", {2, 2, 4, 4}, 2, {}),
            probe("tiles that leave pixels over", {1, 1, 5, 6}, {2, 4}, {}),
            probe("overlapping", {1, 2, 4, 4}, 3, {.stride = 1}),
            probe("with gaps", {1, 1, 4, 5}, {1, 2}, {.stride = 3}),
            probe("padding", {1, 1, 3, 4}, {2, 3}, {.stride = {2, 1}, .padding = 1}),
            probe("pixel by pixel", {1, 2, 2, 3}, 1, {}),
            probe("everything", {2, 1, 3, 2}, {3, 2}, {}),
            probe("no images", {0, 1, 4, 4}, 2, {}),
            probe("one pixel", {1, 1, 1, 1}, 1, {}),
            probe("a row", {1, 1, 1, 17}, {1, 3}, {}),
            probe("a column", {1, 1, 15, 1}, {2, 1}, {.stride = 1}),
            probe("three channels", {1, 3, 2, 2}, 2, {}),
            probe("a tall stride", {1, 1, 8, 2}, {2, 1}, {.stride = {3, 1}}),
            probe("padding across", {2, 1, 2, 3}, {1, 2}, {.padding = {0, 1}})};
}

// The two halves of max_pool2d's derivative, which are each other's transposes, see a tensor through the winners of y =
// max_pool2d(x). They have no derivative in x and y: the same pixels win nearby.
const Zero same_winners{"the same pixels win nearby"};

/// An argument of one half: g of the windows or t of the pixels, then x and y.
Tensor half(const char* op, const Record& r, const Tensor& seen, const Tensor& x, const Tensor& y) {
    return apply(*find_op(op), {seen, x, y}, r.attributes());
}

/// Of the winners of overlapping, padded, ... windows of x: `seen` is like y or like x.
std::vector<Probe> winners_probes(const char* op, bool like_y) {
    const auto probe = [=](const char* label, const Shape& x, PerAxis kernel, const PoolOptions& options,
                           const Shape& size) {
        const Shape seen = like_y ? Shape{x[0], x[1], size[0], size[1]} : x;
        const Attributes attributes =
            geometry({kernel.height, kernel.width}, {options.stride.height, options.stride.width},
                     {options.padding.height, options.padding.width}, size);
        return Probe{label, {{seen}, {x}}, [=](auto inputs) {
                         const Tensor y = max_pool2d(inputs[1], kernel, options);
                         return apply(*find_op(op), {inputs[0], inputs[1], y}, attributes);
                     }};
    };
    return {probe("tiles", {1, 2, 2, 4}, 2, {.stride = 2}, {1, 2}),
            probe("overlapping", {1, 1, 3, 4}, {2, 3}, {.stride = 1}, {2, 2}),
            probe("pixels left over", {1, 1, 4, 5}, {1, 2}, {.stride = {2, 3}}, {2, 2}),
            probe("padding", {2, 1, 3, 3}, 2, {.stride = 2, .padding = 1}, {2, 2}),
            probe("pixel by pixel", {1, 2, 2, 2}, 1, {.stride = 1}, {2, 2}),
            probe("no images", {0, 1, 2, 2}, 1, {.stride = 1}, {2, 2}),
            probe("one pixel", {1, 1, 1, 1}, 1, {.stride = 1}, {1, 1}),
            probe("a row", {1, 1, 1, 16}, {1, 3}, {.stride = {1, 2}}, {1, 7}),
            probe("a column", {1, 1, 15, 1}, {2, 1}, {.stride = {2, 1}}, {7, 1}),
            probe("three channels", {1, 3, 2, 3}, 2, {.stride = 1}, {1, 2}),
            probe("everything", {2, 1, 2, 4}, {2, 4}, {.stride = 1}, {1, 1}),
            probe("padding along the columns", {1, 1, 4, 4}, {3, 2}, {.stride = {1, 2}, .padding = {1, 0}}, {4, 2})};
}

const Op& max_pool2d_transpose_op = define(Linear{
    .name = "max_pool2d_transpose",
    .math = "t = sum over windows i of g[i] [x = y[i]] / winners of i",
    .batch = planes_of_examples,
    .row_by_row = 3,
    .linearity = Linearity::in_each,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.shape(1)};
        },
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.shape, call.inputs[2].shape);
            const bool tiles = are_tiles_of_two(s);
            for_each_plane<3>(call, [&]<class T>(const std::array<const T*, 3>& in, T* t) {
                if (tiles) return run_for_isa<SpreadOverTiles<T>>(s, in[0], in[1], in[2], t);
                run_per_isa<SpreadOverWinners<T>>(s, in[0], in[1], in[2], t, row_scratch<T>(s));
            });
        },
    .transposes = {[](const Record& r, const Tensor& h) {
                       return half("max_pool2d_tangent", r, h, r.input(1), r.input(2));
                   },
                   same_winners, same_winners},
    .probes = [] { return winners_probes("max_pool2d_transpose", true); },
});

const Op& max_pool2d_tangent_op = define(Linear{
    .name = "max_pool2d_tangent",
    .math = "g[i] = mean of t where x = y[i], over the window i",
    .batch = planes_of_examples,
    .row_by_row = 3,
    .linearity = Linearity::in_each,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.shape(2)};
        },
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.inputs[1].shape, call.shape);
            for_each_plane<3>(call, [&]<class T>(const std::array<const T*, 3>& in, T* g) {
                run_per_isa<MeanOverWinners<T>>(s, in[0], in[1], in[2], g, row_scratch<T>(s));
            });
        },
    .transposes = {[](const Record& r, const Tensor& h) {
                       return half("max_pool2d_transpose", r, h, r.input(1), r.input(2));
                   },
                   same_winners, same_winners},
    .probes = [] { return winners_probes("max_pool2d_tangent", false); },
});

const Op& max_pool2d_op = define(General{
    .name = "max_pool2d",
    .math = "y[i] = largest x[i stride - padding + k] over k",
    .batch = planes_of_examples,
    .row_by_row = 1,
    .shape = pooled,
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.inputs[0].shape, call.shape);
            const bool tiles = are_tiles_of_two(s);
            for_each_plane<1>(call, [&]<class T>(const std::array<const T*, 1>& in, T* y) {
                if (tiles) return run_for_isa<LargestOfTiles<T>>(s, in[0], y);
                run_per_isa<LargestOfWindows<T>>(s, in[0], y);
            });
        },
    // Equal winners share the cotangent: g / Σ w for each of them, added up where windows overlap.
    .vjp = [](const Record& r, const Tensor& g,
              std::size_t) { return half("max_pool2d_transpose", r, g, r.input(), r.output()); },
    // The mean of the winners' tangents.
    .jvp = [](const Record& r,
              std::span<const Tensor> t) { return half("max_pool2d_tangent", r, t[0], r.input(), r.output()); },
    // Which pixel wins each window; the mean of several.
    .switches =
        [](const Record& r) {
            const auto count = static_cast<double>(r.input().size());
            const Tensor numbered = reshape(arange(0, count, 1, r.input().dtype()), r.shape(0));
            return std::vector<Tensor>{
                astype(2 * half("max_pool2d_tangent", r, numbered, r.input(), r.output()), DType::int64)};
        },
    .probes = [] { return pooling_probes(max_pool2d); },
});

const Op& avg_pool2d_op = define(Linear{
    .name = "avg_pool2d",
    .math = "y[i] = mean of x[i stride - padding + k] over k",
    .batch = planes_of_examples,
    .row_by_row = 1,
    .shape = pooled,
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.inputs[0].shape, call.shape);
            for_each_plane<1>(call, [&]<class T>(const std::array<const T*, 1>& in, T* y) {
                run_per_isa<MeanOfWindows<T>>(s, in[0], y);
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
        return like("avg_pool2d_transpose", r, g, spatial(r.shape(0)));
    }},
    .probes = [] { return pooling_probes(avg_pool2d); },
});

const Op& avg_pool2d_transpose_op = define(Linear{
    .name = "avg_pool2d_transpose",
    .math = "x[i stride - padding + k] = sum of y[i] / (kH kW)",
    .batch = planes_of_examples,
    .row_by_row = 1,
    .shape = pooled,
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.shape, call.inputs[0].shape);
            for_each_plane<1>(call, [&]<class T>(const std::array<const T*, 1>& in, T* x) {
                run_per_isa<SharesOfWindows<T>>(s, in[0], x);
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return like("avg_pool2d", r, g, spatial(r.shape(0))); }},
    .probes =
        {raw_probe("tiles", "avg_pool2d_transpose", {1, 2, 1, 2}, geometry({2, 2}, {2, 2}, {0, 0}, {2, 4})),
         raw_probe("overlapping", "avg_pool2d_transpose", {1, 1, 2, 2}, geometry({2, 3}, {1, 1}, {0, 0}, {3, 4})),
         raw_probe("pixels left over", "avg_pool2d_transpose", {1, 1, 2, 1}, geometry({1, 2}, {2, 3}, {0, 0}, {4, 5})),
         raw_probe("padding", "avg_pool2d_transpose", {2, 1, 2, 2}, geometry({3, 2}, {1, 2}, {1, 1}, {2, 2})),
         raw_probe("pixel by pixel", "avg_pool2d_transpose", {1, 2, 2, 2}, geometry({1, 1}, {1, 1}, {0, 0}, {2, 2})),
         raw_probe("no images", "avg_pool2d_transpose", {0, 1, 2, 2}, geometry({1, 1}, {1, 1}, {0, 0}, {2, 2})),
         raw_probe("one pixel", "avg_pool2d_transpose", {1, 1, 1, 1}, geometry({1, 1}, {1, 1}, {0, 0}, {1, 1})),
         raw_probe("a row", "avg_pool2d_transpose", {1, 1, 1, 7}, geometry({1, 3}, {1, 2}, {0, 0}, {1, 16})),
         raw_probe("a column", "avg_pool2d_transpose", {1, 1, 8, 1}, geometry({2, 1}, {2, 1}, {0, 0}, {16, 1})),
         raw_probe("three channels", "avg_pool2d_transpose", {1, 3, 1, 2}, geometry({2, 2}, {1, 1}, {0, 0}, {2, 3})),
         raw_probe("everything", "avg_pool2d_transpose", {2, 1, 1, 1}, geometry({2, 4}, {1, 1}, {0, 0}, {2, 4})),
         raw_probe("padding along the columns", "avg_pool2d_transpose", {1, 1, 4, 2},
                   geometry({3, 2}, {1, 2}, {1, 0}, {4, 4}))},
});

Tensor pool(const Op& op, const Operand& x, PerAxis kernel, const PoolOptions& options) {
    const Location at = Attribution::resolve(x.location());
    const PerAxis stride = options.stride == PerAxis(PoolOptions::as_kernel) ? kernel : options.stride;
    const PerAxis padding = options.padding;
    require_range(op.name, "kernel", kernel, 1, at);
    require_range(op.name, "stride", stride, 1, at);
    require_range(op.name, "padding", padding, 0, at);
    if (2 * padding.height > kernel.height || 2 * padding.width > kernel.width) {
        throw ValueError(op.name, "needs a padding of at most half the kernel",
                         to_string(Shape{padding.height, padding.width}), at);
    }
    const auto attributes_of = [&](const Shape& image) {
        const auto positions = [](std::int64_t extent, std::int64_t window, std::int64_t step, std::int64_t border) {
            const std::int64_t room = extent + 2 * border - window;
            return extent == 0 || room < 0 ? 0 : room / step + 1;
        };
        Shape size{0, 0};
        if (image.rank() == 4) {
            size = {positions(image[2], kernel.height, stride.height, padding.height),
                    positions(image[3], kernel.width, stride.width, padding.width)};
        }
        return geometry({kernel.height, kernel.width}, {stride.height, stride.width}, {padding.height, padding.width},
                        size);
    };
    const Tensor& image = x.tensor();
    try {
        return apply(op, {image}, attributes_of(image.shape()), at);
    } catch (const ShapeError& error) {
        const auto accepts = [&](std::span<Node* const> operands) {
            return explain::is_taken(pooled, operands, attributes_of(operands[0]->shape));
        };
        const std::string rest = kernel.height == kernel.width
                                     ? fmt::format(", {}", kernel.height)
                                     : fmt::format(", {{{}, {}}}", kernel.height, kernel.width);
        explain::refuse_with_cure(error, op.name, {image}, accepts, rest);
    }
}

}  // namespace

Tensor max_pool2d(const Operand& x, PerAxis kernel, const PoolOptions& options) {
    return pool(max_pool2d_op, x, kernel, options);
}

Tensor avg_pool2d(const Operand& x, PerAxis kernel, const PoolOptions& options) {
    return pool(avg_pool2d_op, x, kernel, options);
}

}  // namespace xgrad
