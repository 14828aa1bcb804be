#include <xgrad/ops/kernels/winograd.hpp>

#include <algorithm>

#include <xgrad/graph/run/fetch.hpp>
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

/// The tiles of all images dealt out in blocks, which stay in the second cache with all that belongs to them: small
/// images some at a time, of large ones some of their tiles.
struct TileBlocks {
    explicit TileBlocks(const WinogradProduct& s) : tiles(tiles_of(s), most_tiles(s)), images(s.images) {}

    std::int64_t count() const { return images * tiles.count(); }
    Tiles operator[](std::int64_t block) const { return tiles[block % tiles.count()]; }
    std::int64_t image(std::int64_t block) const { return block / tiles.count(); }
    Tiles largest() const { return {{0, 0}, tiles.size, 0}; }

    static std::int64_t most_tiles(const WinogradProduct& s) {
        constexpr std::int64_t elements = std::int64_t{1} << 18;
        return std::clamp<std::int64_t>(elements / (points_of(s.r) * (s.channels + s.columns)), 8, 64);
    }
    PositionTiles tiles;
    std::int64_t images;
};

/// Rows of the matrices of a block: an odd number, or matrices would lie whole pages apart, and a cache would hold few.
std::int64_t rows_of(const Tiles& largest) {
    return largest.count() | 1;
}

/// Squares in a patch, and what belongs to them in a panel of matrices, a row for each.
template <class Pointer>
Squares<Pointer> in_patch(Pointer panel, const Patch& of) {
    return {panel, sums_along * of.row(), sums_along * panel_width(), of.row(), panel_width()};
}
template <class Pointer>
Squares<Pointer> in_matrices(Pointer panel, const PointMatrices& matrices, const Tiles& tiles, int r) {
    return {panel, tiles.size[1] * panel_width(), panel_width(), points_along(r) * matrices.point(), matrices.point()};
}

/// Transforms the squares of a patch into the rows of matrices.
void transform_patch(const WinogradProduct& s, Transform transform, const Patch& patch, const float* from,
                     const Tiles& tiles, const PointMatrices& to) {
    for (std::int64_t p = 0; p < to.panels(); ++p) {
        transform_squares(s.r, transform, in_patch(from + p * patch.panel(), patch),
                          in_matrices(to.data + p * to.panel(), to, tiles, s.r), tiles.size[0], tiles.size[1],
                          to.registers(p));
    }
}

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
    // Operations on registers for one image: products, and transforms, which take about 4 for each point.
    const auto n = static_cast<double>(points_of(s.r));
    const Pair along = tiles_of(s);
    const double tiles = double(along[0]) * double(along[1]);
    const double both = double(s.channels) * double(s.columns);
    const double transforms = 4 * n * (tiles * double(s.channels + s.columns) + both);
    const double by_definition = double(s.positions[0] * s.positions[1]) * s.r * s.r * both;
    return std::min(s.channels, s.columns) >= 16 && tiles * n * both + transforms < 0.75 * by_definition;
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
    const std::int64_t width = panel_width();
    const Blocks of_columns((s.columns + width - 1) / width, blocks.count() * s.groups);
    const std::int64_t parts = blocks.count() * s.groups * of_columns.count;
    const Scratch<bool> finite_parts(parts);
    run::parallel_for(static_cast<std::size_t>(parts), bytes_of(s), [&](std::size_t part) {
        const std::int64_t column_block = static_cast<std::int64_t>(part) % of_columns.count;
        const std::int64_t group = static_cast<std::int64_t>(part) / of_columns.count % s.groups;
        const std::int64_t block = static_cast<std::int64_t>(part) / of_columns.count / s.groups;
        const std::int64_t image = blocks.image(block) * s.groups + group;
        const std::int64_t first_column = of_columns.first(column_block) * width;
        const std::int64_t columns = std::min(s.columns - first_column, of_columns.size_of(column_block) * width);
        const Tiles tiles = blocks[block];
        const Patch pixels = pixels_of(s, tiles), sums = results_of(tiles);

        PointMatrices U = transformed_kernels(s, const_cast<float*>(transformed), group);
        U.data += of_columns.first(column_block) * U.panel();
        PointMatrices V{nullptr, U.points, rows_of(tiles), s.channels};
        PointMatrices M{nullptr, U.points, rows_of(tiles), columns};
        const std::int64_t patch_size = std::max(pixels.size_of(s.channels), sums.size_of(columns));
        const Scratch<float> scratch(patch_size + V.size() + M.size());
        float* const patch = scratch.data();
        V.data = patch + patch_size;
        M.data = V.data + V.size();

        pixels.read(images + image * s.channels * s.image[0] * s.image[1], s.image, s.channels, patch);
        transform_patch(s, Transform::pixels, pixels, patch, tiles, V);
        multiply_points(V, U, M, tiles.count());
        bool& is_finite = finite_parts.data()[part] = true;
        for (std::int64_t p = 0; p < M.panels(); ++p) {
            const float* const panel = M.data + p * M.panel();
            float* const result = patch + p * sums.panel();
            transform_squares(s.r, Transform::sums, in_matrices(panel, M, tiles, s.r), in_patch(result, sums),
                              tiles.size[0], tiles.size[1], M.registers(p));
            is_finite = is_finite && are_finite(result, sums.pixels(), M.registers(p));
        }
        sums.write(patch, s.positions, columns,
                   results + (image * s.columns + first_column) * s.positions[0] * s.positions[1]);
    });
    std::fill_n(finite, s.images * s.groups, true);
    for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t group = part / of_columns.count % s.groups;
        bool& is_finite = finite[blocks.image(part / of_columns.count / s.groups) * s.groups + group];
        is_finite = is_finite && finite_parts.data()[part];
    }
}

bool correlate_in_tiles(const WinogradProduct& s, const float* images, const float* results, float* kernels) {
    const std::int64_t width = panel_width(), points = points_of(s.r), cells = s.r * s.r;
    const std::int64_t panels = (s.columns + width - 1) / width, channel_panels = (s.channels + width - 1) / width;
    const TileBlocks units(s);
    const Shares shares(units.count(), s.groups * points * channel_panels * panels * width * width,
                        std::int64_t{1} << 20);
    const Blocks blocks(channel_panels, shares.count * s.groups);
    const auto channels_of = [&](std::int64_t block) {
        return std::min(s.channels - blocks.first(block) * width, blocks.size_of(block) * width);
    };
    // The gradient of U, for each group and block of channels in shares.
    const std::int64_t sum_size = points * blocks.size * width * panels * width;
    const Scratch<float> sums(s.groups * blocks.count * shares.count * sum_size);
    const auto sum_of = [&](std::int64_t group, std::int64_t block, std::int64_t share) {
        return PointMatrices{sums.data() + ((group * blocks.count + block) * shares.count + share) * sum_size, points,
                             channels_of(block), s.columns};
    };
    const auto parts = static_cast<std::size_t>(shares.count * s.groups * blocks.count);
    run::parallel_for(parts, bytes_of(s), [&](std::size_t part) {
        const std::int64_t block = static_cast<std::int64_t>(part) % blocks.count;
        const std::int64_t group = static_cast<std::int64_t>(part) / blocks.count % s.groups;
        const std::int64_t share = static_cast<std::int64_t>(part) / blocks.count / s.groups;
        const std::int64_t channels = channels_of(block);
        PointMatrices V{nullptr, points, rows_of(units.largest()), channels};
        PointMatrices W{nullptr, points, rows_of(units.largest()), s.columns};
        const std::int64_t patch_size =
            std::max(pixels_of(s, units.largest()).size_of(channels), results_of(units.largest()).size_of(s.columns));
        const Scratch<float> scratch(patch_size + V.size() + W.size());
        float* const patch = scratch.data();
        V.data = patch + patch_size;
        W.data = V.data + V.size();
        for (std::int64_t unit = shares.first(share); unit < shares.end(share); ++unit) {
            const Tiles tiles = units[unit];
            const std::int64_t image = units.image(unit) * s.groups + group;
            const std::int64_t first = image * s.channels + blocks.first(block) * width;
            const Patch pixels = pixels_of(s, tiles), of_results = results_of(tiles);
            pixels.read(images + first * s.image[0] * s.image[1], s.image, channels, patch);
            transform_patch(s, Transform::pixels, pixels, patch, tiles, V);
            of_results.read(results + image * s.columns * s.positions[0] * s.positions[1], s.positions, s.columns,
                            patch);
            transform_patch(s, Transform::sums_transposed, of_results, patch, tiles, W);
            multiply_points_transposed(V, W, sum_of(group, block, share), tiles.count(), unit > shares.first(share));
        }
    });
    // Matrix by matrix, since there may be one block alone.
    const std::int64_t sum_parts = s.groups * blocks.count * panels * points;
    const std::size_t bytes =
        static_cast<std::size_t>(s.groups * blocks.count * shares.count * sum_size) * sizeof(float);
    const Scratch<bool> finite_parts(sum_parts);
    run::parallel_for(static_cast<std::size_t>(sum_parts), bytes, [&](std::size_t part) {
        const std::int64_t number = static_cast<std::int64_t>(part) % (panels * points);
        const std::int64_t block = static_cast<std::int64_t>(part) / (panels * points);
        const PointMatrices sum = sum_of(block / blocks.count, block % blocks.count, 0);
        float* const matrix = sum.data + number * sum.point();
        add_up_pieces(matrix, shares.count, sum_size, sum.point());
        finite_parts.data()[part] = are_finite(matrix, sum.rows, sum.registers(number / points));
    });
    const auto kernel_parts = static_cast<std::size_t>(s.groups * blocks.count * panels);
    run::parallel_for(kernel_parts, bytes, [&](std::size_t part) {
        const std::int64_t p = static_cast<std::int64_t>(part) % panels;
        const std::int64_t block = static_cast<std::int64_t>(part) / panels % blocks.count;
        const std::int64_t group = static_cast<std::int64_t>(part) / panels / blocks.count;
        const PointMatrices sum = sum_of(group, block, 0);
        const Panels<float> packed(s.columns);
        float* const panel = kernels + (group * packed.padded() + packed.first(p)) * s.channels * cells +
                             blocks.first(block) * width * cells * packed.width(p);
        transform_squares(s.r, Transform::kernel_transposed,
                          in_rows<const float*>(sum.data + p * sum.panel(), sum, s.r),
                          in_kernels(panel, s.r, packed.width(p), s.are_turned), sum.rows, 1, sum.registers(p));
    });
    return std::all_of(finite_parts.data(), finite_parts.data() + sum_parts, [](bool is_finite) { return is_finite; });
}

}  // namespace xgrad::kernels
