#include <xgrad/ops/kernels/tile_convolution.hpp>

#include <xgrad/ops/kernels/panels.hpp>
#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/window_convolution.hpp>
#include <xgrad/ops/kernels/winograd.hpp>

namespace xgrad::kernels {

namespace {

WinogradProduct product_of(const Convolution& s) {
    const Windows& windows = s.windows;
    return {.images = s.images,
            .groups = s.groups,
            .channels = s.channels,
            .columns = s.filters,
            .r = static_cast<int>(windows.kernel[0]),
            .image = windows.image,
            .first = {-windows.padding[0], -windows.padding[1]},
            .positions = windows.positions};
}

/// A pixel is the last cell of the first window that sees it, and so on backwards.
WinogradProduct transposed_product_of(const Convolution& s) {
    const Windows& windows = s.windows;
    const std::int64_t last = windows.kernel[0] - 1;
    return {.images = s.images,
            .groups = s.groups,
            .channels = s.filters,
            .columns = s.channels,
            .r = static_cast<int>(windows.kernel[0]),
            .image = windows.positions,
            .first = {windows.padding[0] - last, windows.padding[1] - last},
            .positions = windows.image,
            .are_turned = true};
}

/// The convolution of one group of one image.
Convolution one_of(const Convolution& s) {
    Convolution one = s;
    one.images = one.groups = 1;
    return one;
}

/// Where that group's kernels begin.
const float* kernels_of(const Convolution& s, std::int64_t image, const float* w) {
    return w + image % s.groups * s.filters * s.channels * s.windows.cells();
}

}  // namespace

bool pays_in_tiles(const Convolution& s) {
    const Windows& windows = s.windows;
    const bool has_kernel = windows.kernel == Windows::Pair{3, 3} || windows.kernel == Windows::Pair{5, 5};
    return has_kernel && windows.stride == Windows::Pair{1, 1} && windows.dilation == Windows::Pair{1, 1} &&
           pays_in_tiles(product_of(s));
}

std::int64_t size_of_filter_tiles(const Convolution& s) {
    return transformed_size(product_of(s));
}

std::int64_t size_of_channel_tiles(const Convolution& s) {
    return transformed_size(transposed_product_of(s));
}

void pack_filter_tiles(const Convolution& s, const float* w, float* packed) {
    const Scratch<float> filters(size_of_filters<float>(s));
    pack_filters(s, w, filters.data());
    transform_kernels(product_of(s), filters.data(), packed);
}

void pack_channel_tiles(const Convolution& s, const float* w, float* packed) {
    const Scratch<float> channels(size_of_channels<float>(s));
    pack_channels(s, w, channels.data());
    transform_kernels(transposed_product_of(s), channels.data(), packed);
}

void convolve_tiles(const Convolution& s, const float* x, const float* w, const float* packed, float* y) {
    const Scratch<bool> are_finite(s.images * s.groups);
    multiply_in_tiles(product_of(s), x, packed, y, are_finite.data());
    const Convolution one = one_of(s);
    for (std::int64_t image = 0; image < s.images * s.groups; ++image) {
        if (are_finite.data()[image]) continue;
        const Scratch<float> filters(size_of_filters<float>(one));
        pack_filters(one, kernels_of(s, image, w), filters.data());
        convolve_windows(one, x + image * s.channels * s.windows.pixels(), filters.data(),
                         y + image * s.filters * s.windows.count());
    }
}

void convolve_tiles_transposed(const Convolution& s, const float* y, const float* w, const float* packed, float* x) {
    const Scratch<bool> are_finite(s.images * s.groups);
    multiply_in_tiles(transposed_product_of(s), y, packed, x, are_finite.data());
    const Convolution one = one_of(s);
    for (std::int64_t image = 0; image < s.images * s.groups; ++image) {
        if (are_finite.data()[image]) continue;
        const Scratch<float> channels(size_of_channels<float>(one));
        pack_channels(one, kernels_of(s, image, w), channels.data());
        convolve_windows_transposed(one, y + image * s.filters * s.windows.count(), channels.data(),
                                    x + image * s.channels * s.windows.pixels());
    }
}

void correlate_tiles(const Convolution& s, const float* x, const float* y, float* w) {
    const std::int64_t row = s.channels * s.windows.cells();  // of w
    const Panels<float> panels(s.filters);
    const Scratch<float> kernels(size_of_filters<float>(s));
    if (!correlate_in_tiles(product_of(s), x, y, kernels.data())) return correlate_windows(s, x, y, w);
    for (std::int64_t g = 0; g < s.groups; ++g) {
        from_panels(kernels.data() + g * row * panels.padded(), row, panels, w + g * s.filters * row, row);
    }
}

}  // namespace xgrad::kernels
