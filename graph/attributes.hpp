#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <xgrad/graph/dtype.hpp>
#include <xgrad/graph/reference_count.hpp>
#include <xgrad/graph/shape.hpp>

namespace xgrad {

/// What an operation was told besides its inputs: axes, keepdims, ranges; a function that it stands for is a pointer to
/// something that only the operation knows. Immutable, shared between copies.
class Attributes {
  public:
    using Value = std::variant<bool, std::int64_t, double, DType, Shape, std::shared_ptr<const void>>;
    struct Entry {
        const char* name;  // a literal
        Value value;
        bool operator==(const Entry& other) const;  ///< bit for bit: -0.0 is not 0.0, and a NaN is itself
    };

    Attributes() noexcept = default;
    Attributes(std::initializer_list<Entry> entries);
    explicit Attributes(std::span<const Entry> entries);
    Attributes(const Attributes& other) noexcept : block_(other.block_) {
        if (block_) block_->references.add();
    }
    Attributes(Attributes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Attributes& operator=(Attributes other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~Attributes() {
        if (block_ && block_->references.drop()) destroy(block_);
    }

    bool empty() const noexcept { return !block_; }
    /// True if a function is among them, which may hold anything.
    bool has_function() const noexcept;
    const Entry* begin() const noexcept { return block_ ? block_->entries() : nullptr; }
    const Entry* end() const noexcept { return block_ ? block_->entries() + block_->count : nullptr; }

    /// The attribute `name`, which must be there and hold a T (std::bad_variant_access if not).
    template <class T>
    const T& at(std::string_view name) const {
        for (const Entry& entry : *this) {
            if (name == entry.name) return std::get<T>(entry.value);
        }
        throw std::bad_variant_access();
    }

    friend bool operator==(const Attributes& a, const Attributes& b);

  private:
    /// The entries stand behind it.
    struct Block {
        detail::ReferenceCount references;
        std::uint16_t count;
        std::uint16_t room;
        Entry* entries() noexcept { return reinterpret_cast<Entry*>(this + 1); }
    };
    static_assert(sizeof(Block) % alignof(Entry) == 0);
    static std::size_t bytes_for(std::size_t count) noexcept { return sizeof(Block) + count * sizeof(Entry); }
    static Block* make(std::span<const Entry> entries);
    static void destroy(Block* block) noexcept;

    Block* block_ = nullptr;
};

}  // namespace xgrad
