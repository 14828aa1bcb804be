#include <boost/test/unit_test.hpp>

#include <limits>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Sequences and constants, against what NumPy gives.

using support::close;
using support::message_of;
using support::same_bits;
using xgrad::arange;
using xgrad::DType;
using xgrad::linspace;
using xgrad::Shape;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

const double infinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

std::string without_line(const std::string& message) {
    return message.substr(0, message.rfind(':'));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(creation)

BOOST_AUTO_TEST_CASE(arange_of_numbers) {
    // np.arange(0, 1, 0.1) has ten elements, np.arange(1, 2, 0.3) four.
    BOOST_TEST(arange(0, 1, 0.1).shape() == Shape{10});
    BOOST_TEST((arange(0, 1, 0.1).dtype() == DType::float32));
    BOOST_TEST(same_bits(arange(1, 2, 0.3, DType::float64), Tensor(Array{1, 1.3, 1.6, 1 + 3 * 0.3})));
    BOOST_TEST(same_bits(arange(3, -1, -2, DType::float64), Tensor(Array{3, 1})));
    BOOST_TEST(arange(2, 2).shape() == Shape{0});
    BOOST_TEST(arange(0, -5).shape() == Shape{0});
    BOOST_TEST(arange(0, -5).value<float>().size() == 0U);
}

BOOST_AUTO_TEST_CASE(arange_of_integers) {
    BOOST_TEST(same_bits(arange(5, -5, -3, DType::int64), Tensor(xt::xarray<std::int64_t>{5, 2, -1, -4})));
    BOOST_TEST(same_bits(arange(0, 3, 1, DType::int32), Tensor(xt::xarray<std::int32_t>{0, 1, 2})));
    // The ends of the range: i step is beyond int64, start + i step is not.
    BOOST_TEST(same_bits(arange(-0x1p63, 0x1p63, 0x1p62, DType::int64),
                         Tensor(xt::xarray<std::int64_t>{-largest - 1, -largest / 2 - 1, 0, largest / 2 + 1})));
    const Tensor many = arange(0, 100000, 1, DType::int64);  // filled by several threads
    BOOST_TEST(many.value<std::int64_t>()(99999) == 99999);
    BOOST_TEST(sum(many).item<std::int64_t>() == 4999950000);
}

BOOST_AUTO_TEST_CASE(linspace_includes_both_ends) {
    BOOST_TEST(same_bits(linspace(0, 1, 5, DType::float64), Tensor(Array{0, 0.25, 0.5, 0.75, 1})));
    const Tensor tenths = linspace(0, 1, 11, DType::float64);
    BOOST_TEST(tenths.value<double>()(10) == 1);
    BOOST_TEST(tenths.value<double>()(3) == 3 * 0.1);  // as NumPy: i step, not the nearest to 0.3
    BOOST_TEST(same_bits(linspace(2, -2, 3), Tensor(xt::xarray<float>{2, 0, -2})));
    BOOST_TEST(same_bits(linspace(7, 9, 1, DType::float64), Tensor(Array{7})));
    BOOST_TEST(linspace(7, 9, 0).value<float>().size() == 0U);
    const double most = std::numeric_limits<double>::max();
    BOOST_TEST(close(linspace(-most, most, 3, DType::float64), Array{-most, 0, most}));
}

BOOST_AUTO_TEST_CASE(eye_and_its_diagonals) {
    BOOST_TEST(same_bits(xgrad::eye(2), Tensor(xt::xarray<float>{{1, 0}, {0, 1}})));
    BOOST_TEST(same_bits(xgrad::eye(2, 3, 1, DType::float64), Tensor(Array{{0, 1, 0}, {0, 0, 1}})));
    BOOST_TEST(same_bits(xgrad::eye(3, 2, -1, DType::int64), Tensor(xt::xarray<std::int64_t>{{0, 0}, {1, 0}, {0, 1}})));
    for (const std::int64_t k : {std::int64_t{3}, std::int64_t{-2}, largest, -largest - 1}) {
        BOOST_TEST(same_bits(xgrad::eye(2, 3, k), xgrad::zeros({2, 3})));
    }
    BOOST_TEST(xgrad::eye(0, 3).shape() == (Shape{0, 3}));
    BOOST_TEST(xgrad::eye(0, 3).value<float>().size() == 0U);
    const Tensor A = Array{{1, 2}, {3, 4}};
    BOOST_TEST(same_bits(matmul(A, xgrad::eye(2, 2, 0, DType::float64)), A));
}

BOOST_AUTO_TEST_CASE(like_another) {
    const Tensor x = xgrad::zeros({2, 0, 3}, DType::int32);
    BOOST_TEST(same_bits(xgrad::full_like(xgrad::zeros({2, 2}), 7), xgrad::full({2, 2}, 7)));
    BOOST_TEST(xgrad::full_like(x, 7).shape() == x.shape());
    BOOST_TEST((xgrad::full_like(x, 7).dtype() == DType::int32));
}

BOOST_AUTO_TEST_CASE(sizes_that_nobody_has_memory_for) {
    // Recording computes nothing, and what cannot be is refused.
    if (!xgrad::is_eager()) {
        BOOST_TEST(arange(0, 0x1p31).shape() == Shape{std::int64_t{1} << 31});
        BOOST_TEST(linspace(0, 1, std::int64_t{1} << 31).size() == std::int64_t{1} << 31);
        BOOST_TEST(xgrad::eye(std::int64_t{1} << 20).shape().rank() == 2U);
    }
    BOOST_CHECK_THROW(arange(0, 0x1p63), xgrad::ShapeError);
    BOOST_CHECK_THROW(arange(0, 1e300), xgrad::ShapeError);
    BOOST_CHECK_THROW(arange(-1e308, 1e308), xgrad::ShapeError);
    BOOST_CHECK_THROW(linspace(0, 1, largest), xgrad::ShapeError);
    BOOST_CHECK_THROW(xgrad::eye(largest), xgrad::ShapeError);
    BOOST_CHECK_THROW(xgrad::eye(2, largest), xgrad::ShapeError);
}

BOOST_AUTO_TEST_CASE(errors) {
    const std::string here = " at test_creation.cpp";
    const auto of_values = [](auto&& f) { return without_line(message_of<xgrad::ValueError>(f)); };
    const auto of_dtypes = [](auto&& f) { return without_line(message_of<xgrad::DTypeError>(f)); };
    const int line = __LINE__ + 1;
    const std::string text = message_of<xgrad::ValueError>([] { arange(0, 1, 0); });
    BOOST_TEST(text == "arange: needs a step that is not 0" + here + ":" + std::to_string(line));
    BOOST_TEST(of_values([] { arange(0, infinity); }) == "arange: needs finite numbers, got inf" + here);
    BOOST_TEST(of_values([] { arange(0.5, 3, 1, DType::int64); }) ==
               "arange: needs whole numbers that fit int64, got 0.500000" + here);
    BOOST_TEST(of_values([] { arange(0, 3, 0.5, DType::int32); }) ==
               "arange: needs whole numbers that fit int32, got 0.500000" + here);
    BOOST_TEST(of_values([] { arange(0, 0x1p32, 0x1p30, DType::int32); }) ==
               "arange: needs whole numbers that fit int32, got 3221225472.000000" + here);
    BOOST_TEST(of_dtypes([] { arange(0, 2, 1, DType::boolean); }) == "arange: needs numbers, got bool" + here);
    BOOST_TEST(of_values([] { linspace(0, 1, -1); }) == "linspace: needs n >= 0, got -1" + here);
    BOOST_TEST(of_values([] { linspace(-infinity, 1, 2); }) == "linspace: needs finite numbers, got -inf" + here);
    BOOST_TEST(of_dtypes([] { linspace(0, 1, 2, DType::int64); }) ==
               "linspace: needs a floating-point dtype, got int64" + here);
    BOOST_TEST(without_line(message_of<xgrad::ShapeError>([] { xgrad::eye(2, -1); })) ==
               "eye: needs extents that are not negative and fit memory, got (2, -1)" + here);
}

BOOST_AUTO_TEST_SUITE_END()
