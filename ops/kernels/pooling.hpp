#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <xgrad/graph/per_isa.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/kernels/windows.hpp>

// Pooling of one plane. All windows of a row of positions are treated together, one cell of the window after the other,
// so that the inner loop runs along the pixels and has no branches.

namespace xgrad::kernels {

/// Calls f(pixel, step, first, end) for each cell of the windows in row i of positions: at positions first ≤ j < end
/// the cell lies on the image, at pixel + j step. Steps of 1 and 2 are constants to f.
template <class F>
[[gnu::always_inline]] inline void for_each_cell(const Windows& s, std::int64_t i, F&& f) {
    for (std::int64_t k = 0; k < s.kernel[0]; ++k) {
        const std::int64_t row = s.pixel(0, i, k);
        if (!s.has_row(row)) continue;
        for (std::int64_t l = 0; l < s.kernel[1]; ++l) {
            const auto [first, end] = s.inside(l);
            const std::int64_t pixel = row * s.image[1] + s.pixel(1, 0, l);
            if (s.stride[1] == 1) {
                f(pixel, std::integral_constant<std::int64_t, 1>(), first, end);
            } else if (s.stride[1] == 2) {
                f(pixel, std::integral_constant<std::int64_t, 2>(), first, end);
            } else {
                f(pixel, s.stride[1], first, end);
            }
        }
    }
}

/// y = the largest pixel of each window.
template <class T>
struct LargestOfWindows {
    [[gnu::always_inline]] static inline void run(Windows s, const T* x, T* y) {
        for (std::int64_t i = 0; i < s.positions[0]; ++i, y += s.positions[1]) {
            std::fill_n(y, s.positions[1], -std::numeric_limits<T>::infinity());
            for_each_cell(s, i, [&](std::int64_t pixel, auto step, std::int64_t first, std::int64_t end) {
                const T* __restrict pixels = x + pixel;
                T* __restrict largest = y;
                for (std::int64_t j = first; j < end; ++j) {
                    largest[j] = math::maximum(largest[j], pixels[j * step]);
                }
            });
        }
    }
};

/// counts[j] = how many pixels of the window at (i, j) equal its maximum y[j]. In a window with a NaN none does.
template <class T>
[[gnu::always_inline]] inline void count_winners(const Windows& s, std::int64_t i, const T* x, const T* y, T* counts) {
    std::fill_n(counts, s.positions[1], T(0));
    for_each_cell(s, i, [&](std::int64_t pixel, auto step, std::int64_t first, std::int64_t end) {
        const T* __restrict pixels = x + pixel;
        const T* __restrict largest = y;
        T* __restrict counted = counts;
        for (std::int64_t j = first; j < end; ++j) counted[j] += pixels[j * step] == largest[j] ? T(1) : T(0);
    });
}

/// t = Σ g[window] / winners over the windows that a pixel wins, 0 if it wins none; NaN in a window with a NaN.
template <class T>
struct SpreadOverWinners {
    [[gnu::always_inline]] static inline void run(Windows s, const T* g, const T* x, const T* y, T* t, T* shares) {
        std::fill_n(t, s.pixels(), T(0));
        for (std::int64_t i = 0; i < s.positions[0]; ++i, y += s.positions[1], g += s.positions[1]) {
            count_winners(s, i, x, y, shares);
            for (std::int64_t j = 0; j < s.positions[1]; ++j) {
                shares[j] = shares[j] == 0 ? std::numeric_limits<T>::quiet_NaN() : g[j] / shares[j];
            }
            for_each_cell(s, i, [&](std::int64_t pixel, auto step, std::int64_t first, std::int64_t end) {
                const T* __restrict pixels = x + pixel;
                const T* __restrict largest = y;
                const T* __restrict share = shares;
                T* __restrict target = t + pixel;
                for (std::int64_t j = first; j < end; ++j) {
                    // A pixel that does not equal a NaN gets its share of it.
                    const bool wins = pixels[j * step] == largest[j] || largest[j] != largest[j];
                    target[j * step] += wins ? share[j] : T(0);
                }
            });
        }
    }
};

/// g = the mean of t over the winners of each window; NaN in a window with a NaN.
template <class T>
struct MeanOverWinners {
    [[gnu::always_inline]] static inline void run(Windows s, const T* t, const T* x, const T* y, T* g, T* counts) {
        for (std::int64_t i = 0; i < s.positions[0]; ++i, y += s.positions[1], g += s.positions[1]) {
            count_winners(s, i, x, y, counts);
            std::fill_n(g, s.positions[1], T(0));
            for_each_cell(s, i, [&](std::int64_t pixel, auto step, std::int64_t first, std::int64_t end) {
                const T* __restrict pixels = x + pixel;
                const T* __restrict tangents = t + pixel;
                const T* __restrict largest = y;
                T* __restrict sums = g;
                for (std::int64_t j = first; j < end; ++j) {
                    sums[j] += pixels[j * step] == largest[j] ? tangents[j * step] : T(0);
                }
            });
            for (std::int64_t j = 0; j < s.positions[1]; ++j) {
                g[j] = counts[j] == 0 ? std::numeric_limits<T>::quiet_NaN() : g[j] / counts[j];
            }
        }
    }
};

/// y = the sum of each window divided by its cells, those beyond the image counted as 0.
template <class T>
struct MeanOfWindows {
    [[gnu::always_inline]] static inline void run(Windows s, const T* x, T* y) {
        const auto cells = static_cast<T>(s.cells());
        for (std::int64_t i = 0; i < s.positions[0]; ++i, y += s.positions[1]) {
            std::fill_n(y, s.positions[1], T(0));
            for_each_cell(s, i, [&](std::int64_t pixel, auto step, std::int64_t first, std::int64_t end) {
                const T* __restrict pixels = x + pixel;
                T* __restrict sums = y;
                for (std::int64_t j = first; j < end; ++j) sums[j] += pixels[j * step];
            });
            for (std::int64_t j = 0; j < s.positions[1]; ++j) y[j] /= cells;
        }
    }
};

/// The transpose: every window gives each of its pixels the same share.
template <class T>
struct SharesOfWindows {
    [[gnu::always_inline]] static inline void run(Windows s, const T* y, T* x) {
        const auto cells = static_cast<T>(s.cells());
        std::fill_n(x, s.pixels(), T(0));
        for (std::int64_t i = 0; i < s.positions[0]; ++i, y += s.positions[1]) {
            for_each_cell(s, i, [&](std::int64_t pixel, auto step, std::int64_t first, std::int64_t end) {
                const T* __restrict shares = y;
                T* __restrict pixels = x + pixel;
                for (std::int64_t j = first; j < end; ++j) pixels[j * step] += shares[j] / cells;
            });
        }
    }
};

/// Scratch memory of this thread for one number per position of a row.
template <class T>
T* row_scratch(const Windows& s) {
    thread_local std::vector<T> scratch;
    scratch.resize(std::max(scratch.size(), static_cast<std::size_t>(s.positions[1])));
    return scratch.data();
}

}  // namespace xgrad::kernels
