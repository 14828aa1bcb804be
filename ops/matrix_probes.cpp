#include <xgrad/ops/matrix_probes.hpp>

#include <algorithm>

#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/matrix_parts.hpp>
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

std::vector<Probe> matrix_probes(std::initializer_list<Shape> shapes, std::function<Tensor(const Tensor&)> f) {
    std::vector<Probe> probes;
    for (const Shape& shape : shapes) {
        probes.push_back(Probe{to_string(shape), {{shape}}, [f](auto x) { return f(x[0]); }});
    }
    return probes;
}

}  // namespace

Tensor well_conditioned(const Tensor& A) {
    const std::int64_t n = A.shape().back();
    return A * 0.5 + identity(n, A.dtype()) * n;
}

Tensor spread_out(const Tensor& A) {
    return symmetric_part(A) * 0.25 + steps(A.shape(), A.dtype());
}

Tensor spread_out_singular(const Tensor& A) {
    return A * 0.125 + steps(A.shape(), A.dtype());
}

std::vector<Probe> square_probes(std::function<Tensor(const Tensor&)> f) {
    return matrix_probes({{1, 1}, {2, 2}, {3, 3}, {5, 5}, {2, 3, 3}, {2, 1, 2, 2}, {0, 0}, {0, 2, 2}}, std::move(f));
}

std::vector<Probe> tall_probes(std::function<Tensor(const Tensor&)> f) {
    return matrix_probes({{1, 1}, {2, 2}, {3, 2}, {5, 3}, {2, 3, 2}, {3, 1}, {3, 0}, {0, 3, 2}}, std::move(f));
}

}  // namespace xgrad::linalg
