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

/// The rows of positions are worked on some at a time, so that the windows of a large image fit the second cache.
struct Tiles {
    explicit Tiles(const Convolution& s)
        : cells(s.channels * s.windows.cells()), rows(s.windows.positions[0]), columns(s.windows.positions[1]) {
        constexpr std::int64_t elements = std::int64_t{1} << 18;
        height = std::clamp<std::int64_t>(elements / std::max<std::int64_t>(cells * columns, 1), 1,
                                          std::max<std::int64_t>(rows, 1));
        count = (rows + height - 1) / height;
    }
    std::int64_t first(std::int64_t tile) const { return tile * height; }
    std::int64_t end(std::int64_t tile) const { return std::min(rows, first(tile) + height); }
    std::int64_t positions(std::int64_t tile) const { return (end(tile) - first(tile)) * columns; }
    std::int64_t largest() const { return height * columns; }

    std::int64_t cells;  // of one window, all channels of a group
    std::int64_t rows;
    std::int64_t columns;
    std::int64_t height;
    std::int64_t count;
};

/// All that is read and written while the windows are built and multiplied.
template <class T>
std::size_t bytes_of(const Convolution& s, const Tiles& tiles) {
    return static_cast<std::size_t>(s.images * s.groups * tiles.cells * s.windows.count()) * sizeof(T);
}

/// A 1 × 1 kernel that goes over every pixel: the image itself is the matrix of its windows.
bool is_pixelwise(const Windows& s) {
    const Windows::Pair one{1, 1};
    return s.kernel == one && s.stride == one && s.padding == Windows::Pair{0, 0} && s.positions == s.image;
}

/// The windows of one tile of a group's channels, in `scratch` if they have to be built.
template <class T>
Matrix<T> windows_of(const Convolution& s, const Tiles& tiles, std::int64_t tile, const T* image, T* scratch) {
    const std::int64_t positions = tiles.positions(tile);
    if (is_pixelwise(s.windows)) {
        return {image + tiles.first(tile) * tiles.columns, tiles.cells, positions, s.windows.count(), 1};
    }
    for (std::int64_t c = 0; c < s.channels; ++c) {
        unfold(s.windows, image + c * s.windows.pixels(), tiles.first(tile), tiles.end(tile),
               scratch + c * s.windows.cells() * positions);
    }
    return {scratch, tiles.cells, positions, positions, 1};
}

}  // namespace

template <class T>
void convolve(const Convolution& s, const T* x, const T* w, T* y) {
    const Tiles tiles(s);
    const std::int64_t count = s.windows.count();
    const auto parts = static_cast<std::size_t>(s.images * s.groups * tiles.count);
    run::parallel_for(parts, bytes_of<T>(s, tiles), [&](std::size_t part) {
        const std::int64_t tile = static_cast<std::int64_t>(part) % tiles.count;
        const std::int64_t image = static_cast<std::int64_t>(part) / tiles.count;  // a group of an image
        const Scratch<T> scratch((tiles.cells + s.filters) * tiles.largest());
        const Matrix<T> X = windows_of(s, tiles, tile, x + image * s.channels * s.windows.pixels(), scratch.data());
        const Matrix<T> W{w + image % s.groups * s.filters * tiles.cells, s.filters, tiles.cells, tiles.cells, 1};
        T* target = y + image * s.filters * count;
        if (tiles.count == 1) return gemm(W, X, target);
        T* product = scratch.data() + tiles.cells * tiles.largest();
        gemm(W, X, product);
        for (std::int64_t o = 0; o < s.filters; ++o) {
            std::copy_n(product + o * X.columns, X.columns, target + o * count + tiles.first(tile) * tiles.columns);
        }
    });
}

template <class T>
void convolve_transposed(const Convolution& s, const T* y, const T* w, T* x) {
    const Tiles tiles(s);
    const std::int64_t count = s.windows.count();
    const std::int64_t pixels = s.channels * s.windows.pixels();
    run::parallel_for(static_cast<std::size_t>(s.images * s.groups), bytes_of<T>(s, tiles), [&](std::size_t part) {
        const auto image = static_cast<std::int64_t>(part);
        const Scratch<T> cells(tiles.cells * tiles.largest());
        const Matrix<T> W{w + image % s.groups * s.filters * tiles.cells, tiles.cells, s.filters, 1, tiles.cells};
        T* target = x + image * pixels;
        std::fill_n(target, pixels, T(0));
        for (std::int64_t tile = 0; tile < tiles.count; ++tile) {
            const std::int64_t positions = tiles.positions(tile);
            const T* source = y + image * s.filters * count + tiles.first(tile) * tiles.columns;
            gemm(W, Matrix<T>{source, s.filters, positions, count, 1}, cells.data());
            for (std::int64_t c = 0; c < s.channels; ++c) {
                fold(s.windows, cells.data() + c * s.windows.cells() * positions, tiles.first(tile), tiles.end(tile),
                     target + c * s.windows.pixels());
            }
        }
    });
}

template <class T>
void correlate(const Convolution& s, const T* x, const T* y, T* w) {
    const Tiles tiles(s);
    const std::int64_t count = s.windows.count();
    const std::int64_t group = s.filters * tiles.cells;
    const std::int64_t size = s.groups * group;
    if (s.images * count == 0 || size == 0) {
        std::fill_n(w, size, T(0));
        return;
    }
    // The images are dealt out to parts, each part adds up its own in turn, and then the parts are added in pairs.
    constexpr std::int64_t most_parts = 16;
    constexpr std::int64_t most_elements = std::int64_t{1} << 22;
    const std::int64_t wanted = std::clamp<std::int64_t>(most_elements / size, 1, most_parts);
    const std::int64_t per_part = (s.images + wanted - 1) / wanted;
    const std::int64_t parts = (s.images + per_part - 1) / per_part;
    const Scratch<T> sums(parts * size);
    run::parallel_for(static_cast<std::size_t>(parts * s.groups), bytes_of<T>(s, tiles), [&](std::size_t part) {
        const std::int64_t g = static_cast<std::int64_t>(part) % s.groups;
        const std::int64_t share = static_cast<std::int64_t>(part) / s.groups;
        const Scratch<T> scratch(tiles.cells * tiles.largest() + group);
        T* product = scratch.data() + tiles.cells * tiles.largest();
        T* sum = sums.data() + share * size + g * group;
        std::fill_n(sum, group, T(0));
        for (std::int64_t n = share * per_part; n < std::min(s.images, (share + 1) * per_part); ++n) {
            const std::int64_t image = n * s.groups + g;
            for (std::int64_t tile = 0; tile < tiles.count; ++tile) {
                const Matrix<T> X =
                    windows_of(s, tiles, tile, x + image * s.channels * s.windows.pixels(), scratch.data());
                const T* own = y + image * s.filters * count + tiles.first(tile) * tiles.columns;
                gemm(Matrix<T>{own, s.filters, X.columns, count, 1},
                     Matrix<T>{X.data, X.columns, X.rows, X.column_stride, X.row_stride}, product);
                for (std::int64_t e = 0; e < group; ++e) sum[e] += product[e];
            }
        }
    });
    for (std::int64_t width = 1; width < parts; width *= 2) {
        for (std::int64_t part = 0; part + width < parts; part += 2 * width) {
            T* sum = sums.data() + part * size;
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
