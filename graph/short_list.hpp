#pragma once

#include <cstddef>
#include <memory_resource>
#include <vector>

#include <xgrad/graph/spare_memory.hpp>

namespace xgrad {

namespace detail {

/// Where the elements of a short list are. A base of its own, since it must be there before the list.
template <class T, std::size_t room>
struct ShortListMemory {
    alignas(T) std::byte bytes[room * sizeof(T)];
    std::pmr::monotonic_buffer_resource resource{bytes, sizeof bytes, spare_blocks()};
};

}  // namespace detail

/// A vector that lives as long as a function call and mostly has few elements: for so many there is room in itself. The
/// memory of more is kept for the next list.
template <class T, std::size_t room = 8>
class ShortList : private detail::ShortListMemory<T, room>, public std::pmr::vector<T> {
  public:
    ShortList() : std::pmr::vector<T>(&this->resource) { this->reserve(room); }
    explicit ShortList(std::size_t size) : ShortList() { this->resize(size); }
    ShortList(const ShortList&) = delete;
    ShortList& operator=(const ShortList&) = delete;
};

}  // namespace xgrad
