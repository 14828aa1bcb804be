#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <xgrad/graph/isa.hpp>

namespace xgrad::kernels {

/// Bytes of a vector register.
constexpr std::size_t register_bytes(Isa isa) {
    return isa == Isa::avx512 ? 64 : isa == Isa::avx2 ? 32 : 16;
}

/// The numbers that one register holds; long double has no vectors.
template <class T>
constexpr std::int64_t lanes(Isa isa) {
    return std::is_same_v<T, long double> ? 1 : static_cast<std::int64_t>(register_bytes(isa) / sizeof(T));
}

/// One register of numbers. Arithmetic with a single number repeats it.
template <class T, std::int64_t Lanes>
struct RegisterOf {
    typedef T Type __attribute__((vector_size(Lanes * sizeof(T))));
};
template <class T>
struct RegisterOf<T, 1> {
    using Type = T;
};
template <class T, Isa isa>
using Register = typename RegisterOf<T, lanes<T>(isa)>::Type;

/// A register where memory is not aligned for it. A type of lower alignment would not do: compilers lose sight of it
/// behind a template or a reference. Nor would memcpy: GCC copies registers that it keeps in memory by halves.
template <class R>
struct [[gnu::packed, gnu::may_alias]] Anywhere {
    R numbers;
};

/// A register from anywhere in memory, and back.
template <class R, class T>
[[gnu::always_inline]] inline void load(const T* from, R& to) {
    to = reinterpret_cast<const Anywhere<R>*>(from)->numbers;
}
template <class R, class T>
[[gnu::always_inline]] inline void store(const R& from, T* to) {
    reinterpret_cast<Anywhere<R>*>(to)->numbers = from;
}

}  // namespace xgrad::kernels
