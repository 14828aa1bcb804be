#include <xgrad/graph/attributes.hpp>

#include <algorithm>
#include <memory>
#include <new>

#include <xgrad/graph/spare_memory.hpp>

namespace xgrad {

bool Attributes::Entry::operator==(const Entry& other) const {
    return std::string_view(name) == other.name && value == other.value;
}

namespace {

constexpr std::size_t few = 2;  // operations with more attributes are rare

}  // namespace

Attributes::Block* Attributes::make(std::span<const Entry> entries) {
    if (entries.empty()) return nullptr;
    void* memory = entries.size() <= few ? detail::SpareMemory<sizeof(Block) + few * sizeof(Entry)>::take()
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
    const bool is_small = block->room <= few;
    std::destroy_n(block->entries(), block->count);
    block->~Block();
    if (is_small) {
        detail::SpareMemory<sizeof(Block) + few * sizeof(Entry)>::give_back(block);
    } else {
        ::operator delete(block);
    }
}

Attributes::Attributes(std::initializer_list<Entry> entries) : Attributes(std::span(entries.begin(), entries.size())) {}

Attributes::Attributes(std::span<const Entry> entries) : block_(make(entries)) {}

bool operator==(const Attributes& a, const Attributes& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace xgrad
