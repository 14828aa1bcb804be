#include <boost/test/unit_test.hpp>

#include <omp.h>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Convolution against plain nested loops.

using support::close;
using support::message_of;
using support::Numbers;
using support::numbers_of;
using support::same_bits;
using xgrad::ConvOptions;
using xgrad::DType;
using xgrad::PerAxis;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

Tensor drawn(const Shape& shape, unsigned seed, DType dtype = DType::float64) {
    return astype(support::drawn(shape, seed), dtype);
}

/// An element of a four-dimensional array of plain numbers; 0 outside the two last extents.
long double at(const Numbers& x, const Shape& s, std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) {
    if (c < 0 || c >= s[2] || d < 0 || d >= s[3]) return 0;
    return x[static_cast<std::size_t>(((a * s[1] + b) * s[2] + c) * s[3] + d)];
}

std::int64_t positions(std::int64_t extent, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                       std::int64_t dilation) {
    std::int64_t count = 0;
    while (count * stride + dilation * (kernel - 1) < extent + 2 * padding) ++count;
    return count;
}

/// conv2d by its definition, in long double.
Tensor convolved(const Tensor& x, const Tensor& w, const ConvOptions& o) {
    const Shape X = x.shape();
    const Shape W = w.shape();
    const Shape Y{X[0], W[0], positions(X[2], W[2], o.stride.height, o.padding.height, o.dilation.height),
                  positions(X[3], W[3], o.stride.width, o.padding.width, o.dilation.width)};
    const Numbers a = numbers_of(x);
    const Numbers b = numbers_of(w);
    Numbers y;
    for (std::int64_t n = 0; n < Y[0]; ++n) {
        for (std::int64_t f = 0; f < Y[1]; ++f) {
            const std::int64_t first = f / (W[0] / o.groups) * W[1];  // the first channel of the filter's group
            for (std::int64_t i = 0; i < Y[2]; ++i) {
                for (std::int64_t j = 0; j < Y[3]; ++j) {
                    long double sum = 0;
                    for (std::int64_t c = 0; c < W[1]; ++c) {
                        for (std::int64_t k = 0; k < W[2]; ++k) {
                            for (std::int64_t l = 0; l < W[3]; ++l) {
                                sum += at(b, W, f, c, k, l) *
                                       at(a, X, n, first + c,
                                          i * o.stride.height - o.padding.height + k * o.dilation.height,
                                          j * o.stride.width - o.padding.width + l * o.dilation.width);
                            }
                        }
                    }
                    y.push_back(sum);
                }
            }
        }
    }
    return support::tensor_of(DType::longdouble, Y, y);
}

std::string without_line(const std::string& message) {
    return message.substr(0, message.rfind(':'));
}

struct Case {
    Shape x;
    Shape w;
    ConvOptions options;
};

/// Strides, paddings, dilations and groups with odd and even sizes, wherever the kernel fits.
std::vector<Case> grid() {
    std::vector<Case> cases;
    for (const PerAxis stride : {PerAxis(1), PerAxis(2), PerAxis(1, 3)}) {
        for (const PerAxis padding : {PerAxis(0), PerAxis(1), PerAxis(3, 2)}) {
            for (const PerAxis dilation : {PerAxis(1), PerAxis(2, 3)}) {
                for (const std::int64_t groups : {1, 2, 4}) {
                    for (const Shape& kernel : {Shape{1, 1}, Shape{3, 3}, Shape{2, 5}}) {
                        for (const Shape& image : {Shape{7, 9}, Shape{6, 13}}) {
                            const Shape w{8, 4 / groups, kernel[0], kernel[1]};
                            cases.push_back({{2, 4, image[0], image[1]}, w, {stride, padding, dilation, groups}});
                            const ConvOptions& o = cases.back().options;
                            if (positions(image[0], kernel[0], 1, o.padding.height, o.dilation.height) == 0 ||
                                positions(image[1], kernel[1], 1, o.padding.width, o.dilation.width) == 0) {
                                cases.pop_back();
                            }
                        }
                    }
                }
            }
        }
    }
    return cases;
}

double inner(const Tensor& x, const Tensor& y) {
    return sum(x * y).item();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolution)

BOOST_AUTO_TEST_CASE(values_against_loops) {
    const std::vector<Case> cases = grid();
    BOOST_TEST(cases.size() > 250U);
    unsigned seed = 0;
    for (const Case& c : cases) {
        const Tensor x = drawn(c.x, ++seed);
        const Tensor w = drawn(c.w, ++seed);
        const Tensor expected = convolved(x, w, c.options);
        BOOST_TEST(close(conv2d(x, w, c.options), expected, 0, 1e-13));
        const Tensor single = conv2d(astype(x, DType::float32), astype(w, DType::float32), c.options);
        BOOST_TEST((single.dtype() == DType::float32));
        BOOST_TEST(close(single, expected, 0, 1e-4));
    }
}

BOOST_AUTO_TEST_CASE(gradients_are_the_transposes) {
    unsigned seed = 1000;
    for (const Case& c : grid()) {
        const Tensor x = parameter(drawn(c.x, ++seed));
        const Tensor w = parameter(drawn(c.w, ++seed));
        const Tensor y = conv2d(x, w, c.options);
        const Tensor g = drawn(y.shape(), ++seed);
        const std::vector<Tensor> gradients = xgrad::vjp(y, g, std::vector<Tensor>{x, w});
        // y is linear in x and in w, so that ⟨y, g⟩ is the product of each with its gradient.
        const double product = inner(convolved(x, w, c.options), astype(g, DType::longdouble));
        BOOST_TEST(gradients[0].shape() == x.shape());
        BOOST_TEST(gradients[1].shape() == w.shape());
        const double size = 1e-13 * static_cast<double>(y.size());
        BOOST_TEST(std::abs(inner(x, gradients[0]) - product) < size);
        BOOST_TEST(std::abs(inner(w, gradients[1]) - product) < size);
    }
}

BOOST_AUTO_TEST_CASE(conv_transpose2d_is_the_transpose) {
    unsigned seed = 3000;
    for (const Case& c : grid()) {
        const auto& [stride, padding, dilation, groups] = c.options;
        const Tensor z = drawn(c.x, ++seed);
        const Tensor w = drawn(c.w, ++seed);
        const Tensor convolution = conv2d(z, w, c.options);
        const Tensor x = drawn(convolution.shape(), ++seed);
        // What the stride has left over has to be said.
        const auto rest = [](std::int64_t image, std::int64_t kernel, std::int64_t s, std::int64_t p, std::int64_t d) {
            return (image + 2 * p - d * (kernel - 1) - 1) % s;
        };
        const PerAxis over{rest(c.x[2], c.w[2], stride.height, padding.height, dilation.height),
                           rest(c.x[3], c.w[3], stride.width, padding.width, dilation.width)};
        const Tensor back = conv_transpose2d(
            x, w,
            {.stride = stride, .padding = padding, .output_padding = over, .dilation = dilation, .groups = groups});
        BOOST_TEST(back.shape() == z.shape());
        BOOST_TEST(std::abs(inner(back, z) - inner(x, convolution)) < 1e-13 * static_cast<double>(x.size()));
    }
}

BOOST_AUTO_TEST_CASE(options_are_written_briefly) {
    const Tensor x = drawn({1, 2, 8, 8}, 1);
    const Tensor w = drawn({4, 1, 3, 3}, 2);
    const Tensor one = conv2d(x, w, {.stride = 2, .padding = 1, .groups = 2});
    const Tensor each = conv2d(x, w, {.stride = {2, 2}, .padding = {1, 1}, .dilation = {1, 1}, .groups = 2});
    BOOST_TEST(same_bits(one, each));
    BOOST_TEST(one.shape() == (Shape{1, 4, 4, 4}));
}

BOOST_AUTO_TEST_CASE(one_axis) {
    const Tensor x = drawn({2, 4, 11}, 1);
    const Tensor w = drawn({6, 2, 3}, 2);
    const Tensor y = conv1d(x, w, {.stride = 2, .padding = 1, .dilation = 2, .groups = 2});
    const Tensor expected = convolved(reshape(x, {2, 4, 1, 11}), reshape(w, {6, 2, 1, 3}), {{1, 2}, {0, 1}, {1, 2}, 2});
    BOOST_TEST(y.shape() == (Shape{2, 6, 5}));
    BOOST_TEST(close(reshape(y, expected.shape()), expected, 0, 1e-13));
}

BOOST_AUTO_TEST_CASE(arrays_that_are_not_contiguous) {
    const Tensor x = drawn({2, 4, 7, 9}, 1);
    const Tensor w = drawn({8, 4, 3, 3}, 2);
    const Tensor expected = conv2d(x, w);
    const Tensor channels_last = transpose(Tensor(transpose(x, {0, 2, 3, 1}).value<double>()), {0, 3, 1, 2});
    BOOST_TEST(same_bits(conv2d(channels_last, w), expected));
    const Tensor reversed = view(Tensor(view(w, {xgrad::all(-1)}).value<double>()), {xgrad::all(-1)});
    BOOST_TEST(same_bits(conv2d(x, reversed), expected));
    const Tensor every_second = view(x, {xgrad::all(), xgrad::all(), xgrad::all(2), xgrad::all(2)});
    BOOST_TEST(close(conv2d(every_second, w), convolved(every_second, w, {}), 0, 1e-13));
}

BOOST_AUTO_TEST_CASE(empty_extents) {
    const Tensor w = drawn({3, 2, 2, 2}, 1);
    BOOST_TEST(conv2d(xgrad::zeros({0, 2, 4, 4}, DType::float64), w).value<double>().shape(0) == 0U);
    // No channels: a sum over nothing.
    const Tensor nothing = conv2d(xgrad::zeros({1, 0, 2, 2}), xgrad::zeros({3, 0, 2, 2}));
    BOOST_TEST(same_bits(nothing, xgrad::zeros({1, 3, 1, 1})));
    const Tensor filters = xgrad::parameter(xgrad::zeros({3, 2, 2, 2}, DType::float64));
    const Tensor cost = sum(conv2d(xgrad::zeros({0, 2, 4, 4}, DType::float64), filters));
    BOOST_TEST(same_bits(grad(cost, filters), xgrad::zeros({3, 2, 2, 2}, DType::float64)));
    // Rows of padding alone.
    BOOST_TEST(same_bits(conv2d(xgrad::zeros({1, 2, 0, 2}, DType::float64), w, {.padding = 1}),
                         xgrad::zeros({1, 3, 1, 3}, DType::float64)));
}

BOOST_AUTO_TEST_CASE(large_images_are_worked_on_in_tiles) {
    // 16 · 9 cells times 100 · 90 positions are several tiles, the last of them smaller.
    const Tensor x = drawn({1, 16, 100, 90}, 1);
    const Tensor w = drawn({2, 16, 3, 3}, 2);
    const ConvOptions options{.padding = 1};
    const Tensor expected = convolved(x, w, options);
    BOOST_TEST(close(conv2d(x, w, options), expected, 0, 1e-12));
    const Tensor image = parameter(x);
    const Tensor filters = parameter(w);
    const Tensor g = drawn(expected.shape(), 3);
    const auto gradients = xgrad::vjp(conv2d(image, filters, options), g, std::vector<Tensor>{image, filters});
    const double product = inner(expected, astype(g, DType::longdouble));
    BOOST_TEST(std::abs(inner(x, gradients[0]) - product) < 1e-9);
    BOOST_TEST(std::abs(inner(w, gradients[1]) - product) < 1e-9);
}

BOOST_AUTO_TEST_CASE(each_channel_may_have_filters_of_its_own) {
    const std::size_t before = xgrad::threads();
    for (const std::int64_t of_each : {1, 2, 3, 4, 5}) {
        for (const std::int64_t stride : {1, 2}) {
            const Tensor x = drawn({3, 7, 40, 53}, 1), w = drawn({7 * of_each, 1, 5, 3}, 2);
            const ConvOptions options{.stride = stride, .padding = 2, .groups = 7};
            const Tensor expected = convolved(x, w, options), g = drawn(expected.shape(), 3);
            const double product = inner(expected, astype(g, DType::longdouble));
            std::vector<Tensor> first;
            for (const std::size_t threads : {1, 2, 3}) {
                xgrad::set_threads(threads);
                const Tensor image = parameter(x), filters = parameter(w);
                const Tensor y = conv2d(image, filters, options);
                std::vector<Tensor> all = xgrad::vjp(y, g, std::vector<Tensor>{image, filters});
                BOOST_TEST(close(y, expected, 0, 1e-12));
                BOOST_TEST(std::abs(inner(x, all[0]) - product) < 1e-9);
                BOOST_TEST(std::abs(inner(w, all[1]) - product) < 1e-9);
                all.push_back(y);
                if (first.empty()) first = all;
                for (std::size_t i = 0; i < all.size(); ++i) BOOST_TEST(same_bits(all[i], first[i]));
            }
        }
    }
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
    const std::size_t before = xgrad::threads();
    const int blas_threads = omp_get_max_threads();
    // One small image, whose products a BLAS with threads of its own would split; one large; few images; many.
    for (const Shape& shape : {Shape{1, 12, 40, 40}, Shape{1, 36, 61, 53}, Shape{5, 8, 40, 40}, Shape{37, 8, 40, 40}}) {
        const std::int64_t groups = shape[1] == 12 ? 1 : 2;
        for (const DType dtype : {DType::float32, DType::float64}) {
            std::vector<Tensor> first;
            for (const std::size_t threads : {1, 2, 3}) {
                xgrad::set_threads(threads);
                const Tensor x = parameter(drawn(shape, 1, dtype));
                const Tensor w = parameter(drawn({64, shape[1] / groups, 3, 3}, 2, dtype));
                const Tensor y = conv2d(x, w, {.padding = 1, .groups = groups});
                std::vector<Tensor> results = xgrad::vjp(y, drawn(y.shape(), 3, dtype), std::vector<Tensor>{x, w});
                results.push_back(y);
                xgrad::compute(results);
                BOOST_TEST(omp_get_max_threads() == blas_threads);  // the BLAS is slowed down only while it works
                if (first.empty()) first = results;
                for (std::size_t i = 0; i < results.size(); ++i) {
                    BOOST_TEST(same_bits(results[i], first[i]),
                               "result " << i << " on " << threads << " threads for " << to_string(shape));
                }
            }
        }
    }
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_CASE(errors_of_convolution) {
    const Tensor x = xgrad::zeros({2, 4, 5, 5});
    const Tensor w = xgrad::zeros({6, 4, 3, 3});
    const auto of_shapes = [](auto&& f) { return without_line(message_of<xgrad::ShapeError>(f)); };
    const auto of_options = [](auto&& f) { return without_line(message_of<xgrad::ValueError>(f)); };
    const std::string here = " at test_convolution.cpp";
    const Tensor thin = xgrad::zeros({6, 3, 3, 3});
    const int line = __LINE__ + 1;
    const std::string text = message_of<xgrad::ShapeError>([&] { conv2d(x, thin); });
    BOOST_TEST(text == "conv2d: needs x (N, C, H, W) and w (O, C / groups, kH, kW), got (2, 4, 5, 5) and (6, 3, 3, 3)" +
                           here + ":" + std::to_string(line));
    BOOST_TEST(of_shapes([&] {
                   conv2d(xgrad::zeros({4, 5, 5}), w);
               }) ==
               "conv2d: needs x (N, C, H, W) and w (O, C / groups, kH, kW), got (4, 5, 5) and (6, 4, 3, 3)" + here);
    BOOST_TEST(of_shapes([&] {
                   conv2d(x, xgrad::zeros({6, 4, 6, 1}));
               }) ==
               "conv2d: needs a kernel that is not empty and fits the padded input, got (2, 4, 5, 5) and (6, 4, 6, 1)" +
                   here);
    BOOST_TEST(of_shapes([&] {
                   conv2d(x, xgrad::zeros({6, 4, 0, 1}));
               }) ==
               "conv2d: needs a kernel that is not empty and fits the padded input, got (2, 4, 5, 5) and (6, 4, 0, 1)" +
                   here);
    BOOST_TEST(of_shapes([&] { conv2d(x, w, {.groups = 3}); }) ==
               "conv2d: needs 3 groups that divide the channels, got (2, 4, 5, 5) and (6, 4, 3, 3)" + here);
    BOOST_TEST(of_shapes([&] {
                   conv2d(x, xgrad::zeros({6, 1, 3, 3}), {.groups = 4});
               }) == "conv2d: needs 4 groups that divide the filters, got (2, 4, 5, 5) and (6, 1, 3, 3)" + here);
    BOOST_TEST(of_shapes([&] { conv1d(x, w); }) ==
               "conv1d: needs x (N, C, L) and w (O, C / groups, K), got (2, 4, 5, 5) and (6, 4, 3, 3)" + here);
    BOOST_TEST(of_shapes([&] {
                   conv1d(xgrad::zeros({1, 2, 3}), xgrad::zeros({1, 2, 4}));
               }) == "conv1d: needs a kernel that is not empty and fits the padded input, got (1, 2, 3) and (1, 2, 4)" +
                         here);
    BOOST_TEST(of_shapes([&] { conv_transpose2d(x, w); }) ==
               "conv_transpose2d: needs x (N, C, H, W) and w (C, O / groups, kH, kW), got (2, 4, 5, 5) and "
               "(6, 4, 3, 3)" +
                   here);
    BOOST_TEST(of_shapes([&] {
                   conv_transpose2d(x, xgrad::zeros({4, 1, 1, 1}), {.padding = 3});
               }) ==
               "conv_transpose2d: needs an input, a kernel and a result of at least one pixel, got (2, 4, 5, 5) and "
               "(4, 1, 1, 1)" +
                   here);
    BOOST_TEST(of_options([&] {
                   conv2d(x, w, {.stride = {1, 0}});
               }) == "conv2d: needs a stride >= 1 and below 2^31, got (1, 0)" + here);
    BOOST_TEST(of_options([&] { conv2d(x, w, {.padding = -1}); }) ==
               "conv2d: needs a padding >= 0 and below 2^31, got (-1, -1)" + here);
    BOOST_TEST(of_options([&] { conv2d(x, w, {.dilation = 0}); }) ==
               "conv2d: needs a dilation >= 1 and below 2^31, got (0, 0)" + here);
    BOOST_TEST(of_options([&] { conv1d(x, w, {.dilation = INT64_MAX}); }) ==
               "conv1d: needs a dilation >= 1 and below 2^31, got (9223372036854775807, 9223372036854775807)" + here);
    BOOST_TEST(of_options([&] { conv2d(x, w, {.groups = 0}); }) ==
               "conv2d: needs groups >= 1 and below 2^31, got 0" + here);
    BOOST_TEST(of_options([&] { conv_transpose2d(x, w, {.stride = 2, .output_padding = 2}); }) ==
               "conv_transpose2d: needs an output padding below the stride or the dilation, got (2, 2)" + here);
    const auto of_dtypes = [&] { conv2d(astype(x, DType::int32), astype(w, DType::int32)); };
    BOOST_TEST(without_line(message_of<xgrad::DTypeError>(of_dtypes)) ==
               "conv2d: needs float32 or float64, got int32 and int32" + here);
}

BOOST_AUTO_TEST_CASE(the_largest_options) {
    // Of all nine cells only the middle one lies on the image.
    const Tensor x = drawn({1, 1, 5, 5}, 1);
    const Tensor w = drawn({1, 1, 3, 3}, 2);
    const Tensor y = conv2d(x, w, {.stride = INT32_MAX, .padding = INT32_MAX, .dilation = INT32_MAX});
    BOOST_TEST(y.item() == x.value<double>()(0, 0, 0, 0) * w.value<double>()(0, 0, 1, 1));
}

BOOST_AUTO_TEST_SUITE_END()
