#include <xgrad/ops/spectrum.hpp>

#include <limits>

#include <fmt/format.h>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/factorisations.hpp>
#include <xgrad/ops/kernels/matrix_stack.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/matrix_probes.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad::linalg {

Tensor row(const Tensor& x, std::int64_t index) {
    return view(x, {ellipsis, index, all()});
}

Tensor rows(const Tensor& x, std::int64_t first, std::int64_t last) {
    return view(x, {ellipsis, range(first, last), all()});
}

Tensor as_row(const Tensor& x) {
    return view(x, {ellipsis, newaxis, all()});
}

namespace {

using kernels::columns_of;
using kernels::matrix_at;
using kernels::rows_of;
using kernels::stack_of;

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

/// A matrix over the gaps of what stands on its diagonal, which is spread out.
auto gaps(Gap gap) {
    return [=](std::span<const Tensor> x) { return over_gaps(x[0], linalg::diagonal(spread_out_singular(x[0])), gap); };
}

std::vector<Probe> over_gaps_probes() {
    std::vector<Probe> probes;
    const auto add = [&](Gap gap, const char* label, std::initializer_list<Shape> shapes) {
        for (const Shape& shape : shapes) probes.push_back({label + (", " + to_string(shape)), {{shape}}, gaps(gap)});
    };
    add(Gap::eigenvalues, "eigenvalues", {{1, 1}, {4, 4}, {1, 2, 3, 3}});
    add(Gap::singular, "singular values", {{3, 3}, {1, 2, 1, 2, 2}, {0, 0}});
    add(Gap::sums, "sums", {{2, 3, 3}, {0, 2, 2}});
    add(Gap::single, "values", {{1, 1}, {7, 2}, {8, 1}, {2, 3, 2}, {3, 0}});
    return probes;
}

/// X over the gaps. Values that differ by no more than the rounding of the largest are equal: 0 over their gap is 0,
/// so that what has no part in a derivative does not spoil it, and anything else is an error.
const Op& over_gaps_op = define(General{
    .name = "over_gaps",
    .math = "Y_ij = X_ij / gap_ij, 0 for 0 / 0; gap_ij = x_j - x_i, x_j + x_i (then Y_ii = 0) or x_j",
    .batch = lifted,
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
    .probes =
        joined({Probe{"eigenvalues",
                      {{{3, 3}}},
                      [](auto x) { return over_gaps(x[0], linalg::diagonal(spread_out(x[0])), Gap::eigenvalues); }},
                Probe{"stack", {{{2, 2, 2}}}, gaps(Gap::singular)}, Probe{"sums", {{{3, 3}}}, gaps(Gap::sums)},
                Probe{"single", {{{3, 2}}}, gaps(Gap::single)}},
               over_gaps_probes),
});

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
    .batch = lifted,
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

}  // namespace

Tensor over_gaps(const Tensor& X, const Tensor& values, Gap gap) {
    return apply(over_gaps_op, {X, values}, {{"gap", static_cast<std::int64_t>(gap)}});
}

Tensor values_in(const Tensor& packed, const Tensor& A, std::int64_t row) {
    return apply(spectrum_op, {stop_gradient(packed), A}, {{"row", row}});
}

}  // namespace xgrad::linalg
