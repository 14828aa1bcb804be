#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// Operations that move elements, alone and on top of each other, against xtensor and plain index arithmetic.

using hand::Array;
using support::draws;
using support::same_bits;
using xgrad::all;
using xgrad::newaxis;
using xgrad::range;
using xgrad::Shape;
using xgrad::Slice;
using xgrad::Tensor;

namespace {

const Array x = draws({4, 5, 6}, 1);

/// All layouts that an input may have, of the same numbers.
std::vector<Tensor> layouts(const Array& array) {
    Array padded = xt::zeros<double>({array.shape(0) * 2 + 1, array.shape(1) + 3});
    Array mirrored = array;
    for (std::size_t i = 0; i < array.shape(0); ++i) {
        for (std::size_t j = 0; j < array.shape(1); ++j) {
            padded(2 * i + 1, j + 2) = array(i, j);
            mirrored(array.shape(0) - 1 - i, array.shape(1) - 1 - j) = array(i, j);
        }
    }
    const auto columns = static_cast<std::int64_t>(array.shape(1));
    return {Tensor(array), transpose(Tensor(hand::transposed(array))),
            view(Tensor(padded), {range(1, Slice::open, 2), range(2, 2 + columns)}),
            view(Tensor(mirrored), {all(-1), all(-1)})};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(movement)

BOOST_AUTO_TEST_CASE(transposing) {
    BOOST_TEST(same_bits(xgrad::transpose(x), Array(xt::transpose(x))));
    for (const std::vector<int>& axes : {std::vector{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
        BOOST_TEST(same_bits(xgrad::transpose(x, axes), Array(xt::transpose(x, axes))));
    }
    BOOST_TEST(same_bits(xgrad::transpose(x, {-1, 0, -2}), Array(xt::transpose(x, {2, 0, 1}))));
}

BOOST_AUTO_TEST_CASE(slicing) {
    const auto same = [](const std::vector<Slice>& slices, const Array& expected) {
        return same_bits(xgrad::view(x, slices), Tensor(expected));
    };
    using xt::placeholders::_;
    BOOST_TEST(same({}, x));
    BOOST_TEST(same({range(1, 3)}, xt::view(x, xt::range(1, 3))));
    BOOST_TEST(same({2}, xt::view(x, 2)));
    BOOST_TEST(same({-1}, xt::view(x, 3)));
    BOOST_TEST(same({all(), 0}, xt::view(x, xt::all(), 0)));
    BOOST_TEST(same({1, 2, 3}, xt::view(x, 1, 2, 3)));
    BOOST_TEST(same({all(2)}, xt::view(x, xt::range(0, 4, 2))));
    BOOST_TEST(same({all(), range(1, 5, 3), all(4)}, xt::view(x, xt::all(), xt::range(1, 5, 3), xt::range(0, 6, 4))));
    BOOST_TEST(same({all(-1)}, xt::view(x, xt::range(_, _, -1))));
    BOOST_TEST(same({all(), all(-2)}, xt::view(x, xt::all(), xt::range(4, _, -2))));
    BOOST_TEST(same({all(), all(), range(4, 1, -1)}, xt::view(x, xt::all(), xt::all(), xt::range(4, 1, -1))));
    BOOST_TEST(same({range(-3, -1)}, xt::view(x, xt::range(1, 3))));
    BOOST_TEST(same({range(2, 100)}, xt::view(x, xt::range(2, 4))));
    BOOST_TEST(same({range(-100, 2)}, xt::view(x, xt::range(0, 2))));
    BOOST_TEST(same({newaxis, 1}, xt::view(x, xt::newaxis(), 1)));
    BOOST_TEST(same({all(), newaxis, all(), 0}, xt::view(x, xt::all(), xt::newaxis(), xt::all(), 0)));
    BOOST_TEST(same({xgrad::ellipsis, 2}, xt::view(x, xt::all(), xt::all(), 2)));
    BOOST_TEST(same({1, xgrad::ellipsis}, xt::view(x, 1)));
    BOOST_TEST(same({1, xgrad::ellipsis, newaxis, 2}, xt::view(x, 1, xt::all(), xt::newaxis(), 2)));
    for (const Slice& nothing : {range(3, 1), range(10, 20), range(1, 3, -1), range(2, 2)}) {
        BOOST_TEST(xgrad::view(x, {nothing}).shape() == Shape(0, 5, 6));
    }
}

BOOST_AUTO_TEST_CASE(slices_of_slices) {
    const Tensor t = x;
    BOOST_TEST(same_bits(view(view(t, {all(-1)}), {all(-1)}), t));
    BOOST_TEST(same_bits(view(view(t, {range(1, 4)}), {range(1, 3)}), view(t, {range(2, 4)})));
    BOOST_TEST(same_bits(view(view(t, {all(), all(2)}), {all(), -1}), view(t, {all(), 4})));
    BOOST_TEST(same_bits(view(transpose(t), {2, all(-1)}),
                         Array(xt::view(xt::transpose(x), 2, xt::range(4, xt::placeholders::_, -1)))));
    BOOST_TEST(same_bits(transpose(transpose(t, {1, 2, 0}), {2, 0, 1}), t));
    BOOST_TEST(view(view(t, {range(2, 2)}), {all(), 1}).shape() == Shape(0, 6));
}

BOOST_AUTO_TEST_CASE(reshaping) {
    const Tensor t = x;
    Array flat = x;
    flat.reshape({120});
    BOOST_TEST(same_bits(reshape(t, {-1}), Tensor(flat)));
    flat.reshape({10, 12});
    BOOST_TEST(same_bits(reshape(t, {10, 12}), Tensor(flat)));
    BOOST_TEST(reshape(t, {2, -1, 3}).shape() == Shape(2, 20, 3));
    BOOST_TEST(reshape(Tensor(1.), {1, 1}).shape() == Shape(1, 1));
    BOOST_TEST(reshape(Tensor(Array{1.}), {}).shape() == Shape());
    BOOST_TEST(reshape(xgrad::zeros({0, 3}), {7, 0}).shape() == Shape(7, 0));
    // What is not contiguous is brought into row-major order.
    Array turned = xt::transpose(x);
    turned.reshape({8, 15});
    BOOST_TEST(same_bits(reshape(transpose(t), {8, 15}), Tensor(turned)));
    Array reversed = xt::view(x, xt::range(xt::placeholders::_, xt::placeholders::_, -1));
    reversed.reshape({120});
    BOOST_TEST(same_bits(reshape(view(t, {all(-1)}), {-1}), Tensor(reversed)));
    const Tensor stretched = broadcast_to(Tensor(Array{1, 2}), {3, 2});
    BOOST_TEST(same_bits(reshape(stretched, {6}), Tensor(Array{1, 2, 1, 2, 1, 2})));
    BOOST_TEST(
        same_bits(reshape(view(transpose(xgrad::zeros({0, 3})), {all(-1)}), {0}), reshape(xgrad::zeros({0}), {0})));
}

BOOST_AUTO_TEST_CASE(broadcasting) {
    const Array column = draws({4, 1, 6}, 2);
    const Array expected = xt::broadcast(column, {3, 4, 5, 6});
    BOOST_TEST(same_bits(xgrad::broadcast_to(column, {3, 4, 5, 6}), Tensor(expected)));
    BOOST_TEST(same_bits(xgrad::broadcast_to(2., {2, 2}), Tensor(Array(xt::ones<double>({2, 2}) * 2))));
    BOOST_TEST(same_bits(view(xgrad::broadcast_to(2., {2, 2}), {all(), 0}), Tensor(Array{2, 2})));
    BOOST_TEST(xgrad::broadcast_to(column, {0, 4, 5, 6}).shape() == Shape(0, 4, 5, 6));
}

BOOST_AUTO_TEST_CASE(concatenating) {
    const Array y = draws({4, 2, 6}, 3);
    BOOST_TEST(same_bits(xgrad::concatenate({x, y}, 1), Array(xt::concatenate(xt::xtuple(x, y), 1))));
    BOOST_TEST(same_bits(xgrad::concatenate({x, x, x}), Array(xt::concatenate(xt::xtuple(x, x, x), 0))));
    BOOST_TEST(same_bits(xgrad::concatenate({x, x}, -1), Array(xt::concatenate(xt::xtuple(x, x), 2))));
    const Tensor t = x;
    const Tensor both = xgrad::concatenate({view(t, {all(-1)}), transpose(transpose(t))});
    BOOST_TEST(same_bits(view(both, {range(0, 4)}), view(t, {all(-1)})));
    BOOST_TEST(same_bits(view(both, {range(4, 8)}), t));
    BOOST_TEST(same_bits(xgrad::concatenate({t, xgrad::zeros({0, 5, 6}, xgrad::DType::float64)}), t));
}

BOOST_AUTO_TEST_CASE(every_operation_takes_every_layout) {
    const Array a = draws({3, 7}, 4), b = draws({7, 2}, 5);
    const Array sums = xt::sum(a, {1});
    for (const Tensor& A : layouts(a)) {
        BOOST_TEST(support::close(xgrad::exp(A), Array(xt::exp(a))));
        BOOST_TEST(support::close(sum(A, 1), sums));
        BOOST_TEST(same_bits(A + A, Tensor(Array(a + a))));
        BOOST_TEST(same_bits(A * Tensor(a), Tensor(Array(a * a))));
        BOOST_TEST(same_bits(A > 0, Tensor(xt::xarray<bool>(a > 0.))));
        BOOST_TEST(same_bits(where(A > 0, A, 0), Tensor(Array(xt::maximum(a, 0.)))));
        BOOST_TEST(same_bits(xgrad::amax(A, 0), Tensor(Array(xt::amax(a, {0})))));
        BOOST_TEST(same_bits(astype(A, xgrad::DType::float32), Tensor(xt::xarray<float>(xt::cast<float>(a)))));
        BOOST_TEST(same_bits(softmax(A, 1), xgrad::softmax(a, 1)));
        BOOST_TEST(same_bits(1 * xgrad::parameter(A), Tensor(a)));
        BOOST_TEST(to_string(A) == to_string(Tensor(a)));
        for (const Tensor& B : layouts(b)) {
            BOOST_TEST(support::close(matmul(A, B), hand::times(a, b)));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
