#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <xgrad/graph/location.hpp>

namespace xgrad {

/// A number for the height and one for the width of an image; a single number stands for both: `.stride = 2`,
/// `.stride = {2, 1}`.
struct PerAxis {
    template <std::integral I>
    constexpr PerAxis(I both) : height(static_cast<std::int64_t>(both)), width(height) {}
    template <std::integral H, std::integral W>
    constexpr PerAxis(H height_, W width_)
        : height(static_cast<std::int64_t>(height_)), width(static_cast<std::int64_t>(width_)) {}

    std::int64_t height;
    std::int64_t width;
    friend constexpr bool operator==(const PerAxis&, const PerAxis&) = default;
};

/// ValueError, in the name of op, unless least ≤ both < 2^31: such numbers, and products of two, cannot overflow.
void require_range(std::string_view op, std::string_view what, PerAxis pair, std::int64_t least, Location at);

}  // namespace xgrad
