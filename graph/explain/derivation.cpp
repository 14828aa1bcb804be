#include <xgrad/graph/explain/derivation.hpp>

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include <xgrad/graph/explain/layout.hpp>
#include <xgrad/graph/explain/notation.hpp>
#include <xgrad/graph/explain/walk.hpp>

namespace xgrad {

namespace {

using namespace explain;

constexpr std::size_t widest = 64;  // a longer equation does not push the others' shapes further

std::string padded(const std::string& text, std::size_t to) {
    return text + std::string(to > width(text) ? to - width(text) : 0, ' ');
}

std::string header(const Block& block, bool is_ascii) {
    std::string units;
    if (!block.units.empty()) {
        units =
            fmt::format(" with n[{}], {}, n[{}] = {}", block.first, is_ascii ? "..." : "…", block.last, block.units);
    }
    return fmt::format("for l = {}, {}, {}{}:\n", block.first, is_ascii ? "..." : "…", block.last, units);
}

std::string lines_of(const std::vector<Block>& blocks, bool is_ascii) {
    std::size_t equations = 0, shapes = 0;
    for (const Block& block : blocks) {
        for (const Row& row : block.rows) {
            const std::size_t own = width(row.name) + 3 + width(row.value) + (block.is_folded ? 4 : 0);
            if (own <= widest) equations = std::max(equations, own);
            shapes = std::max(shapes, width(row.shape));
        }
    }
    std::string text;
    for (const Block& block : blocks) {
        if (block.is_folded) text += "    " + header(block, is_ascii);
        const std::string indent(block.is_folded ? 8 : 4, ' ');
        for (const Row& row : block.rows) {
            std::string line = padded(indent + row.name + " = " + row.value, equations + 4) + "   " + row.shape;
            if (!row.remark.empty()) line = padded(line, equations + 7 + shapes) + "   " + row.remark;
            text += line + "\n";
        }
    }
    return text;
}

/// Names with their shapes; of many the first and the last.
std::string named_list(const Equations& equations, const Writer& writer, const std::vector<std::size_t>& symbols) {
    constexpr std::size_t most = 24, begin = 4, end = 2;
    std::string list;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
        const bool is_shown = symbols.size() <= most || i < begin || i + end >= symbols.size();
        if (is_shown || i == begin) list += list.empty() ? "" : ", ";
        if (is_shown) list += writer.name(symbols[i]) + " " + to_string(equations.symbols[symbols[i]].shape);
        if (!is_shown && i == begin) list += "...";
    }
    return list;
}

std::string given(const Equations& equations, Style style) {
    const Writer writer(equations, style);
    std::vector<std::size_t> data, parameters;
    for (std::size_t index : equations.given) {
        const bool is_parameter = equations.symbols[index].kind == Symbol::Kind::parameter;
        (is_parameter ? parameters : data).push_back(index);
    }
    std::string text;
    if (!data.empty()) text += "given       " + named_list(equations, writer, data) + "\n";
    if (!parameters.empty()) text += "parameters  " + named_list(equations, writer, parameters) + "\n";
    return text;
}

}  // namespace

Derivation::Derivation(std::shared_ptr<const Equations> equations, bool folds)
    : equations_(std::move(equations)), folds_(folds) {}

namespace {

/// Whether the derivative of a branch that was not taken may be 0 times infinity.
bool has_choice(const Equations& equations) {
    std::vector<Ref> path;
    for (const auto* lines : {&equations.forward, &equations.backward}) {
        for (const Line& line : *lines) path.push_back(line.value);
    }
    while (!path.empty()) {
        const Ref x = path.back();
        path.pop_back();
        if (x->form == Form::call && writing_of(*x->op) == Writing::choice) return true;
        path.insert(path.end(), x->arguments.begin(), x->arguments.end());
    }
    return false;
}

std::string plain_text(const Equations& equations, Style style, bool folds) {
    const bool is_ascii = style == Style::ascii;
    const std::string forward = lines_of(laid_out(equations, equations.forward, style, folds), is_ascii);
    const std::string backward = lines_of(laid_out(equations, equations.backward, style, folds), is_ascii);
    std::string text = given(equations, style);
    if ((forward + backward).find("/m ") != std::string::npos)
        text += fmt::format("with        m = {}\n", equations.examples);
    if (has_choice(equations))
        text += "where       0 times infinity is 0: a branch that is not taken has no derivative\n";
    return text + "\nforward\n" + forward + "\nbackward\n" + backward;
}

}  // namespace

std::string Derivation::text() const {
    return plain_text(*equations_, Style::unicode, folds_);
}

std::string Derivation::ascii() const {
    return plain_text(*equations_, Style::ascii, folds_);
}

Derivation derivation(const Tensor& y, std::span<const Tensor> xs, const DerivationOptions& options, Location at) {
    at = Attribution::resolve(at);
    return Derivation(equations_of(y, xs, options.simplify, at), options.fold);
}

std::ostream& operator<<(std::ostream& stream, const Derivation& derivation) {
    return stream << derivation.text();
}

}  // namespace xgrad
