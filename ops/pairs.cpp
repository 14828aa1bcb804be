#include <xgrad/graph/run/pairs.hpp>

#include <array>
#include <tuple>
#include <utility>

#include <xgrad/ops/kernels/simple.hpp>

namespace xgrad::run {

namespace {

/// In the order of their numbers.
using Functions = std::tuple<simple::Add, simple::Subtract, simple::Multiply, simple::ScaleCotangent, simple::Negative,
                             simple::Square>;
constexpr std::size_t functions = std::tuple_size_v<Functions>;
constexpr std::size_t positions = 2;

template <class Outer, std::size_t position, class Inner>
struct Composed {
    [[gnu::always_inline]] inline auto operator()(auto x) const { return Outer{}(Inner{}(x)); }
    [[gnu::always_inline]] inline auto operator()(auto x, auto y) const {
        if constexpr (Outer::arity == 1) {
            return Outer{}(Inner{}(x, y));
        } else if constexpr (position == 0) {
            return Outer{}(Inner{}(x), y);
        } else {
            return Outer{}(x, Inner{}(y));
        }
    }
    [[gnu::always_inline]] inline auto operator()(auto x, auto y, auto z) const {
        if constexpr (position == 0) {
            return Outer{}(Inner{}(x, y), z);
        } else {
            return Outer{}(x, Inner{}(y, z));
        }
    }
};

using Row = std::array<BlockKernel, isa_count>;
/// For float32 and float64.
using Pair = std::array<Row, 2>;

template <std::size_t outer, std::size_t position, std::size_t inner>
constexpr Pair pair() {
    using Outer = std::tuple_element_t<outer, Functions>;
    using Inner = std::tuple_element_t<inner, Functions>;
    if constexpr (position < Outer::arity) {
        constexpr BlockKernels kernels = detail::same_type_kernels<Composed<Outer, position, Inner>,
                                                                   Outer::arity + Inner::arity - 1, float, double>();
        return {kernels.table[static_cast<std::size_t>(DType::float32)],
                kernels.table[static_cast<std::size_t>(DType::float64)]};
    } else {
        return {};
    }
}

template <std::size_t... number>
constexpr auto all_pairs(std::index_sequence<number...>) {
    return std::array<Pair, sizeof...(number)>{
        pair<number / (positions * functions), number / functions % positions, number % functions>()...};
}
constexpr auto pairs = all_pairs(std::make_index_sequence<functions * positions * functions>());

}  // namespace

BlockKernel kernel_of_pair(Simple outer, std::size_t position, Simple inner, DType dtype) noexcept {
    const auto number = [](Simple function) { return static_cast<std::size_t>(function) - 1; };
    const auto is_paired = [&](Simple function) { return function != Simple::none && number(function) < functions; };
    if (!is_paired(outer) || !is_paired(inner)) return nullptr;
    if (dtype != DType::float32 && dtype != DType::float64) return nullptr;
    const Pair& pair = pairs[(number(outer) * positions + position) * functions + number(inner)];
    return pair[dtype == DType::float64][static_cast<std::size_t>(isa())];
}

}  // namespace xgrad::run
