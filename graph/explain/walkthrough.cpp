#include <xgrad/graph/explain/walkthrough.hpp>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <xgrad/graph/explain/layout.hpp>
#include <xgrad/graph/explain/picture.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/explain/walkthrough_page.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

using namespace explain;

constexpr std::size_t operations_to_a_step = 20;

/// A string for a script within a page.
std::string script_text(const std::string& text) {
    std::string result = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') {
            result += std::string("\\") + c;
        } else if (c == '\n') {
            result += "\\n";
        } else if (c == '<') {
            result += "\\u003c";  // no </script> within
        } else if (static_cast<unsigned char>(c) >= 0x20) {
            result += c;
        }
    }
    return result + "\"";
}

std::vector<std::size_t> symbols_in(Ref value) {
    std::vector<std::size_t> result;
    for_each_symbol(value, [&](std::size_t symbol) {
        if (std::find(result.begin(), result.end(), symbol) == result.end()) result.push_back(symbol);
    });
    return result;
}

/// Where the boxes stand: a column for what can be computed next, what is given just before its first use.
class Places {
  public:
    explicit Places(const Equations& equations) {
        for (const Line& line : equations.forward) {
            std::size_t column = 1;
            for (std::size_t used : symbols_in(line.value)) {
                if (column_.contains(used)) column = std::max(column, column_.at(used) + 1);
            }
            column_[line.symbol] = column;
            for (std::size_t used : symbols_in(line.value)) {
                if (!column_.contains(used)) column_[used] = column - 1;
            }
        }
        const auto place = [&](std::size_t symbol) {
            if (column_.contains(symbol)) row_[symbol] = rows_[column_[symbol]]++;
        };
        for (const Line& line : equations.forward) place(line.symbol);
        for (std::size_t given : equations.given) place(given);
    }
    bool has(std::size_t symbol) const { return column_.contains(symbol); }
    std::size_t column(std::size_t symbol) const { return column_.at(symbol); }
    std::size_t row(std::size_t symbol) const { return row_.at(symbol); }

  private:
    std::map<std::size_t, std::size_t> column_, row_, rows_;
};

std::string box_text(const Equations& equations, std::size_t symbol, const Places& places, const Tensor& value,
                     Location at) {
    const Symbol& s = equations.symbols[symbol];
    const char* const kind = s.kind == Symbol::Kind::parameter ? "parameter"
                             : s.kind == Symbol::Kind::data    ? "data"
                                                               : "value";
    const bool is_given = s.kind == Symbol::Kind::parameter || s.kind == Symbol::Kind::data;
    return fmt::format("{{name:{},shape:{},kind:\"{}\",column:{},row:{},numbers:{}}}", script_text(s.name),
                       script_text(to_string(s.shape)), kind, places.column(symbol), places.row(symbol),
                       script_text(is_given ? values_text(value, at) : ""));
}

std::string steps_text(const Equations& equations, const std::vector<Line>& lines, const std::vector<Tensor>& tensors,
                       bool is_backward, Location at) {
    std::string text;
    std::size_t next = 0;
    for (const Block& block : laid_out(equations, lines, Style::unicode, false)) {
        for (const Row& row : block.rows) {
            const Line& line = lines[next++];
            std::string uses;
            for (std::size_t used : symbols_in(line.value)) {
                uses += (uses.empty() ? "" : ",") + script_text(equations.symbols[used].name);
            }
            const Tensor& value = tensors[line.symbol];
            const std::string numbers = value.is_empty_handle() ? "" : values_text(value, at);
            text += fmt::format("{{name:{},value:{},shape:{},remark:{},backward:{},uses:[{}],numbers:{}}},\n",
                                script_text(row.name), script_text(row.value), script_text(row.shape),
                                script_text(row.remark), is_backward, uses, script_text(numbers));
        }
    }
    return text;
}

}  // namespace

std::string walkthrough(const Tensor& y, std::span<const Tensor> xs, const WalkthroughOptions& options, Location at) {
    at = Attribution::resolve(at);
    const auto require_at_most = [&](std::size_t most, std::size_t count, const char* what) {
        if (count <= most) return;
        throw ValueError("walkthrough", fmt::format("needs a graph of at most {} {}", most, what),
                         std::to_string(count), at,
                         "draw() folds one of any size; WalkthroughOptions::most_steps asks for more");
    };
    const NodeRef root = source(y, "walkthrough", at);
    require_at_most(options.most_steps * operations_to_a_step, ancestors({&root, 1}).size(), "operations and values");
    std::vector<Tensor> tensors;
    const auto equations = equations_of(y, xs, true, at, &tensors);
    require_at_most(options.most_steps, equations->forward.size() + equations->backward.size(), "steps");
    std::vector<Tensor> computed;
    for (const Tensor& tensor : tensors) {
        if (!tensor.is_empty_handle()) computed.push_back(tensor);
    }
    compute(computed, at);
    const Places places(*equations);
    std::string boxes, edges;
    const auto add_box = [&](std::size_t symbol) {
        if (places.has(symbol)) boxes += box_text(*equations, symbol, places, tensors[symbol], at) + ",\n";
    };
    for (std::size_t given : equations->given) add_box(given);
    for (const Line& line : equations->forward) {
        add_box(line.symbol);
        for (std::size_t used : symbols_in(line.value)) {
            edges += fmt::format("[{},{}],", script_text(equations->symbols[used].name),
                                 script_text(equations->symbols[line.symbol].name));
        }
    }
    return std::string(walkthrough_head) + "const boxes = [\n" + boxes + "];\nconst edges = [" + edges +
           "];\nconst steps = [\n" + steps_text(*equations, equations->forward, tensors, false, at) +
           steps_text(*equations, equations->backward, tensors, true, at) +
           fmt::format("];\nconst m = {};\n", equations->examples) + std::string(walkthrough_tail);
}

}  // namespace xgrad
