#pragma once

#include <cstddef>
#include <cstdint>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/graph/threads.hpp>
#include <xgrad/ops/random.hpp>

// For tests on arrays that are large enough for several threads: random numbers, and how many threads there are.

namespace support {

/// Normal numbers, computed.
inline xgrad::Tensor normal(const xgrad::Shape& shape, std::uint64_t seed, xgrad::DType dtype = xgrad::DType::float32,
                            double deviation = 1) {
    const xgrad::Tensor x = xgrad::random::Generator(seed).normal(shape, 0, deviation, dtype);
    xgrad::compute({x});
    return x;
}

/// At the end of a scope there are as many threads as before.
class RestoredThreads {
  public:
    RestoredThreads() = default;
    ~RestoredThreads() { xgrad::set_threads(before_); }
    RestoredThreads(const RestoredThreads&) = delete;
    RestoredThreads& operator=(const RestoredThreads&) = delete;

  private:
    std::size_t before_ = xgrad::threads();
};

}  // namespace support
