#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/tile_convolution.hpp>
#include <xgrad/ops/kernels/window_convolution.hpp>
#include <xgrad/xgrad.hpp>

#include "draws.hpp"
#include "support.hpp"

// Convolutions in float32 that are computed in tiles: values and both transposes against float64, errors against those
// of the definition, and what is not finite.

using support::same_bits;
using xgrad::ConvOptions;
using xgrad::DType;
using xgrad::PerAxis;
using xgrad::Shape;
using xgrad::Tensor;
using xgrad::kernels::Convolution;

namespace {

struct Case {
    Shape x;
    Shape w;
    PerAxis padding;
    std::int64_t groups;
    std::string text() const { return to_string(x) + " and " + to_string(w); }
    ConvOptions options() const { return {.padding = padding, .groups = groups}; }
};

Convolution extents(const Case& c) {
    const xgrad::kernels::Windows windows{
        {c.x[2], c.x[3]}, {c.w[2], c.w[3]},
        {1, 1},           {c.padding.height, c.padding.width},
        {1, 1},           {c.x[2] + 2 * c.padding.height - c.w[2] + 1, c.x[3] + 2 * c.padding.width - c.w[3] + 1}};
    return {c.x[0], c.groups, c.w[1], c.w[0] / c.groups, windows};
}

/// Whole tiles and parts of them, one row or column of results, padding beyond the kernel and none, channels that fill
/// registers and panels or do not, groups, several blocks of tiles, of images and of columns.
std::vector<Case> cases() {
    std::vector<Case> all;
    for (const std::int64_t r : {3, 5}) {
        all.push_back({{3, 32, 14, 14}, {64, 32, r, r}, (r - 1) / 2, 1});
        all.push_back({{2, 16, 14, 19}, {24, 16, r, r}, 0, 1});
        all.push_back({{1, 48, 13, 31}, {80, 48, r, r}, {0, 2}, 1});
        all.push_back({{2, 64, 28, 28}, {32, 32, r, r}, 2, 2});
        all.push_back({{1, 17, 9, 100}, {33, 17, r, r}, {3, 1}, 1});
        all.push_back({{5, 40, 12, 11}, {24, 40, r, r}, r - 1, 1});
        all.push_back({{1, 16, 70, 201}, {20, 16, r, r}, 1, 1});
        all.push_back({{2, 64, 30, 6}, {66, 32, r, r}, 2, 2});
        all.push_back({{9, 18, 16, 16}, {130, 18, r, r}, {r, r + 2}, 1});
        all.push_back({{1, 256, 16, 16}, {192, 256, r, r}, 1, 1});
        all.push_back({{7, 64, 16, 16}, {96, 64, r, r}, 1, 1});
    }
    return all;
}

/// The result and both gradients for the cotangent g.
std::vector<Tensor> all_three(const Case& c, const Tensor& x, const Tensor& w, const Tensor& g) {
    const Tensor image = parameter(x), filters = parameter(w);
    const Tensor y = conv2d(image, filters, c.options());
    std::vector<Tensor> all = xgrad::vjp(y, g, std::vector<Tensor>{image, filters});
    all.push_back(y);
    return all;
}

struct Inputs {
    Tensor x, w, g;
};
Inputs drawn(const Case& c) {
    const Tensor x = support::normal(c.x, 1, DType::float32, 1), w = support::normal(c.w, 2, DType::float32, 1);
    return {x, w, support::normal(conv2d(x, w, c.options()).shape(), 3, DType::float32, 1)};
}

Tensor wide(const Tensor& x) {
    return astype(x, DType::float64);
}

double root_mean_square(const Tensor& x) {
    return std::sqrt(xgrad::mean(square(x)).item());
}

/// The definition in float32, by the kernel that other convolutions take.
std::vector<Tensor> by_definition(const Case& c, const Inputs& in) {
    using namespace xgrad::kernels;
    const Convolution s = extents(c);
    const auto array = [](const Tensor& t) { return xt::xarray<float>(t.value<float>()); };
    const xt::xarray<float> x = array(in.x), w = array(in.w), g = array(in.g);
    xt::xarray<float> y = g, gx = x, gw = w;
    const Scratch<float> filters(size_of_filters<float>(s)), channels(size_of_channels<float>(s));
    pack_filters(s, w.data(), filters.data());
    pack_channels(s, w.data(), channels.data());
    convolve_windows(s, x.data(), filters.data(), y.data());
    convolve_windows_transposed(s, g.data(), channels.data(), gx.data());
    correlate_windows(s, x.data(), g.data(), gw.data());
    return {Tensor(gx), Tensor(gw), Tensor(y)};
}

Tensor with(const Tensor& x, std::size_t at, float number) {
    xt::xarray<float> array = x.value<float>();
    array.data()[at] = number;
    return array;
}

std::size_t not_finite(const Tensor& x) {
    const auto values = x.value<float>();
    return static_cast<std::size_t>(
        std::count_if(values.data(), values.data() + values.size(), [](float v) { return !std::isfinite(v); }));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolution_tiles)

BOOST_AUTO_TEST_CASE(values_and_transposes) {
    for (const Case& c : cases()) {
        BOOST_TEST(pays_in_tiles(extents(c)), c.text());
        const auto [x, w, g] = drawn(c);
        const std::vector<Tensor> single = all_three(c, x, w, g);
        const std::vector<Tensor> expected = all_three(c, wide(x), wide(w), wide(g));
        const std::vector<Tensor> sizes = all_three(c, abs(wide(x)), abs(wide(w)), abs(wide(g)));
        for (std::size_t i = 0; i < single.size(); ++i) {
            // Σ |w| |x| of the largest tile is not beyond the largest of all.
            const double unit = amax(sizes[i]).item() * 0x1p-24;
            const double error = amax(abs(wide(single[i]) - expected[i])).item() / unit;
            BOOST_TEST(error < 4, c.text() << ", " << i << ": " << error);
        }
    }
}

BOOST_AUTO_TEST_CASE(errors_are_like_those_of_the_definition) {
    for (const Case& c : cases()) {
        const Inputs in = drawn(c);
        const std::vector<Tensor> tiles = all_three(c, in.x, in.w, in.g), definition = by_definition(c, in);
        const std::vector<Tensor> expected = all_three(c, wide(in.x), wide(in.w), wide(in.g));
        for (std::size_t i = 0; i < tiles.size(); ++i) {
            const double of_tiles = root_mean_square(wide(tiles[i]) - expected[i]);
            const double of_definition = root_mean_square(wide(definition[i]) - expected[i]);
            BOOST_TEST(of_tiles < 1.25 * of_definition, c.text() << ", " << i << ": " << of_tiles / of_definition);
            BOOST_TEST(!same_bits(tiles[i], definition[i]), c.text() << ", " << i);
        }
    }
}

BOOST_AUTO_TEST_CASE(whole_numbers_stay_whole) {
    // For 3 by 3 cells all fractions are powers of two.
    const Case c{{2, 24, 18, 15}, {24, 24, 3, 3}, 1, 1};
    BOOST_TEST(pays_in_tiles(extents(c)));
    const auto whole = [](const Shape& shape, unsigned seed) {
        return astype(floor(support::drawn(shape, seed) * 8), DType::float32);
    };
    const Tensor x = whole(c.x, 1), w = whole(c.w, 2), g = whole({2, 24, 18, 15}, 3);
    const std::vector<Tensor> single = all_three(c, x, w, g), expected = all_three(c, wide(x), wide(w), wide(g));
    for (std::size_t i = 0; i < single.size(); ++i) BOOST_TEST(same_bits(wide(single[i]), expected[i]));
}

BOOST_AUTO_TEST_CASE(an_image_has_the_bits_that_it_has_alone) {
    const support::RestoredThreads restored;
    for (const Case& c : cases()) {
        const auto [x, w, g] = drawn(c);
        const std::vector<Tensor> all = all_three(c, x, w, g);
        for (const std::size_t threads : {1, 2, 3}) {
            xgrad::set_threads(threads);
            const std::vector<Tensor> again = all_three(c, x, w, g);
            for (std::size_t i = 0; i < all.size(); ++i) BOOST_TEST(same_bits(again[i], all[i]), c.text());
        }
        for (std::int64_t n = 0; n < c.x[0]; ++n) {
            const auto image = [&](const Tensor& of) { return view(of, {xgrad::range(n, n + 1)}); };
            const std::vector<Tensor> alone = all_three(c, image(x), w, image(g));
            BOOST_TEST(same_bits(alone[0], image(all[0])), c.text());
            BOOST_TEST(same_bits(alone[2], image(all[2])), c.text());
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_stays_where_it_is) {
    constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    for (const Case& c : {Case{{3, 32, 14, 14}, {64, 32, 5, 5}, 2, 1}, Case{{6, 32, 15, 14}, {32, 16, 3, 3}, 1, 2}}) {
        BOOST_TEST(pays_in_tiles(extents(c)));
        const Inputs finite = drawn(c);
        const std::vector<Tensor> before = all_three(c, finite.x, finite.w, finite.g);
        const auto image = static_cast<std::size_t>(finite.x.size() / c.x[0]);
        const auto result = static_cast<std::size_t>(finite.g.size() / c.x[0]);
        for (const float number : {infinity, -infinity, nan}) {
            for (const std::size_t at : {image + 37, 2 * image - 1}) {
                // One pixel of the second image: the results whose windows have it, and as many as by definition.
                Inputs in = finite;
                in.x = with(finite.x, at, number);
                const std::vector<Tensor> tiles = all_three(c, in.x, in.w, in.g), definition = by_definition(c, in);
                BOOST_TEST(not_finite(tiles[2]) == not_finite(definition[2]));
                BOOST_TEST(not_finite(tiles[2]) > 0U);
                BOOST_TEST(not_finite(tiles[1]) == not_finite(definition[1]));
                BOOST_TEST(not_finite(tiles[1]) > 0U);
                for (const std::int64_t other : {0, 2}) {
                    const auto part = [&](const Tensor& of) { return view(of, {xgrad::range(other, other + 1)}); };
                    BOOST_TEST(same_bits(part(tiles[2]), part(before[2])));
                }
            }
            Inputs in = finite;
            in.g = with(finite.g, result + 21, number);
            const std::vector<Tensor> tiles = all_three(c, in.x, in.w, in.g), definition = by_definition(c, in);
            BOOST_TEST(not_finite(tiles[0]) == not_finite(definition[0]));
            BOOST_TEST(not_finite(tiles[0]) > 0U);
            in.w = with(finite.w, 50, number);
            BOOST_TEST(not_finite(all_three(c, in.x, in.w, finite.g)[2]) == not_finite(by_definition(c, in)[2]));
        }
        // Sums of pixels overflow in a tile, products with small kernels do not by definition.
        const Tensor large = finite.x * 5e37, small = finite.w * 1e-30;
        const Inputs extreme{large, small, finite.g * 1e30};
        const std::vector<Tensor> tiles = all_three(c, extreme.x, extreme.w, extreme.g);
        BOOST_TEST(not_finite(tiles[2]) == not_finite(by_definition(c, extreme)[2]));
        BOOST_TEST(not_finite(tiles[2]) == 0U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
