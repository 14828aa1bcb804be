#include <xgrad/ops/kernels/window_convolution.hpp>

#include <algorithm>

#include <xgrad/graph/run/fetch.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/kernels/blocks.hpp>
#include <xgrad/ops/kernels/panels.hpp>
#include <xgrad/ops/kernels/pieces.hpp>
#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/transposition.hpp>
#include <xgrad/ops/kernels/window_product.hpp>
#include <xgrad/ops/kernels/window_reader.hpp>

namespace xgrad::kernels {

namespace {

/// All that is read while windows meet kernels: what a thread is worth is measured by it.
template <class T>
std::size_t bytes_of(const Convolution& s) {
    const std::int64_t cells = s.channels * s.windows.cells();
    return static_cast<std::size_t>(s.images * s.groups * cells * s.windows.count()) * sizeof(T);
}

/// One group's kernels as a matrix in panels: a row for each filter and each of these cells of its windows, and a
/// column for each channel.
template <class T>
void pack_taps(const Convolution& s, const T* w, std::span<const std::int64_t> taps, const Panels<T>& panels, T* M) {
    const std::int64_t cells = s.windows.cells();
    const Scratch<T> all(cells * panels.padded());
    for (std::int64_t p = 0; p < panels.count(); ++p) {
        const std::int64_t width = panels.width(p);
        if (panels.used(p) < width) std::fill_n(all.data(), cells * width, T(0));
        for (std::int64_t o = 0; o < s.filters; ++o) {
            transpose(w + (o * s.channels + panels.first(p)) * cells, panels.used(p), cells, cells, all.data(), width);
            for (const std::int64_t tap : taps) M = std::copy_n(all.data() + tap * width, width, M);
        }
    }
}

/// The pixels (i stride + rest), which see the same cells of windows: all of them, if the stride is 1. Seen from these
/// pixels the windows are at distances that are the same for all.
struct Phase {
    Windows::Pair rest;
    Windows::Pair pixels;
    Taps rows, columns;

    Phase(const Windows& windows, Windows::Pair rest_)
        : rest(rest_), rows(transposed_taps_of(windows, 0, rest[0])), columns(transposed_taps_of(windows, 1, rest[1])) {
        for (std::size_t axis = 0; axis < 2; ++axis) {
            pixels[axis] = (windows.image[axis] - rest[axis] + windows.stride[axis] - 1) / windows.stride[axis];
        }
    }
    std::int64_t cells() const { return rows.count * columns.count; }
    void write_cells(const Windows& windows, std::int64_t* cell) const {
        for (std::int64_t m = 0; m < rows.count; ++m) {
            for (std::int64_t n = 0; n < columns.count; ++n) {
                *cell++ = (rows.cell + m * rows.cell_step) * windows.kernel[1] + columns.cell + n * columns.cell_step;
            }
        }
    }
};

/// Calls visit(phase) for all that there are.
template <class Visit>
void for_each_phase(const Windows& windows, Visit&& visit) {
    for (std::int64_t i = 0; i < std::min(windows.stride[0], windows.image[0]); ++i) {
        for (std::int64_t j = 0; j < std::min(windows.stride[1], windows.image[1]); ++j) {
            visit(Phase(windows, {i, j}));
        }
    }
}

/// Has the planes of a tile fetched, which stand so many elements apart.
template <class T>
[[gnu::always_inline]] inline void fetch_planes(const T* first, std::int64_t planes, std::int64_t distance,
                                                std::int64_t count) {
    for (std::int64_t plane = 0; plane < planes; ++plane) {
        run::fetch(first + plane * distance, static_cast<std::size_t>(count) * sizeof(T));
    }
}

/// The product of windows on images (groups · channels) with kernels (groups, cells, columns), which are packed as
/// panels: for each tile of positions calls write(group of an image, its first column, columns, tile, result in panels,
/// scratch for as many elements). A target whose planes of so many pixels are the positions is fetched beforehand.
template <class T, class Write>
void multiply(const Convolution& s, const WindowReader& reader, const PositionTiles& tiles, const T* images,
              std::int64_t pixels_of_group, const T* kernels, std::int64_t columns, T* target,
              std::int64_t target_pixels, Write&& write) {
    const Panels<T> all(columns);
    const Scratch<std::int64_t> cells(reader.cells());
    reader.write_cells(cells.data());
    const Blocks blocks(all.count(), s.images * s.groups * tiles.count());
    const auto parts = static_cast<std::size_t>(s.images * s.groups * tiles.count() * blocks.count);
    run::parallel_for(parts, bytes_of<T>(s), [&](std::size_t part) {
        const std::int64_t block = static_cast<std::int64_t>(part) % blocks.count;
        const auto tile = tiles[static_cast<std::int64_t>(part) / blocks.count % tiles.count()];
        const std::int64_t image = static_cast<std::int64_t>(part) / blocks.count / tiles.count();
        const std::int64_t first = all.first(blocks.first(block));
        const Panels<T> panels(std::min(columns - first, all.first(blocks.size_of(block))));
        const std::int64_t size = tile.count() * panels.padded();
        const Scratch<T> scratch(2 * size + reader.scratch());
        const Scratch<std::int64_t> positions(tile.count());
        reader.write_positions(tile, positions.data());
        if (target) {
            fetch_planes(target + (image * columns + first) * target_pixels + tile.start, panels.columns, target_pixels,
                         tile.count());
        }
        const T* pixels = reader.pixels(images + image * pixels_of_group, tile, scratch.data() + 2 * size);
        const T* M = kernels + (image % s.groups * all.padded() + first) * reader.cells();
        window_product(pixels, positions.span(), cells.span(), M, panels.columns, scratch.data(), Into::overwritten);
        write(image, first, panels, tile, scratch.data(), scratch.data() + size);
    });
}

template <class T>
void convolve_transposed(const Convolution& s, const Phase& phase, const T* y, const T* packed, T* x) {
    const Windows& windows = s.windows;
    const PositionTiles tiles(phase.pixels);
    const WindowReader reader(phase.rows, phase.columns, s.filters, windows.positions, tiles);
    const auto write = [&](std::int64_t image, std::int64_t first, const Panels<T>& some, const auto& tile,
                           const T* result, T* planes) {
        T* target = x + (image * s.channels + first) * windows.pixels();
        if (windows.stride == Windows::Pair{1, 1}) {
            return from_panels(result, tile.count(), some, target + tile.start, windows.pixels());
        }
        from_panels(result, tile.count(), some, planes, tile.count());
        for (std::int64_t c = 0; c < some.columns; ++c, target += windows.pixels()) {
            for (std::int64_t i = tile.first[0]; i < tile.first[0] + tile.size[0]; ++i) {
                T* row = target + (i * windows.stride[0] + phase.rest[0]) * windows.image[1] + phase.rest[1];
                for (std::int64_t j = tile.first[1]; j < tile.first[1] + tile.size[1]; ++j) {
                    row[j * windows.stride[1]] = *planes++;
                }
            }
        }
    };
    multiply(s, reader, tiles, y, s.filters * windows.count(), packed, s.channels,
             windows.stride == Windows::Pair{1, 1} ? x : nullptr, windows.pixels(), write);
}

}  // namespace

template <class T>
void pack_filters(const Convolution& s, const T* w, T* packed) {
    const std::int64_t row = s.channels * s.windows.cells();  // of w
    const Panels<T> panels(s.filters);
    for (std::int64_t g = 0; g < s.groups; ++g) {
        to_panels(w + g * s.filters * row, row, row, panels, packed + g * row * panels.padded());
    }
}

template <class T>
void pack_channels(const Convolution& s, const T* w, T* packed) {
    const Panels<T> panels(s.channels);
    for_each_phase(s.windows, [&](const Phase& phase) {
        const Scratch<std::int64_t> cells(phase.cells());
        phase.write_cells(s.windows, cells.data());
        for (std::int64_t g = 0; g < s.groups; ++g, packed += s.filters * phase.cells() * panels.padded()) {
            pack_taps(s, w + g * s.filters * s.channels * s.windows.cells(), cells.span(), panels, packed);
        }
    });
}

template <class T>
void convolve_windows(const Convolution& s, const T* x, const T* packed, T* y) {
    const Windows& windows = s.windows;
    const PositionTiles tiles(windows.positions);
    const WindowReader reader(taps_of(windows, 0), taps_of(windows, 1), s.channels, windows.image, tiles);
    const auto write = [&](std::int64_t image, std::int64_t first, const Panels<T>& some, const auto& tile,
                           const T* result, T*) {
        from_panels(result, tile.count(), some, y + (image * s.filters + first) * windows.count() + tile.start,
                    windows.count());
    };
    multiply(s, reader, tiles, x, s.channels * windows.pixels(), packed, s.filters, y, windows.count(), write);
}

template <class T>
void convolve_windows_transposed(const Convolution& s, const T* y, const T* packed, T* x) {
    const std::int64_t row = s.groups * s.filters * Panels<T>(s.channels).padded();
    for_each_phase(s.windows, [&](const Phase& phase) {
        convolve_transposed(s, phase, y, packed, x);
        packed += phase.cells() * row;
    });
}

template <class T>
void correlate_windows(const Convolution& s, const T* x, const T* y, T* w) {
    const Windows& windows = s.windows;
    const std::int64_t row = s.channels * windows.cells();  // of w
    const std::int64_t size = s.groups * s.filters * row;
    const PositionTiles tiles(windows.positions);
    const Shares shares(s.images * tiles.count(), size, std::int64_t{1} << 22);
    const Blocks blocks(s.channels, shares.count * s.groups);
    const Panels<T> panels(s.filters);
    const std::int64_t sum_size = s.groups * row * panels.padded();
    const Scratch<T> sums(shares.count * sum_size);
    // The gradient of w as a matrix in panels has a row for each cell; blocks of channels lie one behind the other.
    const auto place = [&](std::int64_t g, std::int64_t channel) {
        return (g * row + channel * windows.cells()) * panels.padded();
    };
    const auto parts = static_cast<std::size_t>(shares.count * s.groups * blocks.count);
    run::parallel_for(parts, bytes_of<T>(s), [&](std::size_t part) {
        const std::int64_t block = static_cast<std::int64_t>(part) % blocks.count;
        const std::int64_t g = static_cast<std::int64_t>(part) / blocks.count % s.groups;
        const std::int64_t share = static_cast<std::int64_t>(part) / blocks.count / s.groups;
        const std::int64_t first = blocks.first(block);
        const WindowReader reader(taps_of(windows, 0), taps_of(windows, 1), blocks.size_of(block), windows.image,
                                  tiles);
        const Scratch<std::int64_t> cells(reader.cells());
        reader.write_cells(cells.data());
        const Scratch<T> scratch(tiles.largest() * panels.padded() + reader.scratch());
        T* sum = sums.data() + share * sum_size + place(g, first);
        for (std::int64_t unit = shares.first(share); unit < shares.end(share); ++unit) {
            const auto tile = tiles[unit % tiles.count()];
            const std::int64_t image = unit / tiles.count() * s.groups + g;
            const Scratch<std::int64_t> positions(tile.count());
            reader.write_positions(tile, positions.data());
            to_panels(y + image * s.filters * windows.count() + tile.start, windows.count(), tile.count(), panels,
                      scratch.data());
            const T* pixels = reader.pixels(x + (image * s.channels + first) * windows.pixels(), tile,
                                            scratch.data() + tiles.largest() * panels.padded());
            if (unit + 1 < shares.end(share)) {
                const auto next = tiles[(unit + 1) % tiles.count()];
                const std::int64_t next_image = (unit + 1) / tiles.count() * s.groups + g;
                fetch_planes(y + next_image * s.filters * windows.count() + next.start, s.filters, windows.count(),
                             next.count());
                if (next_image != image) {
                    fetch_planes(x + (next_image * s.channels + first) * windows.pixels(), 1, 0,
                                 blocks.size_of(block) * windows.pixels());
                }
            }
            window_product(pixels, cells.span(), positions.span(), scratch.data(), s.filters, sum,
                           unit == shares.first(share) ? Into::overwritten : Into::added_to);
        }
    });
    run::parallel_for(static_cast<std::size_t>(s.groups * blocks.count), static_cast<std::size_t>(size) * sizeof(T),
                      [&](std::size_t part) {
                          const std::int64_t block = static_cast<std::int64_t>(part) % blocks.count;
                          const std::int64_t g = static_cast<std::int64_t>(part) / blocks.count;
                          const std::int64_t first = blocks.first(block);
                          const std::int64_t cells = blocks.size_of(block) * windows.cells();
                          T* sum = sums.data() + place(g, first);
                          add_up_pieces(sum, shares.count, sum_size, cells * panels.padded());
                          from_panels(sum, cells, panels, w + g * s.filters * row + first * windows.cells(), row);
                      });
}

template void pack_filters(const Convolution&, const float*, float*);
template void pack_channels(const Convolution&, const float*, float*);
template void pack_filters(const Convolution&, const double*, double*);
template void pack_channels(const Convolution&, const double*, double*);
template void pack_filters(const Convolution&, const long double*, long double*);
template void pack_channels(const Convolution&, const long double*, long double*);
template void convolve_windows(const Convolution&, const float*, const float*, float*);
template void convolve_windows(const Convolution&, const double*, const double*, double*);
template void convolve_windows(const Convolution&, const long double*, const long double*, long double*);
template void convolve_windows_transposed(const Convolution&, const float*, const float*, float*);
template void convolve_windows_transposed(const Convolution&, const double*, const double*, double*);
template void convolve_windows_transposed(const Convolution&, const long double*, const long double*, long double*);
template void correlate_windows(const Convolution&, const float*, const float*, float*);
template void correlate_windows(const Convolution&, const double*, const double*, double*);
template void correlate_windows(const Convolution&, const long double*, const long double*, long double*);

}  // namespace xgrad::kernels
