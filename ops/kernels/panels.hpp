#pragma once

#include <algorithm>
#include <cstdint>

#include <xgrad/ops/kernels/transposition.hpp>
#include <xgrad/ops/kernels/window_product.hpp>

namespace xgrad::kernels {

/// to[column, row] = the matrix in panels, the rows of `to` so many elements apart.
template <class T>
void from_panels(const T* matrix, std::int64_t rows, const Panels<T>& panels, T* to, std::int64_t to_row) {
    for (std::int64_t p = 0; p < panels.count(); ++p) {
        transpose(matrix + panels.first(p) * rows, rows, panels.used(p), panels.width(p), to + panels.first(p) * to_row,
                  to_row);
    }
}

/// The matrix in panels = from[column, row].
template <class T>
void to_panels(const T* from, std::int64_t from_row, std::int64_t rows, const Panels<T>& panels, T* matrix) {
    for (std::int64_t p = 0; p < panels.count(); ++p) {
        T* panel = matrix + panels.first(p) * rows;
        if (panels.used(p) < panels.width(p)) std::fill_n(panel, rows * panels.width(p), T(0));
        transpose(from + panels.first(p) * from_row, panels.used(p), rows, from_row, panel, panels.width(p));
    }
}

}  // namespace xgrad::kernels
