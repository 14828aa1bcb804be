#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>

#include <xgrad/graph/per_isa.hpp>
#include <xgrad/ops/kernels/windows.hpp>

namespace xgrad::kernels {

/// How windows lie along one axis: cell (cell + m cell_step) of the window at position i is the pixel
///
///     i step + shift + m shift_step,   m < count
struct Taps {
    std::int64_t count;
    std::int64_t cell, cell_step;
    std::int64_t shift, shift_step;
    std::int64_t step;

    /// The first pixel of the window at position 0, and how many pixels the windows at so many positions span.
    std::int64_t lowest() const { return shift + std::min<std::int64_t>(0, (count - 1) * shift_step); }
    std::int64_t span(std::int64_t positions) const {
        return (positions - 1) * step + (count - 1) * (shift_step < 0 ? -shift_step : shift_step) + 1;
    }
};

/// All cells of the windows on an image.
inline Taps taps_of(const Windows& s, std::size_t axis) {
    return {s.kernel[axis], 0, 1, -s.padding[axis], s.dilation[axis], s.stride[axis]};
}

/// The other way round: the windows that see a pixel. Pixel i stride + rest is cell k of the window at
///
///     i + (rest + padding − k dilation) / stride
///
/// for the k that leave no remainder, every (stride / gcd(stride, dilation))-th.
inline Taps transposed_taps_of(const Windows& s, std::size_t axis, std::int64_t rest) {
    const std::int64_t stride = s.stride[axis];
    const std::int64_t dilation = s.dilation[axis];
    const std::int64_t common = std::gcd(stride, dilation);
    const std::int64_t cell_step = stride / common;
    for (std::int64_t k = 0; k < std::min(s.kernel[axis], cell_step); ++k) {
        const std::int64_t distance = rest + s.padding[axis] - k * dilation;
        if (distance % stride != 0) continue;
        return {(s.kernel[axis] - k - 1) / cell_step + 1, k, cell_step, distance / stride, -dilation / common, 1};
    }
    return {0, 0, 1, 0, 0, 1};
}

/// The positions of one image cut into tiles, so that a tile's part of the work stays in the cache: rows of positions,
/// or pieces of one row. Either way a tile's positions are neighbours in row-major order.
struct PositionTiles {
    using Pair = Windows::Pair;

    explicit PositionTiles(Pair positions_, std::int64_t enough = 256) : positions(positions_) {
        size[1] = evenly(positions[1], positions[1] > 2 * enough ? enough : positions[1]);
        size[0] = evenly(positions[0], size[1] < positions[1] ? 1 : enough / std::max<std::int64_t>(size[1], 1));
        for (std::size_t axis = 0; axis < 2; ++axis) across[axis] = (positions[axis] + size[axis] - 1) / size[axis];
    }

    struct Tile {
        Pair first;
        Pair size;
        std::int64_t start;  // number of the first position
        std::int64_t count() const { return size[0] * size[1]; }
    };
    std::int64_t count() const { return across[0] * across[1]; }
    Tile operator[](std::int64_t tile) const {
        const Pair first{tile / across[1] * size[0], tile % across[1] * size[1]};
        return {first,
                {std::min(size[0], positions[0] - first[0]), std::min(size[1], positions[1] - first[1])},
                first[0] * positions[1] + first[1]};
    }
    std::int64_t largest() const { return size[0] * size[1]; }

    Pair positions;
    Pair size;    // of a tile; the last ones may be smaller
    Pair across;  // so many tiles

  private:
    static std::int64_t evenly(std::int64_t extent, std::int64_t most) {
        const std::int64_t pieces = std::max<std::int64_t>((extent + most - 1) / std::max<std::int64_t>(most, 1), 1);
        return std::max<std::int64_t>((extent + pieces - 1) / pieces, 1);
    }
};

/// Copies a run of elements in pieces of a fixed length, the last of which overlaps the one before it: for the few
/// pixels of a row, a call of memcpy would take longer than the copy.
template <std::size_t Piece = 8, class T>
[[gnu::always_inline]] inline void copy_run(const T* from, std::int64_t count, T* to) {
    constexpr auto length = static_cast<std::int64_t>(Piece);
    if constexpr (Piece > 1) {
        if (count < length) return copy_run<Piece / 2>(from, count, to);
    }
    for (std::int64_t j = 0; j < count; j += length) {
        const std::int64_t first = std::min(j, count - length);
        std::memcpy(to + first, from + first, Piece * sizeof(T));
    }
}

/// The same with zeros.
template <std::size_t Piece = 8, class T>
[[gnu::always_inline]] inline void clear_run(std::int64_t count, T* to) {
    constexpr auto length = static_cast<std::int64_t>(Piece);
    if constexpr (Piece > 1) {
        if (count < length) return clear_run<Piece / 2>(count, to);
    }
    constexpr T zeros[Piece] = {};
    for (std::int64_t j = 0; j < count; j += length) {
        std::memcpy(to + std::min(j, count - length), zeros, Piece * sizeof(T));
    }
}

/// One axis of a tile's pixels in memory: the stretch that its windows span, or where that is longer, because the cells
/// are far apart, the cells themselves, each at all positions.
class CopiedAxis {
  public:
    CopiedAxis(const Taps& taps, std::int64_t positions)
        : taps_(taps), positions_(positions), by_cells_(taps.count * positions < taps.span(positions)) {}

    const Taps& taps() const { return taps_; }
    std::int64_t size() const { return by_cells_ ? taps_.count * positions_ : taps_.span(positions_); }
    std::int64_t offset_of_position(std::int64_t i) const { return by_cells_ ? i : i * taps_.step; }
    std::int64_t offset_of_cell(std::int64_t m) const {
        return by_cells_ ? m * positions_ : taps_.shift + m * taps_.shift_step - taps_.lowest();
    }

    /// A run of copied pixels: where it begins, the first pixel, the distance of the next, their number.
    struct Run {
        std::int64_t to, pixel, step, count;
    };
    std::int64_t runs() const { return by_cells_ ? taps_.count : 1; }
    Run run(std::int64_t number, std::int64_t first_position) const {
        const std::int64_t start = first_position * taps_.step;
        if (!by_cells_) return {0, start + taps_.lowest(), 1, size()};
        return {number * positions_, start + taps_.shift + number * taps_.shift_step, taps_.step, positions_};
    }

  private:
    Taps taps_;
    std::int64_t positions_;
    bool by_cells_;
};

/// Where the cells of windows are in memory: at A[position] + B[cell] from a tile's first pixel. That is the image
/// itself, or a copy of the tile's pixels with zeros around them where windows reach beyond the image.
class WindowReader {
  public:
    using Pair = Windows::Pair;
    using Tile = PositionTiles::Tile;

    WindowReader(const Taps& rows, const Taps& columns, std::int64_t channels, Pair image, const PositionTiles& tiles)
        : rows_(rows, tiles.size[0]),
          columns_(columns, tiles.size[1]),
          channels_(channels),
          image_(image),
          copies_(!is_inside(rows, tiles.positions[0], image[0]) || !is_inside(columns, tiles.positions[1], image[1])),
          pitch_(copies_ ? columns_.size() : image[1]),
          plane_(copies_ ? rows_.size() * pitch_ : image[0] * image[1]) {}

    std::int64_t cells() const { return channels_ * rows_.taps().count * columns_.taps().count; }
    /// Elements that pixels() needs to copy to.
    std::int64_t scratch() const { return copies_ && cells() > 0 ? channels_ * plane_ : 0; }

    /// B, channel by channel.
    void write_cells(std::int64_t* B) const {
        for (std::int64_t c = 0; c < channels_; ++c) {
            for (std::int64_t m = 0; m < rows_.taps().count; ++m) {
                for (std::int64_t n = 0; n < columns_.taps().count; ++n) {
                    *B++ = c * plane_ + offset_of_cell(rows_, m) * pitch_ + offset_of_cell(columns_, n);
                }
            }
        }
    }
    /// A, row by row.
    void write_positions(const Tile& tile, std::int64_t* A) const {
        for (std::int64_t i = 0; i < tile.size[0]; ++i) {
            for (std::int64_t j = 0; j < tile.size[1]; ++j) {
                *A++ = offset_of_position(rows_, i) * pitch_ + offset_of_position(columns_, j);
            }
        }
    }

    /// The tile's first pixel.
    template <class T>
    const T* pixels(const T* image, const Tile& tile, T* scratch) const {
        if (cells() == 0) return image;
        if (!copies_) {
            const Taps &rows = rows_.taps(), &columns = columns_.taps();
            return image + (rows.lowest() + tile.first[0] * rows.step) * pitch_ + columns.lowest() +
                   tile.first[1] * columns.step;
        }
        xgrad::detail::run_per_isa<Copy<T>>(this, image, &tile, scratch);
        return scratch;
    }

  private:
    static bool is_inside(const Taps& taps, std::int64_t positions, std::int64_t extent) {
        return taps.lowest() >= 0 && taps.lowest() + taps.span(positions) <= extent;
    }
    std::int64_t offset_of_position(const CopiedAxis& axis, std::int64_t i) const {
        return copies_ ? axis.offset_of_position(i) : i * axis.taps().step;
    }
    std::int64_t offset_of_cell(const CopiedAxis& axis, std::int64_t m) const {
        const Taps& taps = axis.taps();
        return copies_ ? axis.offset_of_cell(m) : taps.shift + m * taps.shift_step - taps.lowest();
    }

    template <class T>
    struct Copy {
        [[gnu::always_inline]] static inline void run(const WindowReader* reader, const T* image, const Tile* tile,
                                                      T* scratch) {
            reader->copy(image, *tile, scratch);
        }
    };

    template <class T>
    [[gnu::always_inline]] inline void copy(const T* image, const Tile& tile, T* scratch) const {
        for (std::int64_t c = 0; c < channels_; ++c, image += image_[0] * image_[1]) {
            for (std::int64_t number = 0; number < rows_.runs(); ++number) {
                const CopiedAxis::Run rows = rows_.run(number, tile.first[0]);
                T* copy = scratch + c * plane_ + rows.to * pitch_;
                std::int64_t row = rows.pixel;
                for (std::int64_t i = 0; i < rows.count; ++i, row += rows.step, copy += pitch_) {
                    if (row < 0 || row >= image_[0]) {
                        clear_run(pitch_, copy);
                    } else {
                        copy_row(image + row * image_[1], tile, copy);
                    }
                }
            }
        }
    }

    template <class T>
    [[gnu::always_inline]] inline void copy_row(const T* row, const Tile& tile, T* copy) const {
        for (std::int64_t number = 0; number < columns_.runs(); ++number) {
            const CopiedAxis::Run run = columns_.run(number, tile.first[1]);
            T* to = copy + run.to;
            if (run.step == 1) {
                const std::int64_t first = std::clamp<std::int64_t>(-run.pixel, 0, run.count);
                const std::int64_t end = std::clamp<std::int64_t>(image_[1] - run.pixel, 0, run.count);
                if (first > 0 || end < run.count) clear_run(run.count, to);
                if (first < end) copy_run(row + (run.pixel + first), end - first, to + first);
            } else {
                std::int64_t pixel = run.pixel;
                for (std::int64_t j = 0; j < run.count; ++j, pixel += run.step) {
                    to[j] = pixel >= 0 && pixel < image_[1] ? row[pixel] : T(0);
                }
            }
        }
    }

    CopiedAxis rows_, columns_;
    std::int64_t channels_;
    Pair image_;
    bool copies_;
    std::int64_t pitch_;  // from a row to the next,
    std::int64_t plane_;  // from a channel to the next
};

}  // namespace xgrad::kernels
