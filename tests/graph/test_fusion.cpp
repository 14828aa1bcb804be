#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "no_leaks.hpp"
#include "support.hpp"

// Elementwise operations run as one loop, sums of what it computes included: the bits are those of one operation at a
// time, whatever the extents, and what a loop did not keep can still be had.

using support::same_bits;
using xgrad::DType;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

Tensor drawn(const Shape& shape, std::uint64_t seed, DType dtype) {
    return xgrad::random::Generator(seed).normal(shape, 0, 1, dtype);
}

/// Values and gradients of a cost with everything that a loop has to deal with: broadcasting in both directions, masks,
/// many plain numbers, numbers that are repeated, strided inputs, values that are needed long after they were computed,
/// several sums.
std::vector<Tensor> results(const Shape& shape, DType dtype) {
    const std::int64_t rows = shape[0], columns = shape[1];
    const Tensor x = xgrad::parameter(drawn(shape, 1, dtype));
    const Tensor column = xgrad::parameter(drawn({rows, 1}, 2, dtype));
    const Tensor row = xgrad::parameter(drawn({1, columns}, 3, dtype));
    const Tensor turned = transpose(drawn({columns, rows}, 4, dtype));
    Tensor y = x * column + row;
    const Tensor early = xgrad::tanh(y);
    for (int i = 0; i < 30; ++i) y = xgrad::sigmoid(y * (0.5 + 0.01 * i) + 0.1 * i) - turned;
    const Tensor chosen = where(y > x, early * y, maximum(y, -x));
    // One number, repeated, and what is computed from it; the sum of such a value, and one that is needed as well.
    const Tensor number = xgrad::parameter(drawn({}, 5, dtype));
    const Tensor repeated = xgrad::tanh(broadcast_to(number, shape)) * 2;
    const Tensor again = xgrad::exp(repeated);
    const Tensor J = sum(chosen) + mean(square(y)) + sum(chosen * early) + sum(repeated) + sum(again * y);
    std::vector<Tensor> all{J, early, chosen, again};
    for (const Tensor& g : grad(J, std::vector<Tensor>{x, column, row, number})) all.push_back(g);
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fusion)

BOOST_AUTO_TEST_CASE(one_loop_gives_the_bits_of_one_operation_at_a_time) {
    const std::size_t before = xgrad::threads();
    for (const DType dtype : {DType::float32, DType::float64}) {
        for (const Shape& shape :
             {Shape{1, 1}, Shape{7, 9}, Shape{1, 1024}, Shape{1025, 1}, Shape{3, 683}, Shape{200, 301}, Shape{0, 5}}) {
            xgrad::set_eager(true);
            const std::vector<Tensor> eager = results(shape, dtype);
            xgrad::set_eager(false);
            for (const std::size_t threads : {1, 2, 3}) {
                xgrad::set_threads(threads);
                const std::vector<Tensor> deferred = results(shape, dtype);
                compute(deferred);
                for (std::size_t i = 0; i < eager.size(); ++i) {
                    // A mean of nothing is NaN.
                    if (shape.size() == 0 && i == 0) continue;
                    BOOST_TEST(same_bits(eager[i], deferred[i]), "result " << i << " of " << to_string(shape));
                }
            }
        }
    }
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_CASE(what_a_loop_did_not_keep_can_be_computed_again) {
    const Tensor x = xgrad::parameter(drawn({50, 60}, 1, DType::float64));
    const Tensor J = sum(square(xgrad::exp(xgrad::tanh(x))));
    const double cost = J.item();
    // Reverse mode needs what lies between x and J, which was not kept.
    const Tensor g = grad(J, x);
    const Tensor expected = 2 * square(xgrad::exp(xgrad::tanh(x))) * (1 - square(xgrad::tanh(x)));
    BOOST_TEST(support::close(g, expected));
    BOOST_TEST(J.item() == cost);
    const Tensor second = grad(sum(g), x);
    BOOST_TEST(second.shape() == x.shape());
    xgrad::compute({second});
}

BOOST_AUTO_TEST_CASE(a_sum_of_the_same_value_twice_and_of_a_loop_s_input) {
    const Tensor x = drawn({3000}, 1, DType::float32);
    const Tensor y = x * 2;
    const Tensor first = sum(y), second = sum(y, 0, xgrad::keepdims), third = sum(y + 0 * first);
    xgrad::compute({first, second, third});
    BOOST_TEST(first.item() == second.item());
    BOOST_TEST(first.item() == third.item());
    xgrad::set_eager(true);
    const Tensor alone = sum(x * 2);
    xgrad::set_eager(false);
    BOOST_TEST(same_bits(alone, first));
}

BOOST_AUTO_TEST_CASE(more_operations_than_one_loop_takes) {
    Tensor x = xgrad::parameter(drawn({17}, 1, DType::float64));
    Tensor y = x;
    for (int i = 0; i < 5000; ++i) y = y * 0.999 + 0.001;
    const Tensor dx = grad(sum(y), x);
    BOOST_TEST(dx.value<double>()(3) == std::pow(0.999, 5000), boost::test_tools::tolerance(1e-10));
}

BOOST_AUTO_TEST_SUITE_END()
