#pragma once

#include <cstdint>
#include <limits>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/ops/per_axis.hpp>

namespace xgrad {

/// `stride` pixels from one window to the next (as many as the window has, if not given), over an image with `padding`
/// rows and columns on each side, at most half a window.
struct PoolOptions {
    /// Stands for a stride that was left out.
    static constexpr std::int64_t as_kernel = std::numeric_limits<std::int64_t>::min();

    PerAxis stride = as_kernel;
    PerAxis padding = 0;
};

// Of each channel of x (N, C, H, W), over windows of kernel pixels: (N, C, ⌊(H + 2 padding − kH) / stride⌋ + 1,
// likewise). ShapeError if a window does not fit, ValueError for an option out of range, DTypeError unless x is
// floating point.

/// The largest pixel of each window, NaN if there is one; padding never is the largest. Equal ones share the
/// derivative.
Tensor max_pool2d(const Operand& x, PerAxis kernel, const PoolOptions& options = {});

/// The mean of each window; padding counts as zeros.
Tensor avg_pool2d(const Operand& x, PerAxis kernel, const PoolOptions& options = {});

}  // namespace xgrad
