#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <xgrad/graph/dtype.hpp>
#include <xgrad/graph/isa.hpp>
#include <xgrad/graph/per_isa.hpp>

namespace xgrad {

/// Computes n elements: output[i] = f(inputs[0][i], inputs[1][i], ...). Every array is contiguous, and the output
/// overlaps no input.
using BlockKernel = void (*)(const void* const* inputs, void* output, std::size_t n);

/// Functions of an instruction or two, for which reading and writing takes longer than computing. Several of them can
/// be computed as one: any as machine code (run/machine_code.hpp), and two of those up to `square`, one after the other
/// (run/pairs.hpp).
enum class Simple : std::uint8_t {
    none,
    add,
    subtract,
    multiply,
    scale_cotangent,
    negative,
    square,
    divide,
    square_root,
    relu
};

/// One elementwise function, compiled for each dtype and instruction set. Made by one of the functions below from a
/// generic lambda without captures.
struct BlockKernels {
    std::size_t arity = 0;
    Simple simple = Simple::none;
    bool gives_boolean = false;     // a comparison: the result is bool whatever the inputs are
    bool first_is_boolean = false;  // a choice: the first input is a mask, the rest have one dtype
    std::array<std::array<BlockKernel, isa_count>, dtype_count> table{};

    /// The kernel for inputs of this dtype (of the last one, where the first is a mask); null if there is none.
    BlockKernel kernel(DType dtype) const {
        return table[static_cast<std::size_t>(dtype)][static_cast<std::size_t>(isa())];
    }
    /// Another kernel for one dtype and instruction set, where one is written for it.
    constexpr void replace(DType dtype, Isa isa, BlockKernel by) {
        table[static_cast<std::size_t>(dtype)][static_cast<std::size_t>(isa)] = by;
    }
    bool takes(DType dtype) const { return table[static_cast<std::size_t>(dtype)][0] != nullptr; }
};

/// A function whose formula for a whole block does not cover every argument: beyond it, elements are computed again,
/// one by one.
template <class F, class... T>
concept CoversPart = requires(T... x) {
    { F::is_beyond(x...) } -> std::same_as<bool>;
    F::beyond(x...);
};

/// A function of two numbers that is a simpler one, with the same bits, where the second is repeated and has some
/// property: simpler(x, simpler_factor(y)).
template <class F, class T>
concept SimplerIfRepeated = requires(T y) {
    { F::is_simpler(y) } -> std::same_as<bool>;
};

namespace detail {

template <class F, class R, class... T>
struct Loop {
    [[gnu::always_inline]] static inline void run(const void* const* inputs, void* output, std::size_t n) {
        run(inputs, output, n, std::index_sequence_for<T...>());
    }
    template <std::size_t... I>
    [[gnu::always_inline]] static inline void run(const void* const* inputs, void* output, std::size_t n,
                                                  std::index_sequence<I...>) {
        R* __restrict result = static_cast<R*>(output);
        if constexpr (SimplerIfRepeated<F, R>) {
            const auto* y = static_cast<const R*>(inputs[1]);
            if (n > 0 && F::is_simpler(y[0]) && is_repeated(y, n)) {
                const auto* x = static_cast<const R*>(inputs[0]);
                const R factor = F::simpler_factor(y[0]);
                for (std::size_t i = 0; i < n; ++i) result[i] = F::simpler(x[i], factor);
                return;
            }
        }
        for (std::size_t i = 0; i < n; ++i) result[i] = static_cast<R>(F{}(static_cast<const T*>(inputs[I])[i]...));
        if constexpr (CoversPart<F, T...>) {
            int any = 0;  // as a bool it would keep the loop from vectorising
            for (std::size_t i = 0; i < n; ++i) any |= F::is_beyond(static_cast<const T*>(inputs[I])[i]...);
            for (std::size_t i = 0; any != 0 && i < n; ++i) {
                if (F::is_beyond(static_cast<const T*>(inputs[I])[i]...)) {
                    result[i] = F::beyond(static_cast<const T*>(inputs[I])[i]...);
                }
            }
        }
    }

  private:
    [[gnu::always_inline]] static inline bool is_repeated(const R* y, std::size_t n) {
        if (y[n - 1] != y[0]) return false;
        int differs = 0;  // as above
        for (std::size_t i = 0; i < n; ++i) differs |= static_cast<int>(y[i] != y[0]);
        return differs == 0;
    }
};

/// The loop for each instruction set.
template <class F, class R, class... T>
constexpr auto loops_of = PerIsa<Loop<F, R, T...>, const void* const*, void*, std::size_t>::all;

template <class F, class T, std::size_t... I>
constexpr auto same_type_loops(std::index_sequence<I...>) {
    return loops_of<F, T, std::conditional_t<I != static_cast<std::size_t>(-1), T, void>...>;
}
template <class F, class R, class T, std::size_t... I>
constexpr auto loops_giving(std::index_sequence<I...>) {
    return loops_of<F, R, std::conditional_t<I != static_cast<std::size_t>(-1), T, void>...>;
}

template <class F, std::size_t Arity, class... T>
constexpr BlockKernels same_type_kernels() {
    BlockKernels kernels;
    kernels.arity = Arity;
    if constexpr (requires { F::simple; }) kernels.simple = F::simple;
    ((kernels.table[static_cast<std::size_t>(dtype_of<T>)] = same_type_loops<F, T>(std::make_index_sequence<Arity>())),
     ...);
    return kernels;
}

}  // namespace detail

/// Kernels for the floating-point dtypes: `floating<1>([](auto x) { return math::exp(x); })`.
template <std::size_t Arity, class F>
constexpr BlockKernels floating(F) {
    return detail::same_type_kernels<F, Arity, float, double, long double>();
}

/// Kernels for the floating-point and integer dtypes.
template <std::size_t Arity, class F>
constexpr BlockKernels numeric(F) {
    return detail::same_type_kernels<F, Arity, std::int32_t, std::int64_t, float, double, long double>();
}

/// Kernels from bool to bool.
template <std::size_t Arity, class F>
constexpr BlockKernels logical(F) {
    return detail::same_type_kernels<F, Arity, bool>();
}

/// Kernels from any dtype to bool: comparisons.
template <std::size_t Arity, class F>
constexpr BlockKernels predicate(F) {
    BlockKernels kernels;
    kernels.arity = Arity;
    kernels.gives_boolean = true;
    constexpr auto inputs = std::make_index_sequence<Arity>();
    const auto fill = [&]<class... T>() {
        ((kernels.table[static_cast<std::size_t>(dtype_of<T>)] = detail::loops_giving<F, bool, T>(inputs)), ...);
    };
    fill.template operator()<bool, std::int32_t, std::int64_t, float, double, long double>();
    return kernels;
}

/// Kernels f(mask, x, y) for any dtype of x and y.
template <class F>
constexpr BlockKernels choice(F) {
    BlockKernels kernels;
    kernels.arity = 3;
    kernels.first_is_boolean = true;
    const auto fill = [&]<class... T>() {
        ((kernels.table[static_cast<std::size_t>(dtype_of<T>)] = detail::loops_of<F, T, bool, T, T>), ...);
    };
    fill.template operator()<bool, std::int32_t, std::int64_t, float, double, long double>();
    return kernels;
}

}  // namespace xgrad
