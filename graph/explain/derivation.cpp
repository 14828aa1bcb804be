#include <xgrad/graph/explain/derivation.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/graph/explain/layout.hpp>
#include <xgrad/graph/explain/notation.hpp>

namespace xgrad {

namespace {

using namespace explain;

constexpr std::size_t widest = 64;  // a longer equation does not push the others' shapes further

/// Characters, not bytes.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

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

std::string given(const Equations& equations, Style style) {
    const Writer writer(equations, style);
    std::string data, parameters;
    for (std::size_t index : equations.given) {
        const Symbol& symbol = equations.symbols[index];
        std::string& list = symbol.kind == Symbol::Kind::parameter ? parameters : data;
        list += (list.empty() ? "" : ", ") + writer.name(index) + " " + to_string(symbol.shape);
    }
    std::string text;
    if (!data.empty()) text += "given       " + data + "\n";
    if (!parameters.empty()) text += "parameters  " + parameters + "\n";
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

}  // namespace xgrad
