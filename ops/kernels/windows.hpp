#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace xgrad::kernels {

/// Windows over an image. Cell (k, l) of the window at position (i, j) is the pixel
///
///     (i stride − padding + k dilation, j stride − padding + l dilation)
///
/// or padding, where the image has no such pixel. All pairs are (height, width).
struct Windows {
    using Pair = std::array<std::int64_t, 2>;
    Pair image;
    Pair kernel;
    Pair stride;
    Pair padding;
    Pair dilation;
    Pair positions;

    std::int64_t pixels() const { return image[0] * image[1]; }
    std::int64_t cells() const { return kernel[0] * kernel[1]; }
    std::int64_t count() const { return positions[0] * positions[1]; }

    std::int64_t pixel(std::size_t axis, std::int64_t position, std::int64_t cell) const {
        return position * stride[axis] - padding[axis] + cell * dilation[axis];
    }
    bool has_row(std::int64_t row) const { return row >= 0 && row < image[0]; }

    /// The positions along the width, first and end, at which column `cell` of the window lies on the image.
    Pair inside(std::int64_t cell) const {
        const auto reaching = [&](std::int64_t column) {
            const std::int64_t distance = column - pixel(1, 0, cell);
            return distance <= 0 ? 0 : std::min((distance - 1) / stride[1] + 1, positions[1]);
        };
        return {reaching(0), reaching(image[1])};
    }
};

}  // namespace xgrad::kernels
