#include <xgrad/ops/kernels/convolution.hpp>

#include <algorithm>
#include <type_traits>

#include <xgrad/ops/kernels/depthwise.hpp>
#include <xgrad/ops/kernels/tile_convolution.hpp>
#include <xgrad/ops/kernels/window_convolution.hpp>

namespace xgrad::kernels {

namespace {

/// The ways of computing a convolution. Which is taken depends on the dtype and the extents of one image.
enum class Way {
    none,     // there is nothing to add up, or nowhere to put it
    planes,   // depthwise.hpp
    tiles,    // tile_convolution.hpp
    windows,  // window_convolution.hpp
};

template <class T>
Way way_of(const Convolution& s) {
    if (std::min({s.images, s.groups, s.channels, s.filters, s.windows.count(), s.windows.pixels()}) == 0) {
        return Way::none;
    }
    if (is_depthwise(s)) return Way::planes;
    if (std::is_same_v<T, float> && pays_in_tiles(s)) return Way::tiles;
    return Way::windows;
}

}  // namespace

template <class T>
std::int64_t packed_size(const Convolution& s) {
    const Way way = way_of<T>(s);
    if (way == Way::tiles) return size_of_filter_tiles(s);
    return way == Way::windows ? size_of_filters<T>(s) : 0;
}

template <class T>
void pack(const Convolution& s, const T* w, T* packed) {
    const Way way = way_of<T>(s);
    if constexpr (std::is_same_v<T, float>) {
        if (way == Way::tiles) return pack_filter_tiles(s, w, packed);
    }
    if (way == Way::windows) pack_filters(s, w, packed);
}

template <class T>
void convolve(const Convolution& s, const T* x, const T* w, const T* packed, T* y) {
    const Way way = way_of<T>(s);
    if (way == Way::none) std::fill_n(y, s.images * s.groups * s.filters * s.windows.count(), T(0));
    if (way == Way::planes) convolve_planes(s, x, w, y);
    if constexpr (std::is_same_v<T, float>) {
        if (way == Way::tiles) convolve_tiles(s, x, w, packed, y);
    }
    if (way == Way::windows) convolve_windows(s, x, packed, y);
}

template <class T>
std::int64_t packed_size_transposed(const Convolution& s) {
    const Way way = way_of<T>(s);
    if (way == Way::tiles) return size_of_channel_tiles(s);
    return way == Way::windows ? size_of_channels<T>(s) : 0;
}

template <class T>
void pack_transposed(const Convolution& s, const T* w, T* packed) {
    const Way way = way_of<T>(s);
    if constexpr (std::is_same_v<T, float>) {
        if (way == Way::tiles) return pack_channel_tiles(s, w, packed);
    }
    if (way == Way::windows) pack_channels(s, w, packed);
}

template <class T>
void convolve_transposed(const Convolution& s, const T* y, const T* w, const T* packed, T* x) {
    const Way way = way_of<T>(s);
    if (way == Way::none) std::fill_n(x, s.images * s.groups * s.channels * s.windows.pixels(), T(0));
    if (way == Way::planes) convolve_planes_transposed(s, y, w, x);
    if constexpr (std::is_same_v<T, float>) {
        if (way == Way::tiles) convolve_tiles_transposed(s, y, w, packed, x);
    }
    if (way == Way::windows) convolve_windows_transposed(s, y, packed, x);
}

template <class T>
void correlate(const Convolution& s, const T* x, const T* y, T* w) {
    const Way way = way_of<T>(s);
    if (way == Way::none) std::fill_n(w, s.groups * s.filters * s.channels * s.windows.cells(), T(0));
    if (way == Way::planes) correlate_planes(s, x, y, w);
    if constexpr (std::is_same_v<T, float>) {
        if (way == Way::tiles) correlate_tiles(s, x, y, w);
    }
    if (way == Way::windows) correlate_windows(s, x, y, w);
}

template std::int64_t packed_size<float>(const Convolution&);
template void pack(const Convolution&, const float*, float*);
template void convolve(const Convolution&, const float*, const float*, const float*, float*);
template std::int64_t packed_size_transposed<float>(const Convolution&);
template void pack_transposed(const Convolution&, const float*, float*);
template void convolve_transposed(const Convolution&, const float*, const float*, const float*, float*);
template void correlate(const Convolution&, const float*, const float*, float*);
template std::int64_t packed_size<double>(const Convolution&);
template void pack(const Convolution&, const double*, double*);
template void convolve(const Convolution&, const double*, const double*, const double*, double*);
template std::int64_t packed_size_transposed<double>(const Convolution&);
template void pack_transposed(const Convolution&, const double*, double*);
template void convolve_transposed(const Convolution&, const double*, const double*, const double*, double*);
template void correlate(const Convolution&, const double*, const double*, double*);
template std::int64_t packed_size<long double>(const Convolution&);
template void pack(const Convolution&, const long double*, long double*);
template void convolve(const Convolution&, const long double*, const long double*, const long double*, long double*);
template std::int64_t packed_size_transposed<long double>(const Convolution&);
template void pack_transposed(const Convolution&, const long double*, long double*);
template void convolve_transposed(const Convolution&, const long double*, const long double*, const long double*,
                                  long double*);
template void correlate(const Convolution&, const long double*, const long double*, long double*);

}  // namespace xgrad::kernels
