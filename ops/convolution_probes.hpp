#pragma once

#include <cstdint>
#include <vector>

#include <xgrad/graph/op.hpp>

// What the operations of convolution are called with. Not installed.

namespace xgrad {

/// What the operations of convolution have as attributes; `size` is the spatial part of the result.
struct ConvGeometry {
    Shape size;
    Shape stride{1, 1};
    Shape padding{0, 0};
    Shape dilation{1, 1};
    std::int64_t groups = 1;

    Attributes attributes() const {
        return {{"stride", stride}, {"padding", padding}, {"dilation", dilation}, {"groups", groups}, {"size", size}};
    }
};

std::vector<Probe> conv2d_probes();
std::vector<Probe> conv_transpose2d_probes();
std::vector<Probe> conv2d_weight_probes();
std::vector<Probe> conv1d_probes();

}  // namespace xgrad
