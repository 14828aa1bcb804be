#pragma once

#include <omp.h>

namespace xgrad::kernels {

/// While alive, the BLAS works on the calling thread alone: the order of its sums depends on its number of threads, and
/// its threads would contend with the library's own for the processors.
///
/// An OpenBLAS with threads of its own, which does not ask OpenMP, is held to one for good.
class BlasAlone {
  public:
    BlasAlone() {
        hold_own_threads();
        omp_set_num_threads(1);
    }
    ~BlasAlone() { omp_set_num_threads(before_); }
    BlasAlone(const BlasAlone&) = delete;
    BlasAlone& operator=(const BlasAlone&) = delete;

  private:
    static void hold_own_threads();
    int before_ = omp_get_max_threads();
};

}  // namespace xgrad::kernels
