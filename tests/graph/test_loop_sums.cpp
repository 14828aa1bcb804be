#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "draws.hpp"
#include "support.hpp"

// Sums over all axes, over the last and over the first ones are taken along by the loop that computes what is added up:
// which ones are, and that the bits are those of one operation at a time, whatever the extents and the threads.

using support::count_of;
using support::Eagerness;
using support::mentions;
using support::same_bits;
using xgrad::DType;
using xgrad::keepdims;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

using Program = std::vector<Tensor> (*)(const Shape& shape, DType dtype);

/// Everything that can be added up of a matrix or a stack of them, some of it twice, of values that are held and of
/// others, with rows and columns that are stretched.
std::vector<Tensor> sums_of_all_kinds(const Shape& shape, DType dtype) {
    const auto last = static_cast<std::int64_t>(shape.rank()) - 1;
    Shape row(std::vector<std::int64_t>(shape.rank(), 1)), column = shape;
    row[shape.rank() - 1] = shape.back();
    column[shape.rank() - 1] = 1;
    const Tensor x = support::normal(shape, 1, dtype);
    const Tensor of_columns = support::normal(row, 2, dtype), of_rows = support::normal(column, 3, dtype);
    const Tensor y = x * of_columns + of_rows, z = xgrad::tanh(y) - of_columns, a = square(z) * of_rows;
    std::vector<Tensor> results{
        z,      sum(y),     sum(y, 0),      sum(y, last, keepdims), sum(z, last), sum(z, 0, keepdims), sum(a, last),
        sum(a), mean(a, 0), sum(-abs(a), 0)};
    if (last > 1) {
        results.push_back(sum(a, {0, 1}));
        results.push_back(sum(z, {1, 2}));
        results.push_back(sum(y, 1));
        results.push_back(sum(y, {0, 2}));
    }
    return results;
}

/// So many values are needed at the end that stretches are short, of loops with rows that come again, one of them with
/// another period than the others.
std::vector<Tensor> many_rows_that_come_again(const Shape& shape, DType dtype) {
    const Tensor x = support::normal(shape, 1, dtype);
    Tensor all = xgrad::tanh(x);
    for (std::uint64_t i = 0; i < 20; ++i) {
        const Shape row = i == 3 ? Shape(shape.begin() + 1, shape.end()) : Shape{shape.back()};
        all = xgrad::exp(-square(x + support::normal(row, 2 + i, dtype))) + xgrad::cos(all);
        if (i % 7 == 0) all = all / support::normal(row, 50 + i, dtype);
    }
    Tensor nested = xgrad::sin(x);
    for (std::uint64_t i = 0; i < 20; ++i) {
        nested = xgrad::tanh(x * support::normal({shape.back()}, 80 + i, dtype)) + nested;
    }
    return {all, nested, sum(nested * all, 0)};
}

/// Sums of columns, as many as there are rows, in a section of rows: whoever reads them has to wait for all rows.
std::vector<Tensor> columns_like_rows(const Shape& shape, DType dtype) {
    const Tensor e = square(support::normal(shape, 1, dtype)), y = e / sum(e, 1, keepdims);
    const Tensor of_columns = sum(y, 0);
    return {xgrad::sqrt(of_columns)};
}

/// A layer that normalises, along some axis, and its gradients.
template <int Axis>
std::vector<Tensor> normalised(const Shape& shape, DType dtype) {
    const Tensor x = xgrad::parameter(support::normal(shape, 1, dtype));
    const Tensor gain = xgrad::parameter(support::normal({shape.back()}, 2, dtype));
    const Tensor shift = xgrad::parameter(support::normal({shape.back()}, 3, dtype));
    const Tensor z = (x - mean(x, Axis, keepdims)) / xgrad::sqrt(variance(x, Axis, keepdims) + 1e-5);
    const Tensor J = mean(square(z * gain + shift - support::normal(shape, 4, dtype)));
    std::vector<Tensor> results{J};
    for (const Tensor& g : grad(J, std::vector<Tensor>{x, gain, shift})) results.push_back(g);
    return results;
}

void require_same_bits_as_eagerly(Program program, const Shape& shape, DType dtype) {
    std::vector<Tensor> eager;
    {
        const Eagerness eagerness(true);
        eager = program(shape, dtype);
    }
    const Eagerness deferred(false);
    for (const std::size_t threads : {1, 2, 3}) {
        xgrad::set_threads(threads);
        // More often than a loop waits for its machine code.
        for (int time = 0; time < 5; ++time) {
            const std::vector<Tensor> fused = program(shape, dtype);
            compute(fused);
            for (std::size_t i = 0; i < eager.size(); ++i) {
                BOOST_TEST(same_bits(eager[i], fused[i]), "result " << i << " of " << to_string(shape) << ", "
                                                                    << threads << " threads, time " << time);
            }
        }
    }
}

/// How the sum of a computed array is computed.
std::string plan_of_sum(const Shape& shape, const xgrad::Axes& axes) {
    const Eagerness deferred(false);
    const Tensor y = sum(square(support::normal(shape, 1)), axes);
    return xgrad::plan({y});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(loop_sums)

BOOST_AUTO_TEST_CASE(the_bits_are_those_of_one_operation_at_a_time) {
    const support::RestoredThreads restored;
    for (const DType dtype : {DType::float32, DType::float64}) {
        for (const Shape& shape :
             {Shape{1, 64}, Shape{2, 64}, Shape{64, 64}, Shape{65, 64}, Shape{7, 33}, Shape{700, 100}, Shape{3000, 96},
              Shape{1040, 512}, Shape{40, 1024}, Shape{300, 1025}, Shape{130, 1500}, Shape{70, 4097}, Shape{5, 31},
              Shape{3, 700, 64}, Shape{70, 9, 66}, Shape{200, 1, 128}, Shape{1, 100, 300}, Shape{129, 8, 8}}) {
            require_same_bits_as_eagerly(sums_of_all_kinds, shape, dtype);
        }
    }
    require_same_bits_as_eagerly(sums_of_all_kinds, {70, 80}, DType::longdouble);
}

BOOST_AUTO_TEST_CASE(layers_that_normalise_have_the_same_bits) {
    const support::RestoredThreads restored;
    for (const DType dtype : {DType::float32, DType::float64}) {
        for (const Shape& shape : {Shape{40, 70}, Shape{1024, 512}, Shape{1500, 200}, Shape{2000, 1000}}) {
            require_same_bits_as_eagerly(normalised<0>, shape, dtype);
            require_same_bits_as_eagerly(normalised<1>, shape, dtype);
        }
    }
}

BOOST_AUTO_TEST_CASE(rows_that_come_again_have_the_same_bits) {
    const support::RestoredThreads restored;
    for (const DType dtype : {DType::float32, DType::float64}) {
        for (const Shape& shape : {Shape{40, 3}, Shape{1000, 66}, Shape{700, 100}, Shape{90, 341}, Shape{90, 342},
                                   Shape{50, 1024}, Shape{50, 1025}, Shape{60, 5, 68}, Shape{60, 9, 113}}) {
            require_same_bits_as_eagerly(many_rows_that_come_again, shape, dtype);
        }
    }
}

BOOST_AUTO_TEST_CASE(sums_of_columns_are_read_when_all_rows_are_done) {
    const support::RestoredThreads restored;
    require_same_bits_as_eagerly(columns_like_rows, {1024, 1024}, DType::float32);
    const Eagerness deferred(false);
    BOOST_TEST(mentions(xgrad::plan(columns_like_rows({1024, 1024}, DType::float32)), "at a time through the next"));
}

BOOST_AUTO_TEST_CASE(what_is_added_up_is_not_written) {
    const auto is_taken_along = [](const std::string& text) {
        return mentions(text, "square; sum\n") && !mentions(text, "writes square");
    };
    for (const xgrad::Axes& axes : {xgrad::Axes{}, xgrad::Axes{0}, xgrad::Axes{1}}) {
        BOOST_TEST(is_taken_along(plan_of_sum({1024, 512}, axes)));
        BOOST_TEST(is_taken_along(plan_of_sum({100, 300}, axes)));
    }
    BOOST_TEST(is_taken_along(plan_of_sum({8, 128, 512}, {0, 1})));
    BOOST_TEST(is_taken_along(plan_of_sum({8, 8, 64}, {1, 2})));
}

BOOST_AUTO_TEST_CASE(sums_that_would_hold_a_loop_up_are_left_out) {
    const auto is_left_out = [](const std::string& text) { return mentions(text, "writes square: sum reads it"); };
    BOOST_TEST(is_left_out(plan_of_sum({1000, 31}, 1)), "rows too short");
    BOOST_TEST(is_left_out(plan_of_sum({1000, 1025}, 1)), "rows longer than a block");
    BOOST_TEST(is_left_out(plan_of_sum({1000, 63}, 0)), "too few columns");
    BOOST_TEST(is_left_out(plan_of_sum({100000, 4097}, 0)), "too many columns");
    BOOST_TEST(is_left_out(plan_of_sum({1000, 2048}, 0)), "not enough parts for many threads");
    BOOST_TEST(is_left_out(plan_of_sum({8, 128, 512}, 1)), "neither the first nor the last axes");
    BOOST_TEST(is_left_out(plan_of_sum({8, 128, 512}, {0, 2})), "neither the first nor the last axes");
}

BOOST_AUTO_TEST_CASE(sums_that_do_not_go_together_are_not_in_one_loop) {
    const Eagerness deferred(false);
    // Rows of 400 and blocks of 1024 would meet after 25600 elements only.
    const Tensor y = square(support::normal({100, 400}, 1));
    BOOST_TEST(mentions(xgrad::plan({sum(y), sum(y, 1)}), "over (100, 400): square; sum\n"));
    BOOST_TEST(mentions(xgrad::plan({sum(y, 1), sum(y, 0)}), "over (100, 400): square; sum; sum\n"));
    const Tensor z = square(support::normal({1024, 512}, 1));
    BOOST_TEST(mentions(xgrad::plan({sum(z), sum(z, 1), sum(z, 0)}), "over (1024, 512): square; sum; sum; sum\n"));
}

BOOST_AUTO_TEST_CASE(rows_are_normalised_in_sections_without_any_kernel) {
    const Eagerness deferred(false);
    const Tensor x = support::normal({1024, 512}, 1);
    const Tensor e = square(x) + 1, y = e / sum(e, 1, keepdims);
    BOOST_TEST(mentions(xgrad::plan({y / xgrad::sqrt(sum(square(y), 1, keepdims))}), "at a time through the next"));
}

BOOST_AUTO_TEST_SUITE_END()
