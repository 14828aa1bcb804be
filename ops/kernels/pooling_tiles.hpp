#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include <xgrad/graph/per_isa.hpp>
#include <xgrad/ops/kernels/registers.hpp>
#include <xgrad/ops/kernels/windows.hpp>

// Pooling of one plane with windows of 2 × 2 that tile it, as most networks have them. A strip of tiles is held in
// registers from its pixels to its result.

namespace xgrad::kernels {

inline bool are_tiles_of_two(const Windows& s) {
    const Windows::Pair two{2, 2};
    return s.kernel == two && s.stride == two && s.padding == Windows::Pair{0, 0};
}

/// A strip of so many tiles side by side, each number of a tile in a register of its own.
template <class T, std::int64_t Length>
struct TileStrip {
    using Register = typename RegisterOf<T, Length>::Type;
    Register upper_left, upper_right, lower_left, lower_right;

    /// From and to two rows of pixels.
    [[gnu::always_inline]] inline void read(const T* upper, const T* lower) {
        part(upper, upper_left, upper_right);
        part(lower, lower_left, lower_right);
    }
    [[gnu::always_inline]] inline void write(T* upper, T* lower) const {
        join(upper_left, upper_right, upper);
        join(lower_left, lower_right, lower);
    }

  private:
    [[gnu::always_inline]] static inline void part(const T* pixels, Register& left, Register& right) {
        if constexpr (Length == 1) {
            left = pixels[0];
            right = pixels[1];
        } else {
            Register first, second;
            load(pixels, first);
            load(pixels + Length, second);
            part(first, second, left, right, std::make_integer_sequence<int, Length>());
        }
    }
    template <int... J>
    [[gnu::always_inline]] static inline void part(const Register& first, const Register& second, Register& left,
                                                   Register& right, std::integer_sequence<int, J...>) {
        left = __builtin_shufflevector(first, second, (2 * J)...);
        right = __builtin_shufflevector(first, second, (2 * J + 1)...);
    }
    [[gnu::always_inline]] static inline void join(const Register& left, const Register& right, T* pixels) {
        if constexpr (Length == 1) {
            pixels[0] = left;
            pixels[1] = right;
        } else {
            join(left, right, pixels, std::make_integer_sequence<int, Length>());
        }
    }
    template <int... J>
    [[gnu::always_inline]] static inline void join(const Register& left, const Register& right, T* pixels,
                                                   std::integer_sequence<int, J...>) {
        constexpr int length = Length;
        const Register first = __builtin_shufflevector(left, right, (J / 2 + J % 2 * length)...);
        const Register second = __builtin_shufflevector(left, right, ((J + length) / 2 + J % 2 * length)...);
        store(first, pixels);
        store(second, pixels + Length);
    }
};

/// Calls f.strip<Length>(pixel, next row's pixel, tile) for strips that cover all tiles. They are as long as a register
/// and a row of tiles allow, and the last one overlaps the one before it: some tiles are computed twice.
template <std::int64_t Length, class F>
[[gnu::always_inline]] inline void for_each_strip(const Windows& s, const F& f) {
    const std::int64_t columns = s.positions[1];
    if constexpr (Length > 1) {
        if (columns < Length) return for_each_strip<Length / 2>(s, f);
    }
    for (std::int64_t i = 0; i < s.positions[0]; ++i) {
        for (std::int64_t j = 0; j < columns; j += Length) {
            const std::int64_t first = std::min(j, columns - Length);
            const std::int64_t pixel = 2 * (i * s.image[1] + first);
            f.template strip<Length>(pixel, pixel + s.image[1], i * columns + first);
        }
    }
}

/// y = the largest pixel of each tile.
template <class T>
struct LargestOfTiles {
    template <Isa isa>
    struct For {
        const T* x;
        T* y;

        [[gnu::always_inline]] static inline void run(Windows s, const T* x, T* y) {
            for_each_strip<lanes<T>(isa)>(s, For{x, y});
        }
        template <std::int64_t Length>
        [[gnu::always_inline]] inline void strip(std::int64_t upper, std::int64_t lower, std::int64_t tile) const {
            using Register = typename RegisterOf<T, Length>::Type;
            TileStrip<T, Length> pixels;
            pixels.read(x + upper, x + lower);
            const Register right = pixels.upper_right, left = pixels.lower_left, last = pixels.lower_right;
            // What compares with nothing is a NaN, and a sum with it is one.
            Register largest = pixels.upper_left;
            largest = largest > right ? largest : (right >= largest ? right : largest + right);
            largest = largest > left ? largest : (left >= largest ? left : largest + left);
            largest = largest > last ? largest : (last >= largest ? last : largest + last);
            store(largest, y + tile);
        }
    };
};

/// t = g[tile] / winners for the pixels that win their tile, 0 for the others; NaN in a tile with a NaN.
template <class T>
struct SpreadOverTiles {
    template <Isa isa>
    struct For {
        const T* g;
        const T* x;
        const T* y;
        T* t;

        [[gnu::always_inline]] static inline void run(Windows s, const T* g, const T* x, const T* y, T* t) {
            // Pixels that are left over belong to no tile.
            for (std::int64_t row = 0; row < s.image[0] && s.image[1] % 2 != 0; ++row) {
                t[(row + 1) * s.image[1] - 1] = T(0);
            }
            if (s.image[0] % 2 != 0) std::fill_n(t + s.pixels() - s.image[1], s.image[1], T(0));
            for_each_strip<lanes<T>(isa)>(s, For{g, x, y, t});
        }
        template <std::int64_t Length>
        [[gnu::always_inline]] inline void strip(std::int64_t upper, std::int64_t lower, std::int64_t tile) const {
            using Register = typename RegisterOf<T, Length>::Type;
            const Register zero{}, one = zero + 1;
            TileStrip<T, Length> pixels;
            pixels.read(x + upper, x + lower);
            Register largest, share;
            load(y + tile, largest);
            load(g + tile, share);
            const Register winners =
                ((pixels.upper_left == largest ? one : zero) + (pixels.upper_right == largest ? one : zero)) +
                ((pixels.lower_left == largest ? one : zero) + (pixels.lower_right == largest ? one : zero));
            share /= winners;
            const Register none = winners == zero ? zero + std::numeric_limits<T>::quiet_NaN() : zero;
            pixels.upper_left = pixels.upper_left == largest ? share : none;
            pixels.upper_right = pixels.upper_right == largest ? share : none;
            pixels.lower_left = pixels.lower_left == largest ? share : none;
            pixels.lower_right = pixels.lower_right == largest ? share : none;
            pixels.write(t + upper, t + lower);
        }
    };
};

}  // namespace xgrad::kernels
