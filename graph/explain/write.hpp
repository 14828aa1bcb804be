#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <xgrad/graph/explain/equations.hpp>

namespace xgrad::explain {

enum class Style { unicode, ascii, latex };

/// Writes expressions in one notation. With a layer, names are written relative to it: Z[l], A[l-1].
class Writer {
  public:
    Writer(const Equations& equations, Style style, std::optional<std::int64_t> layer = std::nullopt)
        : equations_(equations), style_(style), layer_(layer) {}

    std::string name(std::size_t symbol) const;
    std::string name_in_text(std::size_t symbol) const {
        return is(Style::latex) ? "$" + name(symbol) + "$" : name(symbol);
    }
    /// The right-hand side of a line. Its value is repeated to the line's shape.
    std::string line(Ref value) const;

  private:
    struct Text {
        std::string text;
        int level;  // how tightly it is bound
    };
    std::string at_level(Ref x, int level, bool is_arithmetic = true) const;
    Text written(Ref x, bool is_arithmetic) const;
    Text sum(Ref x) const;
    Text product(Ref x, const std::string& lead) const;
    Text call(Ref x, bool is_arithmetic) const;
    Text total(Ref x) const;
    std::string power(Ref base, double exponent) const;
    std::string number(double value, DType dtype) const;
    std::string function(const std::string& name) const;
    std::string attribute(const Attributes::Value& value) const;
    std::string bracketed(const std::string& text, const char* open, const char* close) const;
    bool is(Style style) const { return style_ == style; }

    const Equations& equations_;
    Style style_;
    std::optional<std::int64_t> layer_;
};

}  // namespace xgrad::explain
