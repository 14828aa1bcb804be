#pragma once

#include <xgrad/graph/block_kernel.hpp>
#include <xgrad/ops/kernels/lanes.hpp>

namespace xgrad::math {

/// x / y. Where all of a block is divided by one power of two, it is multiplied by its reciprocal instead: that is
/// exact, so that both round the same number, and takes a fraction of the time.
struct Quotient {
    static constexpr Simple simple = Simple::divide;
    [[gnu::always_inline]] inline auto operator()(auto x, auto y) const { return x / y; }

    /// True for ±2^n with a reciprocal that is no less exact.
    template <Lane T>
    static bool is_simpler(T y) {
        constexpr Bits<T> fraction = (Bits<T>(1) << Format<T>::fraction) - 1;
        const Bits<T> exponent = (bits(y) & ~sign_bit<T>) >> Format<T>::fraction;
        return (bits(y) & fraction) == 0 && exponent > 0 && exponent < 2 * Format<T>::bias;
    }
    template <Lane T>
    static T simpler_factor(T y) {
        return 1 / y;
    }
    [[gnu::always_inline]] static inline auto simpler(Lane auto x, Lane auto factor) { return x * factor; }
};

}  // namespace xgrad::math
