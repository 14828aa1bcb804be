#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

using xgrad::DType;
using xgrad::Shape;

BOOST_AUTO_TEST_SUITE(shape)

BOOST_AUTO_TEST_CASE(holds_extents) {
    const Shape none, one{7}, two{2, 3}, many{1, 2, 3, 4, 5, 6, 7};
    BOOST_TEST(none.rank() == 0U);
    BOOST_TEST(none.size() == 1);
    BOOST_TEST(two.size() == 6);
    BOOST_TEST(many.rank() == 7U);
    BOOST_TEST(many[6] == 7);
    BOOST_TEST(many.size() == 5040);
    BOOST_TEST(Shape({2, 0, 3}).size() == 0);
    BOOST_TEST(to_string(none) == "()");
    BOOST_TEST(to_string(one) == "(7,)");
    BOOST_TEST(to_string(two) == "(2, 3)");
    BOOST_TEST(Shape(std::vector<std::size_t>{2, 3}) == two);
    BOOST_TEST(one != two);
    BOOST_TEST(Shape::of_rank(3, 2) == Shape(2, 2, 2));
}

BOOST_AUTO_TEST_CASE(copies_moves_and_grows) {
    Shape shape;
    for (int i = 0; i < 32; ++i) {
        shape.push_back(i);
        const Shape copy = shape;
        Shape moved = Shape(copy);
        BOOST_TEST(copy == shape);
        BOOST_TEST(moved == shape);
        moved = Shape{1};
        moved = copy;
        BOOST_TEST(moved == shape);
        moved.swap(moved);
        BOOST_TEST(moved == shape);
    }
    BOOST_CHECK_THROW(shape.push_back(1), std::length_error);
    BOOST_TEST(shape.rank() == 32U);
    shape.erase(0);
    shape.insert(1, 100);
    BOOST_TEST(shape[0] == 1);
    BOOST_TEST(shape[1] == 100);
    BOOST_TEST(shape[2] == 2);
    BOOST_TEST(shape.back() == 31);
}

BOOST_AUTO_TEST_CASE(strides_are_row_major) {
    BOOST_TEST(xgrad::row_major({2, 3, 4}) == Shape(12, 4, 1));
    BOOST_TEST(xgrad::row_major({}) == Shape());
    BOOST_TEST(xgrad::stretched_strides({3, 1}, {1, 1}, {2, 3, 4}) == Shape(0, 1, 0));
}

BOOST_AUTO_TEST_CASE(broadcasting_follows_numpy) {
    struct Case {
        Shape x, y;
        bool fits;
        Shape result;
    };
    const Case cases[] = {
        {{}, {}, true, {}},
        {{}, {2, 3}, true, {2, 3}},
        {{3}, {2, 3}, true, {2, 3}},
        {{2, 1}, {1, 3}, true, {2, 3}},
        {{8, 1, 6, 1}, {7, 1, 5}, true, {8, 7, 6, 5}},
        {{256, 256, 3}, {3}, true, {256, 256, 3}},
        {{0, 3}, {1, 3}, true, {0, 3}},
        {{1}, {0}, true, {0}},
        {{2}, {0}, false, {}},
        {{3}, {4}, false, {}},
        {{2, 1}, {8, 4, 3}, false, {}},
        {{2, 3}, {2}, false, {}},
    };
    for (const Case& each : cases) {
        Shape result;
        BOOST_TEST(broadcast(each.x, each.y, result) == each.fits, to_string(each.x) << to_string(each.y));
        if (each.fits) BOOST_TEST(result == each.result);
        BOOST_TEST(broadcast(each.y, each.x, result) == each.fits);
        if (each.fits) BOOST_TEST(result == each.result);
    }
}

BOOST_AUTO_TEST_CASE(sizes_that_no_memory_holds_are_refused) {
    const std::int64_t huge = std::int64_t{1} << 40;
    BOOST_TEST(xgrad::is_valid({}));
    BOOST_TEST(xgrad::is_valid({huge}));
    BOOST_TEST(!xgrad::is_valid({huge, huge}));
    BOOST_TEST(xgrad::is_valid({huge, 0}));
    BOOST_TEST(!xgrad::is_valid({huge, huge, 0}));
    BOOST_TEST(!xgrad::is_valid({0, huge, huge}));
    BOOST_TEST(xgrad::is_valid({std::int64_t{1} << 43}));
    BOOST_TEST(!xgrad::is_valid({(std::int64_t{1} << 43) + 1}));
    BOOST_TEST(!xgrad::is_valid({2, -1}));
    BOOST_TEST(!xgrad::is_valid({0, -1}));
    const xgrad::Tensor column = xgrad::zeros({huge, 1});
    const xgrad::Tensor row = xgrad::zeros({1, huge});
    BOOST_CHECK_THROW(column + row, xgrad::ShapeError);
    BOOST_CHECK_THROW(xgrad::zeros({huge, huge}), xgrad::ShapeError);
}

BOOST_AUTO_TEST_CASE(dtypes_meet_without_losing_digits) {
    const DType all[] = {DType::boolean, DType::int32, DType::int64, DType::float32, DType::float64, DType::longdouble};
    for (const DType x : all) {
        for (const DType y : all) {
            DType result = DType::boolean;
            const DType low = std::min(x, y), high = std::max(x, y);
            const bool loses = (high == DType::float32 && (low == DType::int32 || low == DType::int64)) ||
                               (high == DType::float64 && low == DType::int64);
            BOOST_TEST(xgrad::promote(x, y, result) == !loses, name(x) << " and " << name(y));
            if (!loses) BOOST_TEST((result == high));
        }
    }
}

BOOST_AUTO_TEST_CASE(numbers_take_on_the_dtype_of_the_tensor) {
    const auto dtype = [](const xgrad::Tensor& t) { return std::string(name(t.dtype())); };
    const xgrad::Tensor f = 1.F, d = 1., i = 1, l = std::int64_t{1}, b = true;
    BOOST_TEST(dtype(2 * f) == "float32");
    BOOST_TEST(dtype(2.5 * f) == "float32");
    BOOST_TEST(dtype(f / 3) == "float32");
    BOOST_TEST(dtype(2 * d) == "float64");
    BOOST_TEST(dtype(2 * i) == "int32");
    BOOST_TEST(dtype(2.5 * i) == "float64");
    BOOST_TEST(dtype(2 * l) == "int64");
    BOOST_TEST(dtype(2 * b) == "int64");
    BOOST_TEST(dtype(0.5 * b) == "float64");
    BOOST_TEST(dtype(b + f) == "float32");
    BOOST_TEST(dtype(i + d) == "float64");
    BOOST_TEST(dtype(f + d) == "float64");
    BOOST_TEST(dtype(sum(b)) == "int64");
    BOOST_TEST(dtype(sum(i)) == "int64");
    BOOST_TEST(dtype(sum(f)) == "float32");
    BOOST_TEST(dtype(f < d) == "bool");
    BOOST_TEST(dtype(xgrad::Tensor(static_cast<unsigned char>(1))) == "int32");
    BOOST_TEST(dtype(xgrad::Tensor(1U)) == "int64");
    BOOST_TEST((2.5 * i).item() == 2.5);
    BOOST_CHECK_THROW(i + f, xgrad::DTypeError);
    BOOST_CHECK_THROW(l + d, xgrad::DTypeError);
    BOOST_CHECK_THROW(l * 0.5, xgrad::DTypeError);
    BOOST_CHECK_THROW(i + 3'000'000'000, xgrad::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
