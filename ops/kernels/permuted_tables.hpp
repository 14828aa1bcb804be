#pragma once

#include <cstddef>

#include <xgrad/graph/block_kernel.hpp>

/// Functions of n numbers of single precision, for AVX-512. A table of polynomials stands in registers, from which a
/// permutation takes the coefficients of each lane: no exponential and no division. (Tables in registers: Intel's
/// vector mathematics library does so. The coefficients were fitted here, by least squares with weights that level the
/// error.)
namespace xgrad::kernels {

#if defined(__x86_64__)

/// tanh x
/// Errs by less than 1 ulp, and never falls where x rises, both seen in all numbers.
void tanh_avx512(const void* const* inputs, void* output, std::size_t n);

/// 1 / (1 + e^-x)
/// Errs by less than 1.2 ulp, and never falls where x rises, both seen in all numbers.
void sigmoid_avx512(const void* const* inputs, void* output, std::size_t n);

#else

inline constexpr BlockKernel tanh_avx512 = nullptr, sigmoid_avx512 = nullptr;

#endif

}  // namespace xgrad::kernels
