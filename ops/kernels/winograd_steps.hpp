#pragma once

#include <cstdint>

#include <xgrad/ops/kernels/registers.hpp>
#include <xgrad/ops/kernels/winograd_transforms.hpp>

namespace xgrad::kernels {

// The steps of winograd.cpp that are compiled for each instruction set.

/// Columns of a panel: two registers side by side.
inline std::int64_t panel_width() {
    return 2 * lanes<float>(isa());
}

/// The results of a tile along either axis.
inline constexpr std::int64_t sums_along = 4;

/// The points of a transformed tile, for kernels of r by r cells.
constexpr std::int64_t points_along(int r) {
    return r == 3 ? Winograd<3>::points : Winograd<5>::points;
}
constexpr std::int64_t points_of(int r) {
    return points_along(r) * points_along(r);
}

/// A matrix for each point, in panels: (panels, points, rows, panel_width()). Columns beyond the last one hold
/// anything.
struct PointMatrices {
    float* data;
    std::int64_t points;
    std::int64_t rows;
    std::int64_t columns;

    std::int64_t panels() const { return (columns + panel_width() - 1) / panel_width(); }
    /// From a point to the next, and from a panel to the next.
    std::int64_t point() const { return rows * panel_width(); }
    std::int64_t panel() const { return points * point(); }
    std::int64_t size() const { return panels() * panel(); }
    /// Registers of a panel that hold columns.
    std::int64_t registers(std::int64_t panel) const {
        return columns - panel * panel_width() > panel_width() / 2 ? 2 : 1;
    }
};

/// The matrices of winograd_transforms.hpp, each along both axes of a square.
enum class Transform { pixels, kernel, kernel_transposed, sums, sums_transposed };

/// Where squares of registers lie in a grid: so many numbers from one to the square below or beside it, and within a
/// square from an element to the one below or beside it.
template <class Pointer>
struct Squares {
    Pointer first;
    std::int64_t square_below, square_beside;
    std::int64_t below, beside;
};

/// Transforms a grid of squares, for kernels of r by r cells (3 or 5); the neighbouring registers too, if there are 2.
void transform_squares(int r, Transform transform, const Squares<const float*>& from, const Squares<float*>& to,
                       std::int64_t rows, std::int64_t columns, std::int64_t registers);

/// C = X M for each point and the first rows of X and C: X (rows, terms), M (terms, columns). Sums of 64 terms are
/// added up in turn.
void multiply_points(const PointMatrices& X, const PointMatrices& M, const PointMatrices& C, std::int64_t rows);

/// C = Xᵀ M, or C += Xᵀ M, for each point: X (terms, rows), M (terms, columns), the first terms added up in turn.
void multiply_points_transposed(const PointMatrices& X, const PointMatrices& M, const PointMatrices& C,
                                std::int64_t terms, bool is_added);

/// True if all numbers are finite that stand in the first `registers` of so many rows of a panel.
bool are_finite(const float* panel, std::int64_t rows, std::int64_t registers);

}  // namespace xgrad::kernels
