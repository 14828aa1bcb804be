#include <fmt/format.h>

#include <xgrad/graph/explain/derivation.hpp>
#include <xgrad/graph/explain/layout.hpp>

// The equations for a browser and for Markdown.

namespace xgrad {

namespace {

using namespace explain;

std::string layers(const Block& block) {
    std::string text = fmt::format("for l = {}, …, {}", block.first, block.last);
    if (!block.units.empty()) text += fmt::format(" with n[{}], …, n[{}] = {}", block.first, block.last, block.units);
    return text;
}

std::string table(const std::string& title, const std::vector<Block>& blocks) {
    std::string text = "| " + title + " | shape | |\n|---|---|---|\n";
    for (const Block& block : blocks) {
        if (block.is_folded) text += "| **" + layers(block) + "** | | |\n";
        for (const Row& row : block.rows) {
            text += fmt::format("| ${} = {}$ | {} | {} |\n", row.name, row.value, row.shape, row.remark);
        }
    }
    return text;
}

std::string escaped(const std::string& text) {
    std::string result;
    for (char c : text) {
        switch (c) {
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '&':
                result += "&amp;";
                break;
            case '"':
                result += "&quot;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

std::string rows(const std::string& title, const std::vector<Block>& blocks) {
    std::string text = "<tr class=\"title\"><th colspan=\"5\">" + title + "</th></tr>\n";
    for (const Block& block : blocks) {
        if (block.is_folded) text += "<tr class=\"layers\"><td colspan=\"5\">" + layers(block) + "</td></tr>\n";
        for (const Row& row : block.rows) {
            text += fmt::format(
                "<tr><td class=\"name\">{}</td><td>=</td><td class=\"value\">{}</td><td>{}</td>"
                "<td class=\"remark\">{}</td></tr>\n",
                escaped(row.name), escaped(row.value), row.shape, escaped(row.remark));
        }
    }
    return text;
}

constexpr const char* page_head = R"page(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Derivation</title><style>
body { font: 17px/1.6 Cambria, Georgia, "DejaVu Serif", serif; margin: 2em auto; max-width: 75em; color: #222; }
table { border-collapse: collapse; } td { padding: .1em .6em; vertical-align: top; } .name { text-align: right; }
.title th { text-align: left; padding: 1em .6em .3em; border-bottom: 1px solid #999; }
.layers td { padding-top: .6em; color: #555; } .remark { color: #777; font-style: italic; }
.symbol { border-radius: 3px; } .lit { background: #ffe08a; } tr:hover { background: #f6f6f6; }
</style></head><body>
<p>Point at a name to see where it is used. Side by side is a matrix product, * goes element by element.</p>
<table>
)page";

// Every name in the values becomes something to point at. The names are those of the lines and of what is given.
constexpr const char* page_tail =
    R"page(const names = [...new Set([...GIVEN, ...[...document.querySelectorAll(".name")].map(cell => cell.textContent)])]
  .sort((a, b) => b.length - a.length);
const quoted = names.map(name => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
const pattern = new RegExp("(?<![\\p{L}\\p{N}_.∂])(" + quoted.join("|") + ")(?![\\p{L}\\p{Nd}_('])", "gu");
for (const cell of document.querySelectorAll(".name, .value")) {
  const text = cell.textContent;
  cell.replaceChildren();
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const mark = document.createElement("span");
    mark.className = "symbol";
    mark.textContent = match[1];
    cell.append(text.slice(end, match.index), mark);
    end = match.index + match[1].length;
  }
  cell.append(text.slice(end));
}
document.addEventListener("mouseover", event => {
  const name = event.target.className === "symbol" || event.target.className === "symbol lit" ? event.target.textContent : null;
  for (const mark of document.querySelectorAll(".symbol")) mark.classList.toggle("lit", mark.textContent === name);
});
</script></body></html>
)page";

}  // namespace

std::string Derivation::markdown() const {
    const auto part = [&](const char* title, const std::vector<Line>& lines) {
        return table(title, laid_out(*equations_, lines, Style::latex, folds_));
    };
    return part("forward", equations_->forward) + "\n" + part("backward", equations_->backward);
}

std::string Derivation::html() const {
    const auto part = [&](const char* title, const std::vector<Line>& lines) {
        return rows(title, laid_out(*equations_, lines, Style::unicode, folds_));
    };
    const Writer writer(*equations_, Style::unicode);
    std::string names, list;
    for (std::size_t symbol : equations_->given) {
        names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", escaped(writer.name(symbol)));
        list += fmt::format("{}<span class=\"name\">{}</span> {}", list.empty() ? "" : ", ",
                            escaped(writer.name(symbol)), to_string(equations_->symbols[symbol].shape));
    }
    if (equations_->examples > 0) list += fmt::format("; m = {}", equations_->examples);
    std::string page = page_head;
    page += "<tr><td colspan=\"5\">given " + list + "</td></tr>\n";
    page += part("forward", equations_->forward) + part("backward", equations_->backward);
    return page + "</table>\n<script>const GIVEN = [" + names + "];\n" + page_tail;
}

}  // namespace xgrad
