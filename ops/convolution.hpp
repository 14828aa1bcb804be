#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/ops/per_axis.hpp>

namespace xgrad {

// Images are (N, C, H, W): N examples of C channels. A bias (O, 1, 1) is added by broadcasting.

/// How the kernel goes over an image: `stride` pixels from one place to the next, over an image with `padding` rows and
/// columns of zeros on each side, its own cells `dilation` pixels apart; each of `groups` equal parts of the filters
/// sees its own part of the channels.
struct ConvOptions {
    PerAxis stride = 1;
    PerAxis padding = 0;
    PerAxis dilation = 1;
    std::int64_t groups = 1;
};

struct Conv1dOptions {
    std::int64_t stride = 1;
    std::int64_t padding = 0;
    std::int64_t dilation = 1;
    std::int64_t groups = 1;
};

/// The same of the convolution that is transposed; `output_padding` rows and columns are added at the bottom and on the
/// right, where several sizes lead to one input size.
struct ConvTransposeOptions {
    PerAxis stride = 1;
    PerAxis padding = 0;
    PerAxis output_padding = 0;
    PerAxis dilation = 1;
    std::int64_t groups = 1;
};

// All throw ShapeError if shapes or groups do not fit, ValueError for an option out of range, DTypeError unless both
// tensors are floating point.

/// y[n, o, i, j] = Σ w[o, c, k, l] x[n, c, i stride − padding + k dilation, j stride − padding + l dilation], the sum
/// over c, k, l: a cross-correlation, as everywhere in deep learning. x (N, C, H, W), w (O, C / groups, kH, kW), and y
/// (N, O, ⌊(H + 2 padding − dilation (kH − 1) − 1) / stride⌋ + 1, likewise).
///
/// In float32, with a stride of 1, neighbouring cells, kernels of 3 by 3 or 5 by 5 and 16 channels and filters or more,
/// y and both gradients are computed in tiles of 4 by 4 results, with a third or a quarter of the multiplications
/// (ops/kernels/winograd_transforms.hpp): a result's error is then bounded by Σ |w| |x| over its tile, and on average
/// like that of the sum by definition. Every row of y has the bits that it has alone.
Tensor conv2d(const Operand& x, const Operand& w, const ConvOptions& options = {});

/// The same along one axis: x (N, C, L), w (O, C / groups, K).
Tensor conv1d(const Operand& x, const Operand& w, const Conv1dOptions& options = {});

/// The transpose of conv2d in x: ⟨conv_transpose2d(x, w), z⟩ = ⟨x, conv2d(z, w)⟩. x (N, C, H, W), w (C, O / groups, kH,
/// kW), and the result (N, O, (H − 1) stride − 2 padding + dilation (kH − 1) + 1 + output_padding, likewise).
Tensor conv_transpose2d(const Operand& x, const Operand& w, const ConvTransposeOptions& options = {});

}  // namespace xgrad
