#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string_view>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/movement.hpp>

#include "derivative_check.hpp"
#include "support.hpp"

// The inputs of a probe: numbers, and how they lie in memory.

namespace derivative_check {

using namespace xgrad;
using support::count_of;
using support::Numbers;

// Drawn numbers keep this distance from each other and from 0 and 1, so that no difference quotient reaches over a
// kink or a tie.
inline constexpr long double apart = 0x1p-10L;
inline std::string_view name_of(InputLayout layout) {
    constexpr std::string_view names[] = {"contiguous", "transposed", "sliced", "reversed", "mixed", "shared"};
    return names[static_cast<std::size_t>(layout)];
}

inline InputLayout layout_of(InputLayout layout, std::size_t input) {
    return layout == InputLayout::mixed ? all_layouts[(input + 1) % 4] : layout;
}

/// The array that, seen through a layout, is an array of `shape`.
inline Shape source_shape(const Shape& shape, InputLayout layout) {
    Shape result = shape;
    if (layout == InputLayout::transposed) std::reverse(result.begin(), result.end());
    if (layout == InputLayout::sliced) {
        for (std::int64_t& extent : result) extent = 2 * extent + 1;
        result.push_back(2);  // so that a scalar is a slice too
    }
    return result;
}

inline Tensor seen(const Tensor& source, const Shape& shape, InputLayout layout) {
    switch (layout) {
        case InputLayout::contiguous:
        case InputLayout::shared:
            return source;
        case InputLayout::transposed:
            return transpose(source);
        case InputLayout::sliced: {
            std::vector<Slice> slices(shape.rank(), range(1, Slice::open, 2));
            slices.emplace_back(-1);
            return view(source, slices);
        }
        default:
            return view(source, std::vector<Slice>(shape.rank(), all(-1)));
    }
}

/// The elements of the source through which `numbers` are seen; `filler` where nothing is seen.
inline Numbers embedded(const Numbers& numbers, const Shape& shape, InputLayout layout, long double filler) {
    const Shape outer = source_shape(shape, layout);
    const Strides strides = row_major(outer);
    const std::size_t rank = shape.rank();
    Numbers result(count_of(outer), filler);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        auto rest = static_cast<std::int64_t>(i);
        std::int64_t offset = layout == InputLayout::sliced ? 1 : 0;
        for (std::size_t axis = rank; axis-- > 0;) {
            const std::int64_t index = rest % shape[axis];
            rest /= shape[axis];
            if (layout == InputLayout::contiguous || layout == InputLayout::shared) offset += index * strides[axis];
            if (layout == InputLayout::transposed) offset += index * strides[rank - 1 - axis];
            if (layout == InputLayout::sliced) offset += (2 * index + 1) * strides[axis];
            if (layout == InputLayout::reversed) offset += (shape[axis] - 1 - index) * strides[axis];
        }
        result[static_cast<std::size_t>(offset)] = numbers[i];
    }
    return result;
}

/// The dtype of a probe's input: its numbers' own, or what stands for truth and for indices.
inline DType dtype_of(const ProbeInput& input, DType real = DType::float64) {
    if (input.kind == ProbeInput::Kind::real) return real;
    return input.kind == ProbeInput::Kind::boolean ? DType::boolean : DType::int64;
}

class Draws {
  public:
    Draws(std::uint32_t seed, DType dtype) : engine_(seed), dtype_(dtype) {}

    /// Numbers from an open interval, exact in the dtype, apart from all earlier ones.
    Numbers inputs(const ProbeInput& input) {
        Numbers result;
        for (std::int64_t i = 0; i < input.shape.size(); ++i) {
            if (input.kind == ProbeInput::Kind::real) {
                result.push_back(lonely(input.low, input.high));
            } else {
                const auto choices = static_cast<std::uint32_t>(input.high - input.low);
                const auto last = input.kind == ProbeInput::Kind::boolean ? 2 : choices;
                result.push_back(input.low + engine_() % last);
            }
        }
        return result;
    }

    /// The directions of a derivative: neither equal nor small.
    Numbers directions(std::size_t count) {
        Numbers result;
        for (std::size_t i = 0; i < count; ++i) {
            const long double size = between(0.5, 1.5);
            result.push_back(engine_() % 2 ? size : -size);
        }
        return result;
    }

  private:
    long double between(double low, double high) {
        const double number = low + (high - low) * ((engine_() + 0.5) * 0x1p-32 + engine_() * 0x1p-64);
        return dtype_ == DType::float32 ? static_cast<float>(number) : number;
    }
    long double lonely(double low, double high) {
        for (int attempt = 0; attempt < 10000; ++attempt) {
            const long double number = between(low + 0x1p-11, high - 0x1p-11);
            const auto near = [&](long double other) { return std::abs(number - other) < apart; };
            if (std::any_of(taken_.begin(), taken_.end(), near)) continue;
            taken_.push_back(number);
            return number;
        }
        throw std::logic_error("derivative_check: a probe's interval is too narrow for its size");
    }

    std::mt19937 engine_;
    DType dtype_;
    Numbers taken_{0, 1};
};

}  // namespace derivative_check
