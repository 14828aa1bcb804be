#pragma once

#include <algorithm>
#include <cstdint>

#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/transposition.hpp>
#include <xgrad/ops/kernels/windows.hpp>
#include <xgrad/ops/kernels/winograd_steps.hpp>

namespace xgrad::kernels {

/// A rectangle of an image's pixels, channels last: (panels, height, width, panel_width()), where an image has planes.
/// It may reach beyond the image.
struct Patch {
    using Pair = Windows::Pair;
    Pair first;
    Pair size;

    std::int64_t pixels() const { return size[0] * size[1]; }
    std::int64_t row() const { return size[1] * panel_width(); }
    std::int64_t panel() const { return pixels() * panel_width(); }
    std::int64_t size_of(std::int64_t channels) const {
        return (channels + panel_width() - 1) / panel_width() * panel();
    }

    /// Reads it, with zeros where the image has no pixels or no channels.
    void read(const float* planes, const Pair& image, std::int64_t channels, float* patch) const {
        const std::int64_t width = panel_width();
        const Part part(*this, image);
        // Few pixels of a row are transposed with those around them.
        const bool by_rows = part.columns() >= width;
        const Scratch<float> rows(by_rows ? 0 : part.rows() * image[1] * width);
        for (std::int64_t c = 0; c < channels; c += width, patch += panel()) {
            const std::int64_t used = std::min(width, channels - c);
            const float* const plane = planes + c * image[0] * image[1];
            if (used < width) std::fill_n(patch, panel(), 0.F);
            if (!by_rows && part.rows() > 0) {
                if (used < width) std::fill_n(rows.data(), part.rows() * image[1] * width, 0.F);
                transpose(plane + part.begin[0] * image[1], used, part.rows() * image[1], image[0] * image[1],
                          rows.data(), width);
            }
            for (std::int64_t i = 0; i < size[0]; ++i) {
                float* const to = patch + i * row();
                const std::int64_t pixel = first[0] + i;
                if (pixel < part.begin[0] || pixel >= part.end[0] || part.columns() <= 0) {
                    std::fill_n(to, row(), 0.F);
                    continue;
                }
                const std::int64_t before = part.begin[1] - first[1], after = size[1] - before - part.columns();
                std::fill_n(to, before * width, 0.F);
                std::fill_n(to + row() - after * width, after * width, 0.F);
                if (by_rows) {
                    transpose(plane + pixel * image[1] + part.begin[1], used, part.columns(), image[0] * image[1],
                              to + before * width, width);
                } else {
                    std::copy_n(rows.data() + ((pixel - part.begin[0]) * image[1] + part.begin[1]) * width,
                                part.columns() * width, to + before * width);
                }
            }
        }
    }

    /// Writes what lies on the image.
    void write(float* patch, const Pair& image, std::int64_t channels, float* planes) const {
        const std::int64_t width = panel_width();
        const Part part(*this, image);
        for (std::int64_t c = 0; c < channels; c += width, patch += panel()) {
            const std::int64_t used = std::min(width, channels - c);
            float* const to = planes + c * image[0] * image[1] + part.begin[0] * image[1] + part.begin[1];
            if (part.columns() == image[1]) {
                for (std::int64_t i = 1; i < part.rows() && part.columns() < size[1]; ++i) {
                    std::copy_n(patch + i * row(), part.columns() * width, patch + i * part.columns() * width);
                }
                transpose(patch, part.rows() * part.columns(), used, width, to, image[0] * image[1]);
            } else {
                for (std::int64_t i = 0; i < part.rows(); ++i) {
                    transpose(patch + i * row(), part.columns(), used, width, to + i * image[1], image[0] * image[1]);
                }
            }
        }
    }

  private:
    /// What lies on the image.
    struct Part {
        Part(const Patch& patch, const Pair& image) {
            for (std::size_t axis = 0; axis < 2; ++axis) {
                begin[axis] = std::clamp<std::int64_t>(patch.first[axis], 0, image[axis]);
                end[axis] = std::clamp<std::int64_t>(patch.first[axis] + patch.size[axis], 0, image[axis]);
            }
        }
        std::int64_t rows() const { return end[0] - begin[0]; }
        std::int64_t columns() const { return end[1] - begin[1]; }
        Pair begin, end;
    };
};

}  // namespace xgrad::kernels
