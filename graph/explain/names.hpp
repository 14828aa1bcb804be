#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace xgrad::explain {

/// W12 or W[12]: a letter with the number of its layer.
struct Numbered {
    std::string base;
    std::int64_t number;
};
std::optional<Numbered> numbered(std::string_view name);

/// A name with only what an identifier may hold; ∂ becomes d. The W of a part that has only a number, 0.W, is W0.
std::string readable_name(std::string_view name);
std::string ascii_name(std::string_view name);

/// Hands out each name once.
class Names {
  public:
    /// Keeps a name for take(): found names avoid it.
    void reserve(std::string name) { reserved_.insert(std::move(name)); }
    bool is_free(const std::string& name) const { return !taken_.contains(name) && !reserved_.contains(name); }
    /// The name itself, or with ' or a number behind it.
    std::string take(std::string name, std::string_view mark);
    /// base1, base2, ...: the next one that is free.
    std::string next(std::string_view base);

  private:
    std::unordered_set<std::string> taken_, reserved_;
    std::unordered_map<std::string, int> numbers_;
};

}  // namespace xgrad::explain
