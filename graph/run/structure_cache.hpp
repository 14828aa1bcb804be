#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace xgrad::run {

/// What is known of graphs, by their structure.
template <class T>
class StructureCache {
  public:
    // Beyond these numbers everything is forgotten: a program whose structure never repeats gains nothing from it, and
    // one that needs as much finds it out again in a fraction of the time that it spent between.
    static constexpr std::size_t most_entries = 512;
    static constexpr std::size_t most_words = std::size_t{1} << 22;

    /// Null if nothing is known.
    T* find(std::uint64_t hash, std::span<const std::uint64_t> structure) {
        const auto found = entries_.find(hash);
        if (found == entries_.end()) return nullptr;
        const std::vector<std::uint64_t>& known = found->second.structure;
        const bool is_same = std::equal(known.begin(), known.end(), structure.begin(), structure.end());
        return is_same ? &found->second.value : nullptr;
    }

    /// A structure that is too large is not remembered.
    void enter(std::uint64_t hash, std::span<const std::uint64_t> structure, T value) {
        if (structure.size() > most_words) return;
        if (entries_.size() >= most_entries || words_ + structure.size() > most_words) {
            entries_.clear();
            words_ = 0;
        }
        Entry& entry = entries_[hash];
        words_ += structure.size() - entry.structure.size();
        entry = {{structure.begin(), structure.end()}, std::move(value)};
    }

  private:
    struct Entry {
        std::vector<std::uint64_t> structure;
        T value;
    };
    std::unordered_map<std::uint64_t, Entry> entries_;
    std::size_t words_ = 0;
};

}  // namespace xgrad::run
