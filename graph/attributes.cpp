#include <xgrad/graph/attributes.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <new>

#include <xgrad/graph/spare_memory.hpp>

namespace xgrad {

bool Attributes::Entry::operator==(const Entry& other) const {
    if (std::string_view(name) != other.name) return false;
    const double *number = std::get_if<double>(&value), *other_number = std::get_if<double>(&other.value);
    if (number && other_number) {
        return std::bit_cast<std::uint64_t>(*number) == std::bit_cast<std::uint64_t>(*other_number);
    }
    return value == other.value;
}

namespace {

// Most operations have no more attributes than the first number, and few more than the second.
constexpr std::size_t few = 2, several = 5;

template <class Block, class Entry, std::size_t count>
using Spare = detail::SpareMemory<sizeof(Block) + count * sizeof(Entry)>;

}  // namespace

Attributes::Block* Attributes::make(std::span<const Entry> entries) {
    if (entries.empty()) return nullptr;
    void* memory = entries.size() <= few       ? Spare<Block, Entry, few>::take()
                   : entries.size() <= several ? Spare<Block, Entry, several>::take()
                                               : ::operator new(bytes_for(entries.size()));
    auto* block = new (memory) Block{{}, 0, static_cast<std::uint16_t>(entries.size())};
    try {
        for (const Entry& entry : entries) {
            new (block->entries() + block->count) Entry(entry);
            ++block->count;
        }
    } catch (...) {
        destroy(block);
        throw;
    }
    return block;
}

void Attributes::destroy(Block* block) noexcept {
    const std::size_t room = block->room;
    std::destroy_n(block->entries(), block->count);
    block->~Block();
    if (room <= few) {
        Spare<Block, Entry, few>::give_back(block);
    } else if (room <= several) {
        Spare<Block, Entry, several>::give_back(block);
    } else {
        ::operator delete(block);
    }
}

Attributes::Attributes(std::initializer_list<Entry> entries) : Attributes(std::span(entries.begin(), entries.size())) {}

Attributes::Attributes(std::span<const Entry> entries) : block_(make(entries)) {}

bool Attributes::has_function() const noexcept {
    return std::any_of(begin(), end(), [](const Entry& entry) {
        return std::holds_alternative<std::shared_ptr<const void>>(entry.value);
    });
}

bool operator==(const Attributes& a, const Attributes& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace xgrad
