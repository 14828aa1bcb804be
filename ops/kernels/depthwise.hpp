#pragma once

#include <xgrad/ops/kernels/convolution.hpp>

namespace xgrad::kernels {

// Convolutions in which each filter sees one channel that few others see, as in a depthwise layer: there is too little
// to multiply for a product of matrices. Rows of pixels are added to rows of results, one cell of the window after the
// other. The functions are those of convolution.hpp, with the same promise about the order of sums.

inline bool is_depthwise(const Convolution& s) {
    return s.channels == 1 && s.groups > 1 && s.filters <= 4;
}

template <class T>
void convolve_planes(const Convolution& s, const T* x, const T* w, T* y);
template <class T>
void convolve_planes_transposed(const Convolution& s, const T* y, const T* w, T* x);
template <class T>
void correlate_planes(const Convolution& s, const T* x, const T* y, T* w);

}  // namespace xgrad::kernels
