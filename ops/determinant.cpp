#include <algorithm>
#include <limits>
#include <numeric>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/kernels/lapack.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/matrix_probes.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/solvers.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad::linalg {

namespace {

using kernels::columns_of;
using kernels::Dense;
using kernels::matrix_at;
using kernels::stack_of;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// det A = sign e^log.
template <class T>
struct SignLog {
    T sign;
    T log;
};

/// The pivots' product is the determinant, up to the sign of the row exchanges.
template <class T>
T parity(const std::vector<int>& swaps) {
    T sign = 1;
    for (std::size_t k = 0; k < swaps.size(); ++k) sign = swaps[k] == static_cast<int>(k + 1) ? sign : -sign;
    return sign;
}

/// The product of the pivots, as lu() has left them.
template <class T>
T product_of_pivots(const Dense<T>& LU, const std::vector<int>& swaps) {
    T product = parity<T>(swaps);
    for (std::int64_t i = 0; i < LU.rows; ++i) product *= LU(i, i);
    return product;
}

template <class T>
T determinant(Dense<T> A) {
    if (!A.is_finite()) return static_cast<T>(not_a_number);
    std::vector<int> swaps;
    return kernels::lu(A, swaps) >= 0 ? T(0) : product_of_pivots(A, swaps);
}

template <class T>
SignLog<T> sign_and_log(Dense<T> A) {
    if (!A.is_finite()) return {static_cast<T>(not_a_number), static_cast<T>(not_a_number)};
    std::vector<int> swaps;
    if (kernels::lu(A, swaps) >= 0) return {0, -std::numeric_limits<T>::infinity()};
    SignLog<T> result{parity<T>(swaps), 0};
    for (std::int64_t i = 0; i < A.rows; ++i) {
        if (A(i, i) < 0) result.sign = -result.sign;
        result.log += std::log(std::abs(A(i, i)));
    }
    return result;
}

/// The cofactors of a diagonal matrix S, differentiated once along each H: the matrix C with
///
///     <C, H_m> = ∂^m/∂t_1...∂t_m det(S + t_1 H_1 + ... + t_m H_m) at 0,   m = number of H + 1, for every H_m.
///
/// By Leibniz's formula each H takes one row, r_a, all different, and the permutation π of these rows says from which
/// column; S stands for the rows that are left:
///
///     Σ over r and π of  sgn π  H_1[r_1, π r_1] ... H_m[r_m, π r_m]  Π over the rest of s_j.
///
/// Nothing is divided by, so s may contain zeros.
template <class T>
Dense<T> diagonal_cofactors(const std::vector<T>& s, const std::vector<Dense<T>>& H) {
    const auto n = static_cast<std::int64_t>(s.size());
    const std::size_t m = H.size() + 1;
    Dense<T> C(n, n);
    if (static_cast<std::int64_t>(m) > n) return C;
    std::vector<std::int64_t> rows(m, 0);
    const auto is_chosen = [&](std::int64_t row) { return std::find(rows.begin(), rows.end(), row) != rows.end(); };
    const auto all_differ = [&] {
        for (std::size_t a = 1; a < m; ++a) {
            if (std::find(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(a), rows[a]) !=
                rows.begin() + static_cast<std::ptrdiff_t>(a)) {
                return false;
            }
        }
        return true;
    };
    const auto next = [&] {
        for (std::size_t a = m; a-- > 0;) {
            if (++rows[a] < n) return true;
            rows[a] = 0;
        }
        return false;
    };
    std::vector<std::size_t> permutation(m);
    do {
        if (!all_differ()) continue;
        T rest = 1;
        for (std::int64_t j = 0; j < n; ++j) {
            if (!is_chosen(j)) rest *= s[static_cast<std::size_t>(j)];
        }
        std::iota(permutation.begin(), permutation.end(), std::size_t(0));
        do {
            T term = rest;
            for (std::size_t a = 0; a < m; ++a) {
                for (std::size_t b = 0; b < a; ++b) term = permutation[b] > permutation[a] ? -term : term;
            }
            for (std::size_t a = 0; a + 1 < m; ++a) term *= H[a](rows[a], rows[permutation[a]]);
            C(rows[m - 1], rows[permutation[m - 1]]) += term;
        } while (std::next_permutation(permutation.begin(), permutation.end()));
    } while (next());
    return C;
}

/// A B of matrices in columns, each transposed or not: (Bᵀ Aᵀ)ᵀ by rows is the product by columns.
template <class T>
Dense<T> product(const Dense<T>& A, const Dense<T>& B) {
    Dense<T> C(A.rows, B.columns);
    const kernels::Matrix<T> Bt{B.data.data(), B.columns, B.rows, B.rows, 1};
    const kernels::Matrix<T> At{A.data.data(), A.columns, A.rows, A.rows, 1};
    kernels::gemm(Bt, At, C.data.data());
    return C;
}

/// Whether the pivots are of one size, so that dividing by them costs no digits to speak of.
template <class T>
bool has_even_pivots(const Dense<T>& LU) {
    T least = std::numeric_limits<T>::infinity();
    T largest = 0;
    for (std::int64_t i = 0; i < LU.rows; ++i) {
        least = std::min(least, std::abs(LU(i, i)));
        largest = std::max(largest, std::abs(LU(i, i)));
    }
    return LU.rows > 0 && least * 100 >= largest;
}

/// The same for any A. If it is far from singular, det(A + ΣtH) = det A det(I + Σ t A⁻¹H) leads to the identity; else
/// A = U S Vᵀ, and the H are seen in the bases U and V, and so is the result.
template <class T>
Dense<T> cofactors(const Dense<T>& A, const std::vector<Dense<T>>& H) {
    const std::int64_t n = A.rows;
    Dense<T> C(n, n);
    C.fill(static_cast<T>(not_a_number));
    if (!A.is_finite()) return C;
    std::vector<Dense<T>> turned;
    Dense<T> LU = A;
    std::vector<int> swaps;
    if (kernels::lu(LU, swaps) < 0 && has_even_pivots(LU)) {
        for (const Dense<T>& h : H) {
            turned.push_back(h);
            kernels::lu_solve(LU, swaps, turned.back());
        }
        auto inverse = Dense<T>::identity(n);
        kernels::lu_solve(LU, swaps, inverse);
        const std::vector<T> ones(static_cast<std::size_t>(n), 1);
        C = product(inverse.transposed(), diagonal_cofactors(ones, turned));
        const T determinant_of_A = product_of_pivots(LU, swaps);
        for (T& element : C.data) element *= determinant_of_A;
        return C;
    }
    Dense<T> U(n, n);
    Dense<T> V(n, n);
    std::vector<T> s;
    if (!kernels::svd(A, U, s, V)) return C;
    const Dense<T> Ut = U.transposed();
    for (const Dense<T>& h : H) turned.push_back(product(Ut, product(h, V)));
    C = product(product(U, diagonal_cofactors(s, turned)), V.transposed());
    // det U and det V are 1 or -1.
    const bool flips = (determinant(U) < 0) != (determinant(V) < 0);
    for (T& element : C.data) element = flips ? -element : element;
    return C;
}

Tensor cofactor(const std::vector<Tensor>& A_and_H);

/// The inputs with number `argument` replaced.
std::vector<Tensor> with(const Record& r, std::size_t argument, const Tensor& replacement) {
    std::vector<Tensor> inputs;
    for (std::size_t input = 0; input < r.inputs(); ++input) inputs.push_back(r.input(input));
    inputs[argument] = replacement;
    return inputs;
}

/// The inputs with one more direction.
std::vector<Tensor> along(const Record& r, const Tensor& direction) {
    std::vector<Tensor> inputs = with(r, 0, r.input(0));
    inputs.push_back(direction);
    return inputs;
}

const Op& cofactor_op = define(General{
    .name = "cofactor",
    .math = "C(A) = det A A^-T continued to singular A; C(A, H, ...) its derivative along H, ...",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            kernels::require_square(call);
            for (std::size_t input = 1; input < call.inputs.size(); ++input) {
                if (call.shape(input) != call.shape(0)) call.fail("needs directions of the shape of A");
            }
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t n = columns_of(call.shape);
            kernels::for_each_matrix(call, stack, n * n, [&]<class T>(T* output, std::int64_t index) {
                std::vector<Dense<T>> H;
                for (std::size_t input = 1; input < call.inputs.size(); ++input) {
                    H.emplace_back(matrix_at<T>(call.inputs[input], index, stack));
                }
                cofactors(Dense<T>(matrix_at<T>(call.inputs[0], index, stack)), H).store(output);
            });
        },
    // <C(A, H...), G> is a mixed derivative of det along H..., G, hence symmetric in them: the cotangent of A is
    // C(A, H..., g), and that of one H is C with g in its place.
    .vjp = [](const Record& r, const Tensor& g,
              std::size_t argument) { return cofactor(argument == 0 ? along(r, g) : with(r, argument, g)); },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            Tensor total;
            for (std::size_t input = 0; input < t.size(); ++input) {
                if (t[input].is_empty_handle()) continue;
                const Tensor term = cofactor(input == 0 ? along(r, t[0]) : with(r, input, t[input]));
                total = total.is_empty_handle() ? term : total + term;
            }
            return total;
        },
    .probes = square_probes([](const Tensor& x) { return cofactor({well_conditioned(x)}); }),
});

Tensor cofactor(const std::vector<Tensor>& A_and_H) {
    return xgrad::apply(cofactor_op, A_and_H);
}

/// One number per matrix as a stack of (1, 1) matrices.
Tensor per_matrix(const Tensor& g) {
    return view(g, {ellipsis, newaxis, newaxis});
}

std::vector<Probe> det_probes() {
    std::vector<Probe> probes = square_probes([](const Tensor& x) { return det(well_conditioned(x)); });
    probes.push_back(
        {"of rank n - 1", {{{3, 2}, -1, 1}, {{2, 3}, -1, 1}}, [](auto x) { return det(matmul(x[0], x[1])); }});
    probes.push_back({"transposed", {{{2, 3, 3}}}, [](auto x) { return det(matrix_transpose(x[0])); }});
    return probes;
}

const Op& det_op = define(General{
    .name = "det",
    .math = "y = det A",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            kernels::require_square(call);
            return Signature{call.dtype(0), stack_of(call.shape(0))};
        },
    .forward =
        [](const KernelCall& call) {
            kernels::for_each_matrix(call, call.shape, 1, [&]<class T>(T* output, std::int64_t index) {
                *output = determinant(Dense<T>(matrix_at<T>(call.inputs[0], index, call.shape)));
            });
        },
    // ∂ det A / ∂A_ij is the cofactor of A_ij.
    .vjp = [](const Record& r, const Tensor& g, std::size_t) { return per_matrix(g) * cofactor({r.input()}); },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            return sum(cofactor({r.input()}) * t[0], {-2, -1});
        },
    .probes = det_probes,
});

const Op& slogdet_op = define(General{
    .name = "slogdet",
    .math = "y = (sign det A, log |det A|)",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            kernels::require_square(call);
            Shape shape = stack_of(call.shape(0));
            shape.push_back(2);
            return Signature{call.dtype(0), shape};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.inputs[0].shape);
            kernels::for_each_matrix(call, stack, 2, [&]<class T>(T* output, std::int64_t index) {
                const auto [sign, log] = sign_and_log(Dense<T>(matrix_at<T>(call.inputs[0], index, stack)));
                output[0] = sign;
                output[1] = log;
            });
        },
    // d log |det A| = tr(A⁻¹ dA); the sign is constant.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            return view(g, {ellipsis, 1, newaxis, newaxis}) * matrix_transpose(inv(r.input()));
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const Tensor change = sum(matrix_transpose(inv(r.input())) * t[0], {-2, -1});
            const Tensor column = view(change, {ellipsis, newaxis});
            return concatenate({zeros_like(column), column}, -1);
        },
    .probes = square_probes([](const Tensor& x) { return slogdet(well_conditioned(x)).logabsdet; }),
});

}  // namespace

Tensor det(const Operand& A) {
    return apply(det_op, {A.tensor()}, {}, A.location());
}

SignAndLog slogdet(const Operand& A) {
    const Attribution attribution(A.location());
    const Tensor packed = apply(slogdet_op, {A.tensor()});
    return {stop_gradient(view(packed, {ellipsis, 0})), view(packed, {ellipsis, 1})};
}

}  // namespace xgrad::linalg
