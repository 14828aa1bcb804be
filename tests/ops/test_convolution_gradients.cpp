#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Convolution, both of its gradients and the tiles of pooling against plain loops, element by element, in the sizes at
// which a fast kernel has edges: filters around the width of registers, positions around that of tiles, cells that meet
// and miss each other's steps.

using support::close;
using support::Numbers;
using support::numbers_of;
using support::same_bits;
using xgrad::ConvOptions;
using xgrad::DType;
using xgrad::PerAxis;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

/// Numbers between -2 and 2, or a few integers, so that there are ties.
Tensor drawn(const Shape& shape, unsigned seed, DType dtype, bool integers = false) {
    const Tensor x = support::drawn(shape, seed);
    return astype(integers ? floor(x) : x, dtype);
}

struct Case {
    const char* label;
    Shape x;
    Shape w;
    ConvOptions options;
};

const std::vector<Case> cases{
    {"fewer filters than a register", {2, 3, 9, 11}, {5, 3, 3, 3}, {.padding = 1}},
    {"one filter to a group", {2, 6, 8, 9}, {6, 1, 3, 3}, {.padding = 1, .groups = 6}},
    {"one register and a bit", {2, 2, 7, 7}, {17, 2, 3, 2}, {}},
    {"two registers and a bit", {1, 2, 6, 9}, {33, 2, 2, 3}, {.padding = {1, 2}}},
    {"panels with a narrow last one", {3, 2, 5, 5}, {70, 2, 3, 3}, {.padding = 1}},
    {"more cells than are added up at once", {2, 40, 6, 6}, {4, 40, 3, 3}, {.padding = 1}},
    {"several tiles of rows", {2, 3, 37, 29}, {6, 3, 5, 5}, {.padding = 2}},
    {"several tiles of one row", {1, 2, 2, 1300}, {3, 2, 2, 7}, {.padding = {0, 3}}},
    {"tiles without padding", {1, 2, 40, 31}, {3, 2, 3, 3}, {}},
    {"a stride over many tiles", {2, 3, 51, 47}, {5, 3, 3, 3}, {.stride = {2, 3}, .padding = 1}},
    {"a stride beyond the kernel", {2, 3, 23, 25}, {5, 3, 2, 2}, {.stride = {3, 4}}},
    {"stride and dilation alike", {2, 3, 19, 21}, {5, 3, 3, 4}, {.stride = 2, .padding = 2, .dilation = 2}},
    {"stride and dilation with a common factor",
     {1, 2, 33, 29},
     {4, 2, 3, 2},
     {.stride = 4, .padding = 3, .dilation = 6}},
    {"stride and dilation without one",
     {1, 2, 33, 29},
     {4, 2, 5, 4},
     {.stride = {2, 3}, .padding = 5, .dilation = {3, 2}}},
    {"cells farther apart than the image is wide", {2, 2, 5, 6}, {3, 2, 3, 3}, {.padding = 9, .dilation = 9}},
    {"pixel by pixel", {2, 20, 9, 9}, {18, 20, 1, 1}, {}},
    {"every second pixel", {2, 20, 9, 9}, {18, 20, 1, 1}, {.stride = 2}},
    {"groups of several filters", {3, 8, 10, 9}, {36, 4, 3, 3}, {.padding = 1, .groups = 2}},
    {"patches", {2, 3, 16, 16}, {8, 3, 4, 4}, {.stride = 4}},
};

struct Expected {
    Numbers y, dx, dw;
};

/// y, and for its cotangent g the gradients: every product of a pixel, a cell and a position goes to all three.
Expected by_loops(const Case& c, const Numbers& x, const Numbers& w, const Numbers& g, const Shape& Y) {
    const auto& [stride, padding, dilation, groups] = c.options;
    Expected e{Numbers(g.size()), Numbers(x.size()), Numbers(w.size())};
    const std::int64_t filters = c.w[0] / groups;
    for (std::int64_t n = 0; n < Y[0]; ++n) {
        for (std::int64_t o = 0; o < Y[1]; ++o) {
            for (std::int64_t i = 0; i < Y[2]; ++i) {
                for (std::int64_t j = 0; j < Y[3]; ++j) {
                    const auto at_y = static_cast<std::size_t>(((n * Y[1] + o) * Y[2] + i) * Y[3] + j);
                    for (std::int64_t ch = 0; ch < c.w[1]; ++ch) {
                        for (std::int64_t k = 0; k < c.w[2]; ++k) {
                            for (std::int64_t l = 0; l < c.w[3]; ++l) {
                                const std::int64_t row = i * stride.height - padding.height + k * dilation.height;
                                const std::int64_t column = j * stride.width - padding.width + l * dilation.width;
                                if (row < 0 || row >= c.x[2] || column < 0 || column >= c.x[3]) continue;
                                const std::int64_t channel = o / filters * c.w[1] + ch;
                                const auto at_x =
                                    static_cast<std::size_t>(((n * c.x[1] + channel) * c.x[2] + row) * c.x[3] + column);
                                const auto at_w =
                                    static_cast<std::size_t>(((o * c.w[1] + ch) * c.w[2] + k) * c.w[3] + l);
                                e.y[at_y] += w[at_w] * x[at_x];
                                e.dx[at_x] += w[at_w] * g[at_y];
                                e.dw[at_w] += x[at_x] * g[at_y];
                            }
                        }
                    }
                }
            }
        }
    }
    return e;
}

/// y, dx and dw as computed.
std::array<Tensor, 3> computed(const Case& c, DType dtype) {
    const Tensor x = parameter(drawn(c.x, 1, dtype));
    const Tensor w = parameter(drawn(c.w, 2, dtype));
    const Tensor y = conv2d(x, w, c.options);
    const std::vector<Tensor> gradients = xgrad::vjp(y, drawn(y.shape(), 3, dtype), std::vector<Tensor>{x, w});
    return {y, gradients[0], gradients[1]};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolution)

BOOST_AUTO_TEST_CASE(all_three_against_loops) {
    for (const Case& c : cases) {
        for (const DType dtype : {DType::float64, DType::float32, DType::longdouble}) {
            const std::array<Tensor, 3> results = computed(c, dtype);
            const Shape Y = results[0].shape();
            const Expected e = by_loops(c, numbers_of(drawn(c.x, 1, dtype)), numbers_of(drawn(c.w, 2, dtype)),
                                        numbers_of(drawn(Y, 3, dtype)), Y);
            // The sums have at most some thousand terms, each below 4.
            const double error = dtype == DType::float32 ? 2e-3 : 1e-11;
            const std::array<const Numbers*, 3> expected{&e.y, &e.dx, &e.dw};
            for (std::size_t i = 0; i < 3; ++i) {
                BOOST_TEST(close(results[i], support::tensor_of(DType::longdouble, results[i].shape(), *expected[i]), 0,
                                 error),
                           c.label << ": result " << i << " in " << name(dtype));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(up_to_eight_threads_give_the_same_bits) {
    const std::size_t before = xgrad::threads();
    for (const Case& c : {Case{"a layer", {9, 16, 14, 14}, {33, 16, 5, 5}, {.padding = 2}},
                          Case{"one small image", {1, 64, 7, 7}, {96, 64, 3, 3}, {.padding = 1}},
                          Case{"one image in tiles", {1, 8, 60, 60}, {24, 8, 3, 3}, {.stride = 2, .padding = 1}}}) {
        for (const DType dtype : {DType::float32, DType::float64}) {
            xgrad::set_threads(1);
            std::array<Tensor, 3> alone = computed(c, dtype);
            xgrad::compute({alone.begin(), alone.end()});
            for (const std::size_t threads : {2, 3, 4, 8}) {
                xgrad::set_threads(threads);
                const std::array<Tensor, 3> together = computed(c, dtype);
                for (std::size_t i = 0; i < 3; ++i) {
                    BOOST_TEST(same_bits(together[i], alone[i]),
                               c.label << ": result " << i << " on " << threads << " threads");
                }
            }
        }
    }
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pooling)

/// The largest of each 2 × 2 and, for the cotangent g, what its winners get, in rows of every length that strips of
/// tiles may have.
BOOST_AUTO_TEST_CASE(tiles_of_every_width_against_loops) {
    for (std::int64_t width = 2; width < 70; ++width) {
        const DType dtype = width % 3 == 0 ? DType::float64 : DType::float32;
        const Shape X{1, 2, 2 + width % 4, width};
        const Shape Y{1, 2, X[2] / 2, width / 2};
        const Tensor x = parameter(drawn(X, static_cast<unsigned>(width), dtype, true));
        const Tensor g = drawn(Y, 100 + static_cast<unsigned>(width), dtype);
        const Tensor y = max_pool2d(x, 2);
        const Numbers pixels = numbers_of(x);
        const Numbers cotangents = numbers_of(g);
        Numbers largest, gradient(pixels.size());
        for (std::int64_t plane = 0; plane < 2; ++plane) {
            for (std::int64_t i = 0; i < Y[2]; ++i) {
                for (std::int64_t j = 0; j < Y[3]; ++j) {
                    const auto corner = static_cast<std::size_t>((plane * X[2] + 2 * i) * width + 2 * j);
                    const auto below = corner + static_cast<std::size_t>(width);
                    const std::array<std::size_t, 4> tile{corner, corner + 1, below, below + 1};
                    long double most = pixels[corner];
                    for (const std::size_t pixel : tile) most = std::max(most, pixels[pixel]);
                    const auto winners = std::count_if(tile.begin(), tile.end(),
                                                       [&](std::size_t pixel) { return pixels[pixel] == most; });
                    for (const std::size_t pixel : tile) {
                        if (pixels[pixel] == most) {
                            gradient[pixel] = cotangents[largest.size()] / static_cast<long double>(winners);
                        }
                    }
                    largest.push_back(most);
                }
            }
        }
        BOOST_TEST(close(y, support::tensor_of(DType::longdouble, Y, largest)), "width " << width);
        BOOST_TEST(close(xgrad::vjp(y, g, std::vector<Tensor>{x})[0],
                         support::tensor_of(DType::longdouble, X, gradient), dtype == DType::float64 ? 1e-15 : 1e-6),
                   "gradient, width " << width);
    }
}

BOOST_AUTO_TEST_SUITE_END()
