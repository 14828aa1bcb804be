#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// The notes' section "Numpy" and its paragraph on broadcasting.

using hand::Array;
using support::close;
using support::draws;
using xgrad::Tensor;

BOOST_AUTO_TEST_SUITE(notes_numpy)

BOOST_AUTO_TEST_CASE(sum_along_axis_0_is_vertical) {
    const Array A = draws({3, 4}, 1);
    const Array expected = xt::sum(A, {0});
    BOOST_TEST(close(xgrad::sum(A, 0), expected));
    BOOST_TEST(xgrad::sum(A, 0).shape() == xgrad::Shape(4));
}

BOOST_AUTO_TEST_CASE(sum_along_axis_1_is_horizontal) {
    const Array A = draws({3, 4}, 2);
    const Array expected = xt::sum(A, {1});
    BOOST_TEST(close(xgrad::sum(A, 1), expected));
    BOOST_TEST(xgrad::sum(A, 1).shape() == xgrad::Shape(3));
    BOOST_TEST(close(xgrad::sum(A, 1, xgrad::keepdims), hand::sum_kept(A, 1)));
    BOOST_TEST(close(xgrad::sum(A), Array(xt::sum(A))));
}

BOOST_AUTO_TEST_CASE(dot_multiplies_matrices) {
    const Array A = draws({2, 3}, 3);
    const Array B = draws({3, 4}, 4);
    BOOST_TEST(close(xgrad::dot(A, B), hand::times(A, B)));
    BOOST_TEST(close(xgrad::linalg::dot(A, B), hand::times(A, B)));
    BOOST_TEST(xgrad::dot(A, B).shape() == xgrad::Shape(2, 4));
}

BOOST_AUTO_TEST_CASE(dot_of_vectors_and_scalars) {
    const Array a = draws({5}, 5);
    const Array b = draws({5}, 6);
    const Array M = draws({2, 5}, 7);
    BOOST_TEST(close(xgrad::dot(a, b), Array(xt::sum(a * b))));
    BOOST_TEST(xgrad::dot(a, b).rank() == 0U);
    const Array product = xt::sum(M * a, {1});
    BOOST_TEST(close(xgrad::dot(M, a), product));
    BOOST_TEST(close(xgrad::dot(3, M), Array(3 * M)));
}

BOOST_AUTO_TEST_CASE(multiply_and_star_are_element_by_element) {
    const Array A = draws({3, 2}, 8);
    const Array B = draws({3, 2}, 9);
    const Array expected = A * B;
    BOOST_TEST(close(xgrad::multiply(A, B), expected));
    BOOST_TEST(close(Tensor(A) * Tensor(B), expected));
    BOOST_TEST(close(A * Tensor(B), expected));
}

BOOST_AUTO_TEST_CASE(exp_is_e_to_the_x) {
    const Array x = draws({7}, 10, -20, 20);
    BOOST_TEST(close(xgrad::exp(x), Array(xt::exp(x))));
    BOOST_TEST(close(xgrad::log(xgrad::exp(x)), x, 1e-14, 1e-14));
}

BOOST_AUTO_TEST_CASE(norm_along_axis_1_normalises_rows) {
    const Array x = draws({4, 3}, 11);
    const Array squares = x * x;
    const Array norms = xt::sqrt(hand::sum_kept(squares, 1));
    BOOST_TEST(close(xgrad::norm(x, 1, xgrad::keepdims), norms));
    BOOST_TEST(xgrad::norm(x, 1, xgrad::keepdims).shape() == xgrad::Shape(4, 1));
    BOOST_TEST(close(Tensor(x) / xgrad::norm(x, 1, xgrad::keepdims), Array(x / norms)));
}

BOOST_AUTO_TEST_CASE(a_column_has_two_axes) {
    // "Don't use (5) or (5,), use (5, 1)".
    const Tensor a = Array(draws({5, 1}, 12));
    BOOST_TEST(a.shape() == xgrad::Shape(5, 1));
    BOOST_TEST(xgrad::transpose(a).shape() == xgrad::Shape(1, 5));
    BOOST_TEST(xgrad::dot(a, xgrad::transpose(a)).shape() == xgrad::Shape(5, 5));
    // The trap: an array of rank 1 is its own transpose.
    const Tensor rank_1 = Array(draws({5}, 12));
    BOOST_TEST(xgrad::transpose(rank_1).shape() == xgrad::Shape(5));
}

namespace {

struct Pair {
    Tensor (*ours)(const xgrad::Operand&, const xgrad::Operand&);
    double (*one)(double, double);
};

const Pair pairs[] = {{xgrad::add, [](double x, double y) { return x + y; }},
                      {xgrad::subtract, [](double x, double y) { return x - y; }},
                      {xgrad::multiply, [](double x, double y) { return x * y; }},
                      {xgrad::divide, [](double x, double y) { return x / y; }}};

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_is_repeated_down) {
    const Array A = draws({3, 4}, 13);
    const Array row = draws({1, 4}, 14, 0.5, 2);
    for (const Pair& pair : pairs) {
        Array expected = A;
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 4; ++j) expected(i, j) = pair.one(A(i, j), row(0, j));
        }
        BOOST_TEST(close(pair.ours(A, row), expected));
    }
}

BOOST_AUTO_TEST_CASE(a_column_is_repeated_across) {
    const Array A = draws({3, 4}, 15);
    const Array column = draws({3, 1}, 16, 0.5, 2);
    for (const Pair& pair : pairs) {
        Array expected = A;
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 4; ++j) expected(i, j) = pair.one(A(i, j), column(i, 0));
        }
        BOOST_TEST(close(pair.ours(A, column), expected));
    }
}

BOOST_AUTO_TEST_CASE(broadcasting_surprises) {
    // "Look out for unexpected results": a row and a column of equal length give a matrix, not an error.
    BOOST_TEST(xgrad::add(draws({1, 3}, 17), draws({3, 1}, 18)).shape() == xgrad::Shape(3, 3));
    BOOST_TEST(xgrad::subtract(draws({3}, 17), draws({3, 1}, 18)).shape() == xgrad::Shape(3, 3));
}

BOOST_AUTO_TEST_CASE(the_gradient_of_a_repeated_row_is_a_sum) {
    const Array A = draws({3, 4}, 19);
    const Array V = draws({3, 4}, 20);
    const Tensor row = xgrad::parameter(Array(draws({1, 4}, 21)));
    const Tensor column = xgrad::parameter(Array(draws({3, 1}, 22)));
    const Tensor J = xgrad::sum(V * (A * row + column));
    const auto [drow, dcolumn] = grad(J, row, column);
    const Array VA = V * A;
    BOOST_TEST(close(drow, hand::sum_kept(VA, 0)));
    BOOST_TEST(close(dcolumn, hand::sum_kept(V, 1)));
}

BOOST_AUTO_TEST_SUITE_END()
