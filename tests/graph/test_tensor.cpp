#include <boost/test/unit_test.hpp>

#include <sstream>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// The two directions between xtensor and a Tensor, and what a Tensor can be asked.

using support::same_bits;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

Tensor iota(std::int64_t n) {
    return Tensor(Array(xt::arange<double>(static_cast<double>(n))));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tensor)

BOOST_AUTO_TEST_CASE(an_rvalue_array_gives_its_memory) {
    Array array = xt::ones<double>({3, 4});
    const double* memory = array.data();
    const Tensor t = std::move(array);
    BOOST_TEST(t.value<double>().data() == memory);
    xt::xtensor<float, 2> fixed = xt::ones<float>({3, 4});
    const float* fixed_memory = fixed.data();
    const Tensor u = std::move(fixed);
    BOOST_TEST(u.value<float>().data() == fixed_memory);
    BOOST_TEST(u.shape() == xgrad::Shape(3, 4));
}

BOOST_AUTO_TEST_CASE(an_lvalue_array_is_copied) {
    Array array = xt::ones<double>({3, 4});
    const Tensor t = array;
    BOOST_TEST(t.value<double>().data() != array.data());
    array(0, 0) = 5;
    BOOST_TEST(t.value<double>()(0, 0) == 1);
    const Array constant = array;
    const Tensor u = std::move(constant);  // a const rvalue has nothing to give
    BOOST_TEST(u.value<double>().data() != constant.data());
}

BOOST_AUTO_TEST_CASE(any_expression_becomes_a_tensor) {
    const Array a{{1, 2, 3}, {4, 5, 6}};
    const Array doubled{{2, 4, 6}, {8, 10, 12}};
    BOOST_TEST(same_bits(Tensor(a + a), Tensor(doubled)));
    BOOST_TEST(same_bits(Tensor(xt::transpose(a)), Tensor(Array{{1, 4}, {2, 5}, {3, 6}})));
    BOOST_TEST(same_bits(Tensor(xt::view(a, 1, xt::range(0, 2))), Tensor(Array{4, 5})));
    BOOST_TEST(same_bits(Tensor(xt::view(a, xt::all(), xt::newaxis(), 2)), xgrad::reshape(Array{3, 6}, {2, 1})));
    BOOST_TEST(same_bits(Tensor(xt::sum(a)), Tensor(21.)));
    BOOST_TEST(same_bits(Tensor(xt::xtensor_fixed<double, xt::xshape<2>>{1, 2}), Tensor(Array{1, 2})));
    BOOST_TEST(Tensor(xt::zeros<double>({0, 3})).shape() == xgrad::Shape(0, 3));
    const xt::xarray<double, xt::layout_type::column_major> columns = a;
    BOOST_TEST(same_bits(Tensor(columns), Tensor(a)));
    xt::xarray<double, xt::layout_type::column_major> given = a;
    BOOST_TEST(same_bits(Tensor(std::move(given)), Tensor(a)));  // another layout cannot be adopted
}

BOOST_AUTO_TEST_CASE(a_view_does_not_give_its_array_away) {
    Array a{{1, 2, 3}, {4, 5, 6}};
    const Tensor row = xt::view(a, 1, xt::all());
    const Tensor rest = xt::view(a, xt::range(1, 2), xt::all());
    const Tensor whole = xt::adapt(a.data(), 6, xt::no_ownership(), std::vector<std::size_t>{6});
    a.fill(0);
    BOOST_TEST(same_bits(row, Tensor(Array{4, 5, 6})));
    BOOST_TEST(rest.shape() == xgrad::Shape(1, 3));
    BOOST_TEST(rest.value<double>()(0, 0) == 4);
    BOOST_TEST(whole.value<double>()(5) == 6);
}

BOOST_AUTO_TEST_CASE(elements_of_every_type) {
    const auto dtype = [](const Tensor& t) { return std::string(name(t.dtype())); };
    BOOST_TEST(dtype(xt::xarray<bool>{true}) == "bool");
    BOOST_TEST(dtype(xt::xarray<std::uint8_t>{1}) == "int32");
    BOOST_TEST(dtype(xt::xarray<std::int16_t>{1}) == "int32");
    BOOST_TEST(dtype(xt::xarray<std::int32_t>{1}) == "int32");
    BOOST_TEST(dtype(xt::xarray<std::uint32_t>{1}) == "int64");
    BOOST_TEST(dtype(xt::xarray<std::int64_t>{1}) == "int64");
    BOOST_TEST(dtype(xt::xarray<float>{1}) == "float32");
    BOOST_TEST(dtype(xt::xarray<double>{1}) == "float64");
    BOOST_TEST(dtype(xt::xarray<long double>{1}) == "longdouble");
    BOOST_TEST(Tensor(xt::xarray<std::uint8_t>{200}).item<int>() == 200);
    BOOST_TEST(Tensor(xt::xarray<std::uint32_t>{4'000'000'000}).item<std::int64_t>() == 4'000'000'000);
    BOOST_TEST(Tensor(xt::xarray<bool>{true}).item<bool>());
}

BOOST_AUTO_TEST_CASE(value_is_a_view_of_the_memory) {
    const Tensor t = iota(6);
    BOOST_TEST(t.value<double>().data() == t.value<double>().data());
    const Tensor r = reshape(t, {2, 3});
    BOOST_TEST(r.value<double>().data() == t.value<double>().data());
    BOOST_TEST(view(t, {xgrad::range(2, 4)}).value<double>().data() == t.value<double>().data() + 2);
    const Tensor p = xgrad::parameter(t);
    BOOST_TEST(p.value<double>().data() == t.value<double>().data());
    // Brought into order once, then no more.
    const Tensor turned = transpose(r);
    BOOST_TEST(turned.value<double>().data() != t.value<double>().data());
    BOOST_TEST(turned.value<double>().data() == turned.value<double>().data());
    const xt::xarray<double> expected{{0, 3}, {1, 4}, {2, 5}};
    BOOST_TEST((turned.value<double>() == expected));
}

BOOST_AUTO_TEST_CASE(a_view_outlives_its_tensor) {
    xgrad::View<double> value = iota(1).value<double>();
    const std::int64_t with_one = xgrad::live_nodes();
    {
        const Tensor t = iota(5) * 2;
        value = t.value<double>();
    }
    BOOST_TEST(value(4) == 8);
    BOOST_TEST(value.dimension() == 1U);
    const auto copy = value;
    value = xgrad::View<double>(iota(1).value<double>());
    BOOST_TEST(copy(3) == 6);
    BOOST_TEST(xgrad::live_nodes() <= with_one + 2);
}

BOOST_AUTO_TEST_CASE(a_view_takes_part_in_xtensor_expressions) {
    const auto value = iota(4).value<double>();
    const Array expected{1, 3, 5, 7};
    BOOST_TEST((Array(2 * value + 1) == expected));
    BOOST_TEST(xt::sum(value)() == 6);
}

BOOST_AUTO_TEST_CASE(operators_between_arrays_and_tensors) {
    const Array a{1, 2, 3};
    const Tensor t = a;
    const Tensor doubled = Array{2, 4, 6};
    BOOST_TEST(same_bits(a + t, doubled));
    BOOST_TEST(same_bits(t + a, doubled));
    BOOST_TEST(same_bits(t + (a + 0.), doubled));
    BOOST_TEST(same_bits(2 * t, doubled));
    BOOST_TEST(same_bits(t * 2.F, doubled));
    BOOST_TEST(same_bits(-(-doubled), +doubled));
    BOOST_TEST(same_bits(xt::sqrt(a) / t, xgrad::sqrt(t) / a));
    BOOST_TEST(same_bits(t == a, Tensor(xt::xarray<bool>{true, true, true})));
    BOOST_TEST(same_bits(a > t, Tensor(xt::xarray<bool>{false, false, false})));
}

BOOST_AUTO_TEST_CASE(item_is_the_only_element) {
    BOOST_TEST(Tensor(2.5).item() == 2.5);
    BOOST_TEST(Tensor(Array(xt::ones<double>({1, 1}) * 2.5)).item() == 2.5);
    BOOST_TEST(Tensor(7).item<int>() == 7);
    BOOST_TEST(Tensor(0.1F).item<float>() == 0.1F);
    BOOST_TEST(Tensor(std::int64_t{1} << 62).item<std::int64_t>() == std::int64_t{1} << 62);
    BOOST_CHECK_THROW(iota(2).item(), xgrad::ShapeError);
    BOOST_CHECK_THROW(iota(0).item(), xgrad::ShapeError);
    BOOST_CHECK_THROW(Tensor().item(), xgrad::ValueError);
    BOOST_CHECK_THROW(Tensor().shape(), xgrad::ValueError);
}

BOOST_AUTO_TEST_CASE(names) {
    const Tensor w = xgrad::parameter(1., "w");
    BOOST_TEST(w.name() == "w");
    BOOST_TEST(w.is_parameter());
    BOOST_TEST(!(w + 1).is_parameter());
    BOOST_TEST((w + 1).needs_gradient());
    BOOST_TEST(!Tensor(1.).needs_gradient());
    BOOST_TEST((w + 1).name().empty());
    BOOST_TEST(name(w + 1, "Z").name() == "Z");
}

BOOST_AUTO_TEST_CASE(printing_looks_like_numpy) {
    const Tensor t = Array{{1, 2.5, -3}, {4, 5, 6}};
    BOOST_TEST(to_string(t) == "[[ 1. 2.5 -3.]\n [ 4.  5.  6.]]");
    BOOST_TEST(fmt::format("{:.2f}", t) == "[[ 1.00  2.50 -3.00]\n [ 4.00  5.00  6.00]]");
    BOOST_TEST(fmt::format("{}", t.value<double>()) == to_string(t));
    BOOST_TEST(to_string(Tensor(xt::xarray<int>{1, 20})) == "[ 1 20]");
    BOOST_TEST(to_string(t > 2) == "[[False  True False]\n [ True  True  True]]");
    BOOST_TEST(to_string(Tensor(1.5)) == "1.5");
    BOOST_TEST(to_string(Tensor()) == "(no tensor)");
    BOOST_TEST(to_string(iota(0)) == "[]");
    BOOST_TEST(to_string(iota(2000)) == "[   0.    1.    2. ... 1997. 1998. 1999.]");
    BOOST_TEST(fmt::format("{}", t.shape()) == "(2, 3)");
    std::ostringstream stream;
    stream << iota(2);
    BOOST_TEST(stream.str() == "[0. 1.]");
}

BOOST_AUTO_TEST_CASE(whole_numbers_stay_exact) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const Tensor x = xt::xarray<std::int64_t>{-1, 0};
    BOOST_TEST((x + most).value<std::int64_t>()(0) == most - 1);
    BOOST_TEST((x + (most - 1)).value<std::int64_t>()(1) == most - 1);
    BOOST_CHECK_THROW(x + std::uint64_t{1} + (std::uint64_t{1} << 63), xgrad::ValueError);
    BOOST_CHECK_THROW(Tensor(xt::xarray<int>{1}) + (std::int64_t{1} << 31), xgrad::ValueError);
    BOOST_TEST((Tensor(xt::xarray<double>{0.5}) + most).value<double>()(0) == 0x1p63);
}

BOOST_AUTO_TEST_SUITE_END()
