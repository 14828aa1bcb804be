#include <xgrad/graph/explain/write.hpp>

#include <cmath>

#include <fmt/format.h>

#include <xgrad/graph/explain/names.hpp>
#include <xgrad/graph/explain/notation.hpp>

namespace xgrad::explain {

namespace {

// A juxtaposition is a matrix product, or a number before what it scales; it binds more tightly than * and /.
constexpr int as_sum = 0, as_product = 10, as_total = 15, as_matrix = 20, as_power = 30, as_atom = 40;

std::string superscript(long exponent) {
    static const char* const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    std::string result;
    for (char digit : std::to_string(exponent)) result += digits[digit - '0'];
    return result;
}

std::string escaped(const std::string& name) {
    std::string result;
    for (char c : name) result += c == '_' ? std::string("\\_") : std::string(1, c);
    return result;
}

std::string latex_name(std::string name) {
    constexpr std::string_view sign = "∂";
    std::string result;
    while (name.starts_with(sign)) {
        name.erase(0, sign.size());
        result += "\\partial ";
    }
    return result + (name.size() == 1 ? name : "\\mathrm{" + escaped(name) + "}");
}

const char* comparison_sign(Writing writing, Style style) {
    const bool is_ascii = style == Style::ascii;
    switch (writing) {
        case Writing::less:
            return "<";
        case Writing::less_equal:
            return is_ascii ? "<=" : "≤";
        case Writing::greater:
            return ">";
        case Writing::greater_equal:
            return is_ascii ? ">=" : "≥";
        case Writing::equal:
            return "=";
        default:
            return is_ascii ? "!=" : "≠";
    }
}

}  // namespace

std::string Writer::name(std::size_t symbol) const {
    const Symbol& s = equations_.symbols[symbol];
    const std::string& plain = is(Style::ascii) ? s.ascii : s.name;
    const auto with_number = numbered(plain);
    if (!with_number || (!layer_ && !is(Style::latex))) return is(Style::latex) ? latex_name(plain) : plain;
    std::string number = std::to_string(with_number->number);
    if (layer_) {
        const std::int64_t distance = with_number->number - *layer_;
        number = distance == 0 ? "l" : fmt::format("l{:+}", distance);
    }
    if (is(Style::latex)) return latex_name(with_number->base) + "^{[" + number + "]}";
    return with_number->base + "[" + number + "]";
}

std::string Writer::bracketed(const std::string& text, const char* open, const char* close) const {
    const bool is_latex = is(Style::latex);
    return std::string(is_latex ? "\\left" : "") + open + text + (is_latex ? "\\right" : "") + close;
}

std::string Writer::at_level(Ref x, int level, bool is_arithmetic) const {
    const Text result = written(x, is_arithmetic);
    return result.level >= level ? result.text : bracketed(result.text, "(", ")");
}

std::string Writer::line(Ref value) const {
    return written(unstretched(value), false).text;
}

std::string Writer::number(double value, DType dtype) const {
    if (dtype == DType::boolean) return value == 0 ? "false" : "true";
    const std::int64_t m = equations_.examples;
    const double share = std::abs(value) * static_cast<double>(m);
    const double tolerance = dtype == DType::float32 ? 1e-7 : 4e-16;
    for (int k = 1; k <= 4 && m > k; ++k) {
        if (std::abs(share - k) > tolerance * k || std::abs(value) == 0.5) continue;
        if (is(Style::latex)) return fmt::format("{}\\frac{{{}}}{{m}}", value < 0 ? "-" : "", k);
        return fmt::format("{}{}/m", value < 0 ? "-" : "", k);
    }
    if (dtype == DType::float32) return fmt::format("{}", static_cast<float>(value));
    return fmt::format("{}", value);
}

std::string Writer::function(const std::string& name) const {
    return is(Style::latex) ? "\\operatorname{" + escaped(name) + "}" : name;
}

Writer::Text Writer::written(Ref x, bool is_arithmetic) const {
    switch (x->form) {
        case Form::number:
            return {number(x->numbers[0], x->dtype), x->numbers[0] < 0 ? as_sum : as_atom};
        case Form::symbol:
            return {name(x->symbol), as_atom};
        case Form::sum:
            return sum(x);
        case Form::product:
            return product(x, "");
        case Form::matrix_product:
            return {at_level(x->arguments[0], as_matrix) + (is(Style::latex) ? " \\, " : " ") +
                        at_level(x->arguments[1], as_power),
                    as_matrix};
        case Form::transpose: {
            const char* const mark = is(Style::latex) ? "^{T}" : is(Style::ascii) ? "^T" : "ᵀ";
            const std::string of = at_level(x->arguments[0], as_atom);
            // A name that ends in an exponent of its own.
            const bool is_exponent = is(Style::latex) && of.ends_with("]}");
            return {is_exponent ? of.substr(0, of.size() - 1) + "T}" : of + mark, as_power};
        }
        default:
            return call(x, is_arithmetic);
    }
}

Writer::Text Writer::sum(Ref x) const {
    std::string text;
    for (std::size_t i = 0; i < x->arguments.size(); ++i) {
        const Ref of = x->arguments[i];
        const bool is_negative = x->numbers[i] < 0;
        const double size = std::abs(x->numbers[i]);
        if (i > 0) text += is_negative ? (is(Style::unicode) ? " − " : " - ") : " + ";
        if (i == 0 && is_negative) text += is(Style::unicode) ? "−" : "-";
        if (of->form == Form::number) {
            text += number(size * of->numbers[0], x->dtype);
        } else if (size == 1) {
            text += at_level(of, as_product);
        } else if (of->form == Form::product) {
            text += product(of, number(size, x->dtype)).text;
        } else {
            text += number(size, x->dtype) + " " + at_level(of, as_product);
        }
    }
    return {text, x->arguments.size() == 1 && x->numbers[0] > 0 ? as_product : as_sum};
}

std::string Writer::power(Ref base, double exponent) const {
    if (exponent == 1) return at_level(base, as_power);
    const auto whole = static_cast<long>(exponent);
    if (is(Style::latex)) return "{" + at_level(base, as_atom) + "}^{" + std::to_string(whole) + "}";
    return at_level(base, as_atom) + (is(Style::unicode) ? superscript(whole) : "^" + std::to_string(whole));
}

Writer::Text Writer::product(Ref x, const std::string& lead) const {
    std::string above, below;
    const char* const times = is(Style::latex) ? " \\odot " : " * ";
    for (std::size_t i = 0; i < x->arguments.size(); ++i) {
        const double exponent = x->numbers[i];
        if (exponent > 0) {
            above += (above.empty() ? "" : times) +
                     (exponent == 1 ? at_level(x->arguments[i], as_total) : power(x->arguments[i], exponent));
        } else {
            below += " / " + power(x->arguments[i], -exponent);
        }
    }
    if (!lead.empty()) above = lead + (above.empty() ? "" : " ") + above;
    if (above.empty()) above = "1";
    const bool is_power = lead.empty() && x->arguments.size() == 1 && x->numbers[0] > 1;
    return {above + below, is_power ? as_power : as_product};
}

std::string Writer::attribute(const Attributes::Value& value) const {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
    if (const auto* real = std::get_if<double>(&value)) {
        std::string text = fmt::format("{}", *real);
        if (text.find_first_of(".en") == std::string::npos) text += ".0";
        return text;
    }
    if (const auto* dtype = std::get_if<DType>(&value)) return std::string(xgrad::name(*dtype));
    if (const auto* shape = std::get_if<Shape>(&value)) return to_string(*shape);
    return "...";
}

Writer::Text Writer::total(Ref x) const {
    const auto& axes = x->attributes.at<Shape>("axes");
    const bool keeps = x->attributes.at<bool>("keepdims");
    const Ref of = x->arguments[0];
    const std::size_t rank = of->shape.rank();
    const bool is_everything = axes.rank() == rank && (!keeps || rank == 0);
    std::string along = is_everything ? "all" : "";
    if (rank == 2 && keeps && axes.rank() == 1) along = axes[0] == 1 ? "columns" : "rows";
    if (along.empty()) return {"", 0};
    if (is(Style::ascii)) {
        return {(is_everything ? "sum(" : "sum_" + along + "(") + at_level(of, as_sum, false) + ")", as_atom};
    }
    std::string sign = is(Style::latex) ? "\\sum" : "Σ";
    if (!is_everything) sign += is(Style::latex) ? "_{\\text{" + along + "}}" : "_" + along;
    return {sign + " " + at_level(of, as_power, false), as_total};
}

Writer::Text Writer::call(Ref x, bool is_arithmetic) const {
    const Writing writing = writing_of(*x->op);
    const auto argument = [&](std::size_t i) { return at_level(x->arguments[i], as_sum, false); };
    if (is_comparison(writing)) {
        return {"[" + argument(0) + " " + comparison_sign(writing, style_) + " " + argument(1) + "]", as_atom};
    }
    if (writing == Writing::cast && is_arithmetic && x->arguments[0]->dtype == DType::boolean &&
        is_floating(x->dtype)) {
        return written(x->arguments[0], true);  // a condition counts as 0 or 1
    }
    if (writing == Writing::absolute && !is(Style::ascii)) {
        // A plain | would end the cell of a Markdown table.
        return {is(Style::latex) ? bracketed(argument(0), "\\lvert ", "\\rvert ") : "|" + argument(0) + "|", as_atom};
    }
    if (writing == Writing::sigmoid && !is(Style::ascii)) {
        return {(is(Style::latex) ? "\\sigma" : "σ") + bracketed(argument(0), "(", ")"), as_atom};
    }
    if (writing == Writing::sum) {
        if (Text text = total(x); !text.text.empty()) return text;
    }
    std::string inside;
    for (std::size_t i = 0; i < x->arguments.size(); ++i) inside += (i > 0 ? ", " : "") + argument(i);
    const char* before = inside.empty() ? ";" : "; ";
    for (const auto& [key, value] : x->attributes) {
        inside +=
            std::string(before) + (is(Style::latex) ? "\\text{" + escaped(key) + "}" : key) + "=" + attribute(value);
        before = ", ";
    }
    return {function(x->op->name) + bracketed(inside, "(", ")"), as_atom};
}

}  // namespace xgrad::explain
