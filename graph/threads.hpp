#pragma once

#include <cstddef>

namespace xgrad {

/// How many threads compute, the calling one included. At first as many as XGRAD_THREADS or OMP_NUM_THREADS says, else
/// as there are processors that this process may use. No result depends on it. Per process.
std::size_t threads() noexcept;

/// Sets that number, to be used from the next computation on; 0 counts as 1.
void set_threads(std::size_t count) noexcept;

}  // namespace xgrad
