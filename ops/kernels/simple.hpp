#pragma once

#include <cmath>
#include <cstddef>

#include <xgrad/graph/block_kernel.hpp>

/// The functions of an instruction or two, as types, so that two of them can be compiled as one kernel (ops/pairs.cpp).
namespace xgrad::simple {

struct Add {
    static constexpr Simple simple = Simple::add;
    static constexpr std::size_t arity = 2;
    [[gnu::always_inline]] inline auto operator()(auto x, auto y) const { return x + y; }
};

struct Subtract {
    static constexpr Simple simple = Simple::subtract;
    static constexpr std::size_t arity = 2;
    [[gnu::always_inline]] inline auto operator()(auto x, auto y) const { return x - y; }
};

struct Multiply {
    static constexpr Simple simple = Simple::multiply;
    static constexpr std::size_t arity = 2;
    [[gnu::always_inline]] inline auto operator()(auto x, auto y) const { return x * y; }
};

/// g p, but 0 where g = 0, whatever p is.
struct ScaleCotangent {
    static constexpr Simple simple = Simple::scale_cotangent;
    static constexpr std::size_t arity = 2;
    [[gnu::always_inline]] inline auto operator()(auto g, auto p) const { return g == 0 ? g : g * p; }
};

struct Negative {
    static constexpr Simple simple = Simple::negative;
    static constexpr std::size_t arity = 1;
    [[gnu::always_inline]] inline auto operator()(auto x) const { return -x; }
};

struct Square {
    static constexpr Simple simple = Simple::square;
    static constexpr std::size_t arity = 1;
    [[gnu::always_inline]] inline auto operator()(auto x) const { return x * x; }
};

struct SquareRoot {
    static constexpr Simple simple = Simple::square_root;
    static constexpr std::size_t arity = 1;
    [[gnu::always_inline]] inline auto operator()(auto x) const { return std::sqrt(x); }
};

/// A NaN is not below 0 and passes.
struct Relu {
    static constexpr Simple simple = Simple::relu;
    static constexpr std::size_t arity = 1;
    [[gnu::always_inline]] inline auto operator()(auto x) const { return x < 0 ? decltype(x)(0) : x; }
};

}  // namespace xgrad::simple
