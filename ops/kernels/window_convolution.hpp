#pragma once

#include <xgrad/ops/kernels/convolution.hpp>
#include <xgrad/ops/kernels/window_product.hpp>

namespace xgrad::kernels {

// Convolutions by their definition, products with windows that are read where they lie. The functions are those of
// convolution.hpp, with the same promise about the order of sums. The kernels are packed beforehand.

/// The filters of each group as a matrix in panels: a row for each cell of each channel, a column for each filter.
template <class T>
void pack_filters(const Convolution& s, const T* w, T* packed);
template <class T>
std::int64_t size_of_filters(const Convolution& s) {
    return s.groups * s.channels * s.windows.cells() * Panels<T>(s.filters).padded();
}

/// The same for the transpose: a row for each filter and each cell, in the order in which a pixel sees them, and a
/// column for each channel.
template <class T>
void pack_channels(const Convolution& s, const T* w, T* packed);
template <class T>
std::int64_t size_of_channels(const Convolution& s) {
    return s.groups * s.filters * s.windows.cells() * Panels<T>(s.channels).padded();
}

template <class T>
void convolve_windows(const Convolution& s, const T* x, const T* filters, T* y);
template <class T>
void convolve_windows_transposed(const Convolution& s, const T* y, const T* channels, T* x);
template <class T>
void correlate_windows(const Convolution& s, const T* x, const T* y, T* w);

}  // namespace xgrad::kernels
