#pragma once

#include <cstddef>
#include <exception>
#include <utility>

namespace xgrad::run {

/// Calls work(part) for every part of 0 ... parts - 1, on several threads if `bytes` of memory make it worth while.
/// What a part computes must not depend on the others, so that the result does not depend on the number of threads.
/// Throws what a part throws, after the others are done.
template <class Work>
void parallel_for(std::size_t parts, std::size_t bytes, Work&& work) {
    constexpr std::size_t worth_while = std::size_t{1} << 20;
    const auto count = static_cast<std::ptrdiff_t>(parts);
    std::exception_ptr error;  // an exception must not leave a parallel region
#pragma omp parallel for schedule(static) if (bytes >= worth_while && count > 1)
    for (std::ptrdiff_t part = 0; part < count; ++part) {
        try {
            work(static_cast<std::size_t>(part));
        } catch (...) {
#pragma omp critical(xgrad_parallel_for)
            error = std::current_exception();
        }
    }
    if (error) std::rethrow_exception(error);
}

}  // namespace xgrad::run
