#pragma once

#include <algorithm>
#include <array>
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
    /// Null if nothing is known.
    T* find(std::uint64_t hash, std::span<const std::uint64_t> structure) {
        return shelf_for(structure).find(hash, structure);
    }

    /// A large structure is remembered when it comes for the second time: what it takes is well spent on a program that
    /// repeats it, and on no other.
    void enter(std::uint64_t hash, std::span<const std::uint64_t> structure, T value) {
        if (structure.size() > most_words_of_large) return;
        if (is_large(structure) && !came_before(hash)) return;
        shelf_for(structure).enter(hash, structure, std::move(value));
    }

  private:
    static constexpr std::size_t large = std::size_t{1} << 20;
    // Beyond these numbers everything is forgotten: a program whose structure never repeats gains nothing from it, and
    // one that needs as much finds it out again in a fraction of the time that it spent between.
    static constexpr std::size_t most_entries = 512;
    static constexpr std::size_t most_words = std::size_t{1} << 22;
    static constexpr std::size_t most_words_of_large = std::size_t{1} << 26;

    struct Entry {
        std::vector<std::uint64_t> structure;
        T value;
    };

    struct Shelf {
        std::size_t most_words;
        std::unordered_map<std::uint64_t, Entry> entries{};
        std::size_t words = 0;

        T* find(std::uint64_t hash, std::span<const std::uint64_t> structure) {
            const auto found = entries.find(hash);
            if (found == entries.end()) return nullptr;
            const std::vector<std::uint64_t>& known = found->second.structure;
            const bool is_same = std::equal(known.begin(), known.end(), structure.begin(), structure.end());
            return is_same ? &found->second.value : nullptr;
        }

        void enter(std::uint64_t hash, std::span<const std::uint64_t> structure, T value) {
            if (entries.size() >= most_entries || words + structure.size() > most_words) {
                entries.clear();
                words = 0;
            }
            Entry& entry = entries[hash];
            words += structure.size() - entry.structure.size();
            entry = {{structure.begin(), structure.end()}, std::move(value)};
        }
    };

    static bool is_large(std::span<const std::uint64_t> structure) { return structure.size() > large; }
    Shelf& shelf_for(std::span<const std::uint64_t> structure) { return is_large(structure) ? large_ : small_; }

    bool came_before(std::uint64_t hash) {
        if (std::find(strangers_.begin(), strangers_.end(), hash) != strangers_.end()) return true;
        strangers_[next_stranger_++ % strangers_.size()] = hash;
        return false;
    }

    Shelf small_{most_words};
    Shelf large_{most_words_of_large};
    std::array<std::uint64_t, 16> strangers_{};  // the last large structures that came
    std::size_t next_stranger_ = 0;
};

}  // namespace xgrad::run
