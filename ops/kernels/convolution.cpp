#include <xgrad/ops/kernels/convolution.hpp>

#include <algorithm>

#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/storage.hpp>
#include <xgrad/ops/kernels/gemm.hpp>

namespace xgrad::kernels {

namespace {

/// Memory that is not initialised.
template <class T>
class Scratch {
  public:
    explicit Scratch(std::int64_t size) : storage_(Storage::allocate(static_cast<std::size_t>(size) * sizeof(T))) {}
    T* data() const { return static_cast<T*>(storage_->data()); }

  private:
    StorageRef storage_;
};

/// What a part of the work is about: some channels of a group, and the rows of positions a tile at a time, so that the
/// windows of a large image fit the second cache.
struct Tiles {
    Tiles(const Windows& windows, std::int64_t channels_)
        : channels(channels_),
          cells(channels * windows.cells()),
          rows(windows.positions[0]),
          columns(windows.positions[1]) {
        constexpr std::int64_t elements = std::int64_t{1} << 18;
        height = std::clamp<std::int64_t>(elements / std::max<std::int64_t>(cells * columns, 1), 1,
                                          std::max<std::int64_t>(rows, 1));
        count = (rows + height - 1) / height;
    }
    std::int64_t end(std::int64_t tile) const { return std::min(rows, (tile + 1) * height); }
    std::int64_t first(std::int64_t tile) const { return tile * height; }
    std::int64_t start(std::int64_t tile) const { return first(tile) * columns; }
    std::int64_t positions(std::int64_t tile) const { return (end(tile) - first(tile)) * columns; }
    std::int64_t largest() const { return height * columns; }

    std::int64_t channels;
    std::int64_t cells;  // of one window, all channels
    std::int64_t rows;
    std::int64_t columns;
    std::int64_t height;
    std::int64_t count;
};

/// The channels of each group are dealt out in blocks where there are too few images and groups for many threads.
struct Blocks {
    Blocks(std::int64_t channels, std::int64_t parts) {
        constexpr std::int64_t enough = 16;
        const std::int64_t wanted = std::clamp<std::int64_t>(enough / std::max<std::int64_t>(parts, 1), 1, enough);
        size = std::max<std::int64_t>((channels + wanted - 1) / wanted, 1);
        count = (channels + size - 1) / size;
    }
    std::int64_t size;
    std::int64_t count;
};

/// All that is read and written while the windows are built and multiplied.
template <class T>
std::size_t bytes_of(const Convolution& s) {
    const std::int64_t cells = s.channels * s.windows.cells();
    return static_cast<std::size_t>(s.images * s.groups * cells * s.windows.count()) * sizeof(T);
}

/// A 1 × 1 kernel that goes over every pixel: the image itself is the matrix of its windows.
bool is_pixelwise(const Windows& s) {
    const Windows::Pair one{1, 1};
    return s.kernel == one && s.stride == one && s.padding == Windows::Pair{0, 0} && s.positions == s.image;
}

/// The windows of one tile, in `scratch` if they have to be built.
template <class T>
Matrix<T> windows_of(const Windows& s, const Tiles& tiles, std::int64_t tile, const T* image, T* scratch) {
    const std::int64_t positions = tiles.positions(tile);
    if (is_pixelwise(s)) return {image + tiles.start(tile), tiles.cells, positions, s.count(), 1};
    for (std::int64_t c = 0; c < tiles.channels; ++c) {
        unfold(s, image + c * s.pixels(), tiles.first(tile), tiles.end(tile), scratch + c * s.cells() * positions);
    }
    return {scratch, tiles.cells, positions, positions, 1};
}

}  // namespace

template <class T>
void convolve(const Convolution& s, const T* x, const T* w, T* y) {
    const Windows& windows = s.windows;
    const Tiles tiles(windows, s.channels);
    const auto parts = static_cast<std::size_t>(s.images * s.groups * tiles.count);
    run::parallel_for(parts, bytes_of<T>(s), [&](std::size_t part) {
        const std::int64_t tile = static_cast<std::int64_t>(part) % tiles.count;
        const std::int64_t image = static_cast<std::int64_t>(part) / tiles.count;  // a group of an image
        const Scratch<T> scratch((tiles.cells + s.filters) * tiles.largest());
        const T* pixels = x + image * s.channels * windows.pixels();
        const Matrix<T> X = windows_of(windows, tiles, tile, pixels, scratch.data());
        const Matrix<T> W{w + image % s.groups * s.filters * tiles.cells, s.filters, tiles.cells, tiles.cells, 1};
        T* target = y + image * s.filters * windows.count();
        if (tiles.count == 1) return gemm(W, X, target);
        T* product = scratch.data() + tiles.cells * tiles.largest();
        gemm(W, X, product);
        for (std::int64_t o = 0; o < s.filters; ++o) {
            std::copy_n(product + o * X.columns, X.columns, target + o * windows.count() + tiles.start(tile));
        }
    });
}

template <class T>
void convolve_transposed(const Convolution& s, const T* y, const T* w, T* x) {
    const Windows& windows = s.windows;
    const Blocks blocks(s.channels, s.images * s.groups);
    const std::int64_t row = s.channels * windows.cells();  // of w
    const auto parts = static_cast<std::size_t>(s.images * s.groups * blocks.count);
    run::parallel_for(parts, bytes_of<T>(s), [&](std::size_t part) {
        const std::int64_t first = static_cast<std::int64_t>(part) % blocks.count * blocks.size;
        const std::int64_t image = static_cast<std::int64_t>(part) / blocks.count;
        const Tiles tiles(windows, std::min(blocks.size, s.channels - first));
        const Scratch<T> cells(tiles.cells * tiles.largest());
        const T* filters = w + image % s.groups * s.filters * row + first * windows.cells();
        const Matrix<T> W{filters, tiles.cells, s.filters, 1, row};
        T* target = x + (image * s.channels + first) * windows.pixels();
        std::fill_n(target, tiles.channels * windows.pixels(), T(0));
        for (std::int64_t tile = 0; tile < tiles.count; ++tile) {
            const std::int64_t positions = tiles.positions(tile);
            const T* source = y + image * s.filters * windows.count() + tiles.start(tile);
            gemm(W, Matrix<T>{source, s.filters, positions, windows.count(), 1}, cells.data());
            for (std::int64_t c = 0; c < tiles.channels; ++c) {
                fold(windows, cells.data() + c * windows.cells() * positions, tiles.first(tile), tiles.end(tile),
                     target + c * windows.pixels());
            }
        }
    });
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
    // The images are dealt out in shares, each adds up its own in turn, and then the shares are added in pairs.
    constexpr std::int64_t most_shares = 16;
    constexpr std::int64_t most_elements = std::int64_t{1} << 22;
    const std::int64_t wanted = std::clamp<std::int64_t>(most_elements / size, 1, most_shares);
    const std::int64_t per_share = (s.images + wanted - 1) / wanted;
    const std::int64_t shares = (s.images + per_share - 1) / per_share;
    const Blocks blocks(s.channels, shares * s.groups);
    const Scratch<T> sums(shares * size);
    const auto parts = static_cast<std::size_t>(shares * s.groups * blocks.count);
    run::parallel_for(parts, bytes_of<T>(s), [&](std::size_t part) {
        const std::int64_t first = static_cast<std::int64_t>(part) % blocks.count * blocks.size;
        const std::int64_t g = static_cast<std::int64_t>(part) / blocks.count % s.groups;
        const std::int64_t share = static_cast<std::int64_t>(part) / blocks.count / s.groups;
        const Tiles tiles(windows, std::min(blocks.size, s.channels - first));
        const Scratch<T> scratch(tiles.cells * (tiles.largest() + s.filters));
        T* product = scratch.data() + tiles.cells * tiles.largest();
        T* sum = sums.data() + share * size + g * s.filters * row + first * windows.cells();
        for (std::int64_t o = 0; o < s.filters; ++o) std::fill_n(sum + o * row, tiles.cells, T(0));
        for (std::int64_t n = share * per_share; n < std::min(s.images, (share + 1) * per_share); ++n) {
            const std::int64_t image = n * s.groups + g;
            const T* pixels = x + (image * s.channels + first) * windows.pixels();
            for (std::int64_t tile = 0; tile < tiles.count; ++tile) {
                const Matrix<T> X = windows_of(windows, tiles, tile, pixels, scratch.data());
                const T* own = y + image * s.filters * windows.count() + tiles.start(tile);
                gemm(Matrix<T>{own, s.filters, X.columns, windows.count(), 1},
                     Matrix<T>{X.data, X.columns, X.rows, X.column_stride, X.row_stride}, product);
                for (std::int64_t o = 0; o < s.filters; ++o) {
                    for (std::int64_t e = 0; e < tiles.cells; ++e) sum[o * row + e] += product[o * tiles.cells + e];
                }
            }
        }
    });
    for (std::int64_t width = 1; width < shares; width *= 2) {
        for (std::int64_t share = 0; share + width < shares; share += 2 * width) {
            T* sum = sums.data() + share * size;
            for (std::int64_t e = 0; e < size; ++e) sum[e] += sum[width * size + e];
        }
    }
    std::copy_n(sums.data(), size, w);
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
