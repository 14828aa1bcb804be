#pragma once

#include <cstdint>

#include <xgrad/ops/kernels/windows.hpp>

namespace xgrad::kernels {

/// The extents of a convolution: x (images, groups · channels, image), w (groups · filters, channels, kernel),
/// y (images, groups · filters, positions).
struct Convolution {
    std::int64_t images;
    std::int64_t groups;
    std::int64_t channels;  // of one group
    std::int64_t filters;   // of one group
    Windows windows;
};

// Each is a product with the matrix X of an image's windows, which has a row for each cell of each channel and a column
// for each position. All arrays are row-major. The order of every sum depends on the extents only, never on the number
// of threads.

/// y = w X
template <class T>
void convolve(const Convolution& s, const T* x, const T* w, T* y);

/// The transpose in x: the cells wᵀ y are added to the pixels that they come from.
template <class T>
void convolve_transposed(const Convolution& s, const T* y, const T* w, T* x);

/// The transpose in w: Σ y Xᵀ over the images.
template <class T>
void correlate(const Convolution& s, const T* x, const T* y, T* w);

}  // namespace xgrad::kernels
