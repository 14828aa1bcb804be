#include <xgrad/ops/kernels/winograd.hpp>

#include <algorithm>

#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/kernels/blocks.hpp>
#include <xgrad/ops/kernels/patch.hpp>
#include <xgrad/ops/kernels/pieces.hpp>
#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/window_product.hpp>
#include <xgrad/ops/kernels/window_reader.hpp>
#include <xgrad/ops/kernels/winograd_steps.hpp>

namespace xgrad::kernels {

namespace {

using Pair = Windows::Pair;
using Tiles = PositionTiles::Tile;  // a rectangle of tiles

constexpr std::int64_t elements_of_cache = std::int64_t{1} << 18;  // the second one

Pair tiles_of(const WinogradProduct& s) {
    return {(s.positions[0] + sums_along - 1) / sums_along, (s.positions[1] + sums_along - 1) / sums_along};
}

/// The pixels that the windows of some tiles see, and their results.
Patch pixels_of(const WinogradProduct& s, const Tiles& tiles) {
    return {{s.first[0] + sums_along * tiles.first[0], s.first[1] + sums_along * tiles.first[1]},
            {sums_along * tiles.size[0] + s.r - 1, sums_along * tiles.size[1] + s.r - 1}};
}
Patch results_of(const Tiles& tiles) {
    return {{sums_along * tiles.first[0], sums_along * tiles.first[1]},
            {sums_along * tiles.size[0], sums_along * tiles.size[1]}};
}

/// The tiles of all images dealt out in blocks: of large images some of their tiles, of small ones those of a few
/// images. A block stays in the second cache with all that belongs to it; where the kernels do not, it has tiles enough
/// that reading them does not take longer than the products.
class TileBlocks {
  public:
    explicit TileBlocks(const WinogradProduct& s)
        : images_(s.images),
          tiles_(tiles_of(s), most_tiles(s)),
          images_of_block_(tiles_.count() > 1 ? 1
                                              : std::clamp<std::int64_t>(most_tiles(s) / tiles_.largest(), 1,
                                                                         std::max<std::int64_t>(s.images / 2, 1))) {}

    std::int64_t count() const { return blocks_of_images() * tiles_.count(); }
    Tiles operator[](std::int64_t block) const { return tiles_[block % tiles_.count()]; }
    std::int64_t first_image(std::int64_t block) const { return block / tiles_.count() * images_of_block_; }
    std::int64_t images_of(std::int64_t block) const {
        return std::min(images_of_block_, images_ - first_image(block));
    }

    /// The tiles of an image, and images, of the largest block.
    Tiles largest() const { return {{0, 0}, tiles_.size, 0}; }
    std::int64_t most_images() const { return images_of_block_; }

  private:
    std::int64_t blocks_of_images() const { return (images_ + images_of_block_ - 1) / images_of_block_; }

    static std::int64_t most_tiles(const WinogradProduct& s) {
        const std::int64_t points = points_of(s.r);
        const std::int64_t least = points * s.channels * s.columns > elements_of_cache ? 48 : 8;
        return std::clamp<std::int64_t>(elements_of_cache / (points * (s.channels + s.columns)), least, 64);
    }

    std::int64_t images_;
    PositionTiles tiles_;
    std::int64_t images_of_block_;
};

/// What belongs to a block of tiles: V, the transformed pixels of so many channels, and M, the transformed results in
/// so many columns, a row for each tile.
class TileWork {
  public:
    /// Memory for the largest block, or smaller ones.
    TileWork(const WinogradProduct& s, const TileBlocks& blocks, std::int64_t channels, std::int64_t columns)
        : V{nullptr, points_of(s.r), rows_of(blocks), channels},
          M{nullptr, points_of(s.r), rows_of(blocks), columns},
          s_(s),
          patch_size_(std::max(pixels_of(s, blocks.largest()).size_of(channels),
                               results_of(blocks.largest()).size_of(columns))),
          scratch_(patch_size_ + V.size() + M.size()) {
        V.data = scratch_.data() + patch_size_;
        M.data = V.data + V.size();
    }
    TileWork(const TileWork&) = delete;
    TileWork& operator=(const TileWork&) = delete;

    /// V from the planes of an image's channels, from this row on.
    void read_pixels(const float* planes, const Tiles& tiles, std::int64_t row) const {
        const Patch pixels = pixels_of(s_, tiles);
        pixels.read(planes, s_.image, V.columns, scratch_.data());
        transform_patch(Transform::pixels, pixels, tiles, V, row);
    }
    /// M from the planes of an image's results, by the transpose of what leads there.
    void read_results(const float* planes, const Tiles& tiles, std::int64_t row) const {
        const Patch results = results_of(tiles);
        results.read(planes, s_.positions, M.columns, scratch_.data());
        transform_patch(Transform::sums_transposed, results, tiles, M, row);
    }
    /// An image's results, from M; false if not all of them are finite.
    bool write_results(const Tiles& tiles, std::int64_t row, float* planes) const {
        const Patch results = results_of(tiles);
        bool is_finite = true;
        for (std::int64_t p = 0; p < M.panels(); ++p) {
            float* const sums = scratch_.data() + p * results.panel();
            transform_squares(s_.r, Transform::sums, in_matrices<const float*>(M, p, row, tiles),
                              in_patch(sums, results), tiles.size[0], tiles.size[1], M.registers(p));
            is_finite = is_finite && are_finite(sums, results.pixels(), M.registers(p));
        }
        results.write(scratch_.data(), s_.positions, M.columns, planes);
        return is_finite;
    }

    PointMatrices V, M;

  private:
    /// An odd number, or matrices would lie whole pages apart, and a cache would hold few of them.
    static std::int64_t rows_of(const TileBlocks& blocks) {
        return (blocks.most_images() * blocks.largest().count()) | 1;
    }

    /// The squares of a patch, and their transforms in a panel of matrices.
    template <class Pointer>
    static Squares<Pointer> in_patch(Pointer panel, const Patch& of) {
        return {panel, sums_along * of.row(), sums_along * panel_width(), of.row(), panel_width()};
    }
    template <class Pointer>
    Squares<Pointer> in_matrices(const PointMatrices& matrices, std::int64_t panel, std::int64_t row,
                                 const Tiles& tiles) const {
        return {matrices.data + panel * matrices.panel() + row * panel_width(), tiles.size[1] * panel_width(),
                panel_width(), points_along(s_.r) * matrices.point(), matrices.point()};
    }
    void transform_patch(Transform transform, const Patch& patch, const Tiles& tiles, const PointMatrices& to,
                         std::int64_t row) const {
        for (std::int64_t p = 0; p < to.panels(); ++p) {
            const float* const from = scratch_.data() + p * patch.panel();
            transform_squares(s_.r, transform, in_patch(from, patch), in_matrices<float*>(to, p, row, tiles),
                              tiles.size[0], tiles.size[1], to.registers(p));
        }
    }

    const WinogradProduct& s_;
    std::int64_t patch_size_;
    Scratch<float> scratch_;
};

/// Packed kernels, all cells of a channel side by side, and in matrices, a row for each channel.
template <class Pointer>
Squares<Pointer> in_kernels(Pointer panel, int r, std::int64_t width, bool are_turned) {
    if (are_turned) return {panel + (r * r - 1) * width, r * r * width, 0, -r * width, -width};
    return {panel, r * r * width, 0, r * width, width};
}
template <class Pointer>
Squares<Pointer> in_rows(Pointer panel, const PointMatrices& matrices, int r) {
    return {panel, panel_width(), 0, points_along(r) * matrices.point(), matrices.point()};
}

/// U, the transformed kernels of a group.
PointMatrices transformed_kernels(const WinogradProduct& s, float* transformed, std::int64_t group) {
    PointMatrices U{transformed, points_of(s.r), s.channels, s.columns};
    U.data += group * U.size();
    return U;
}

/// What is multiplied by definition: what a thread is worth is measured by it.
std::size_t bytes_of(const WinogradProduct& s) {
    const std::int64_t terms = s.channels * s.r * s.r;
    return static_cast<std::size_t>(s.images * s.groups * terms * s.positions[0] * s.positions[1]) * sizeof(float);
}

}  // namespace

bool pays_in_tiles(const WinogradProduct& s) {
    // Operations on registers for one image: products, and transforms, which take about 4 for each point of a tile;
    // those of kernels take 16 where they do not stay in a cache.
    const auto n = static_cast<double>(points_of(s.r));
    const Pair along = tiles_of(s);
    const double tiles = double(along[0]) * double(along[1]);
    const double both = double(s.channels) * double(s.columns);
    const double of_kernels = (n * both > elements_of_cache ? 16 : 4) * both;
    const double in_tiles = n * (tiles * both + 4 * tiles * double(s.channels + s.columns) + of_kernels);
    const double by_definition = double(s.positions[0] * s.positions[1]) * s.r * s.r * both;
    return std::min(s.channels, s.columns) >= 16 && in_tiles < 0.75 * by_definition;
}

std::int64_t transformed_size(const WinogradProduct& s) {
    return s.groups * transformed_kernels(s, nullptr, 0).size();
}

void transform_kernels(const WinogradProduct& s, const float* kernels, float* transformed) {
    const Panels<float> panels(s.columns);
    const auto parts = static_cast<std::size_t>(s.groups * panels.count());
    run::parallel_for(parts, static_cast<std::size_t>(transformed_size(s)) * sizeof(float), [&](std::size_t part) {
        const std::int64_t p = static_cast<std::int64_t>(part) % panels.count();
        const std::int64_t group = static_cast<std::int64_t>(part) / panels.count();
        const PointMatrices U = transformed_kernels(s, transformed, group);
        const float* const panel = kernels + (group * panels.padded() + panels.first(p)) * s.r * s.r * s.channels;
        transform_squares(s.r, Transform::kernel, in_kernels(panel, s.r, panels.width(p), s.are_turned),
                          in_rows(U.data + p * U.panel(), U, s.r), s.channels, 1, U.registers(p));
    });
}

void multiply_in_tiles(const WinogradProduct& s, const float* images, const float* transformed, float* results,
                       bool* finite) {
    const TileBlocks blocks(s);
    const std::int64_t width = panel_width(), pixels = s.image[0] * s.image[1];
    const Blocks of_columns((s.columns + width - 1) / width, blocks.count() * s.groups);
    const std::int64_t parts = blocks.count() * s.groups * of_columns.count;
    const Scratch<bool> finite_parts(parts * blocks.most_images());
    run::parallel_for(static_cast<std::size_t>(parts), bytes_of(s), [&](std::size_t part) {
        const std::int64_t column_block = static_cast<std::int64_t>(part) % of_columns.count;
        const std::int64_t group = static_cast<std::int64_t>(part) / of_columns.count % s.groups;
        const std::int64_t block = static_cast<std::int64_t>(part) / of_columns.count / s.groups;
        const std::int64_t first = of_columns.first(column_block) * width;
        PointMatrices U = transformed_kernels(s, const_cast<float*>(transformed), group);
        U.data += of_columns.first(column_block) * U.panel();
        U.columns = std::min(s.columns - first, of_columns.size_of(column_block) * width);

        const Tiles tiles = blocks[block];
        const TileWork work(s, blocks, s.channels, U.columns);
        const auto for_each_image = [&](auto&& visit) {
            for (std::int64_t i = 0; i < blocks.images_of(block); ++i) {
                visit((blocks.first_image(block) + i) * s.groups + group, i * tiles.count());
            }
        };
        for_each_image([&](std::int64_t image, std::int64_t row) {
            work.read_pixels(images + image * s.channels * pixels, tiles, row);
        });
        multiply_points(work.V, U, work.M, blocks.images_of(block) * tiles.count());
        bool* is_finite = finite_parts.data() + static_cast<std::int64_t>(part) * blocks.most_images();
        for_each_image([&](std::int64_t image, std::int64_t row) {
            float* const planes = results + (image * s.columns + first) * s.positions[0] * s.positions[1];
            *is_finite++ = work.write_results(tiles, row, planes);
        });
    });
    std::fill_n(finite, s.images * s.groups, true);
    for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t group = part / of_columns.count % s.groups;
        const std::int64_t block = part / of_columns.count / s.groups;
        for (std::int64_t i = 0; i < blocks.images_of(block); ++i) {
            bool& is_finite = finite[(blocks.first_image(block) + i) * s.groups + group];
            is_finite = is_finite && finite_parts.data()[part * blocks.most_images() + i];
        }
    }
}

namespace {

/// The gradient of U in shares, for each group and block of channels.
class KernelSums {
  public:
    explicit KernelSums(const WinogradProduct& s)
        : s_(s),
          panels_((s.columns + panel_width() - 1) / panel_width()),
          units_(s),
          shares_(units_.count(), s.groups * size_of(panels_of_channels()), most_elements),
          blocks_(panels_of_channels(), shares_.count * s.groups),
          sums_(s.groups * blocks_.count * shares_.count * size_of(blocks_.size)) {}

    /// Adds up what the shares have, each on one thread.
    void add_up(const float* images, const float* results) const {
        const std::int64_t parts = shares_.count * s_.groups * blocks_.count;
        run::parallel_for(static_cast<std::size_t>(parts), bytes_of(s_), [&](std::size_t part) {
            const std::int64_t block = static_cast<std::int64_t>(part) % blocks_.count;
            const std::int64_t group = static_cast<std::int64_t>(part) / blocks_.count % s_.groups;
            const std::int64_t share = static_cast<std::int64_t>(part) / blocks_.count / s_.groups;
            const PointMatrices sum = sum_of(group * blocks_.count + block, share);
            const TileWork work(s_, units_, sum.rows, s_.columns);
            for (std::int64_t unit = shares_.first(share); unit < shares_.end(share); ++unit) {
                const Tiles tiles = units_[unit];
                for (std::int64_t i = 0; i < units_.images_of(unit); ++i) {
                    const std::int64_t image = (units_.first_image(unit) + i) * s_.groups + group;
                    const std::int64_t first = image * s_.channels + blocks_.first(block) * panel_width();
                    work.read_pixels(images + first * s_.image[0] * s_.image[1], tiles, i * tiles.count());
                    work.read_results(results + image * s_.columns * s_.positions[0] * s_.positions[1], tiles,
                                      i * tiles.count());
                }
                multiply_points_transposed(work.V, work.M, sum, units_.images_of(unit) * tiles.count(),
                                           unit > shares_.first(share));
            }
        });
    }

    /// Adds the shares up; false if a sum is not finite. Matrix by matrix, since there may be one block alone.
    bool add_up_shares() const {
        const std::int64_t of_block = panels_ * points_of(s_.r);
        const std::int64_t parts = s_.groups * blocks_.count * of_block;
        const Scratch<bool> finite(parts);
        run::parallel_for(static_cast<std::size_t>(parts), bytes(), [&](std::size_t part) {
            const std::int64_t number = static_cast<std::int64_t>(part) % of_block;
            const PointMatrices sum = sum_of(static_cast<std::int64_t>(part) / of_block, 0);
            float* const matrix = sum.data + number * sum.point();
            add_up_pieces(matrix, shares_.count, size_of(blocks_.size), sum.point());
            finite.data()[part] = are_finite(matrix, sum.rows, sum.registers(number / sum.points));
        });
        return std::all_of(finite.data(), finite.data() + parts, [](bool is_finite) { return is_finite; });
    }

    /// The gradient of the kernels, packed.
    void write(float* kernels) const {
        const std::int64_t cells = s_.r * s_.r;
        const Panels<float> packed(s_.columns);
        const std::int64_t parts = s_.groups * blocks_.count * panels_;
        run::parallel_for(static_cast<std::size_t>(parts), bytes(), [&](std::size_t part) {
            const std::int64_t p = static_cast<std::int64_t>(part) % panels_;
            const std::int64_t number = static_cast<std::int64_t>(part) / panels_;
            const std::int64_t group = number / blocks_.count;
            const std::int64_t first = blocks_.first(number % blocks_.count) * panel_width();
            const PointMatrices sum = sum_of(number, 0);
            float* const panel = kernels + (group * packed.padded() + packed.first(p)) * s_.channels * cells +
                                 first * cells * packed.width(p);
            transform_squares(s_.r, Transform::kernel_transposed,
                              in_rows<const float*>(sum.data + p * sum.panel(), sum, s_.r),
                              in_kernels(panel, s_.r, packed.width(p), s_.are_turned), sum.rows, 1, sum.registers(p));
        });
    }

  private:
    static constexpr std::int64_t most_elements = std::int64_t{1} << 20;  // of all shares: they stay in a cache

    std::int64_t panels_of_channels() const { return (s_.channels + panel_width() - 1) / panel_width(); }
    std::int64_t size_of(std::int64_t channel_panels) const {
        return points_of(s_.r) * channel_panels * panels_ * panel_width() * panel_width();
    }
    std::size_t bytes() const {
        return static_cast<std::size_t>(s_.groups * blocks_.count * shares_.count * size_of(blocks_.size)) *
               sizeof(float);
    }
    /// Of a block of channels of a group.
    PointMatrices sum_of(std::int64_t number, std::int64_t share) const {
        const std::int64_t first = blocks_.first(number % blocks_.count) * panel_width();
        const std::int64_t channels = blocks_.size_of(number % blocks_.count) * panel_width();
        return {sums_.data() + (number * shares_.count + share) * size_of(blocks_.size), points_of(s_.r),
                std::min(s_.channels - first, channels), s_.columns};
    }

    const WinogradProduct& s_;
    std::int64_t panels_;
    TileBlocks units_;
    Shares shares_;
    Blocks blocks_;  // of panels of channels
    Scratch<float> sums_;
};

}  // namespace

bool correlate_in_tiles(const WinogradProduct& s, const float* images, const float* results, float* kernels) {
    const KernelSums sums(s);
    sums.add_up(images, results);
    if (!sums.add_up_shares()) return false;
    sums.write(kernels);
    return true;
}

}  // namespace xgrad::kernels
