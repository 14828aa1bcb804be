#include <boost/test/unit_test.hpp>

#include <limits>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// Reductions against straightforward loops.

using hand::Array;
using support::close;
using support::draws;
using support::Numbers;
using support::same_bits;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

/// f over all elements that share the indices of the axes that stay, in long double.
template <class F>
Tensor reduced(const Tensor& x, const std::vector<int>& axes, long double start, F&& f) {
    const Shape shape = x.shape();
    Shape kept = shape;
    for (int axis : axes) kept[static_cast<std::size_t>(axis)] = 1;
    Numbers result(static_cast<std::size_t>(kept.size()), start);
    const Numbers numbers = support::numbers_of(x);
    const Shape strides = xgrad::row_major(kept);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        auto rest = static_cast<std::int64_t>(i);
        std::int64_t offset = 0;
        for (std::size_t axis = shape.rank(); axis-- > 0;) {
            if (kept[axis] != 1) offset += rest % shape[axis] * strides[axis];
            rest /= shape[axis];
        }
        long double& target = result[static_cast<std::size_t>(offset)];
        target = f(target, numbers[i]);
    }
    return support::tensor_of(x.dtype(), kept, result);
}

const std::vector<std::vector<int>> axes_of_three{{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}};

}  // namespace

BOOST_AUTO_TEST_SUITE(reduction)

BOOST_AUTO_TEST_CASE(sums_over_any_axes) {
    for (const std::vector<std::size_t>& shape :
         {std::vector<std::size_t>{2, 3, 4}, {5, 1, 300}, {300, 7, 9}, {70, 17, 3}, {3, 1100, 2}, {1, 1, 1}}) {
        const Tensor x = Array(draws(shape, 1));
        for (const Tensor& t : {x, transpose(x), transpose(x, {1, 2, 0}), view(x, {xgrad::all(-1), xgrad::ellipsis})}) {
            for (const std::vector<int>& axes : axes_of_three) {
                const Tensor expected = reduced(t, axes, 0, [](auto a, auto b) { return a + b; });
                BOOST_TEST(close(sum(t, axes, xgrad::keepdims), expected, 1e-14, 1e-12));
                BOOST_TEST(close(reshape(sum(t, axes), expected.shape()), expected, 1e-14, 1e-12));
                const Tensor largest = reduced(t, axes, -infinity, [](auto a, auto b) { return std::max(a, b); });
                BOOST_TEST(same_bits(xgrad::amax(t, axes, xgrad::keepdims), largest));
                const auto count = static_cast<double>(t.size()) / static_cast<double>(expected.size());
                BOOST_TEST(close(mean(t, axes, xgrad::keepdims), expected / count, 1e-14, 1e-12));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(twenty_million_ones) {
    const std::int64_t n = 20'000'000;
    const Tensor ones = xt::xarray<float>(xt::ones<float>({n}));
    BOOST_TEST(sum(ones).item() == 2e7);
    BOOST_TEST(mean(ones).item() == 1);
    BOOST_TEST(sum(xgrad::ones({n})).item() == 2e7);  // one element, stretched
    BOOST_TEST(sum(reshape(ones, {n / 10, 10}), 0).value<float>()(3) == 2e6F);
    BOOST_TEST(sum(reshape(ones, {10, n / 10}), 1).value<float>()(3) == 2e6F);
    BOOST_TEST(sum(reshape(ones, {n, 1})).item() == 2e7);
    BOOST_TEST(sum(reshape(ones, {n / 4, 4}), 0).value<float>()(3) == 5e6F);
    xgrad::release_cached_memory();
}

BOOST_AUTO_TEST_CASE(a_sum_keeps_its_digits) {
    const std::size_t n = 1'000'000;
    const Array x = draws({n}, 2, 0, 1);
    const Tensor single = xt::xarray<float>(xt::cast<float>(x));
    const Tensor expected = reduced(Tensor(x), {0}, 0, [](auto a, auto b) { return a + b; });
    BOOST_TEST(std::abs(sum(single).item() / expected.item() - 1) < 2e-7);
    BOOST_TEST(std::abs(sum(Tensor(x)).item() / expected.item() - 1) < 1e-15);
}

BOOST_AUTO_TEST_CASE(integers_and_bools_add_up_to_int64) {
    const Tensor large = xt::xarray<std::int32_t>{2'000'000'000, 2'000'000'000};
    BOOST_TEST(sum(large).item<std::int64_t>() == 4'000'000'000);
    const Tensor mask = xt::xarray<bool>{{true, false, true}, {true, true, false}};
    BOOST_TEST(same_bits(sum(mask, 0), Tensor(xt::xarray<std::int64_t>{2, 1, 1})));
    BOOST_TEST(sum(mask).item<int>() == 4);
    BOOST_TEST(xgrad::amax(xt::xarray<int>{3, -1, 7}).item<int>() == 7);
}

BOOST_AUTO_TEST_CASE(the_largest_of_numbers_with_nan) {
    for (const std::size_t n : {1U, 2U, 3U, 8U, 17U, 1023U, 1025U, 2050U}) {
        for (std::size_t place = 0; place<n; place += n> 100 ? 97 : 1) {
            Array x = draws({n}, 3);
            x(place) = not_a_number;
            BOOST_TEST(std::isnan(xgrad::amax(x).item()), "NaN at " << place << " of " << n);
            x(place) = infinity;
            BOOST_TEST(xgrad::amax(x).item() == infinity);
            x(place) = -infinity;
            if (n > 1) BOOST_TEST(std::isfinite(xgrad::amax(x).item()));
        }
    }
    const Tensor rows = Array{{1, not_a_number, 3}, {4, 5, 6}};
    BOOST_TEST(std::isnan(xgrad::amax(rows, 1).value<double>()(0)));
    BOOST_TEST(xgrad::amax(rows, 1).value<double>()(1) == 6);
    BOOST_TEST(xgrad::amax(Array{-infinity, -infinity}).item() == -infinity);
    BOOST_TEST(std::isnan(sum(rows).item()));
}

BOOST_AUTO_TEST_CASE(over_nothing) {
    const auto zeros = [](const Shape& shape) { return xgrad::zeros(shape, xgrad::DType::float64); };
    BOOST_TEST(sum(zeros({0})).item() == 0);
    BOOST_TEST(same_bits(sum(zeros({0, 3}), 0), zeros({3})));
    BOOST_TEST(sum(zeros({0, 3}), 1).shape() == Shape(0));
    BOOST_TEST(sum(zeros({2, 0, 3}), {0, 1}, xgrad::keepdims).shape() == Shape(1, 1, 3));
    BOOST_TEST(std::isnan(mean(zeros({0})).item()));
    BOOST_TEST(mean(zeros({0, 3}), 1).shape() == Shape(0));
    BOOST_TEST(norm(zeros({0})).item() == 0);
    BOOST_TEST(xgrad::amax(zeros({0, 3}), 1).shape() == Shape(0));
    BOOST_CHECK_THROW(xgrad::amax(zeros({0, 3}), 0), xgrad::ShapeError);
    BOOST_CHECK_THROW(xgrad::amax(zeros({0})), xgrad::ShapeError);
    BOOST_TEST(same_bits(matmul(zeros({2, 0}), zeros({0, 3})), zeros({2, 3})));
    BOOST_TEST(matmul(zeros({0, 2}), zeros({2, 3})).shape() == Shape(0, 3));
    BOOST_TEST(softmax(zeros({0, 2}), 0).shape() == Shape(0, 2));
    BOOST_TEST((zeros({0, 3}) + zeros({1, 3})).shape() == Shape(0, 3));
    const Tensor p = xgrad::parameter(zeros({0, 3}));
    BOOST_TEST(grad(sum(xgrad::exp(p)), p).shape() == Shape(0, 3));
    sum(p * 2).backward();
    BOOST_TEST(p.grad().shape() == Shape(0, 3));
}

BOOST_AUTO_TEST_CASE(no_axis_at_all) {
    const Tensor x = Array(draws({2, 3}, 4));
    BOOST_TEST(same_bits(sum(x, Shape()), x));  // over none of the axes: every element for itself
    BOOST_TEST(same_bits(sum(x, std::vector<int>()), x));
    BOOST_TEST(sum(x).rank() == 0U);
    BOOST_TEST(same_bits(sum(x, {0, 1}), sum(x)));
    BOOST_TEST(same_bits(sum(x, {-1, 0}), sum(x)));
}

BOOST_AUTO_TEST_CASE(softmax_does_not_overflow) {
    const Array z{{1000, -1000}, {1001, 0}, {-5000, 1000}};
    const Tensor y = xgrad::softmax(z, 0);
    BOOST_TEST(close(sum(y, 0), Array{1, 1}, 1e-15));
    BOOST_TEST(close(xgrad::log_softmax(z, 0),
                     Array{{-1.3132616875182228, -2000}, {-0.3132616875182228, -1000}, {-6001.313261687518, 0}},
                     1e-14));
    BOOST_TEST(close(xgrad::exp(xgrad::log_softmax(z, 0)), y, 1e-13));
    BOOST_TEST(close(xgrad::softmax(Array{{1, 2, 3}}, 1), xgrad::softmax(Array{{101, 102, 103}}, 1), 1e-13));
    const Array labels_cost = xt::log(Array{3, 3});
    BOOST_TEST(close(xgrad::cross_entropy(Array(xt::zeros<double>({3, 2})), xt::xarray<int>{0, 2}),
                     Array(xt::mean(labels_cost))));
    BOOST_TEST(xgrad::binary_cross_entropy_with_logits(Array{1000, -1000}, Array{0, 1}).item() == 1000);
}

BOOST_AUTO_TEST_SUITE_END()
