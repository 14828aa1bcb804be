#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <xgrad/ops/kernels/gemm.hpp>

namespace xgrad::kernels {

/// A matrix of its own, column after column: the order that LAPACK wants.
template <class T>
class Dense {
  public:
    Dense(std::int64_t rows_, std::int64_t columns_)
        : rows(rows_), columns(columns_), data(static_cast<std::size_t>(rows_ * columns_)) {}
    explicit Dense(const Matrix<T>& m) : Dense(m.rows, m.columns) {
        for (std::int64_t j = 0; j < columns; ++j) {
            for (std::int64_t i = 0; i < rows; ++i) {
                (*this)(i, j) = m.data[i * m.row_stride + j * m.column_stride];
            }
        }
    }
    static Dense identity(std::int64_t n) {
        Dense result(n, n);
        for (std::int64_t i = 0; i < n; ++i) result(i, i) = 1;
        return result;
    }

    T& operator()(std::int64_t i, std::int64_t j) { return data[static_cast<std::size_t>(i + j * rows)]; }
    T operator()(std::int64_t i, std::int64_t j) const { return data[static_cast<std::size_t>(i + j * rows)]; }

    /// Writes the elements row after row.
    void store(T* output) const {
        for (std::int64_t i = 0; i < rows; ++i) {
            for (std::int64_t j = 0; j < columns; ++j) *output++ = (*this)(i, j);
        }
    }
    void fill(T value) { std::fill(data.begin(), data.end(), value); }
    bool is_finite() const {
        return std::all_of(data.begin(), data.end(), [](T x) { return std::isfinite(x); });
    }
    Dense transposed() const {
        Dense result(columns, rows);
        for (std::int64_t j = 0; j < columns; ++j) {
            for (std::int64_t i = 0; i < rows; ++i) result(j, i) = (*this)(i, j);
        }
        return result;
    }
    /// As the factor of a product.
    Matrix<T> matrix() const { return {data.data(), rows, columns, 1, rows}; }

    std::int64_t rows;
    std::int64_t columns;
    std::vector<T> data;
};

}  // namespace xgrad::kernels
