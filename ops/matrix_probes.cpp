#include <xgrad/ops/matrix_probes.hpp>

#include <algorithm>

#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/matrix_parts.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad::linalg {

namespace {

/// 3, 6, 9, ... on the diagonal of a matrix.
Tensor steps(const Shape& shape, DType dtype) {
    const std::int64_t rows = shape[shape.rank() - 2];
    const std::int64_t columns = shape.back();
    xt::xarray<double> matrix(
        std::vector<std::size_t>{static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)});
    std::fill(matrix.begin(), matrix.end(), 0.0);
    for (std::int64_t i = 0; i < std::min(rows, columns); ++i) {
        matrix.data()[i * (columns + 1)] = 3.0 * static_cast<double>(i + 1);
    }
    return astype(Tensor(std::move(matrix)), dtype);
}

}  // namespace

// What is no matrix stays as it is: what is probed refuses it.

Tensor well_conditioned(const Tensor& A) {
    if (A.rank() < 2) return A;
    const std::int64_t n = A.shape().back();
    return A * 0.5 + identity(n, A.dtype()) * (static_cast<double>(n) + 0.5);
}

Tensor spread_out(const Tensor& A) {
    if (A.rank() < 2) return A;
    return symmetric_part(A) * 0.25 + steps(A.shape(), A.dtype());
}

Tensor spread_out_singular(const Tensor& A) {
    if (A.rank() < 2) return A;
    return A * 0.125 + steps(A.shape(), A.dtype());
}

namespace {

/// A large matrix of few numbers, f(x yᵀ).
Probe outer_probe(std::int64_t rows, std::int64_t columns, std::function<Tensor(const Tensor&)> f) {
    return {to_string(Shape{rows, columns}) + " of two vectors",
            {{{rows, 1}, -1, 1}, {{1, columns}, -1, 1}},
            [f](auto x) { return f(x[0] * x[1]); }};
}

}  // namespace

Probes square_probes(std::function<Tensor(const Tensor&)> f) {
    return [f = std::move(f)] {
        const std::vector<Shape> shapes{{1, 1}, {2, 2},    {3, 3}, {5, 5},    {2, 3, 3},       {2, 1, 2, 2},
                                        {0, 0}, {0, 2, 2}, {4, 4}, {1, 3, 3}, {1, 2, 1, 2, 2}, {2, 0, 0}};
        std::vector<Probe> probes = joined(shape_probes(shapes, f), {outer_probe(7, 7, f)});
        // A / 2 + 1 is not to come close to 0.
        return joined(std::move(probes), drawn(shape_probes({{5, 1, 1}}, f), between(-1, 1))).list();
    };
}

Probes tall_probes(std::function<Tensor(const Tensor&)> f) {
    return [f = std::move(f)] {
        const std::vector<Shape> shapes{{1, 1},    {2, 2}, {3, 2}, {5, 3},    {2, 3, 2},       {3, 1},   {3, 0},
                                        {0, 3, 2}, {3, 3}, {7, 1}, {1, 4, 2}, {1, 2, 1, 2, 2}, {2, 2, 0}};
        return joined(shape_probes(shapes, f), {outer_probe(8, 3, f)}).list();
    };
}

Probes square_systems(std::function<Tensor(const Tensor&, const Tensor&)> f) {
    return pair_probes({{{1, 1}, {1, 1}},
                        {{2, 2}, {2, 3}},
                        {{3, 3}, 3},
                        {{5, 5}, {5, 2}},
                        {{2, 3, 3}, {3, 1}},
                        {{3, 3}, {2, 3, 2}},
                        {{2, 1, 2, 2}, {3, 2, 1}},
                        {{0, 0}, {0, 2}},
                        {{2, 2}, {2, 0}},
                        {{0, 2, 2}, {2, 2}},
                        {{4, 4}, {4, 1}},
                        {{2, 2}, {2, 7}},
                        {{1, 2, 1, 1, 1}, {2, 1, 1, 4}}},
                       std::move(f));
}

Probes tall_systems(std::function<Tensor(const Tensor&, const Tensor&)> f) {
    return pair_probes({{{1, 1}, {1, 1}},
                        {{2, 2}, {2, 3}},
                        {{3, 2}, 3},
                        {{5, 3}, {5, 2}},
                        {{2, 3, 2}, {3, 1}},
                        {{3, 1}, {2, 3, 2}},
                        {{3, 0}, {3, 2}},
                        {{0, 3, 2}, {3, 2}},
                        {{3, 2}, {3, 0}},
                        {{7, 1}, {7, 1}},
                        {{2, 1, 3, 2}, {2, 3, 1}},
                        {{4, 3}, 4},
                        {{1, 2, 1, 2, 1}, {2, 1, 2, 2}}},
                       std::move(f));
}

}  // namespace xgrad::linalg
