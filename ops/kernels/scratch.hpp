#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <xgrad/graph/storage.hpp>

namespace xgrad::kernels {

/// Memory for so many numbers, not initialised, for as long as a kernel runs.
template <class T>
class Scratch {
  public:
    explicit Scratch(std::int64_t size)
        : size_(size), storage_(Storage::allocate(static_cast<std::size_t>(size) * sizeof(T))) {}
    T* data() const { return static_cast<T*>(storage_->data()); }
    std::span<const T> span() const { return {data(), static_cast<std::size_t>(size_)}; }

  private:
    std::int64_t size_;
    StorageRef storage_;
};

}  // namespace xgrad::kernels
