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
// for each position. All arrays are row-major. The order of every sum depends on the extents of one image only (of the
// sum over images on their number too), never on the number of threads.
//
// What is made of w beforehand, `packed`, serves any number of images: packed_size() numbers.

/// y = w X
template <class T>
void convolve(const Convolution& s, const T* x, const T* w, const T* packed, T* y);
template <class T>
void pack(const Convolution& s, const T* w, T* packed);
template <class T>
std::int64_t packed_size(const Convolution& s);

/// The transpose in x: the cells wᵀ y are added to the pixels that they come from.
template <class T>
void convolve_transposed(const Convolution& s, const T* y, const T* w, const T* packed, T* x);
template <class T>
void pack_transposed(const Convolution& s, const T* w, T* packed);
template <class T>
std::int64_t packed_size_transposed(const Convolution& s);

/// The transpose in w: Σ y Xᵀ over the images.
template <class T>
void correlate(const Convolution& s, const T* x, const T* y, T* w);

}  // namespace xgrad::kernels
