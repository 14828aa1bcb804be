#include <algorithm>
#include <cstdlib>
#include <limits>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/movement_probes.hpp>
#include <xgrad/ops/rearrange.hpp>

// Diagonals and triangles of the last two axes.

namespace xgrad {

namespace {

/// Where diagonal k of an (m, n) matrix begins and how long it is.
struct Diagonal {
    std::int64_t row;
    std::int64_t column;
    std::int64_t length;

    Diagonal(std::int64_t m, std::int64_t n, std::int64_t k)
        : row(std::max<std::int64_t>(-k, 0)),
          column(std::max<std::int64_t>(k, 0)),
          length(std::max<std::int64_t>(0, std::min(m - row, n - column))) {}
};

Diagonal diagonal_of(const Shape& matrix, const Attributes& attributes) {
    return {matrix[matrix.rank() - 2], matrix.back(), attributes.at<std::int64_t>("offset")};
}

Tensor embedded(const Tensor& x, std::int64_t offset, const Shape& shape);

const Op& diagonal_op = define(Linear{
    .name = "diagonal",
    .math = "y[i] = x[i, i + offset]",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            Shape shape = call.shape(0);
            const std::int64_t length = diagonal_of(shape, call.attributes).length;
            shape.erase(shape.rank() - 1);
            shape[shape.rank() - 1] = length;
            return Signature{call.dtype(0), shape};
        },
    .forward =
        [](const Array& x, const Attributes& attributes, const Shape&) {
            const std::size_t last = x.shape.rank() - 1;
            const Diagonal d = diagonal_of(x.shape, attributes);
            Layout layout{d.length > 0 ? d.row * x.strides[last - 1] + d.column * x.strides[last] : 0, x.strides};
            layout.strides.erase(last);
            layout.strides[last - 1] = x.strides[last - 1] + x.strides[last];
            return std::optional<Layout>(layout);
        },
    .transposes = {[](const Record& r, const Tensor& g) {
        return embedded(g, r.attribute<std::int64_t>("offset"), r.shape(0));
    }},
    .probes =
        joined({Probe{"square", {{{3, 3}}}, [](auto x) { return diagonal(x[0]); }},
                Probe{"above, wide", {{{2, 4}}}, [](auto x) { return diagonal(x[0], 1); }},
                Probe{"below, of a stack", {{{2, 4, 3}}}, [](auto x) { return diagonal(x[0], -2, 1, 2); }},
                Probe{"outer axes", {{{3, 2, 3}}}, [](auto x) { return diagonal(x[0], 0, 0, 2); }},
                Probe{"outside", {{{2, 3}}}, [](auto x) { return diagonal(x[0], 7); }}},
               number_probes(matrices_and_diagonals(), [](auto& x, auto& offset) { return diagonal(x, offset[0]); })),
});

/// The transpose of diagonal: a matrix of zeros with x on the diagonal.
const Op& embed_op = define(Linear{
    .name = "embed_diagonal",
    .math = "y[i, i + offset] = x[i], 0 elsewhere",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.attributes.at<Shape>("shape")};
        },
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            const Diagonal d = diagonal_of(call.shape, call.attributes);
            const std::int64_t columns = call.shape.back();
            const std::int64_t matrix = columns * call.shape[call.shape.rank() - 2];
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const T* x = static_cast<const T*>(data);
                T* y = call.out<T>();
                std::fill_n(y, call.shape.size(), T(0));
                const std::int64_t matrices = matrix > 0 ? call.shape.size() / matrix : 0;
                for (std::int64_t m = 0; m < matrices; ++m) {
                    for (std::int64_t i = 0; i < d.length; ++i) {
                        y[m * matrix + (d.row + i) * columns + d.column + i] = x[m * d.length + i];
                    }
                }
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
        return apply(diagonal_op, {g}, {{"offset", r.attribute<std::int64_t>("offset")}});
    }},
    .probes = joined(
        {Probe{"square",
               {{{3}}},
               [](auto x) {
                   return embedded(x[0], 0, {3, 3});
               }},
         Probe{"above, of a stack",
               {{{2, 2}}},
               [](auto x) {
                   return embedded(x[0], 1, {2, 2, 4});
               }},
         Probe{"empty",
               {{{0}}},
               [](auto x) {
                   return embedded(x[0], 0, {0, 3});
               }}},
        number_probes(vectors_and_diagonals(), [](auto& x, auto& offset) { return embed_diagonal(x, offset[0]); })),
});

Tensor embedded(const Tensor& x, std::int64_t offset, const Shape& shape) {
    return apply(embed_op, {x}, {{"offset", offset}, {"shape", shape}});
}

/// The diagonals low to high of the last two axes; its own transpose.
const Op& band_op = define(Linear{
    .name = "band",
    .math = "y[i, j] = x[i, j] where low <= j - i <= high, 0 elsewhere",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            const std::int64_t columns = call.shape.back();
            const std::int64_t rows = call.shape[call.shape.rank() - 2];
            const auto low = call.attributes.at<std::int64_t>("low");
            const auto high = call.attributes.at<std::int64_t>("high");
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const T* x = static_cast<const T*>(data);
                T* y = call.out<T>();
                const std::int64_t lines = columns > 0 ? call.shape.size() / columns : 0;
                for (std::int64_t line = 0; line < lines; ++line) {
                    const std::int64_t i = line % rows;
                    for (std::int64_t j = 0; j < columns; ++j) {
                        const bool kept = low <= j - i && j - i <= high;
                        y[line * columns + j] = kept ? x[line * columns + j] : T(0);
                    }
                }
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return apply(band_op, {g}, r.attributes()); }},
    .probes = joined({Probe{"lower", {{{3, 3}}}, [](auto x) { return tril(x[0]); }},
                      Probe{"upper, wide", {{{2, 4}}}, [](auto x) { return triu(x[0], 1); }},
                      Probe{"of a stack", {{{2, 3, 2}}}, [](auto x) { return tril(x[0], -1); }},
                      Probe{"empty", {{{0, 2}}}, [](auto x) { return triu(x[0]); }}},
                     number_probes(matrices_and_diagonals(),
                                   [](auto& x, auto& k) { return k[0] < 0 ? tril(x, k[0]) : triu(x, k[0]); })),
});

const Op& diag_op = define(Composite{
    .name = "diag",
    .math = "y = the matrix with x on its diagonal, or the diagonal of x",
    .probes = joined({Probe{"of a vector", {{{3}}}, [](auto x) { return diag(x[0]); }},
                      Probe{"of a vector, below", {{{2}}}, [](auto x) { return diag(x[0], -1); }},
                      Probe{"of a matrix", {{{3, 4}}}, [](auto x) { return diag(x[0], 1); }}},
                     joined(number_probes({{{1, 1}, 0}, {{1, 8}, 2}, {{7, 1}, -3}, {{3, 2}, -1}, {{0, 3}, 0}},
                                          [](auto& x, auto& k) { return diag(x, k[0]); }),
                            number_probes({{1, 1}, {7, 0}, {8, -1}, {15, 0}, {17, 0}, {0, 2}},
                                          [](auto& x, auto& k) { return diag(x, k[0]); }))),
});

Tensor band(const char* op, const Operand& x, std::int64_t low, std::int64_t high) {
    const Location at = Attribution::resolve(x.location());
    if (x.tensor().rank() < 2) {
        throw ShapeError(op, "needs matrices (..., m, n)", explain::operand_text(x.tensor()), at);
    }
    return apply(band_op, {x.tensor()}, {{"low", low}, {"high", high}}, at);
}

constexpr std::int64_t everywhere = std::numeric_limits<std::int64_t>::max();

Tensor embedded_in_square(const char* op, const Tensor& x, std::int64_t offset, Location at) {
    constexpr std::int64_t most = std::int64_t{1} << 31;
    Shape matrices = x.shape();
    const bool is_near = -most <= offset && offset <= most;
    if (matrices.rank() > 0 && is_near) {
        matrices[matrices.rank() - 1] += std::abs(offset);
        matrices.push_back(matrices.back());
    }
    if (matrices.rank() == 0 || !is_near || !is_valid(matrices)) {
        throw ShapeError(op, "needs vectors (..., n) and a diagonal that fits memory",
                         explain::operand_text(x) + " and " + std::to_string(offset), at);
    }
    return embedded(x, offset, matrices);
}

}  // namespace

Tensor diagonal(const Operand& x, std::int64_t offset, std::int64_t axis1, std::int64_t axis2) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const Tensor& tensor = x.tensor();
    if (tensor.rank() < 2) throw ShapeError("diagonal", "needs at least two axes", explain::operand_text(tensor), at);
    const Tensor matrices = moveaxis(tensor, {axis1, axis2}, {-2, -1});
    const std::int64_t outside = std::int64_t{1} << 48;  // there is nothing beyond, and -offset must not overflow
    return apply(diagonal_op, {matrices}, {{"offset", std::clamp(offset, -outside, outside)}}, at);
}

Tensor embed_diagonal(const Operand& x, std::int64_t offset) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    return embedded_in_square("embed_diagonal", x.tensor(), offset, at);
}

Tensor diag(const Operand& x, std::int64_t offset) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const Tensor& tensor = x.tensor();
    if (tensor.rank() == 2) return diagonal(tensor, offset);
    if (tensor.rank() != 1) throw ShapeError("diag", "needs a vector or a matrix", explain::operand_text(tensor), at);
    return embedded_in_square("diag", tensor, offset, at);
}

Tensor tril(const Operand& x, std::int64_t k) {
    return band("tril", x, -everywhere, k);
}

Tensor triu(const Operand& x, std::int64_t k) {
    return band("triu", x, k, everywhere);
}

}  // namespace xgrad
