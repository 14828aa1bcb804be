#include <boost/test/unit_test.hpp>

#include <vector>

#include <omp.h>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// However many threads a BLAS that goes by OpenMP may use: products and decompositions have the same bits, and the
// number is what it was when they are done.

using support::same_bits;
using xgrad::DType;
using xgrad::Tensor;

namespace {

std::vector<Tensor> results(DType dtype) {
    namespace linalg = xgrad::linalg;
    const Tensor A = xgrad::random::Generator(1).normal({230, 210}, 0, 1, dtype);
    const Tensor square = view(A, {xgrad::range(0, 210)});
    const Tensor positive = matmul(transpose(A), A) + 10 * xgrad::eye(210, {}, 0, dtype);
    const auto [Q, R] = linalg::qr(A);
    const auto [values, vectors] = linalg::eigh(positive);
    const auto [U, S, V] = linalg::svd(A);
    return {matmul(A, transpose(A)),
            linalg::inv(square),
            linalg::cholesky(positive),
            Q,
            R,
            values,
            vectors,
            U,
            S,
            V,
            linalg::solve(square, transpose(square)),
            linalg::det(square / 20)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(blas_threads)

BOOST_AUTO_TEST_CASE(any_number_gives_the_same_bits) {
    const int before = omp_get_max_threads();
    for (const DType dtype : {DType::float32, DType::float64}) {
        std::vector<Tensor> first;
        for (const int threads : {1, 2, 3}) {
            omp_set_num_threads(threads);
            const std::vector<Tensor> now = results(dtype);
            xgrad::compute(now);
            BOOST_TEST(omp_get_max_threads() == threads);
            if (first.empty()) first = now;
            for (std::size_t i = 0; i < now.size(); ++i) {
                BOOST_TEST(same_bits(now[i], first[i]), "result " << i << " on " << threads << " threads");
            }
        }
    }
    omp_set_num_threads(before);
}

BOOST_AUTO_TEST_SUITE_END()
