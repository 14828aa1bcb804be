#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <xgrad/graph/dtype.hpp>
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
        bool operator==(const Entry& other) const;
    };

    Attributes() noexcept = default;
    Attributes(std::initializer_list<Entry> entries);
    explicit Attributes(std::span<const Entry> entries);

    bool empty() const noexcept { return !entries_; }
    const Entry* begin() const noexcept { return entries_ ? entries_->data() : nullptr; }
    const Entry* end() const noexcept { return entries_ ? entries_->data() + entries_->size() : nullptr; }

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
    std::shared_ptr<const std::vector<Entry>> entries_;
};

}  // namespace xgrad
