#include <algorithm>
#include <unordered_map>

#include <xgrad/graph/explain/equations.hpp>

namespace xgrad::explain {

namespace {

constexpr std::size_t most_inlined = 12;
constexpr std::size_t last = static_cast<std::size_t>(-1);

using Table = std::unordered_map<std::size_t, Ref>;

/// Symbols that are operands of matrix products: an equation of several terms reads badly there.
void note_operands(Ref x, std::vector<bool>& is_operand) {
    for (Ref argument : x->arguments) {
        Ref of = argument;
        while (of->form == Form::transpose) of = of->arguments[0];
        if (x->form == Form::matrix_product && of->form == Form::symbol) is_operand[of->symbol] = true;
        note_operands(argument, is_operand);
    }
}

/// How often symbols are used, and in which line if it is one only.
struct Uses {
    std::vector<std::size_t> count, line;
    std::vector<bool> is_in_one_line, is_operand;

    explicit Uses(const Equations& equations) {
        const std::size_t symbols = equations.symbols.size();
        count.resize(symbols), line.resize(symbols, last), is_in_one_line.resize(symbols, true),
            is_operand.resize(symbols);
        for (const auto* lines : {&equations.forward, &equations.backward}) {
            for (const Line& user : *lines) {
                note_operands(user.value, is_operand);
                for_each_symbol(user.value, [&](std::size_t symbol) {
                    ++count[symbol];
                    if (line[symbol] != last && line[symbol] != user.symbol) is_in_one_line[symbol] = false;
                    line[symbol] = user.symbol;
                });
            }
        }
    }
};

void inline_lines(Equations& equations, const std::vector<bool>& is_nameless, const std::vector<bool>& is_result) {
    const Uses uses(equations);
    Table inlined, tentative;
    for (auto* lines : {&equations.forward, &equations.backward}) {
        for (Line& line : *lines) {
            line.value = equations.algebra.substituted(line.value, inlined);
            // What only this line uses, several times perhaps, and what makes it shorter.
            std::vector<std::size_t> used;
            for_each_symbol(line.value, [&](std::size_t symbol) { used.push_back(symbol); });
            for (std::size_t symbol : used) {
                const auto found = tentative.find(symbol);
                if (found == tentative.end() || found->second->size > most_inlined) continue;
                const Ref value = equations.algebra.substituted(line.value, {*found});
                if (value->size <= line.value->size) line.value = value;
            }
            if (!is_nameless[line.symbol] || is_result[line.symbol]) continue;
            const auto [coefficient, of] = split(line.value);
            const bool is_multiple =
                of && of->form == Form::symbol;  // 2 Z is inlined where it is used once, Z anywhere
            const bool is_simple =
                as_number(line.value) || (is_multiple && (coefficient == 1 || uses.is_in_one_line[line.symbol]));
            const bool is_single = uses.count[line.symbol] <= 1 && !uses.is_operand[line.symbol];
            if (is_simple || (is_single && line.value->size <= most_inlined)) {
                inlined.emplace(line.symbol, line.value);
            } else if (uses.is_in_one_line[line.symbol] && !uses.is_operand[line.symbol]) {
                tentative.emplace(line.symbol, line.value);
            }
        }
        std::erase_if(*lines, [&](const Line& line) { return inlined.contains(line.symbol); });
    }
}

void drop_unused(Equations& equations, const std::vector<bool>& is_result) {
    std::vector<bool> is_used = is_result;
    for (auto* lines : {&equations.backward, &equations.forward}) {
        for (auto line = lines->rbegin(); line != lines->rend(); ++line) {
            if (!is_used[line->symbol]) continue;
            for_each_symbol(line->value, [&](std::size_t symbol) { is_used[symbol] = true; });
        }
        std::erase_if(*lines, [&](const Line& line) { return !is_used[line.symbol]; });
    }
    std::erase_if(equations.given, [&](std::size_t symbol) { return !is_used[symbol]; });
}

/// Where a derivative belongs: (the line of the value, 0) for one of a value, (the line that first uses it, 1 and up in
/// the order of use) for one of a parameter.
class Places {
  public:
    explicit Places(const Equations& equations) : symbols_(equations.symbols) {
        std::size_t line = 0;
        for (const auto& [symbol, value, remarks] : equations.forward) {
            ++line;
            std::size_t position = 0;
            for_each_symbol(value,
                            [&](std::size_t used) { places_.try_emplace(symbols_[used].name, line, ++position); });
            places_[symbols_[symbol].name] = {line, 0};
        }
    }
    /// Larger numbers first, so that later lines come earlier.
    std::pair<std::size_t, std::size_t> key(std::size_t derivative) const {
        constexpr std::string_view sign = "∂";
        const std::string& name = symbols_[derivative].name;
        if (!name.starts_with(sign)) return {last, last};
        const auto found = places_.find(name.substr(sign.size()));
        if (found == places_.end()) return {last, last};
        return {last - 1 - found->second.first, found->second.second};
    }

  private:
    const std::vector<Symbol>& symbols_;
    std::unordered_map<std::string, std::pair<std::size_t, std::size_t>> places_;
};

void sort_backward(Equations& equations) {
    const Places places(equations);
    std::vector<Line>& lines = equations.backward;
    std::unordered_map<std::size_t, std::size_t> line_of;
    for (std::size_t i = 0; i < lines.size(); ++i) line_of.emplace(lines[i].symbol, i);
    std::vector<std::size_t> wished(lines.size());
    for (std::size_t i = 0; i < wished.size(); ++i) wished[i] = i;
    std::stable_sort(wished.begin(), wished.end(), [&](std::size_t a, std::size_t b) {
        return places.key(lines[a].symbol) < places.key(lines[b].symbol);
    });
    // Each line after those that it uses, which may have to come earlier than they wish.
    std::vector<Line> sorted;
    std::vector<int> state(lines.size());
    std::vector<std::size_t> waiting;
    for (std::size_t next : wished) {
        waiting.push_back(next);
        while (!waiting.empty()) {
            const std::size_t line = waiting.back();
            if (state[line] == 0) {
                state[line] = 1;
                for_each_symbol(lines[line].value, [&](std::size_t symbol) {
                    const auto found = line_of.find(symbol);
                    if (found != line_of.end() && state[found->second] == 0) waiting.push_back(found->second);
                });
                continue;
            }
            waiting.pop_back();
            if (state[line] == 1) sorted.push_back(lines[line]);
            state[line] = 2;
        }
    }
    lines = std::move(sorted);
}

}  // namespace

void arrange(Equations& equations, const std::vector<bool>& is_nameless, const std::vector<std::size_t>& results) {
    std::vector<bool> is_result(equations.symbols.size());
    for (std::size_t result : results) is_result[result] = true;
    inline_lines(equations, is_nameless, is_result);
    drop_unused(equations, is_result);
    sort_backward(equations);
}

}  // namespace xgrad::explain
