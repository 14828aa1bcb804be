#pragma once

#include <cstdint>

#include <xgrad/ops/kernels/windows.hpp>

namespace xgrad::kernels {

// Products of windows with kernels by Winograd's minimal filtering (winograd_transforms.hpp): results are computed in
// squares of 4 by 4, each from a tile of r + 3 by r + 3 pixels, which is transformed, multiplied with the transformed
// kernels point by point (a product of matrices over the channels), and transformed back. A result takes 49 / 16
// multiplications for each channel instead of 9 for kernels of 3 by 3 cells, and 100 / 16 instead of 25 for 5 by 5. Its
// error is bounded by the numbers of its tile, not by those of its own window alone, and otherwise like that of the
// definition.

/// The extents of a product of windows, of r by r neighbouring cells and one pixel apart, with kernels.
struct WinogradProduct {
    std::int64_t images;
    std::int64_t groups;
    std::int64_t channels;  // of an image, in one group
    std::int64_t columns;   // of the results, in one group
    int r;                  // 3 or 5
    Windows::Pair image;
    Windows::Pair first;  // pixel of the window at the first position; it may lie outside
    Windows::Pair positions;
    bool are_turned = false;  // kernels have their cells in the opposite order, along both axes
};

/// True if the method takes clearly fewer operations. That depends on the extents of one image alone.
bool pays_in_tiles(const WinogradProduct& s);

/// The kernels, packed as panels (groups, channels, cells, columns), transformed for multiply_in_tiles(): so many
/// numbers, the same for any number of images.
std::int64_t transformed_size(const WinogradProduct& s);
void transform_kernels(const WinogradProduct& s, const float* kernels, float* transformed);

/// Results (images, groups · columns, positions) of images (images, groups · channels, image) and transformed kernels.
/// Says of every group of each image whether all its results are finite.
void multiply_in_tiles(const WinogradProduct& s, const float* images, const float* transformed, float* results,
                       bool* are_finite);

/// The transpose in the kernels: Σ results · windows over the images, as panels (groups, channels, cells, columns).
/// False if there are numbers that are not finite in it.
bool correlate_in_tiles(const WinogradProduct& s, const float* images, const float* results, float* kernels);

}  // namespace xgrad::kernels
