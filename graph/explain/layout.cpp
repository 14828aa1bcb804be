#include <xgrad/graph/explain/layout.hpp>

#include <algorithm>
#include <span>

#include <xgrad/graph/explain/names.hpp>

namespace xgrad::explain {

namespace {

constexpr std::size_t fewest_layers = 3;

using Lines = std::span<const Line>;

/// Consecutive lines with the number of one layer; a line without a number stands alone.
struct Group {
    std::int64_t layer;  // -1: none
    Lines lines;
};

std::vector<Group> grouped(const Equations& equations, Lines lines) {
    std::vector<Group> groups;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto own = numbered(equations.symbols[lines[i].symbol].name);
        const std::int64_t layer = own ? own->number : -1;
        if (layer >= 0 && !groups.empty() && groups.back().layer == layer) {
            groups.back().lines = Lines(groups.back().lines.data(), groups.back().lines.size() + 1);
        } else {
            groups.push_back({layer, lines.subspan(i, 1)});
        }
    }
    return groups;
}

Row row_of(const Equations& equations, const Line& line, const Writer& writer, bool is_folded) {
    Row row{writer.name(line.symbol), writer.line(line.value), to_string(equations.symbols[line.symbol].shape), ""};
    for (const Remark& remark : line.remarks) {
        row.remark += (row.remark.empty() ? "" : "; ") + remark.before + writer.name_in_text(remark.symbol) + " ";
        if (!remark.shape.empty() && !is_folded) row.remark += remark.shape + " ";
        row.remark += remark.after;
    }
    return row;
}

std::vector<Row> rows_of(const Equations& equations, const Group& group, Style style, bool is_folded) {
    const Writer writer(equations, style, is_folded ? std::optional(group.layer) : std::nullopt);
    std::vector<Row> rows;
    for (const Line& line : group.lines) rows.push_back(row_of(equations, line, writer, is_folded));
    return rows;
}

/// Whether two layers have the same equations, if their numbers are not looked at.
bool alike(const Equations& equations, const Group& a, const Group& b) {
    if (a.layer < 0 || b.layer < 0 || a.lines.size() != b.lines.size()) return false;
    const std::vector<Row> left = rows_of(equations, a, Style::unicode, true);
    const std::vector<Row> right = rows_of(equations, b, Style::unicode, true);
    for (std::size_t i = 0; i < left.size(); ++i) {
        const Shape& shape = equations.symbols[a.lines[i].symbol].shape;
        const Shape& other = equations.symbols[b.lines[i].symbol].shape;
        if (left[i].name != right[i].name || left[i].value != right[i].value || left[i].remark != right[i].remark ||
            shape.rank() != other.rank()) {
            return false;
        }
    }
    return true;
}

/// The extents of one axis of one line in each layer.
std::vector<std::int64_t> extents(const Equations& equations, std::span<const Group> run, std::size_t line,
                                  std::size_t axis) {
    std::vector<std::int64_t> result;
    for (const Group& group : run) result.push_back(equations.symbols[group.lines[line].symbol].shape[axis]);
    return result;
}

Block folded(const Equations& equations, std::span<const Group> run, Style style) {
    Block block{run.front().layer, run.back().layer, true, "", rows_of(equations, run.front(), style, true)};
    const bool has_units = equations.symbols[run.front().lines[0].symbol].shape.rank() > 0;
    const auto units = has_units ? extents(equations, run, 0, 0) : std::vector<std::int64_t>();
    const bool counts_up = block.last > block.first;
    for (std::size_t line = 0; line < block.rows.size(); ++line) {
        const std::size_t rank = equations.symbols[run.front().lines[line].symbol].shape.rank();
        std::string text;
        for (std::size_t axis = 0; axis < rank; ++axis) {
            const std::vector<std::int64_t> own = extents(equations, run, line, axis);
            const bool is_constant =
                std::count(own.begin(), own.end(), own[0]) == static_cast<std::ptrdiff_t>(own.size());
            // The layer below is the one before if layers count up, else the one after.
            const bool is_below = has_units && (counts_up ? std::equal(own.begin() + 1, own.end(), units.begin())
                                                          : std::equal(own.begin(), own.end() - 1, units.begin() + 1));
            std::string extent = "...";
            if (is_constant) {
                extent = std::to_string(own[0]);
            } else if (own == units) {
                extent = "n[l]";
            } else if (is_below) {
                extent = "n[l-1]";
            }
            text += (axis > 0 ? ", " : "") + extent;
        }
        block.rows[line].shape = "(" + text + (rank == 1 ? ",)" : ")");
    }
    if (std::any_of(block.rows.begin(), block.rows.end(),
                    [](const Row& row) { return row.shape.find('n') != std::string::npos; })) {
        for (std::int64_t n : units) block.units += (block.units.empty() ? "" : ", ") + std::to_string(n);
    }
    return block;
}

}  // namespace

std::vector<Block> laid_out(const Equations& equations, const std::vector<Line>& lines, Style style, bool folds) {
    const std::vector<Group> groups = grouped(equations, lines);
    std::vector<Block> blocks;
    for (std::size_t start = 0; start < groups.size();) {
        std::size_t end = start + 1;
        while (folds && end < groups.size() && alike(equations, groups[end - 1], groups[end])) {
            const std::int64_t step = groups[end].layer - groups[end - 1].layer;
            if (step * step != 1 || (end > start + 1 && step != groups[end - 1].layer - groups[end - 2].layer)) break;
            ++end;
        }
        if (end - start >= fewest_layers) {
            blocks.push_back(folded(equations, std::span(groups).subspan(start, end - start), style));
            start = end;
            continue;
        }
        if (blocks.empty() || blocks.back().is_folded) blocks.emplace_back();
        for (Row& row : rows_of(equations, groups[start], style, false)) blocks.back().rows.push_back(std::move(row));
        ++start;
    }
    return blocks;
}

}  // namespace xgrad::explain
