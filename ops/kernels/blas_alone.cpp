#include <xgrad/ops/kernels/blas_alone.hpp>

// OpenBLAS's, if that is the BLAS.
extern "C" {
[[gnu::weak]] int openblas_get_parallel();
[[gnu::weak]] void openblas_set_num_threads(int);
}

namespace xgrad::kernels {

void BlasAlone::hold_own_threads() {
    static const bool held = [] {
        constexpr int own_threads = 1;  // as openblas_get_parallel() calls them
        if (openblas_get_parallel && openblas_set_num_threads && openblas_get_parallel() == own_threads) {
            openblas_set_num_threads(1);
        }
        return true;
    }();
    static_cast<void>(held);
}

}  // namespace xgrad::kernels
