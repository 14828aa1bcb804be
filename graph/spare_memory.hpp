#pragma once

#include <cstddef>
#include <memory_resource>
#include <new>
#include <utility>

#include <xgrad/graph/address_sanitizer.hpp>

namespace xgrad::detail {

/// Memory for objects of one size that are made and freed by the thousand: each thread keeps what it frees for the next
/// one. An object may be freed by another thread than the one that made it.
template <std::size_t bytes>
class SpareMemory {
  public:
    /// Throws std::bad_alloc.
    static void* take() {
        if (!spare_.head) return ::operator new(bytes);
        --spare_.count;
        return std::exchange(spare_.head, *static_cast<void**>(spare_.head));
    }

    static void give_back(void* memory) noexcept {
        if (spare_.count >= most_kept || spare_.is_over) return ::operator delete(memory);
        if (!spare_.head && spare_.count == 0) {
            static thread_local End end;
            static_cast<void>(end);
        }
        *static_cast<void**>(memory) = spare_.head;
        spare_.head = memory;
        ++spare_.count;
    }

  private:
    static_assert(bytes >= sizeof(void*));
    static constexpr std::size_t most_kept = has_address_sanitizer ? 0 : (std::size_t{1} << 25) / bytes;

    /// Linked through itself. Without a destructor, so that it can be used until the very end of a thread; an End gives
    /// the memory back before.
    struct Spare {
        void* head;
        std::size_t count;
        bool is_over;
    };
    struct End {
        ~End() {
            while (spare_.head) ::operator delete(std::exchange(spare_.head, *static_cast<void**>(spare_.head)));
            spare_.is_over = true;
        }
    };
    static inline thread_local constinit Spare spare_{nullptr, 0, false};
};

/// The same for lists of any length: the blocks that tensors have left (storage.cpp).
std::pmr::memory_resource* spare_blocks() noexcept;

}  // namespace xgrad::detail
