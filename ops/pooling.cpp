#include <xgrad/ops/pooling.hpp>

#include <algorithm>
#include <limits>
#include <string>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/windows.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

using kernels::Windows;

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

/// Calls f(plane of the input, plane of the output) for each channel of each image.
template <class F>
void for_each_plane(const KernelCall& call, F&& f) {
    StorageRef scratch;
    const void* data = run::contiguous(call.inputs[0], scratch);
    const Shape& shape = call.inputs[0].shape;
    const std::int64_t planes = shape[0] * shape[1];
    if (planes == 0) return;
    const std::int64_t in = shape.size() / planes;
    const std::int64_t out = call.shape.size() / planes;
    const auto bytes = static_cast<std::size_t>(std::max(in, out) * planes) * item_size(call.dtype);
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        run::parallel_for(static_cast<std::size_t>(planes), bytes, [&](std::size_t part) {
            const auto plane = static_cast<std::int64_t>(part);
            f(static_cast<const T*>(data) + plane * in, call.out<T>() + plane * out);
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
            probe("no images", {0, 1, 4, 4}, 2, {})};
}

const Op& unfold2d_op = define(Linear{
    .name = "unfold2d",
    .math = "y[k, i] = x[i stride - padding + k]",
    .shape =
        [](const Call& call) {
            const Shape& kernel = call.attributes.at<Shape>("kernel");
            const Shape& size = call.attributes.at<Shape>("size");
            const Shape& x = call.shape(0);
            return Signature{call.dtype(0), {x[0], x[1], kernel[0] * kernel[1], size[0], size[1]}};
        },
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.inputs[0].shape, call.shape);
            for_each_plane(call, [&](const auto* x, auto* y) { kernels::unfold(s, x, 0, s.positions[0], y); });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return like("fold2d", r, g, spatial(r.shape(0))); }},
    .probes = {raw_probe("tiles", "unfold2d", {1, 2, 2, 4}, geometry({2, 2}, {2, 2}, {0, 0}, {1, 2})),
               raw_probe("overlapping", "unfold2d", {1, 1, 3, 4}, geometry({2, 3}, {1, 1}, {0, 0}, {2, 2})),
               raw_probe("pixels left over", "unfold2d", {1, 1, 4, 5}, geometry({1, 2}, {2, 3}, {0, 0}, {2, 1})),
               raw_probe("padding", "unfold2d", {2, 1, 2, 2}, geometry({3, 2}, {1, 2}, {1, 1}, {2, 2})),
               raw_probe("pixel by pixel", "unfold2d", {1, 2, 2, 2}, geometry({1, 1}, {1, 1}, {0, 0}, {2, 2})),
               raw_probe("no images", "unfold2d", {0, 1, 2, 2}, geometry({1, 1}, {1, 1}, {0, 0}, {2, 2}))},
});

const Op& fold2d_op = define(Linear{
    .name = "fold2d",
    .math = "x[i stride - padding + k] = sum of y[k, i]",
    .shape =
        [](const Call& call) {
            const Shape& size = call.attributes.at<Shape>("size");
            const Shape& y = call.shape(0);
            return Signature{call.dtype(0), {y[0], y[1], size[0], size[1]}};
        },
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.shape, call.inputs[0].shape);
            for_each_plane(call, [&](const auto* y, auto* x) {
                std::fill_n(x, s.pixels(), 0);
                kernels::fold(s, y, 0, s.positions[0], x);
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return like("unfold2d", r, g, spatial(r.shape(0))); }},
    .probes = {raw_probe("tiles", "fold2d", {1, 2, 4, 1, 2}, geometry({2, 2}, {2, 2}, {0, 0}, {2, 4})),
               raw_probe("overlapping", "fold2d", {1, 1, 6, 2, 2}, geometry({2, 3}, {1, 1}, {0, 0}, {3, 4})),
               raw_probe("pixels left over", "fold2d", {1, 1, 2, 2, 1}, geometry({1, 2}, {2, 3}, {0, 0}, {4, 5})),
               raw_probe("padding", "fold2d", {2, 1, 6, 2, 2}, geometry({3, 2}, {1, 2}, {1, 1}, {2, 2})),
               raw_probe("pixel by pixel", "fold2d", {1, 2, 1, 2, 2}, geometry({1, 1}, {1, 1}, {0, 0}, {2, 2})),
               raw_probe("no images", "fold2d", {0, 1, 1, 2, 2}, geometry({1, 1}, {1, 1}, {0, 0}, {2, 2}))},
});

/// y = the largest pixel of each window, row of positions by row, so that the inner loop runs along the pixels.
template <class T>
void largest_of_windows(const Windows& s, const T* x, T* y) {
    for (std::int64_t i = 0; i < s.positions[0]; ++i, y += s.positions[1]) {
        std::fill_n(y, s.positions[1], -std::numeric_limits<T>::infinity());
        for (std::int64_t k = 0; k < s.kernel[0]; ++k) {
            const std::int64_t row = s.pixel(0, i, k);
            if (!s.has_row(row)) continue;
            const T* pixels = x + row * s.image[1];
            for (std::int64_t l = 0; l < s.kernel[1]; ++l) {
                const auto [left, right] = s.inside(l);
                for (std::int64_t j = left; j < right; ++j) y[j] = math::maximum(y[j], pixels[s.pixel(1, j, l)]);
            }
        }
    }
}

/// The windows of x, (N, C, kH kW, i, j).
Tensor windows(const Record& r, const Tensor& x) {
    return like("unfold2d", r, x, spatial(r.output_shape()));
}

/// y with an axis of extent 1 in the place of the windows' cells.
Tensor with_cells(const Tensor& y) {
    Shape shape = y.shape();
    shape.insert(2, 1);
    return reshape(y, shape);
}

/// 1 where a cell attains the maximum of its window. Padding, which unfold2d makes 0, does not count.
Tensor winners(const Record& r) {
    const Tensor x = r.input();
    const Tensor attains = astype(windows(r, x) == with_cells(r.output()), x.dtype());
    if (r.attribute<Shape>("padding") == Shape{0, 0}) return attains;
    return attains * windows(r, full({1, 1, x.shape()[2], x.shape()[3]}, 1, x.dtype()));
}

const Op& max_pool2d_op = define(General{
    .name = "max_pool2d",
    .math = "y[i] = largest x[i stride - padding + k] over k",
    .shape = pooled,
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.inputs[0].shape, call.shape);
            for_each_plane(call, [&](const auto* x, auto* y) { largest_of_windows(s, x, y); });
        },
    // Equal winners share the cotangent: g w / Σ w, added up where windows overlap.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const Tensor w = winners(r);
            return like("fold2d", r, w * (with_cells(g) / sum(w, 2, keepdims)), spatial(r.shape(0)));
        },
    // The mean of the winners' tangents.
    .jvp =
        [](const Record& r, std::span<const Tensor> tangents) {
            const Tensor w = winners(r);
            return sum(w * windows(r, tangents[0]), 2) / sum(w, 2);
        },
    .probes = pooling_probes(max_pool2d),
});

template <class T>
void mean_of_windows(const Windows& s, const T* x, T* y) {
    const auto cells = static_cast<T>(s.cells());
    for (std::int64_t i = 0; i < s.positions[0]; ++i, y += s.positions[1]) {
        std::fill_n(y, s.positions[1], T(0));
        for (std::int64_t k = 0; k < s.kernel[0]; ++k) {
            const std::int64_t row = s.pixel(0, i, k);
            if (!s.has_row(row)) continue;
            const T* pixels = x + row * s.image[1];
            for (std::int64_t l = 0; l < s.kernel[1]; ++l) {
                const auto [left, right] = s.inside(l);
                for (std::int64_t j = left; j < right; ++j) y[j] += pixels[s.pixel(1, j, l)];
            }
        }
        for (std::int64_t j = 0; j < s.positions[1]; ++j) y[j] /= cells;
    }
}

/// The transpose: every window gives each of its pixels the same share.
template <class T>
void shares_of_windows(const Windows& s, const T* y, T* x) {
    const auto cells = static_cast<T>(s.cells());
    std::fill_n(x, s.pixels(), T(0));
    for (std::int64_t i = 0; i < s.positions[0]; ++i, y += s.positions[1]) {
        for (std::int64_t k = 0; k < s.kernel[0]; ++k) {
            const std::int64_t row = s.pixel(0, i, k);
            if (!s.has_row(row)) continue;
            T* pixels = x + row * s.image[1];
            for (std::int64_t l = 0; l < s.kernel[1]; ++l) {
                const auto [left, right] = s.inside(l);
                for (std::int64_t j = left; j < right; ++j) pixels[s.pixel(1, j, l)] += y[j] / cells;
            }
        }
    }
}

const Op& avg_pool2d_op = define(Linear{
    .name = "avg_pool2d",
    .math = "y[i] = mean of x[i stride - padding + k] over k",
    .shape = pooled,
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.inputs[0].shape, call.shape);
            for_each_plane(call, [&](const auto* x, auto* y) { mean_of_windows(s, x, y); });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
        return like("avg_pool2d_transpose", r, g, spatial(r.shape(0)));
    }},
    .probes = pooling_probes(avg_pool2d),
});

const Op& avg_pool2d_transpose_op = define(Linear{
    .name = "avg_pool2d_transpose",
    .math = "x[i stride - padding + k] = sum of y[i] / (kH kW)",
    .shape = pooled,
    .forward =
        [](const KernelCall& call) {
            const Windows s = windows_of(call.attributes, call.shape, call.inputs[0].shape);
            for_each_plane(call, [&](const auto* y, auto* x) { shares_of_windows(s, y, x); });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return like("avg_pool2d", r, g, spatial(r.shape(0))); }},
    .probes = {raw_probe("tiles", "avg_pool2d_transpose", {1, 2, 1, 2}, geometry({2, 2}, {2, 2}, {0, 0}, {2, 4})),
               raw_probe("overlapping", "avg_pool2d_transpose", {1, 1, 2, 2}, geometry({2, 3}, {1, 1}, {0, 0}, {3, 4})),
               raw_probe("pixels left over", "avg_pool2d_transpose", {1, 1, 2, 1},
                         geometry({1, 2}, {2, 3}, {0, 0}, {4, 5})),
               raw_probe("padding", "avg_pool2d_transpose", {2, 1, 2, 2}, geometry({3, 2}, {1, 2}, {1, 1}, {2, 2})),
               raw_probe("pixel by pixel", "avg_pool2d_transpose", {1, 2, 2, 2},
                         geometry({1, 1}, {1, 1}, {0, 0}, {2, 2})),
               raw_probe("no images", "avg_pool2d_transpose", {0, 1, 2, 2}, geometry({1, 1}, {1, 1}, {0, 0}, {2, 2}))},
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
    const Tensor& image = x.tensor();
    Shape size{0, 0};
    if (image.rank() == 4) {
        const auto positions = [](std::int64_t extent, std::int64_t window, std::int64_t step, std::int64_t border) {
            const std::int64_t room = extent + 2 * border - window;
            return extent == 0 || room < 0 ? 0 : room / step + 1;
        };
        size = {positions(image.shape()[2], kernel.height, stride.height, padding.height),
                positions(image.shape()[3], kernel.width, stride.width, padding.width)};
    }
    return apply(
        op, {image},
        geometry({kernel.height, kernel.width}, {stride.height, stride.width}, {padding.height, padding.width}, size),
        at);
}

}  // namespace

Tensor max_pool2d(const Operand& x, PerAxis kernel, const PoolOptions& options) {
    return pool(max_pool2d_op, x, kernel, options);
}

Tensor avg_pool2d(const Operand& x, PerAxis kernel, const PoolOptions& options) {
    return pool(avg_pool2d_op, x, kernel, options);
}

}  // namespace xgrad
