#include <boost/test/unit_test.hpp>

#include <limits>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Pooling against plain nested loops, and what ties, padding and NaN do.

using support::close;
using support::message_of;
using support::Numbers;
using support::numbers_of;
using support::same_bits;
using xgrad::DType;
using xgrad::PerAxis;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

Tensor drawn(const Shape& shape, unsigned seed, DType dtype = DType::float64) {
    const std::vector<std::size_t> extents(shape.begin(), shape.end());
    return astype(Tensor(support::draws(extents, seed)), dtype);
}

std::string without_line(const std::string& message) {
    return message.substr(0, message.rfind(':'));
}

std::int64_t positions(std::int64_t extent, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    std::int64_t count = 0;
    while (count * stride + kernel <= extent + 2 * padding) ++count;
    return count;
}

/// max_pool2d or avg_pool2d by its definition.
Tensor pooled(const Tensor& x, PerAxis kernel, PerAxis stride, PerAxis padding, bool largest) {
    const Shape X = x.shape();
    const Shape Y{X[0], X[1], positions(X[2], kernel.height, stride.height, padding.height),
                  positions(X[3], kernel.width, stride.width, padding.width)};
    const Numbers a = numbers_of(x);
    Numbers y;
    for (std::int64_t n = 0; n < Y[0] * Y[1]; ++n) {
        for (std::int64_t i = 0; i < Y[2]; ++i) {
            for (std::int64_t j = 0; j < Y[3]; ++j) {
                long double sum = 0;
                long double most = -infinity;
                for (std::int64_t k = 0; k < kernel.height; ++k) {
                    for (std::int64_t l = 0; l < kernel.width; ++l) {
                        const std::int64_t row = i * stride.height - padding.height + k;
                        const std::int64_t column = j * stride.width - padding.width + l;
                        if (row < 0 || row >= X[2] || column < 0 || column >= X[3]) continue;
                        const long double pixel = a[static_cast<std::size_t>((n * X[2] + row) * X[3] + column)];
                        sum += pixel;
                        most = std::max(most, pixel);
                    }
                }
                y.push_back(largest ? most : sum / static_cast<long double>(kernel.height * kernel.width));
            }
        }
    }
    return support::tensor_of(DType::longdouble, Y, y);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pooling)

BOOST_AUTO_TEST_CASE(values_against_loops) {
    unsigned seed = 0;
    for (const PerAxis kernel : {PerAxis(1), PerAxis(2), PerAxis(3), PerAxis(2, 5)}) {
        for (const PerAxis stride : {PerAxis(1), PerAxis(2), PerAxis(3, 1)}) {
            for (const PerAxis padding : {PerAxis(0), PerAxis(1), PerAxis(1, 2)}) {
                if (2 * padding.height > kernel.height || 2 * padding.width > kernel.width) continue;
                for (const DType dtype : {DType::float64, DType::float32}) {
                    const Tensor x = drawn({2, 3, 7, 10}, ++seed, dtype) - 3;  // below 0, which padding must not be
                    const xgrad::PoolOptions options{.stride = stride, .padding = padding};
                    BOOST_TEST(close(xgrad::max_pool2d(x, kernel, options), pooled(x, kernel, stride, padding, true)));
                    BOOST_TEST(close(xgrad::avg_pool2d(x, kernel, options), pooled(x, kernel, stride, padding, false),
                                     dtype == DType::float64 ? 1e-14 : 1e-6));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(equal_pixels_share_the_derivative) {
    const Tensor x = xgrad::parameter(Tensor(xt::xarray<double>{{{{1, 1, 0}, {1, 0, 0}}}}));
    const Tensor y = xgrad::max_pool2d(x, 2, {.stride = 1});
    const Tensor g(xt::xarray<double>{{{{6, 10}}}});
    const Tensor expected(xt::xarray<double>{{{{2, 12, 0}, {2, 0, 0}}}});
    BOOST_TEST(close(xgrad::vjp(y, g, std::vector<Tensor>{x})[0], expected));
    const Tensor u(xt::xarray<double>{{{{3, 6, 100}, {9, 100, 100}}}});
    BOOST_TEST(
        close(xgrad::jvp(y, std::vector<Tensor>{x}, std::vector<Tensor>{u}), Tensor(xt::xarray<double>{{{{6, 6}}}})));
}

BOOST_AUTO_TEST_CASE(padding_takes_no_share) {
    // Every window has a maximum of 0, which is what unfolded padding looks like.
    const Tensor x = xgrad::parameter(xgrad::zeros({1, 1, 2, 2}, DType::float64));
    const Tensor y = xgrad::max_pool2d(x, 2, {.padding = 1});
    BOOST_TEST(y.shape() == (Shape{1, 1, 2, 2}));
    BOOST_TEST(same_bits(grad(sum(y), x), xgrad::ones({1, 1, 2, 2}, DType::float64)));
    const Tensor low = xgrad::full({1, 1, 2, 2}, -infinity, DType::float64);
    BOOST_TEST(same_bits(xgrad::max_pool2d(low, 2, {.padding = 1}), low));
}

BOOST_AUTO_TEST_CASE(a_nan_reaches_its_windows) {
    for (const std::int64_t place : {0, 1, 2, 3}) {
        xt::xarray<double> image = xt::xarray<double>{{{{1, 2, 3, 4}, {5, infinity, 7, 8}}}};
        image(0, 0, place / 2, place % 2) = not_a_number;
        const xt::xarray<double> y = xgrad::max_pool2d(image, 2).value<double>();
        BOOST_TEST(std::isnan(y(0, 0, 0, 0)));
        BOOST_TEST(y(0, 0, 0, 1) == 8);
        const xt::xarray<double> mean = xgrad::avg_pool2d(image, 2).value<double>();
        BOOST_TEST(std::isnan(mean(0, 0, 0, 0)));
        BOOST_TEST(mean(0, 0, 0, 1) == 5.5);
        // And so does the gradient, in the whole window, as that of amax.
        const Tensor x = xgrad::parameter(image);
        const xt::xarray<double> gradient = grad(sum(xgrad::max_pool2d(x, 2)), x).value<double>();
        for (const std::size_t column : {0U, 1U}) {
            BOOST_TEST(std::isnan(gradient(0, 0, 0, column)));
            BOOST_TEST(gradient(0, 0, 1, column + 2) == static_cast<double>(column));
        }
    }
}

BOOST_AUTO_TEST_CASE(options_and_layouts) {
    const Tensor x = drawn({1, 2, 8, 8}, 1);
    BOOST_TEST(xgrad::max_pool2d(x, 2).shape() == (Shape{1, 2, 4, 4}));
    BOOST_TEST(xgrad::max_pool2d(x, {2, 4}, {.stride = 1, .padding = {0, 2}}).shape() == (Shape{1, 2, 7, 9}));
    const Tensor channels_last = transpose(Tensor(transpose(x, {0, 2, 3, 1}).value<double>()), {0, 3, 1, 2});
    BOOST_TEST(same_bits(xgrad::max_pool2d(channels_last, 3), xgrad::max_pool2d(x, 3)));
    BOOST_TEST(same_bits(xgrad::avg_pool2d(channels_last, 3), xgrad::avg_pool2d(x, 3)));
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
    const std::size_t before = xgrad::threads();
    for (const DType dtype : {DType::float32, DType::float64}) {
        std::vector<Tensor> first;
        for (const std::size_t threads : {1, 2, 3}) {
            xgrad::set_threads(threads);
            const Tensor x = parameter(drawn({7, 8, 80, 80}, 1, dtype));
            std::vector<Tensor> results{xgrad::max_pool2d(x, 3, {.stride = 2}), xgrad::avg_pool2d(x, 3, {.stride = 2})};
            results.push_back(grad(sum(square(results[0])), x));
            results.push_back(grad(sum(square(results[1])), x));
            xgrad::compute(results);
            if (first.empty()) first = results;
            for (std::size_t i = 0; i < results.size(); ++i) BOOST_TEST(same_bits(results[i], first[i]));
        }
    }
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_CASE(errors) {
    const Tensor x = xgrad::zeros({2, 4, 5, 5});
    const auto of_shapes = [](auto&& f) { return without_line(message_of<xgrad::ShapeError>(f)); };
    const auto of_options = [](auto&& f) { return without_line(message_of<xgrad::ValueError>(f)); };
    const std::string here = " at test_pooling.cpp";
    BOOST_TEST(of_shapes([&] {
                   xgrad::max_pool2d(xgrad::zeros({5, 5}), 2);
               }) == "max_pool2d: needs x (N, C, H, W), got (5, 5)" + here);
    BOOST_TEST(of_shapes([&] {
                   xgrad::avg_pool2d(x, {2, 6});
               }) == "avg_pool2d: needs a kernel (2, 6) that fits the padded input, got (2, 4, 5, 5)" + here);
    BOOST_TEST(of_shapes([&] {
                   xgrad::max_pool2d(xgrad::zeros({1, 1, 0, 4}), 2, {.padding = 1});
               }) == "max_pool2d: needs a kernel (2, 2) that fits the padded input, got (1, 1, 0, 4)" + here);
    BOOST_TEST(of_options([&] { xgrad::max_pool2d(x, 0); }) ==
               "max_pool2d: needs a kernel >= 1 and below 2^31, got (0, 0)" + here);
    BOOST_TEST(of_options([&] {
                   xgrad::max_pool2d(x, 2, {.stride = {1, -1}});
               }) == "max_pool2d: needs a stride >= 1 and below 2^31, got (1, -1)" + here);
    BOOST_TEST(of_options([&] { xgrad::avg_pool2d(x, 3, {.padding = 2}); }) ==
               "avg_pool2d: needs a padding of at most half the kernel, got (2, 2)" + here);
    const auto of_dtypes = [&] { xgrad::max_pool2d(astype(x, DType::int64), 2); };
    BOOST_TEST(without_line(message_of<xgrad::DTypeError>(of_dtypes)) ==
               "max_pool2d: needs float32 or float64, got int64" + here);
}

BOOST_AUTO_TEST_SUITE_END()
