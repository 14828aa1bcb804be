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

/// columns[k, l, i, j] = cell (k, l) of the window at (i, j), padding 0, for the rows first ≤ i < end of positions.
template <class T>
void unfold(const Windows& s, const T* image, std::int64_t first, std::int64_t end, T* columns) {
    for (std::int64_t k = 0; k < s.kernel[0]; ++k) {
        for (std::int64_t l = 0; l < s.kernel[1]; ++l) {
            const auto [left, right] = s.inside(l);
            const std::int64_t shift = s.pixel(1, 0, l);
            const std::int64_t step = s.stride[1];
            for (std::int64_t i = first; i < end; ++i, columns += s.positions[1]) {
                const std::int64_t row = s.pixel(0, i, k);
                if (!s.has_row(row)) {
                    std::fill_n(columns, s.positions[1], T(0));
                    continue;
                }
                const T* pixels = image + row * s.image[1];
                std::fill_n(columns, left, T(0));
                if (step == 1 && left < right) {
                    std::copy_n(pixels + (left + shift), right - left, columns + left);
                } else {
                    for (std::int64_t j = left; j < right; ++j) columns[j] = pixels[j * step + shift];
                }
                std::fill(columns + right, columns + s.positions[1], T(0));
            }
        }
    }
}

/// The transpose: adds every cell to its pixel.
template <class T>
void fold(const Windows& s, const T* columns, std::int64_t first, std::int64_t end, T* image) {
    for (std::int64_t k = 0; k < s.kernel[0]; ++k) {
        for (std::int64_t l = 0; l < s.kernel[1]; ++l) {
            const auto [left, right] = s.inside(l);
            const std::int64_t shift = s.pixel(1, 0, l);
            for (std::int64_t i = first; i < end; ++i, columns += s.positions[1]) {
                const std::int64_t row = s.pixel(0, i, k);
                if (!s.has_row(row)) continue;
                T* pixels = image + row * s.image[1];
                for (std::int64_t j = left; j < right; ++j) pixels[j * s.stride[1] + shift] += columns[j];
            }
        }
    }
}

}  // namespace xgrad::kernels
