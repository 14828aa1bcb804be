#pragma once

#include <cstdint>

namespace xgrad::kernels {

/// oneDNN's product of float matrices, row-major: C = op(A) op(B), where op transposes what 'T' stands for and M, N, K
/// are the extents of the product. 0 for success.
using OnednnSgemm = int (*)(char transpose_a, char transpose_b, std::int64_t M, std::int64_t N, std::int64_t K,
                            float alpha, const float* A, std::int64_t lda, const float* B, std::int64_t ldb, float beta,
                            float* C, std::int64_t ldc);

/// The function, if the machine has oneDNN; else null. The library is looked for when a product first asks for it, so
/// that programs without one do not wait for it to load; the environment variable XGRAD_ONEDNN=0 hides it.
OnednnSgemm onednn_sgemm();

}  // namespace xgrad::kernels
