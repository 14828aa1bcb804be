#include <boost/test/unit_test.hpp>

#include <array>
#include <limits>
#include <string>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Products of every kernel (few rows, few columns, some rows, pieces for several threads, a plain call of the BLAS), in
// every direction in which the factors may lie in memory, against sums in 80 bits.

using support::same_bits;
using xgrad::DType;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

struct Extents {
    std::int64_t m, k, n;
};

constexpr std::array<Extents, 19> all_extents{{{1, 1, 1},
                                               {1, 5, 1},
                                               {1, 3000, 70},
                                               {4, 2, 400},
                                               {3, 1000, 1},
                                               {70, 1100, 2},
                                               {2, 5000, 3},
                                               {1, 4097, 1030},
                                               {17, 33, 31},
                                               {5, 7, 5},
                                               {300, 400, 150},
                                               {33, 2000, 600},
                                               {1000, 20, 500},
                                               {20, 1300, 209},
                                               {24, 300, 1000},
                                               {7, 2100, 130},
                                               {5, 513, 521},
                                               {530, 500, 17},
                                               {6, 70000, 5}}};

Tensor drawn(const Shape& shape, std::uint64_t seed, DType dtype) {
    return xgrad::random::Generator(seed).normal(shape, 0, 1, dtype);
}

/// A matrix whose rows or whose columns have no gaps.
Tensor matrix(std::int64_t rows, std::int64_t columns, bool by_columns, std::uint64_t seed, DType dtype) {
    return by_columns ? transpose(drawn({columns, rows}, seed, dtype)) : drawn({rows, columns}, seed, dtype);
}

template <class F>
void for_each_product(F&& f) {
    for (const DType dtype : {DType::float32, DType::float64}) {
        for (const auto& [m, k, n] : all_extents) {
            for (const bool a_by_columns : {false, true}) {
                for (const bool b_by_columns : {false, true}) {
                    f(matrix(m, k, a_by_columns, 1, dtype), matrix(k, n, b_by_columns, 2, dtype));
                }
            }
        }
    }
}

std::string shapes(const Tensor& A, const Tensor& B) {
    return to_string(A.shape()) + " by " + to_string(B.shape());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(test_matmul)

BOOST_AUTO_TEST_CASE(is_the_sum_of_products) {
    for_each_product([](const Tensor& A, const Tensor& B) {
        const Tensor wide_A = astype(A, DType::longdouble), wide_B = astype(B, DType::longdouble);
        const Tensor error = abs(astype(matmul(A, B), DType::longdouble) - matmul(wide_A, wide_B));
        // Rounding errors grow with the size of what is added up, not with its sum.
        const Tensor size = matmul(abs(wide_A), abs(wide_B));
        const double epsilon = A.dtype() == DType::float32 ? std::numeric_limits<float>::epsilon()
                                                           : std::numeric_limits<double>::epsilon();
        BOOST_TEST(amax(error / size).item() < 4 * epsilon, shapes(A, B));
    });
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
    const std::size_t before = xgrad::threads();
    for_each_product([](const Tensor& A, const Tensor& B) {
        Tensor first;
        for (const std::size_t threads : {1, 2, 3, 8}) {
            xgrad::set_threads(threads);
            const Tensor C = matmul(A, B);
            xgrad::compute({C});
            if (first.is_empty_handle()) first = C;
            BOOST_TEST(same_bits(C, first), shapes(A, B) << " on " << threads << " threads");
        }
    });
    xgrad::set_threads(before);
}

BOOST_AUTO_TEST_CASE(a_gap_between_rows_and_between_columns) {
    const Tensor wide = drawn({9, 2, 600, 2}, 1, DType::float64);
    const Tensor A = view(wide, {xgrad::range(0, 3), 0, xgrad::all(), 1});
    const Tensor B = transpose(view(wide, {xgrad::range(3, 9), 1, xgrad::all(), 0}));
    const Tensor expected = matmul(astype(A, DType::longdouble), astype(B, DType::longdouble));
    BOOST_TEST(amax(abs(matmul(A, B) - expected)).item() < 1e-12);
}

BOOST_AUTO_TEST_CASE(some_rows_read_nothing_but_the_factors) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (const DType dtype : {DType::float32, DType::float64}) {
        const auto beside = [&](std::int64_t columns) { return xgrad::full({601, columns}, nan, dtype); };
        const Tensor wide = xgrad::concatenate({beside(3), drawn({601, 503}, 1, dtype), beside(5)}, 1);
        const Tensor B = view(wide, {xgrad::all(), xgrad::range(3, 506)});
        for (const Tensor& factor : {B, transpose(B)}) {
            const Tensor A = view(drawn({9, factor.shape()[0], 2}, 2, dtype), {xgrad::all(), xgrad::all(), 1});
            const Tensor expected = matmul(astype(A, DType::longdouble), astype(factor, DType::longdouble));
            const double bound = dtype == DType::float32 ? 1e-4 : 1e-12;
            BOOST_TEST(amax(abs(matmul(A, factor) - expected)).item() < bound);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
