#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include <xgrad/graph/explain/equations.hpp>
#include <xgrad/graph/explain/names.hpp>

namespace xgrad::explain {

std::string stretch_text(const Shape& from, const Shape& to) {
    if (to.rank() != 2 || from.rank() > 2) return "to " + to_string(to);
    Shape full = from;
    while (full.rank() < 2) full.insert(0, 1);
    const auto count = [](std::int64_t n, const char* what) {
        return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
    };
    const bool rows = full[0] != to[0], columns = full[1] != to[1];
    if (rows && columns) return "over " + count(to[0], "row") + " and " + count(to[1], "column");
    return "over " + (rows ? count(to[0], "row") : count(to[1], "column"));
}

void sort_given(Equations& equations) {
    const auto key = [&](std::size_t index) {
        const Symbol& symbol = equations.symbols[index];
        const auto own = numbered(symbol.name);
        const bool is_data = symbol.kind == Symbol::Kind::data;
        return std::tuple(!is_data, is_data ? symbol.name : "", own ? own->number : 0);
    };
    std::stable_sort(equations.given.begin(), equations.given.end(),
                     [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
}

void add_remarks(Equations& equations, const std::multimap<std::size_t, Stretch>& stretches,
                 std::span<const std::pair<std::size_t, std::size_t>> gradients,
                 std::span<const std::size_t> distributions) {
    for (Line& line : equations.forward) {
        const auto [first, end] = stretches.equal_range(line.symbol);
        for (auto entry = first; entry != end; ++entry) {
            const auto& [symbol, from, to] = entry->second;
            const bool is_known = std::any_of(line.remarks.begin(), line.remarks.end(), [&](const Remark& other) {
                return other.symbol == entry->second.symbol;
            });
            if (!is_known) line.remarks.push_back({"", symbol, to_string(from), "stretched " + stretch_text(from, to)});
        }
    }
    for (Line& line : equations.backward) {
        const auto gradient = std::find_if(gradients.begin(), gradients.end(),
                                           [&](const auto& entry) { return entry.first == line.symbol; });
        if (gradient == gradients.end()) continue;
        const auto stretch = std::find_if(stretches.begin(), stretches.end(),
                                          [&](const auto& entry) { return entry.second.symbol == gradient->second; });
        if (stretch == stretches.end()) continue;
        const auto& [symbol, from, to] = stretch->second;
        line.remarks.push_back({"because ", symbol, "", "was stretched " + stretch_text(from, to)});
    }
    for (std::size_t symbol : distributions) {
        if (!equations.algebra.has_used_distribution(symbol)) continue;
        for (Line& line : equations.backward) {
            bool has_symbol = false;
            for_each_symbol(line.value, [&](std::size_t found) { has_symbol = has_symbol || found == symbol; });
            if (!has_symbol) continue;
            line.remarks.push_back({"because ", symbol, "", "adds up to 1 for each example"});
            break;
        }
    }
}

}  // namespace xgrad::explain
