#include <limits>

#include <fmt/format.h>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/factorisations.hpp>
#include <xgrad/ops/kernels/lapack.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/matrix_probes.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>

// eigh and svd each give one packed array, so that one decomposition serves all outputs. The values are handed out by
// an operation of their own, whose derivative has no part in that of the vectors: it exists where theirs does not.

namespace xgrad::linalg {

namespace {

using kernels::columns_of;
using kernels::Dense;
using kernels::matrices;
using kernels::matrix_at;
using kernels::rows_of;
using kernels::stack_of;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Tensor row(const Tensor& x, std::int64_t index) {
    return view(x, {ellipsis, index, all()});
}
Tensor rows(const Tensor& x, std::int64_t first, std::int64_t last) {
    return view(x, {ellipsis, range(first, last), all()});
}
/// A vector per matrix as a stack of rows.
Tensor as_row(const Tensor& x) {
    return view(x, {ellipsis, newaxis, all()});
}

/// The denominators of the vectors' derivatives, made from the values x.
enum class Gap : std::int64_t {
    eigenvalues,  // x_j - x_i, off the diagonal
    singular,     // the same
    sums,         // x_j + x_i, off the diagonal
    single,       // x_j
};

bool leaves_diagonal_out(Gap gap) {
    return gap != Gap::single;
}

[[noreturn]] void fail_gap(Gap gap, double value, std::int64_t index, Location at) {
    const bool is_zero = gap == Gap::sums || gap == Gap::single;
    const std::string which = " in matrix " + std::to_string(index);
    throw ValueError(gap == Gap::eigenvalues ? "eigh" : "svd",
                     gap == Gap::eigenvalues ? "needs distinct eigenvalues to differentiate their vectors"
                     : is_zero               ? "needs singular values above 0 to differentiate their vectors"
                                             : "needs distinct singular values to differentiate their vectors",
                     (is_zero ? "0" : fmt::format("{:.6g} twice", value)) + which, at);
}

Tensor over_gaps(const Tensor& X, const Tensor& values, Gap gap);

/// The tangent or cotangent of a gap as that of the values: gap_ij = x_j - x_i, x_j + x_i or x_j.
Tensor gap_of(const Tensor& t, Gap gap) {
    const Tensor across = as_row(t);
    if (gap == Gap::single) return across;
    const Tensor down = matrix_transpose(across);
    return gap == Gap::sums ? across + down : across - down;
}
Tensor gap_back(const Tensor& g, Gap gap) {
    const Tensor across = sum(g, -2);
    if (gap == Gap::single) return across;
    const Tensor down = sum(g, -1);
    return gap == Gap::sums ? across + down : across - down;
}

/// X over the gaps. Values that differ by no more than the rounding of the largest are equal: 0 over their gap is 0,
/// so that what has no part in a derivative does not spoil it, and anything else is an error.
const Op& over_gaps_op = define(General{
    .name = "over_gaps",
    .math = "Y_ij = X_ij / gap_ij, 0 for 0 / 0; gap_ij = x_j - x_i, x_j + x_i (then Y_ii = 0) or x_j",
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t n = rows_of(call.shape);
            const std::int64_t k = columns_of(call.shape);
            const auto gap = static_cast<Gap>(call.attributes.at<std::int64_t>("gap"));
            StorageRef scratch;
            const void* all_values = run::contiguous(call.inputs[1], scratch);
            kernels::for_each_matrix(call, stack, n * k, [&]<class T>(T* output, std::int64_t index) {
                const kernels::Matrix<T> X = matrix_at<T>(call.inputs[0], index, stack);
                const T* x = static_cast<const T*>(all_values) + index * k;
                T largest = 0;
                for (std::int64_t j = 0; j < k; ++j) largest = std::max(largest, std::abs(x[j]));
                const T rounding = std::numeric_limits<T>::epsilon() * static_cast<T>(8 * std::max(n, k)) * largest;
                for (std::int64_t i = 0; i < n; ++i) {
                    for (std::int64_t j = 0; j < k; ++j) {
                        const T numerator = X.data[i * X.row_stride + j * X.column_stride];
                        T& quotient = *output++;
                        quotient = 0;
                        if (i == j && leaves_diagonal_out(gap)) continue;
                        const T width = gap == Gap::single ? x[j] : gap == Gap::sums ? x[j] + x[i] : x[j] - x[i];
                        if (!(std::abs(width) <= rounding)) {
                            quotient = numerator / width;
                        } else if (numerator != 0) {
                            fail_gap(gap, static_cast<double>(x[j]), index, call.at);
                        }
                    }
                }
            });
        },
    // ∂Y_ij/∂X_ij = 1 / gap_ij and ∂Y_ij/∂gap_ij = -Y_ij / gap_ij
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t argument) {
            const auto gap = static_cast<Gap>(r.attribute<std::int64_t>("gap"));
            const Tensor x = r.input(1);
            return argument == 0 ? over_gaps(g, x, gap) : -gap_back(over_gaps(g * r.output(), x, gap), gap);
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const auto gap = static_cast<Gap>(r.attribute<std::int64_t>("gap"));
            const Tensor x = r.input(1);
            Tensor change = t[0];
            if (!t[1].is_empty_handle()) {
                const Tensor widened = r.output() * gap_of(t[1], gap);
                change = change.is_empty_handle() ? -widened : change - widened;
            }
            return over_gaps(change, x, gap);
        },
    .probes = {Probe{"eigenvalues",
                     {{{3, 3}}},
                     [](auto x) { return over_gaps(x[0], linalg::diagonal(spread_out(x[0])), Gap::eigenvalues); }},
               Probe{"stack",
                     {{{2, 2, 2}}},
                     [](auto x) { return over_gaps(x[0], linalg::diagonal(spread_out(x[0])), Gap::singular); }},
               Probe{"sums",
                     {{{3, 3}}},
                     [](auto x) { return over_gaps(x[0], linalg::diagonal(spread_out(x[0])), Gap::sums); }},
               Probe{"single",
                     {{{3, 2}}},
                     [](auto x) { return over_gaps(x[0], linalg::diagonal(spread_out_singular(x[0])), Gap::single); }},
               Probe{"one",
                     {{{1, 1}}},
                     [](auto x) { return over_gaps(x[0], linalg::diagonal(spread_out(x[0])), Gap::eigenvalues); }},
               Probe{"empty", {{{0, 0}}}, [](auto x) { return over_gaps(x[0], linalg::diagonal(x[0]), Gap::sums); }}},
});

Tensor over_gaps(const Tensor& X, const Tensor& values, Gap gap) {
    return apply(over_gaps_op, {X, values}, {{"gap", static_cast<std::int64_t>(gap)}});
}

/// The packed decompositions: λ above V, and U above S above V.
Tensor packed_eigh(const Tensor& A);
Tensor packed_svd(const Tensor& A);

/// U and V for diag(Uᵀ dA V), the change of the values: for eigh both are V. A is decomposed anew, so that the vectors
/// are a function of A, with derivatives of their own, only where the derivative of the values is asked for.
struct Bases {
    Tensor U;
    Tensor V;
};
Bases bases(const Record& r) {
    const Tensor A = r.input(1);
    const std::int64_t at = r.attribute<std::int64_t>("row");
    const bool has_both = at == rows_of(A.shape());  // U stands above the values
    const Tensor P = has_both ? packed_svd(A) : packed_eigh(A);
    const Tensor V = rows(P, at + 1, rows_of(P.shape()));
    return {has_both ? rows(P, 0, at) : V, V};
}

const Op& spectrum_op = define(General{
    .name = "spectrum",
    .math = "x = the values of the decomposition U diag(x) V^T of A, from its packed form",
    .shape =
        [](const Call& call) {
            Shape shape = stack_of(call.shape(0));
            shape.push_back(columns_of(call.shape(0)));
            return Signature{call.dtype(0), shape};
        },
    .forward =
        [](const Array& packed, const Attributes& attributes, const Shape&) {
            Strides strides = stack_of(packed.strides);
            strides.push_back(columns_of(packed.strides));
            const std::int64_t start = attributes.at<std::int64_t>("row") * rows_of(packed.strides);
            return std::optional<Layout>({columns_of(packed.shape) > 0 ? start : 0, strides});
        },
    // dx_i = u_iᵀ dA v_i. The packed form is a constant here: only its numbers are taken.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const auto [U, V] = bases(r);
            return matmul(U * as_row(g), matrix_transpose(V));
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const auto [U, V] = bases(r);
            return sum(U * matmul(t[1], V), -2);
        },
    .probes = square_probes([](const Tensor& x) { return eigvalsh(spread_out(x)); }),
});

/// The row of values of the packed decomposition of A.
Tensor values_in(const Tensor& packed, const Tensor& A, std::int64_t at) {
    return apply(spectrum_op, {stop_gradient(packed), A}, {{"row", at}});
}

/// λ as the first row, V below.
const Op& eigh_op = define(General{
    .name = "eigh",
    .math = "A = V diag(x) V^T",
    .shape =
        [](const Call& call) {
            kernels::require_square(call);
            const std::int64_t n = columns_of(call.shape(0));
            return Signature{call.dtype(0), matrices(stack_of(call.shape(0)), n + 1, n)};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t n = columns_of(call.shape);
            kernels::for_each_matrix(call, stack, (n + 1) * n, [&]<class T>(T* output, std::int64_t index) {
                Dense<T> V(matrix_at<T>(call.inputs[0], index, stack));
                std::vector<T> values(static_cast<std::size_t>(n));
                if (!V.is_finite() || !kernels::eigh(V, values)) {
                    V.fill(static_cast<T>(not_a_number));
                    std::fill(values.begin(), values.end(), static_cast<T>(not_a_number));
                }
                V.store(std::copy(values.begin(), values.end(), output));
            });
        },
    // With F_ij = 1 / (x_j - x_i) off the diagonal: dx = diag(Vᵀ dA V), dV = V (F ∘ Vᵀ dA V), and back
    // V (diag gx + F ∘ Vᵀ gV) Vᵀ (Giles 2008), of which the symmetric part.
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const std::int64_t n = columns_of(r.output_shape());
            const Tensor x = row(r.output(), 0);
            const Tensor V = rows(r.output(), 1, n + 1);
            const Tensor turned = over_gaps(matmul(matrix_transpose(V), rows(g, 1, n + 1)), x, Gap::eigenvalues);
            const Tensor inner = diagonal_matrix(row(g, 0)) + symmetric_part(turned);
            return matmul(matmul(V, inner), matrix_transpose(V));
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const std::int64_t n = columns_of(r.output_shape());
            const Tensor x = row(r.output(), 0);
            const Tensor V = rows(r.output(), 1, n + 1);
            const Tensor change = matmul(matmul(matrix_transpose(V), symmetric_part(t[0])), V);
            const Tensor dV = matmul(V, over_gaps(change, x, Gap::eigenvalues));
            return concatenate({as_row(linalg::diagonal(change)), dV}, -2);
        },
    .probes = square_probes([](const Tensor& x) {
        const Eigen result = eigh(spread_out(x));
        return concatenate({result.vectors, as_row(result.values)}, -2);
    }),
});

/// U, below it S as one row, below it V.
const Op& svd_op = define(General{
    .name = "svd",
    .math = "A = U diag(x) V^T",
    .shape =
        [](const Call& call) {
            kernels::require_floating(call);
            const Shape& A = call.shape(0);
            if (A.rank() < 2) call.fail("needs matrices (..., m, n)");
            return Signature{call.dtype(0), matrices(stack_of(A), rows_of(A) + 1 + columns_of(A),
                                                     std::min(rows_of(A), columns_of(A)))};
        },
    .forward =
        [](const KernelCall& call) {
            const Shape stack = stack_of(call.shape);
            const std::int64_t k = columns_of(call.shape);
            const std::int64_t size = rows_of(call.shape) * k;
            kernels::for_each_matrix(call, stack, size, [&]<class T>(T* output, std::int64_t index) {
                const Dense<T> A(matrix_at<T>(call.inputs[0], index, stack));
                Dense<T> U(A.rows, k);
                Dense<T> V(A.columns, k);
                std::vector<T> values;
                if (!A.is_finite() || !kernels::svd(A, U, values, V)) {
                    std::fill_n(output, size, static_cast<T>(not_a_number));
                    return;
                }
                U.store(output);
                V.store(std::copy(values.begin(), values.end(), output + A.rows * k));
            });
        },
    // With M = Uᵀ dA V, split into its symmetric and skew part, M = M₊ + M₋:
    //
    //     E_ij = M₊_ij / (x_j - x_i),  G_ij = M₋_ij / (x_j + x_i),  off the diagonal
    //     dU = U (E + G) + (I - U Uᵀ) dA V S⁻¹,  dx = diag M,  dV = V (E - G) + (I - V Vᵀ) dAᵀ U S⁻¹
    //
    // The last terms are there only if U or V is not square. The usual 1 / (x_j² - x_i²) is split in two, which loses
    // no digits to the squares. Back, with Z = Uᵀ gU ± Vᵀ gV over the differences and over the sums:
    //
    //     U (diag gx + Z₊ part + Z₋ part) Vᵀ + (I - U Uᵀ) gU S⁻¹ Vᵀ + U (gV S⁻¹)ᵀ (I - V Vᵀ)
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t) {
            const std::int64_t m = rows_of(r.shape(0));
            const std::int64_t n = columns_of(r.shape(0));
            const std::int64_t k = columns_of(r.output_shape());
            const Tensor U = rows(r.output(), 0, m);
            const Tensor x = row(r.output(), m);
            const Tensor V = rows(r.output(), m + 1, m + 1 + n);
            const Tensor gU = rows(g, 0, m);
            const Tensor gV = rows(g, m + 1, m + 1 + n);
            const Tensor Ut = matrix_transpose(U);
            const Tensor Vt = matrix_transpose(V);
            const Tensor ZU = matmul(Ut, gU);
            const Tensor ZV = matmul(Vt, gV);
            const Tensor apart = over_gaps(ZU + ZV, x, Gap::singular);
            const Tensor summed = over_gaps(ZU - ZV, x, Gap::sums);
            const Tensor skew = (summed - matrix_transpose(summed)) * 0.5;
            const Tensor inner = diagonal_matrix(row(g, m)) + symmetric_part(apart) + skew;
            Tensor result = matmul(matmul(U, inner), Vt);
            if (m > k) {
                const Tensor divided = over_gaps(gU, x, Gap::single);
                result = result + matmul(divided - matmul(U, matmul(Ut, divided)), Vt);
            }
            if (n > k) {
                const Tensor divided = over_gaps(gV, x, Gap::single);
                result = result + matmul(U, matrix_transpose(divided - matmul(V, matmul(Vt, divided))));
            }
            return result;
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const std::int64_t m = rows_of(r.shape(0));
            const std::int64_t n = columns_of(r.shape(0));
            const std::int64_t k = columns_of(r.output_shape());
            const Tensor U = rows(r.output(), 0, m);
            const Tensor x = row(r.output(), m);
            const Tensor V = rows(r.output(), m + 1, m + 1 + n);
            const Tensor Ut = matrix_transpose(U);
            const Tensor Vt = matrix_transpose(V);
            const Tensor AV = matmul(t[0], V);
            const Tensor M = matmul(Ut, AV);
            const Tensor E = over_gaps(symmetric_part(M), x, Gap::singular);
            const Tensor G = over_gaps((M - matrix_transpose(M)) * 0.5, x, Gap::sums);
            Tensor dU = matmul(U, E + G);
            Tensor dV = matmul(V, E - G);
            if (m > k) dU = dU + over_gaps(AV - matmul(U, M), x, Gap::single);
            if (n > k) {
                const Tensor AtU = matmul(matrix_transpose(t[0]), U);
                dV = dV + over_gaps(AtU - matmul(V, matmul(Vt, AtU)), x, Gap::single);
            }
            return concatenate({dU, as_row(linalg::diagonal(M)), dV}, -2);
        },
    .probes =
        [] {
            const auto all_three = [](const Tensor& x) {
                const SVD result = svd(x);
                return concatenate({as_row(result.S), matrix_transpose(result.Vt), result.U}, -2);
            };
            std::vector<Probe> probes = tall_probes([=](const Tensor& x) { return all_three(spread_out_singular(x)); });
            probes.push_back({"wide", {{{2, 5}}}, [=](auto x) { return all_three(spread_out_singular(x[0])); }});
            probes.push_back(
                {"wide stack", {{{2, 1, 3}}}, [=](auto x) { return all_three(spread_out_singular(x[0])); }});
            probes.push_back({"values", {{{3, 3}}}, [](auto x) { return svdvals(spread_out_singular(x[0])); }});
            return probes;
        }(),
});

Tensor packed_eigh(const Tensor& A) {
    return apply(eigh_op, {A});
}
Tensor packed_svd(const Tensor& A) {
    return apply(svd_op, {A});
}

}  // namespace

Eigen eigh(const Operand& A) {
    const Attribution attribution(A.location());
    const Tensor packed = packed_eigh(A.tensor());
    return {values_in(packed, A.tensor(), 0), rows(packed, 1, rows_of(packed.shape()))};
}

Tensor eigvalsh(const Operand& A) {
    return eigh(A).values;
}

SVD svd(const Operand& A) {
    const Attribution attribution(A.location());
    const Tensor packed = packed_svd(A.tensor());
    const std::int64_t m = rows_of(A.tensor().shape());
    return {rows(packed, 0, m), values_in(packed, A.tensor(), m),
            matrix_transpose(rows(packed, m + 1, rows_of(packed.shape())))};
}

Tensor svdvals(const Operand& A) {
    return svd(A).S;
}

}  // namespace xgrad::linalg
