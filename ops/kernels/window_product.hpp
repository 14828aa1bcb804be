#pragma once

#include <cstdint>
#include <span>

#include <xgrad/ops/kernels/registers.hpp>

namespace xgrad::kernels {

/// Where the columns of a matrix go that is read and written by registers: in panels of two registers' width, the last
/// of one if that is enough, each row-major without gaps and one behind the other. What lies beyond the last column is
/// padding.
template <class T>
struct Panels {
    std::int64_t columns;
    std::int64_t lane = lanes<T>(isa());

    explicit Panels(std::int64_t columns_) : columns(columns_) {}
    std::int64_t count() const { return (columns + 2 * lane - 1) / (2 * lane); }
    std::int64_t first(std::int64_t panel) const { return panel * 2 * lane; }
    /// Columns of a panel, without padding and with it.
    std::int64_t used(std::int64_t panel) const {
        return columns - first(panel) < 2 * lane ? columns - first(panel) : 2 * lane;
    }
    std::int64_t width(std::int64_t panel) const { return used(panel) > lane ? 2 * lane : lane; }
    /// Columns of all panels, with padding.
    std::int64_t padded() const { return (columns + lane - 1) / lane * lane; }
};

/// What becomes of the numbers that are in C.
enum class Into : bool { overwritten, added_to };

/// C = X M, or C += X M, where X is a matrix of windows that is never built:
///
///     X[a, b] = x[A[a] + B[b]]
///
/// The positions of windows in memory and the cells of a window are such A and B, and either may be the rows. M (B,
/// columns) and C (A, columns) lie in panels. The order of every sum depends on the extents alone: short
/// sums over b are added up one after the other.
template <class T>
void window_product(const T* x, std::span<const std::int64_t> A, std::span<const std::int64_t> B, const T* M,
                    std::int64_t columns, T* C, Into into);

}  // namespace xgrad::kernels
