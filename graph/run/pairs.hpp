#pragma once

#include <cstddef>

#include <xgrad/graph/block_kernel.hpp>

namespace xgrad::run {

/// Two functions as one kernel, outer(..., inner(...), ...), that neither writes nor reads what is between them: with
/// the inputs of the inner one where its result would be. The bits are those of one after the other. Null if there is
/// none. Declared here, defined by ops/pairs.cpp.
BlockKernel kernel_of_pair(Simple outer, std::size_t position, Simple inner, DType dtype) noexcept;

}  // namespace xgrad::run
