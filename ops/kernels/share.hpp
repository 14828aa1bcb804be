#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/shape.hpp>

/// How kernels deal their work out to threads.
namespace xgrad::kernels {

/// So many elements that are only moved or added up are enough for one part of a parallel loop.
inline constexpr std::int64_t elements_of_part = std::int64_t{1} << 15;

/// Calls f(first, end) for shares of `results` results with `count` elements each.
template <class F>
inline void share_results(std::int64_t results, std::int64_t count, std::size_t bytes, F&& f) {
    // Few results of many elements each are work for many threads too.
    const std::int64_t of_part = std::max<std::int64_t>(elements_of_part / std::max<std::int64_t>(count, 1), 1);
    run::parallel_for(static_cast<std::size_t>((results + of_part - 1) / of_part), bytes, [&](std::size_t part) {
        const std::int64_t first = static_cast<std::int64_t>(part) * of_part;
        f(first, std::min(results, first + of_part));
    });
}

/// The lines along one axis of a contiguous array: line l begins with element first(l), and its n elements stand `step`
/// apart.
struct Lines {
    std::int64_t n, step = 1, count = 0;

    Lines(const Shape& shape, std::size_t axis) : n(shape[axis]) {
        for (std::size_t i = axis + 1; i < shape.rank(); ++i) step *= shape[i];
        if (shape.size() > 0) count = shape.size() / n;
    }
    std::int64_t first(std::int64_t line) const { return line / step * n * step + line % step; }
    bool are_side_by_side() const { return step > 1; }
    /// From a line to the next one of its group.
    std::int64_t apart() const { return are_side_by_side() ? 1 : n; }
};

/// Calls f(first line, count) for groups of at most `most` lines, in which each is as far from the one before: of lines
/// that lie side by side, if some do, else of such that follow each other. An element is as much work as `weight` that
/// are only added up.
template <class F>
inline void share_lines(const Lines& lines, std::int64_t most, std::int64_t weight, F&& f) {
    if (lines.count == 0) return;
    const std::int64_t together = lines.are_side_by_side() ? lines.step : lines.count;
    const std::int64_t of_part = std::max<std::int64_t>(elements_of_part / (lines.n * weight), 1);
    const std::int64_t width = std::min({most, together, lines.are_side_by_side() ? most : of_part});
    const std::int64_t groups = (together + width - 1) / width;
    const auto bytes = static_cast<std::size_t>(lines.n * lines.count * weight) * sizeof(float);
    share_results(lines.count / together * groups, lines.n * width * weight, bytes,
                  [&](std::int64_t first, std::int64_t end) {
                      for (std::int64_t group = first; group < end; ++group) {
                          const std::int64_t line = group % groups * width;
                          f(group / groups * together + line, std::min(width, together - line));
                      }
                  });
}

}  // namespace xgrad::kernels
