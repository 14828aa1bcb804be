#include <xgrad/ops/kernels/convolution.hpp>

#include <algorithm>

#include <xgrad/graph/run/fetch.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/kernels/depthwise.hpp>
#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/transposition.hpp>
#include <xgrad/ops/kernels/window_product.hpp>
#include <xgrad/ops/kernels/window_reader.hpp>

namespace xgrad::kernels {

namespace {

/// A number of things dealt out in blocks where there are too few parts for many threads.
struct Blocks {
    Blocks(std::int64_t things_, std::int64_t parts) : things(things_) {
        constexpr std::int64_t enough = 16;
        const std::int64_t wanted = std::clamp<std::int64_t>(enough / std::max<std::int64_t>(parts, 1), 1, enough);
        size = std::max<std::int64_t>((things + wanted - 1) / wanted, 1);
        count = (things + size - 1) / size;
    }
    std::int64_t first(std::int64_t block) const { return block * size; }
    std::int64_t size_of(std::int64_t block) const { return std::min(size, things - block * size); }

    std::int64_t things;
    std::int64_t size;
    std::int64_t count;
};

/// All that is read while windows meet kernels: what a thread is worth is measured by it.
template <class T>
std::size_t bytes_of(const Convolution& s) {
    const std::int64_t cells = s.channels * s.windows.cells();
    return static_cast<std::size_t>(s.images * s.groups * cells * s.windows.count()) * sizeof(T);
}

/// to[column, row] = the matrix in panels, the rows of `to` so many elements apart.
template <class T>
void from_panels(const T* matrix, std::int64_t rows, const Panels<T>& panels, T* to, std::int64_t to_row) {
    for (std::int64_t p = 0; p < panels.count(); ++p) {
        transpose(matrix + panels.first(p) * rows, rows, panels.used(p), panels.width(p), to + panels.first(p) * to_row,
                  to_row);
    }
}

/// The matrix in panels = from[column, row].
template <class T>
void to_panels(const T* from, std::int64_t from_row, std::int64_t rows, const Panels<T>& panels, T* matrix) {
    for (std::int64_t p = 0; p < panels.count(); ++p) {
        T* panel = matrix + panels.first(p) * rows;
        if (panels.used(p) < panels.width(p)) std::fill_n(panel, rows * panels.width(p), T(0));
        transpose(from + panels.first(p) * from_row, panels.used(p), rows, from_row, panel, panels.width(p));
    }
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

/// The pixels (i stride + rest) of x. Seen from them the windows are at distances that are the same for all.
template <class T>
void convolve_transposed(const Convolution& s, const T* y, const T* w, T* x, Windows::Pair rest) {
    const Windows& windows = s.windows;
    Windows::Pair pixels;
    for (std::size_t axis = 0; axis < 2; ++axis) {
        pixels[axis] = (windows.image[axis] - rest[axis] + windows.stride[axis] - 1) / windows.stride[axis];
    }
    const PositionTiles tiles(pixels);
    const Taps rows = transposed_taps_of(windows, 0, rest[0]);
    const Taps columns = transposed_taps_of(windows, 1, rest[1]);
    const WindowReader reader(rows, columns, s.filters, windows.positions, tiles);

    // The cells of a window that see these pixels: all of them, if the stride is 1.
    const Scratch<std::int64_t> taps(rows.count * columns.count);
    std::int64_t* tap = taps.data();
    for (std::int64_t m = 0; m < rows.count; ++m) {
        for (std::int64_t n = 0; n < columns.count; ++n) {
            *tap++ = (rows.cell + m * rows.cell_step) * windows.kernel[1] + columns.cell + n * columns.cell_step;
        }
    }
    const Panels<T> panels(s.channels);
    const std::int64_t size = reader.cells() * panels.padded();
    const Scratch<T> kernels(s.groups * size);
    for (std::int64_t g = 0; g < s.groups; ++g) {
        pack_taps(s, w + g * s.filters * s.channels * windows.cells(), taps.span(), panels, kernels.data() + g * size);
    }
    const auto write = [&](std::int64_t image, std::int64_t first, const Panels<T>& some, const auto& tile,
                           const T* result, T* planes) {
        T* target = x + (image * s.channels + first) * windows.pixels();
        if (windows.stride == Windows::Pair{1, 1}) {
            return from_panels(result, tile.count(), some, target + tile.start, windows.pixels());
        }
        from_panels(result, tile.count(), some, planes, tile.count());
        for (std::int64_t c = 0; c < some.columns; ++c, target += windows.pixels()) {
            for (std::int64_t i = tile.first[0]; i < tile.first[0] + tile.size[0]; ++i) {
                T* row = target + (i * windows.stride[0] + rest[0]) * windows.image[1] + rest[1];
                for (std::int64_t j = tile.first[1]; j < tile.first[1] + tile.size[1]; ++j) {
                    row[j * windows.stride[1]] = *planes++;
                }
            }
        }
    };
    multiply(s, reader, tiles, y, s.filters * windows.count(), kernels.data(), s.channels,
             windows.stride == Windows::Pair{1, 1} ? x : nullptr, windows.pixels(), write);
}

}  // namespace

template <class T>
void convolve(const Convolution& s, const T* x, const T* w, T* y) {
    const Windows& windows = s.windows;
    if (s.images * s.groups * s.filters * windows.count() == 0) return;
    if (is_depthwise(s)) return convolve_planes(s, x, w, y);
    const PositionTiles tiles(windows.positions);
    const WindowReader reader(taps_of(windows, 0), taps_of(windows, 1), s.channels, windows.image, tiles);

    const std::int64_t row = reader.cells();  // of w
    const Panels<T> panels(s.filters);
    const Scratch<T> kernels(s.groups * row * panels.padded());
    for (std::int64_t g = 0; g < s.groups; ++g) {
        to_panels(w + g * s.filters * row, row, row, panels, kernels.data() + g * row * panels.padded());
    }
    const auto write = [&](std::int64_t image, std::int64_t first, const Panels<T>& some, const auto& tile,
                           const T* result, T*) {
        from_panels(result, tile.count(), some, y + (image * s.filters + first) * windows.count() + tile.start,
                    windows.count());
    };
    multiply(s, reader, tiles, x, s.channels * windows.pixels(), kernels.data(), s.filters, y, windows.count(), write);
}

template <class T>
void convolve_transposed(const Convolution& s, const T* y, const T* w, T* x) {
    const Windows& windows = s.windows;
    const std::int64_t size = s.images * s.groups * s.channels * windows.pixels();
    if (s.filters * windows.count() == 0) std::fill_n(x, size, T(0));
    if (size * s.filters * windows.count() == 0) return;
    if (is_depthwise(s)) return convolve_planes_transposed(s, y, w, x);
    for (std::int64_t i = 0; i < std::min(windows.stride[0], windows.image[0]); ++i) {
        for (std::int64_t j = 0; j < std::min(windows.stride[1], windows.image[1]); ++j) {
            convolve_transposed(s, y, w, x, {i, j});
        }
    }
}

template <class T>
void correlate(const Convolution& s, const T* x, const T* y, T* w) {
    const Windows& windows = s.windows;
    const std::int64_t row = s.channels * windows.cells();  // of w
    const std::int64_t size = s.groups * s.filters * row;
    if (s.images * windows.count() == 0 || size == 0) {
        std::fill_n(w, size, T(0));
        return;
    }
    if (is_depthwise(s)) return correlate_planes(s, x, y, w);
    // The tiles of all images are dealt out in shares, each adds up its own in turn, and then the shares are added in
    // pairs.
    constexpr std::int64_t most_shares = 16;
    constexpr std::int64_t most_elements = std::int64_t{1} << 22;
    const PositionTiles tiles(windows.positions);
    const std::int64_t units = s.images * tiles.count();
    const std::int64_t wanted = std::clamp<std::int64_t>(most_elements / size, 1, most_shares);
    const std::int64_t per_share = (units + wanted - 1) / wanted;
    const std::int64_t shares = (units + per_share - 1) / per_share;
    const Blocks blocks(s.channels, shares * s.groups);
    const Panels<T> panels(s.filters);
    const std::int64_t sum_size = s.groups * row * panels.padded();
    const Scratch<T> sums(shares * sum_size);
    // The gradient of w as a matrix in panels has a row for each cell; blocks of channels lie one behind the other.
    const auto place = [&](std::int64_t g, std::int64_t channel) {
        return (g * row + channel * windows.cells()) * panels.padded();
    };
    const auto parts = static_cast<std::size_t>(shares * s.groups * blocks.count);
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
        for (std::int64_t unit = share * per_share; unit < std::min(units, (share + 1) * per_share); ++unit) {
            const auto tile = tiles[unit % tiles.count()];
            const std::int64_t image = unit / tiles.count() * s.groups + g;
            const Scratch<std::int64_t> positions(tile.count());
            reader.write_positions(tile, positions.data());
            to_panels(y + image * s.filters * windows.count() + tile.start, windows.count(), tile.count(), panels,
                      scratch.data());
            const T* pixels = reader.pixels(x + (image * s.channels + first) * windows.pixels(), tile,
                                            scratch.data() + tiles.largest() * panels.padded());
            if (unit + 1 < std::min(units, (share + 1) * per_share)) {
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
                           unit == share * per_share ? Into::overwritten : Into::added_to);
        }
    });
    run::parallel_for(static_cast<std::size_t>(s.groups * blocks.count), static_cast<std::size_t>(size) * sizeof(T),
                      [&](std::size_t part) {
                          const std::int64_t block = static_cast<std::int64_t>(part) % blocks.count;
                          const std::int64_t g = static_cast<std::int64_t>(part) / blocks.count;
                          const std::int64_t first = blocks.first(block);
                          const std::int64_t cells = blocks.size_of(block) * windows.cells();
                          T* sum = sums.data() + place(g, first);
                          for (std::int64_t width = 1; width < shares; width *= 2) {
                              for (std::int64_t share = 0; share + width < shares; share += 2 * width) {
                                  T* to = sum + share * sum_size;
                                  const T* from = to + width * sum_size;
                                  for (std::int64_t e = 0; e < cells * panels.padded(); ++e) to[e] += from[e];
                              }
                          }
                          from_panels(sum, cells, panels, w + g * s.filters * row + first * windows.cells(), row);
                      });
}

template void convolve(const Convolution&, const float*, const float*, float*);
template void convolve(const Convolution&, const double*, const double*, double*);
template void convolve(const Convolution&, const long double*, const long double*, long double*);
template void convolve_transposed(const Convolution&, const float*, const float*, float*);
template void convolve_transposed(const Convolution&, const double*, const double*, double*);
template void convolve_transposed(const Convolution&, const long double*, const long double*, long double*);
template void correlate(const Convolution&, const float*, const float*, float*);
template void correlate(const Convolution&, const double*, const double*, double*);
template void correlate(const Convolution&, const long double*, const long double*, long double*);

}  // namespace xgrad::kernels
