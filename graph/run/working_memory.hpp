#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>

namespace xgrad::run {

/// Lays out blocks in one stretch of memory, each for as long as it is needed: the smallest gap that fits, and a longer
/// stretch if none does. It only counts; there is no memory yet.
class WorkingMemory {
  public:
    static constexpr std::size_t alignment = 64;

    /// The offset of a block for so many bytes.
    std::size_t take(std::size_t bytes) {
        const std::size_t size = rounded(bytes);
        const auto fitting = gaps_by_size_.lower_bound(size);
        if (fitting == gaps_by_size_.end()) {
            // The last gap may reach the end: then it is only made longer.
            std::size_t offset = end_;
            if (!gaps_.empty() && std::prev(gaps_.end())->first + std::prev(gaps_.end())->second == end_) {
                offset = std::prev(gaps_.end())->first;
                remove(std::prev(gaps_.end()));
            }
            end_ = offset + size;
            return offset;
        }
        const std::size_t offset = fitting->second;
        const std::size_t gap = fitting->first;
        remove(gaps_.find(offset));
        if (gap > size) add(offset + size, gap - size);
        return offset;
    }

    /// The block is not needed any more.
    void give_back(std::size_t offset, std::size_t bytes) {
        std::size_t size = rounded(bytes);
        const auto next = gaps_.lower_bound(offset);
        if (next != gaps_.begin()) {
            const auto before = std::prev(next);
            if (before->first + before->second == offset) {
                offset = before->first;
                size += before->second;
                remove(before);
            }
        }
        const auto after = gaps_.find(offset + size);
        if (after != gaps_.end()) {
            size += after->second;
            remove(after);
        }
        add(offset, size);
    }

    /// How long the stretch has to be.
    std::size_t bytes() const noexcept { return end_; }

  private:
    using Gaps = std::map<std::size_t, std::size_t>;  // from offset to size

    static std::size_t rounded(std::size_t bytes) {
        return (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
    }
    void add(std::size_t offset, std::size_t size) {
        gaps_.emplace(offset, size);
        gaps_by_size_.emplace(size, offset);
    }
    void remove(Gaps::iterator gap) {
        const auto [first, last] = gaps_by_size_.equal_range(gap->second);
        gaps_by_size_.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == gap->first; }));
        gaps_.erase(gap);
    }

    Gaps gaps_;
    std::multimap<std::size_t, std::size_t> gaps_by_size_;
    std::size_t end_ = 0;
};

}  // namespace xgrad::run
