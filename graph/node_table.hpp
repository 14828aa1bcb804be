#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace xgrad {

struct Node;

/// Numbers for nodes to which nothing may be written, because other threads read them: a table with open addresses.
/// Clearing takes no time, and the memory stays for the next use.
class NodeTable {
  public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    void clear() noexcept {
        size_ = 0;
        if (++round_ == 0) entries_.clear(), round_ = 1;
    }
    bool empty() const noexcept { return size_ == 0; }

    /// The node's number; none if it has not been entered.
    std::uint32_t find(const Node* node) const noexcept {
        if (size_ == 0) return none;
        const Entry& entry = entries_[place_of(node)];
        return entry.round == round_ ? entry.number : none;
    }

    /// The node's number, which becomes this one if it has none yet, and whether it did.
    std::pair<std::uint32_t, bool> enter(const Node* node, std::uint32_t number) {
        if (2 * (size_ + 1) > entries_.size()) grow();
        Entry& entry = entries_[place_of(node)];
        if (entry.round == round_) return {entry.number, false};
        entry = {node, round_, number};
        ++size_;
        return {number, true};
    }

  private:
    /// An entry counts if it was made since the table was cleared.
    struct Entry {
        const Node* node = nullptr;
        std::uint32_t round = 0;
        std::uint32_t number = 0;
    };

    /// Where the node stands, or could.
    std::size_t place_of(const Node* node) const noexcept {
        constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
        const std::size_t mask = entries_.size() - 1;
        std::size_t place = (reinterpret_cast<std::uintptr_t>(node) >> 4) * odd >> 32 & mask;
        while (entries_[place].round == round_ && entries_[place].node != node) place = (place + 1) & mask;
        return place;
    }

    void grow() {
        std::vector<Entry> old(entries_.empty() ? 64 : 2 * entries_.size());
        old.swap(entries_);
        for (const Entry& entry : old) {
            if (entry.round == round_) entries_[place_of(entry.node)] = entry;
        }
    }

    std::vector<Entry> entries_;
    std::size_t size_ = 0;
    std::uint32_t round_ = 1;
};

}  // namespace xgrad
