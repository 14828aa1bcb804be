#pragma once

#include <cstdint>

namespace xgrad::kernels {

/// to[j, i] = from[i, j] for i < rows, j < columns. The rows of either lie so many elements apart; the arrays do not
/// overlap.
template <class T>
void transpose(const T* from, std::int64_t rows, std::int64_t columns, std::int64_t from_row, T* to,
               std::int64_t to_row);

}  // namespace xgrad::kernels
