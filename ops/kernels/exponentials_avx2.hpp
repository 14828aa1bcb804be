#pragma once

#include <cstddef>

#include <xgrad/graph/block_kernel.hpp>

/// The functions of exponentials.hpp for n numbers of single precision, for AVX2: the same formulas, written with the
/// instructions themselves, because the compiler makes seven of two bounds where two do. They take 0.8 of its time.
namespace xgrad::kernels {

#if defined(__x86_64__)

/// tanh x = E / (E + 2) with E = e^2|x| - 1
/// Errs by less than 2 ulp.
void tanh_avx2(const void* const* inputs, void* output, std::size_t n);

/// 1 / (1 + e^-x)
/// Errs by less than 2 ulp.
void sigmoid_avx2(const void* const* inputs, void* output, std::size_t n);

#else

inline constexpr BlockKernel tanh_avx2 = nullptr, sigmoid_avx2 = nullptr;

#endif

/// These kernels, but for float32 those that are written for one instruction set, if there are any.
constexpr BlockKernels with_single_precision(BlockKernels kernels, BlockKernel avx2, BlockKernel avx512) {
    if (avx2) kernels.replace(DType::float32, Isa::avx2, avx2);
    if (avx512) kernels.replace(DType::float32, Isa::avx512, avx512);
    return kernels;
}

}  // namespace xgrad::kernels
