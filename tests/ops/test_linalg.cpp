#include <boost/test/unit_test.hpp>

#include <limits>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"

// Linear algebra by its identities, and by NumPy's numbers. Its derivatives are in test_derivatives.cpp.

using hand::Array;
using support::close;
using support::draws;
using support::message_of;
using xgrad::compute;
using xgrad::DType;
using xgrad::Shape;
using xgrad::Tensor;
using xgrad::ValueError;
using namespace xgrad::linalg;
namespace la = xgrad::linalg;  // where xgrad has a function of the same name, it is found as well

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

Tensor random(const std::vector<std::size_t>& shape, unsigned seed, DType dtype = DType::float64) {
    return xgrad::astype(Tensor(draws(shape, seed)), dtype);
}
/// A Aᵀ / n + I: symmetric and positive definite.
Tensor positive(const Tensor& A) {
    const std::int64_t n = A.shape().back();
    return matmul(A, matrix_transpose(A)) / n + identity(n, A.dtype());
}
Tensor eye_like(const Tensor& A) {
    const Shape& shape = A.shape();
    return xgrad::broadcast_to(identity(shape.back(), A.dtype()), shape);
}
Tensor gram(const Tensor& Q) {
    return matmul(matrix_transpose(Q), Q);
}
Tensor scaled_columns(const Tensor& U, const Tensor& s) {
    return U * xgrad::view(s, {xgrad::ellipsis, xgrad::newaxis, xgrad::all()});
}

/// Calls f(A, rounding) for square matrices: one, a stack, large ones, in each precision.
template <class F>
void for_matrices(F&& f) {
    for (const DType dtype : {DType::float64, DType::float32, DType::longdouble}) {
        const double rounding = dtype == DType::float64 ? 1e-12 : dtype == DType::float32 ? 3e-4 : 1e-15;
        for (const std::vector<std::size_t>& shape :
             {std::vector<std::size_t>{1, 1}, {2, 2}, {3, 3}, {12, 12}, {2, 1, 4, 4}, {40, 40}, {0, 0}, {0, 3, 3}}) {
            f(random(shape, 1, dtype), rounding);
        }
        f(matrix_transpose(random({2, 5, 5}, 2, dtype)), rounding);
    }
}

std::string here(int line) {
    return " at test_linalg.cpp:" + std::to_string(line);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(linear_algebra)

BOOST_AUTO_TEST_CASE(inverse_and_solution) {
    for_matrices([](const Tensor& A, double rounding) {
        const Tensor well = A + 3 * eye_like(A);
        BOOST_TEST(close(matmul(well, la::inv(well)), eye_like(A), 0, 10 * rounding));
        const Tensor B = random({static_cast<std::size_t>(A.shape().back()), 3}, 3, A.dtype());
        const Tensor X = solve(well, B);
        BOOST_TEST(close(matmul(well, X), matmul(eye_like(A), B), 0, 10 * rounding));
        BOOST_TEST(close(solve(well, xgrad::view(B, {xgrad::all(), 1})), xgrad::view(X, {xgrad::ellipsis, 1}), 0,
                         10 * rounding));
        const Tensor T = lower_triangle(well);
        BOOST_TEST(close(matmul(T, solve_triangular(well, B)), matmul(eye_like(A), B), 0, 10 * rounding));
    });
}

BOOST_AUTO_TEST_CASE(determinants) {
    for_matrices([](const Tensor& A, double rounding) {
        const Tensor a = A / 2 + eye_like(A);
        const Tensor b = matrix_transpose(A) / 3 - eye_like(A);
        BOOST_TEST(close(la::det(matmul(a, b)), la::det(a) * la::det(b), 10 * rounding, rounding));
        const SignAndLog parts = slogdet(a);
        BOOST_TEST(close(parts.sign * xgrad::exp(parts.logabsdet), la::det(a), 10 * rounding, rounding));
    });
    BOOST_TEST(la::det(Array(xt::zeros<double>({0, 0}))).item() == 1);
    const SignAndLog singular = slogdet(Array{{1, 2}, {2, 4}});
    BOOST_TEST(singular.sign.item() == 0);
    BOOST_TEST(singular.logabsdet.item() == -infinity);
}

BOOST_AUTO_TEST_CASE(the_gradient_of_a_singular_determinant) {
    const auto gradient = [](const Tensor& value) {
        const Tensor A = xgrad::parameter(value);
        return grad(la::det(A), A);
    };
    // Of rank 2: the cofactors, by their definition. Of rank 1 they are 0.
    BOOST_TEST(close(gradient(Array{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}), Array{{-3, 6, -3}, {6, -12, 6}, {-3, 6, -3}},
                     1e-13, 1e-13));
    BOOST_TEST(close(gradient(Array{{1, 2, 3}, {2, 4, 6}, {3, 6, 9}}), Array(xt::zeros<double>({3, 3})), 0, 1e-13));
    BOOST_TEST(close(gradient(Array{{0, 0}, {0, 0}}), Array{{0, 0}, {0, 0}}));
    // Second order at rank 1: the gradient is of second degree, so that its difference quotient is exact.
    const Tensor rank_one = Array{{1, 2, 3}, {2, 4, 6}, {3, 6, 9}};
    const Tensor W = random({3, 3}, 4);
    const Tensor A = xgrad::parameter(rank_one);
    const Tensor second = grad(sum(grad(la::det(A), A) * W), A);
    BOOST_TEST(close(second, (gradient(rank_one + W) - gradient(rank_one - W)) / 2, 1e-12, 1e-12));
    // Third order at 0: det W = 1/3! times the third derivative along W.
    const Tensor Z = xgrad::parameter(Array(xt::zeros<double>({3, 3})));
    const Tensor first = sum(grad(la::det(Z), Z) * W);
    const Tensor third = sum(grad(sum(grad(first, Z) * W), Z) * W);
    BOOST_TEST(close(third / 6, la::det(W), 1e-12));
}

BOOST_AUTO_TEST_CASE(factorisations) {
    for_matrices([](const Tensor& A, double rounding) {
        const Tensor P = positive(A);
        const Tensor L = cholesky(P);
        BOOST_TEST(close(matmul(L, matrix_transpose(L)), P, 0, rounding));
        BOOST_TEST(close(lower_triangle(L), L));
        const Tensor S = symmetric_part(A);
        const auto [values, V] = eigh(S);
        BOOST_TEST(close(matmul(scaled_columns(V, values), matrix_transpose(V)), S, 0, 10 * rounding));
        BOOST_TEST(close(gram(V), eye_like(A), 0, rounding));
        BOOST_TEST(close(eigvalsh(lower_triangle(S)), values, 0, rounding));  // only that triangle is read
    });
}

BOOST_AUTO_TEST_CASE(factorisations_of_rectangles) {
    for (const DType dtype : {DType::float64, DType::float32, DType::longdouble}) {
        const double rounding = dtype == DType::float64 ? 1e-12 : dtype == DType::float32 ? 3e-4 : 1e-15;
        for (const std::vector<std::size_t>& shape :
             {std::vector<std::size_t>{3, 2}, {2, 7, 4}, {30, 20}, {4, 4}, {5, 0}}) {
            const Tensor tall = random(shape, 5, dtype);
            const auto [Q, R] = qr(tall);
            BOOST_TEST(close(matmul(Q, R), tall, 0, rounding));
            BOOST_TEST(close(gram(Q), eye_like(R), 0, rounding));
            BOOST_TEST(close(upper_triangle(R), R));
            BOOST_TEST((sum(xgrad::astype(la::diagonal(R) < 0, DType::int64)).item() == 0));
            for (const Tensor& A : {tall, matrix_transpose(tall)}) {
                const auto [U, s, Vt] = svd(A);
                BOOST_TEST(close(matmul(scaled_columns(U, s), Vt), A, 0, rounding));
                BOOST_TEST(close(gram(U), eye_like(gram(U)), 0, rounding));
                BOOST_TEST(close(gram(matrix_transpose(Vt)), eye_like(gram(U)), 0, rounding));
                const Tensor Y = pinv(A);
                BOOST_TEST(close(matmul(matmul(A, Y), A), A, 0, 10 * rounding));
                BOOST_TEST(close(matmul(matmul(Y, A), Y), Y, 0, 10 * rounding));
                BOOST_TEST(close(matmul(A, Y), matrix_transpose(matmul(A, Y)), 0, 10 * rounding));
                BOOST_TEST(close(matmul(Y, A), matrix_transpose(matmul(Y, A)), 0, 10 * rounding));
            }
            const Tensor B = random({shape[shape.size() - 2], 2}, 6, dtype);
            const Tensor rest = matmul(tall, lstsq(tall, B)) - B;
            BOOST_TEST(
                close(matmul(matrix_transpose(tall), rest), 0 * matmul(matrix_transpose(tall), B), 0, 30 * rounding));
        }
    }
}

BOOST_AUTO_TEST_CASE(of_incomplete_rank) {
    for (const DType dtype : {DType::float64, DType::longdouble}) {
        const Tensor A = xgrad::astype(Tensor(Array{{1, 2, 0}, {2, 4, 0}, {3, 6, 0}, {0, 0, 0}}), dtype);
        for (const Tensor& M : {A, matrix_transpose(A), A * 0}) {
            const auto [U, s, Vt] = svd(M);
            BOOST_TEST(close(matmul(scaled_columns(U, s), Vt), M, 0, 1e-14));
            BOOST_TEST(close(gram(U), identity(3, dtype), 0, 1e-14));
            BOOST_TEST(close(gram(matrix_transpose(Vt)), identity(3, dtype), 0, 1e-14));
        }
        const auto [Q, R] = qr(A);
        BOOST_TEST(close(matmul(Q, R), A, 0, 1e-14));
        BOOST_TEST(close(gram(Q), identity(3, dtype), 0, 1e-14));
    }
}

BOOST_AUTO_TEST_CASE(every_precision_gives_the_same_signs) {
    for (const std::vector<std::size_t>& shape : {std::vector<std::size_t>{3, 3}, {5, 5}, {12, 12}}) {
        const Tensor A = random(shape, 7);
        const Tensor wide = xgrad::astype(A, DType::longdouble);
        const auto same = [](const Tensor& exact, const Tensor& y) {
            return close(y, xgrad::astype(exact, y.dtype()), 0, y.dtype() == DType::float64 ? 1e-12 : 1e-3);
        };
        const auto Q = qr(wide).Q;
        const auto V = eigh(symmetric_part(wide)).vectors;
        const auto U = svd(wide).U;
        const auto Vt = svd(wide).Vt;
        for (const DType dtype : {DType::float64, DType::float32}) {
            const Tensor a = xgrad::astype(A, dtype);
            BOOST_TEST(same(Q, qr(a).Q));
            BOOST_TEST(same(V, eigh(symmetric_part(a)).vectors));
            BOOST_TEST(same(U, svd(a).U));
            BOOST_TEST(same(Vt, svd(a).Vt));
        }
    }
}

BOOST_AUTO_TEST_CASE(numbers_of_numpy) {
    const Tensor A = Array{{4, 1, -2}, {1, 3, 0.5}, {-2, 0.5, 5}};
    const Tensor B = Array{{1, 2}, {3, 4}, {5, 6.5}};
    // np.linalg.la::inv(A), .cholesky(A), .eigh(A)[0], .slogdet(-A), .matrix_power(A, -2)[0]
    BOOST_TEST(close(la::inv(A), Array{{0.36875, -0.15, 0.1625}, {-0.15, 0.4, -0.1}, {0.1625, -0.1, 0.275}}));
    BOOST_TEST(
        close(cholesky(A), Array{{2, 0, 0}, {0.5, 1.6583123951777, 0}, {-1, 0.6030226891555273, 1.9069251784911847}}));
    BOOST_TEST(close(eigvalsh(A), Array{1.5842066930926233, 3.8393364524664824, 6.576456854440895}));
    BOOST_TEST(slogdet(-A).sign.item() == -1);
    BOOST_TEST(close(slogdet(-A).logabsdet, Array(3.6888794541139367)));
    BOOST_TEST(close(xgrad::view(matrix_power(A, -2), {0}),
                     Array{0.18488281250000005, -0.13156250000000003, 0.11960937500000002}));
    // np.linalg.svd(B)[1], .lstsq(B, [1, -1, 2])[0], .pinv(B), -np.linalg.qr(B)[0] with its second column turned
    BOOST_TEST(close(svdvals(B), Array{9.852920234522093, 0.41226551170948406}));
    BOOST_TEST(close(lstsq(B, Array{1, -1, 2}), Array{-0.8181818181818187, 0.7878787878787881}, 1e-11));
    BOOST_TEST(close(pinv(B),
                     Array{{-1.8636363636363635, 0.04545454545454606, 0.5454545454545451},
                           {1.4242424242424243, 0.03030303030302986, -0.30303030303030276}},
                     1e-11));
    BOOST_TEST(close(qr(B).Q,
                     Array{{0.16903085094570325, 0.977894194827363},
                           {0.50709255283711, 0.02080625946441167},
                           {0.8451542547285166, -0.20806259464411958}},
                     1e-11));
    // np.linalg.la::norm(B, ...) with 'fro', 1, 2, np.inf, 'nuc'; (B, 3, axis=0)
    BOOST_TEST(close(la::norm(B, frobenius), Array(9.86154146165801)));
    BOOST_TEST(close(la::norm(B, 1), Array(12.5)));
    BOOST_TEST(close(la::norm(B, 2), Array(9.852920234522092)));
    BOOST_TEST(close(la::norm(B, infinity), Array(11.5)));
    BOOST_TEST(close(la::norm(B, nuclear), Array(10.265185746231575)));
    BOOST_TEST(close(la::norm(B, 3, 0), Array{5.348481241239363, 7.024573497744942}));
    BOOST_TEST(close(la::norm(B, 1, {1, 0}), Array(11.5)));  // the rows are along axis 1
    // np.la::kron(B, [[1, -1]])
    BOOST_TEST(close(la::kron(B, Array{{1, -1}}), Array{{1, -1, 2, -2}, {3, -3, 4, -4}, {5, -5, 6.5, -6.5}}));
    // np.la::tensordot(np.arange(24.).reshape(2, 3, 4), np.arange(12.).reshape(4, 3), ([2, 1], [0, 1]))
    const Tensor x = xgrad::reshape(Array(xt::arange<double>(24)), {2, 3, 4});
    const Tensor y = xgrad::reshape(Array(xt::arange<double>(12)), {4, 3});
    BOOST_TEST(close(la::tensordot(x, y, {2, 1}, {0, 1}), Array{440, 1232}));
}

BOOST_AUTO_TEST_CASE(equal_eigenvalues) {
    // Q diag(2, 2, 5) Qᵀ: rounding sets the two apart, and they are equal all the same.
    const Tensor Q = qr(random({3, 3}, 22)).Q;
    const Tensor twice = matmul(Q * Tensor(Array{2, 2, 5}), xgrad::transpose(Q));
    for (const Tensor& value : {Tensor(Array{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}), twice}) {
        const Tensor A = xgrad::parameter(value);
        const Tensor eye = identity(3, DType::float64);
        // Functions of the eigenvalues in which equal ones count alike.
        BOOST_TEST(close(grad(sum(eigvalsh(A)), A), eye, 1e-13, 1e-13));
        BOOST_TEST(close(grad(sum(xgrad::log(eigh(A).values)), A), la::inv(value), 1e-12, 1e-12));
        BOOST_TEST(close(grad(sum(xgrad::square(eigvalsh(A))), A), 2 * value, 1e-12, 1e-12));
        BOOST_TEST(close(grad(la::norm(A, nuclear), A), eye, 1e-12, 1e-12));
        const Tensor u = random({3, 3}, 23);
        BOOST_TEST(close(jvp(sum(eigvalsh(A)), {&A, 1}, {&u, 1}), la::trace(u), 1e-12));
        BOOST_TEST(close(jvp(sum(svdvals(A)), {&A, 1}, {&u, 1}), la::trace(u), 1e-12));
    }
    // In forward mode an eigenvalue that stands alone has a derivative, too.
    const Tensor A = xgrad::parameter(twice);
    const Tensor largest = xgrad::view(eigvalsh(A), {2});
    const Tensor v = xgrad::view(Q, {xgrad::all(), 2});
    BOOST_TEST(close(grad(largest, A), la::outer(v, v), 1e-12, 1e-12));

    const Tensor W = random({3, 3}, 24);
    const Tensor lost = sum(eigh(A).vectors * W);
    const int line = __LINE__ - 1;
    BOOST_TEST(message_of<ValueError>([&] { compute({grad(lost, A)}); }) ==
               "eigh: needs distinct eigenvalues to differentiate their vectors, got 2 twice in matrix 0" + here(line));
    // The vector of the one that stands alone moves as it should: what has no part in it is not asked for.
    const Tensor alone = sum(xgrad::view(eigh(A).vectors, {xgrad::all(), 2}) * xgrad::view(W, {0}));
    BOOST_TEST(std::isfinite(sum(grad(alone, A)).item()));

    const Tensor turned = sum(svd(A).U * W);
    const int svd_line = __LINE__ - 1;
    BOOST_TEST(message_of<ValueError>([&] { compute({grad(turned, A)}); }) ==
               "svd: needs distinct singular values to differentiate their vectors, got 2 twice in matrix 0" +
                   here(svd_line));
    const Tensor low = xgrad::parameter(Array{{1, 2}, {2, 4}, {3, 6}});
    const Tensor gone = sum(svd(low).U * random({3, 2}, 25));
    const int zero_line = __LINE__ - 1;
    BOOST_TEST(message_of<ValueError>([&] { compute({grad(gone, low)}); }) ==
               "svd: needs singular values above 0 to differentiate their vectors, got 0 in matrix 0" +
                   here(zero_line));
}

BOOST_AUTO_TEST_CASE(not_finite) {
    for (const double bad : {not_a_number, infinity}) {
        for (const DType dtype : {DType::float64, DType::float32, DType::longdouble}) {
            const Tensor A = xgrad::astype(Tensor(Array{{2, bad, 1}, {bad, 3, 1}, {1, 1, 4}}), dtype);
            const auto all_nan = [](const Tensor& x) {
                return sum(xgrad::astype(xgrad::isnan(x), DType::int64)).item<std::int64_t>() == x.size();
            };
            for (const Tensor& y : {la::inv(A), la::det(A), slogdet(A).sign, cholesky(A), qr(A).Q, qr(A).R,
                                    eigh(A).values, eigh(A).vectors, svd(A).U, svd(A).S, svd(A).Vt,
                                    lstsq(A, identity(3, dtype)), solve(A, identity(3, dtype))}) {
                BOOST_TEST(all_nan(y));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit) {
    using xgrad::DTypeError;
    using xgrad::ShapeError;
    const Tensor A = random({2, 3}, 26);
    const Tensor S = random({3, 3}, 27);
    const Tensor v = random({3}, 28);
    const auto shape_error = [](auto&& f) { return message_of<ShapeError>(f); };
    // clang-format off
    BOOST_TEST(shape_error([&] { la::inv(A); }) == "inv: needs square matrices (..., n, n), got (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { la::det(v); }) == "det: needs square matrices (..., n, n), got (3,)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { slogdet(A); }) == "slogdet: needs square matrices (..., n, n), got (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { cholesky(A); }) == "cholesky: needs square matrices (..., n, n), got (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { eigh(A); }) == "eigh: needs square matrices (..., n, n), got (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { eigvalsh(A); }) == "eigh: needs square matrices (..., n, n), got (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { qr(A); }) == "qr: needs matrices (..., m, n) with m >= n, got (2, 3)" + here(__LINE__) + "; did you mean the operand transposed?");
    BOOST_TEST(shape_error([&] { svd(v); }) == "svd: needs matrices (..., m, n), got (3,)" + here(__LINE__) + "; did you mean the operand as (3, 1) or the operand as (1, 3)?");
    BOOST_TEST(shape_error([&] { pinv(v); }) == "pinv: needs matrices (..., m, n), got (3,)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { solve(S, A); }) == "solve: needs (..., n, n) and (..., n, k), got (3, 3) and (2, 3)" + here(__LINE__) + "; did you mean the second operand transposed?");
    BOOST_TEST(shape_error([&] { solve_triangular(A, S); }) == "solve_triangular: needs (..., n, n) and (..., n, k), got (2, 3) and (3, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { solve(random({2, 3, 3}, 1), random({4, 3, 1}, 1)); }) == "solve: needs stacks of matrices that broadcast, got (2, 3, 3) and (4, 3, 1)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { lstsq(A, A); }) == "lstsq: needs (..., m, n) with m >= n and (..., m, k), got (2, 3) and (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { la::vdot(A, v); }) == "vdot: needs equally many elements, got (2, 3) and (3,)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { la::tensordot(A, S, 2); }) == "tensordot: needs the last 2 extents of A to be the first of B, got (2, 3) and (3, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { la::tensordot(A, S, {0}, {1}); }) == "tensordot: needs pairs of axes of equal extents, got axes (0,) of (2, 3) and axes (1,) of (3, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { la::tensordot(A, S, {5}, {1}); }) == "tensordot: needs an axis of (2, 3), got 5" + here(__LINE__));
    BOOST_TEST(shape_error([&] { la::trace(v); }) == "trace: needs matrices (..., m, n), got (3,)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { la::diagonal(v); }) == "diagonal: needs at least two axes, got (3,)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { xgrad::embed_diagonal(1.0); }) == "embed_diagonal: needs vectors (..., n) and a diagonal that fits memory, got () and 0" + here(__LINE__));
    BOOST_TEST(shape_error([&] { lower_triangle(v); }) == "tril: needs matrices (..., m, n), got (3,)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { matrix_transpose(v); }) == "matrix_transpose: needs matrices (..., m, n), got (3,)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { symmetric_part(A); }) == "symmetric_part: needs square matrices (..., n, n), got (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { matrix_power(A, 2); }) == "matrix_power: needs square matrices (..., n, n), got (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { la::norm(random({2, 2, 2}, 1), 2); }) == "norm: needs one axis for vectors or two for matrices, got 3 axes of (2, 2, 2)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { einsum("ij", {A, A}); }) == "einsum: needs one group of subscripts per operand, got 1 for 2 in ij of (2, 3) and (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { einsum("i", {A}); }) == "einsum: needs a letter for each axis, got 'i' for (2, 3) in i of (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { einsum("i1", {A}); }) == "einsum: needs letters, commas, at most one ... per operand and one ->, got '1' in i1 of (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { einsum("ij->k", {A}); }) == "einsum: needs letters of the operands in the result, got 'k' in ij->k of (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { einsum("ij->ii", {A}); }) == "einsum: needs each letter of the result once, got 'i' twice in ij->ii of (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { einsum("ii", {A}); }) == "einsum: needs one extent per letter, got 2 and 3 for 'i' in ii of (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { einsum("...i->i", {A}); }) == "einsum: needs ... in the result, as in the operands, got 'i' in ...i->i of (2, 3)" + here(__LINE__));
    BOOST_TEST(shape_error([&] { einsum("", {}); }) == "einsum: needs at least one operand, got none" + here(__LINE__));
    BOOST_TEST(message_of<DTypeError>([&] { la::inv(xt::xarray<int>{{1, 2}, {3, 4}}); }) == "inv: needs float32 or float64, got int32" + here(__LINE__));
    BOOST_TEST(message_of<DTypeError>([&] { la::norm(xt::xarray<int>{1}); }) == "norm: needs float32 or float64, got int32" + here(__LINE__));
    BOOST_TEST(message_of<DTypeError>([&] { matrix_power(xt::xarray<int>{{1, 2}, {3, 4}}, 2); }) == "matrix_power: needs float32 or float64, got int32" + here(__LINE__));
    BOOST_TEST(message_of<ValueError>([&] { la::norm(v, 0); }) == "norm: needs an order above 0 for vectors, got 0" + here(__LINE__));
    BOOST_TEST(message_of<ValueError>([&] { la::norm(v, nuclear); }) == "norm: needs an order above 0 for vectors, got nuclear" + here(__LINE__));
    BOOST_TEST(message_of<ValueError>([&] { la::norm(A, 3); }) == "norm: needs order 1, 2, infinity, frobenius or nuclear for matrices, got 3" + here(__LINE__));
    // clang-format on
}

BOOST_AUTO_TEST_CASE(values_that_do_not_fit) {
    const Array good{{2, 1}, {1, 3}};
    Array stack = xt::zeros<double>({2, 2, 2});
    xt::view(stack, 0) = good;
    xt::view(stack, 1) = Array{{1, 2}, {2, 4}};
    for (const DType dtype : {DType::float64, DType::float32, DType::longdouble}) {
        const Tensor A = xgrad::astype(Tensor(stack), dtype);
        const Tensor eye = identity(2, dtype);
        // clang-format off
        BOOST_TEST(message_of<ValueError>([&] { compute({la::inv(A)}); }) == "inv: needs an invertible matrix, got a zero pivot at 1 in matrix 1" + here(__LINE__));
        BOOST_TEST(message_of<ValueError>([&] { compute({solve(A, eye)}); }) == "solve: needs an invertible matrix, got a zero pivot at 1 in matrix 1" + here(__LINE__));
        BOOST_TEST(message_of<ValueError>([&] { compute({cholesky(A)}); }) == "cholesky: needs a positive definite matrix, got a pivot that is not positive at 1 in matrix 1" + here(__LINE__));
        BOOST_TEST(message_of<ValueError>([&] { compute({lstsq(A, eye)}); }) == "lstsq: needs columns that do not depend on each other, got a column that does, 1 in matrix 1" + here(__LINE__));
        BOOST_TEST(message_of<ValueError>([&] { compute({pinv(A)}); }) == "lstsq: needs columns that do not depend on each other, got a column that does, 1 in matrix 1" + here(__LINE__));
        BOOST_TEST(message_of<ValueError>([&] { compute({solve_triangular(A - eye, eye)}); }) == "solve_triangular: needs a diagonal without zeros, got 0 at 0 in matrix 1" + here(__LINE__));
        // clang-format on
        const Tensor p = xgrad::parameter(A);
        const Tensor logarithms = sum(slogdet(p).logabsdet);
        const int line = __LINE__ - 1;
        BOOST_TEST(message_of<ValueError>([&] { compute({grad(logarithms, p)}); }) ==
                   "inv: needs an invertible matrix, got a zero pivot at 1 in matrix 1" + here(line));
    }
    BOOST_TEST(message_of<xgrad::GradientError>([] {
                   const Tensor p = xgrad::parameter(Array{{1, 2}, {3, 5}});
                   grad(slogdet(p).sign, p);
               }).starts_with("grad: "));
}

BOOST_AUTO_TEST_SUITE_END()
