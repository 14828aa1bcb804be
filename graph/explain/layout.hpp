#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <xgrad/graph/explain/write.hpp>

namespace xgrad::explain {

/// One equation as it is shown.
struct Row {
    std::string name;
    std::string value;
    std::string shape;
    std::string remark;
};

/// Rows that belong together: single lines, or those of every layer from first to last, written with an l.
struct Block {
    std::int64_t first = 0;
    std::int64_t last = 0;
    bool is_folded = false;
    std::string units{};  // the n[l], if they differ
    std::vector<Row> rows{};
};

/// Lines as rows. Three or more layers in a row that differ only in their number are one block, if wanted.
std::vector<Block> laid_out(const Equations& equations, const std::vector<Line>& lines, Style style, bool folds);

}  // namespace xgrad::explain
