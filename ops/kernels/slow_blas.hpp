#pragma once

#include <string>
#include <string_view>

#include <xgrad/graph/isa.hpp>

namespace xgrad::kernels {

/// What to say of an OpenBLAS whose kernels are for a processor with narrower registers than this one has: one line, or
/// nothing if it is as fast as it can be. `core` is the processor that it takes this one for, `asked_for` the value of
/// OPENBLAS_CORETYPE, or null. One that has chosen by itself is left alone from AVX2 on.
std::string slow_blas_text(std::string_view core, const char* asked_for, Isa isa);

/// The processor whose kernels OpenBLAS uses; empty if the BLAS is another one.
std::string_view blas_core();

/// Says it on standard error, once in a process. The environment variable XGRAD_QUIET=1 keeps it from that.
void report_slow_blas();

}  // namespace xgrad::kernels
