#pragma once

#include <xgrad/ops/kernels/convolution.hpp>

namespace xgrad::kernels {

// Convolutions in float32 by Winograd's minimal filtering (winograd.hpp), with less than half of the multiplications of
// the definition. The functions are those of convolution.hpp, with the same promise about the order of sums. What is
// not finite would spread over a tile: images where a result is not are left to the definition.

/// True for windows of 3 by 3 or 5 by 5 neighbouring cells and a stride of 1, where the method takes clearly fewer
/// operations. Says the same for any number of images.
bool pays_in_tiles(const Convolution& s);

void pack_filter_tiles(const Convolution& s, const float* w, float* packed);
std::int64_t size_of_filter_tiles(const Convolution& s);

/// The same for the transpose.
void pack_channel_tiles(const Convolution& s, const float* w, float* packed);
std::int64_t size_of_channel_tiles(const Convolution& s);

void convolve_tiles(const Convolution& s, const float* x, const float* w, const float* packed, float* y);
void convolve_tiles_transposed(const Convolution& s, const float* y, const float* w, const float* packed, float* x);
void correlate_tiles(const Convolution& s, const float* x, const float* y, float* w);

}  // namespace xgrad::kernels
