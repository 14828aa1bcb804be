#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <xgrad/graph/explain/expression.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad::explain {

/// Something that has a name in the equations.
struct Symbol {
    enum class Kind { data, parameter, value, derivative };
    Kind kind;
    std::string name;   // as the user gave it, or found; of a derivative, with ∂ in front
    std::string ascii;  // letters, digits, and what an identifier may hold besides
    Shape shape;
    DType dtype;
};

/// What is said beside a line: before, the symbol's name, its shape, after.
struct Remark {
    std::string before;
    std::size_t symbol;
    std::string shape;
    std::string after;
};

/// symbol = value
struct Line {
    std::size_t symbol;
    Ref value;
    std::vector<Remark> remarks{};
};

/// What the graph computes and what reverse mode has recorded, as equations.
struct Equations {
    explicit Equations(bool simplifies) : algebra(simplifies) {}
    Algebra algebra;
    std::vector<Symbol> symbols;
    std::vector<std::size_t> given;  // data and parameters, in the order of their use
    std::vector<Line> forward;
    std::vector<Line> backward;
    std::int64_t examples = 0;  // the m of 1/m; 0 if there is none
};

/// Records the gradients ∂y/∂xs and reads the equations off the graph; the symbols' tensors too, if they are wanted.
/// Throws what grad() throws.
std::unique_ptr<Equations> equations_of(const Tensor& y, std::span<const Tensor> xs, bool simplifies, Location at,
                                        std::vector<Tensor>* tensors = nullptr);

/// Inlines what has no name of its own and is used once, drops what nothing uses, and brings the backward equations
/// into the order of the layers: first the last one, and in each the derivative of its value before those of its
/// parameters.
void arrange(Equations& equations, const std::vector<bool>& is_nameless, const std::vector<std::size_t>& results);

/// How a symbol was repeated by broadcasting, without having been asked to.
struct Stretch {
    std::size_t symbol;
    Shape from;
    Shape to;
};

/// Says beside the lines what was stretched in them (by the line's symbol), beside the gradients of what was stretched
/// why there is a sum, and where it was used that labels add up to 1. Gradients are pairs of a derivative and what it
/// is of.
void add_remarks(Equations& equations, const std::multimap<std::size_t, Stretch>& stretches,
                 std::span<const std::pair<std::size_t, std::size_t>> gradients,
                 std::span<const std::size_t> distributions);

/// Data by name, then parameters by layer.
void sort_given(Equations& equations);

/// "over 400 columns": along what an array was repeated.
std::string stretch_text(const Shape& from, const Shape& to);

}  // namespace xgrad::explain
