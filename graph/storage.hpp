#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <xgrad/graph/reference_count.hpp>

namespace xgrad {

/// A block of memory that holds values, shared by every node that looks at it: a result and its transposed views.
/// Aligned to 64 bytes when the library took it; an adopted xtensor container keeps its own alignment.
class Storage {
  public:
    /// Memory for `bytes` bytes, not initialised. Throws std::bad_alloc.
    static Storage* allocate(std::size_t bytes);
    /// Memory that `owner` keeps alive.
    static Storage* adopt(void* data, std::size_t bytes, std::shared_ptr<void> owner);

    void* data() const noexcept { return data_; }
    std::size_t bytes() const noexcept { return bytes_; }
    bool is_shared() const noexcept { return references_.count() > 1; }

    void retain() noexcept { references_.add(); }
    void release() noexcept {
        if (references_.drop()) destroy();
    }

  private:
    Storage(void* data, std::size_t bytes, std::shared_ptr<void> owner) noexcept
        : bytes_(bytes), data_(data), owner_(std::move(owner)) {}
    void destroy() noexcept;

    detail::ReferenceCount references_;
    std::size_t bytes_;
    void* data_;
    std::shared_ptr<void> owner_;
};

/// Owns one reference to a Storage, or none.
class StorageRef {
  public:
    StorageRef() noexcept = default;
    explicit StorageRef(Storage* owned) noexcept : storage_(owned) {}
    StorageRef(const StorageRef& other) noexcept : storage_(other.storage_) {
        if (storage_) storage_->retain();
    }
    StorageRef(StorageRef&& other) noexcept : storage_(std::exchange(other.storage_, nullptr)) {}
    StorageRef& operator=(StorageRef other) noexcept {
        std::swap(storage_, other.storage_);
        return *this;
    }
    ~StorageRef() {
        if (storage_) storage_->release();
    }
    explicit operator bool() const noexcept { return storage_ != nullptr; }
    Storage* operator->() const noexcept { return storage_; }

  private:
    Storage* storage_ = nullptr;
};

/// Large blocks are kept for reuse when they are freed, because fresh pages from the system are dear. This returns
/// them to the system.
void release_cached_memory() noexcept;

}  // namespace xgrad
