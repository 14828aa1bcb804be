#include <xgrad/ops/kernels/depthwise.hpp>

#include <algorithm>

#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/sums.hpp>

namespace xgrad::kernels {

namespace {

/// Calls f(cell, row of results, first pixel, first result, count) for each cell of each row of windows that lies on
/// the image; from one pixel to the next are so many as the stride.
template <class F>
[[gnu::always_inline]] inline void for_each_run(const Windows& windows, F&& f) {
    for (std::int64_t i = 0; i < windows.positions[0]; ++i) {
        for (std::int64_t m = 0; m < windows.kernel[0]; ++m) {
            const std::int64_t row = windows.pixel(0, i, m);
            if (!windows.has_row(row)) continue;
            for (std::int64_t n = 0; n < windows.kernel[1]; ++n) {
                const Windows::Pair inside = windows.inside(n);
                if (inside[0] >= inside[1]) continue;
                const std::int64_t pixel = row * windows.image[1] + windows.pixel(1, inside[0], n);
                f(m * windows.kernel[1] + n, pixel, i * windows.positions[1] + inside[0], inside[1] - inside[0]);
            }
        }
    }
}

/// to += factor · from, where the elements of one stand apart.
template <class T>
[[gnu::always_inline]] inline void add_scaled(T factor, const T* from, std::int64_t from_step, T* to,
                                              std::int64_t to_step, std::int64_t count) {
    if (from_step == 1 && to_step == 1) {
        for (std::int64_t j = 0; j < count; ++j) to[j] += factor * from[j];
    } else {
        for (std::int64_t j = 0; j < count; ++j) to[j * to_step] += factor * from[j * from_step];
    }
}

/// One plane of y.
template <class T>
struct Convolve {
    [[gnu::always_inline]] static inline void run(const Windows* windows, const T* x, const T* w, T* y) {
        std::fill_n(y, windows->count(), T(0));
        for_each_run(*windows, [&](std::int64_t cell, std::int64_t pixel, std::int64_t result, std::int64_t count) {
            add_scaled(w[cell], x + pixel, windows->stride[1], y + result, std::int64_t{1}, count);
        });
    }
};

/// Adds what one plane of y gives to a plane of x.
template <class T>
struct ConvolveTransposed {
    [[gnu::always_inline]] static inline void run(const Windows* windows, const T* y, const T* w, T* x) {
        for_each_run(*windows, [&](std::int64_t cell, std::int64_t pixel, std::int64_t result, std::int64_t count) {
            add_scaled(w[cell], y + result, std::int64_t{1}, x + pixel, windows->stride[1], count);
        });
    }
};

/// Adds what a pair of planes gives to the cells of w.
template <class T>
struct Correlate {
    [[gnu::always_inline]] static inline void run(const Windows* windows, const T* x, const T* y, T* w) {
        constexpr std::int64_t strands = 16;
        const std::int64_t step = windows->stride[1];
        for_each_run(*windows, [&](std::int64_t cell, std::int64_t pixel, std::int64_t result, std::int64_t count) {
            const T* a = x + pixel;
            const T* b = y + result;
            T sums[strands] = {};
            std::int64_t j = 0;
            for (; j + strands <= count; j += strands) {
                if (step == 1) {
                    for (std::int64_t s = 0; s < strands; ++s) sums[s] += a[j + s] * b[j + s];
                } else {
                    for (std::int64_t s = 0; s < strands; ++s) sums[s] += a[(j + s) * step] * b[j + s];
                }
            }
            for (std::int64_t s = 0; j + s < count; ++s) sums[s] += a[(j + s) * step] * b[j + s];
            for (std::int64_t width = strands / 2; width > 0; width /= 2) {
                for (std::int64_t s = 0; s < width; ++s) sums[s] += sums[s + width];
            }
            w[cell] += sums[0];
        });
    }
};

/// What all windows read of so many planes.
template <class T>
std::size_t bytes_of(const Windows& windows, std::int64_t planes) {
    return static_cast<std::size_t>(planes * windows.cells() * windows.count()) * sizeof(T);
}

}  // namespace

template <class T>
void convolve_planes(const Convolution& s, const T* x, const T* w, T* y) {
    const Windows& windows = s.windows;
    const std::int64_t filters = s.groups * s.filters, planes = s.images * filters;
    run::parallel_for(static_cast<std::size_t>(planes), bytes_of<T>(windows, planes), [&](std::size_t part) {
        const auto plane = static_cast<std::int64_t>(part);
        xgrad::detail::run_per_isa<Convolve<T>>(&windows, x + plane / s.filters * windows.pixels(),
                                                w + plane % filters * windows.cells(), y + plane * windows.count());
    });
}

template <class T>
void convolve_planes_transposed(const Convolution& s, const T* y, const T* w, T* x) {
    const Windows& windows = s.windows;
    const std::int64_t planes = s.images * s.groups;
    run::parallel_for(static_cast<std::size_t>(planes), bytes_of<T>(windows, planes * s.filters),
                      [&](std::size_t part) {
                          const auto plane = static_cast<std::int64_t>(part);
                          T* to = x + plane * windows.pixels();
                          std::fill_n(to, windows.pixels(), T(0));
                          for (std::int64_t o = 0; o < s.filters; ++o) {
                              xgrad::detail::run_per_isa<ConvolveTransposed<T>>(
                                  &windows, y + (plane * s.filters + o) * windows.count(),
                                  w + (plane % s.groups * s.filters + o) * windows.cells(), to);
                          }
                      });
}

template <class T>
void correlate_planes(const Convolution& s, const T* x, const T* y, T* w) {
    const Windows& windows = s.windows;
    const std::int64_t filters = s.groups * s.filters, cells = windows.cells();
    // Each image's part, and then their sums: few filters leave something to do for many threads.
    const Scratch<T> of_images(s.images * filters * cells);
    const std::int64_t planes = s.images * filters;
    run::parallel_for(static_cast<std::size_t>(planes), bytes_of<T>(windows, planes), [&](std::size_t part) {
        const auto plane = static_cast<std::int64_t>(part);
        T* to = of_images.data() + plane * cells;
        std::fill_n(to, cells, T(0));
        xgrad::detail::run_per_isa<Correlate<T>>(&windows, x + plane / s.filters * windows.pixels(),
                                                 y + plane * windows.count(), to);
    });
    for (std::int64_t e = 0; e < filters * cells; ++e) {
        Cascade<T> sum;
        for (std::int64_t image = 0; image < s.images; ++image) sum.add(of_images.data()[image * filters * cells + e]);
        w[e] = sum.total();
    }
}

template void convolve_planes(const Convolution&, const float*, const float*, float*);
template void convolve_planes(const Convolution&, const double*, const double*, double*);
template void convolve_planes(const Convolution&, const long double*, const long double*, long double*);
template void convolve_planes_transposed(const Convolution&, const float*, const float*, float*);
template void convolve_planes_transposed(const Convolution&, const double*, const double*, double*);
template void convolve_planes_transposed(const Convolution&, const long double*, const long double*, long double*);
template void correlate_planes(const Convolution&, const float*, const float*, float*);
template void correlate_planes(const Convolution&, const double*, const double*, double*);
template void correlate_planes(const Convolution&, const long double*, const long double*, long double*);

}  // namespace xgrad::kernels
