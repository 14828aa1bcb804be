#include <xgrad/graph/attributes.hpp>

#include <algorithm>

namespace xgrad {

bool Attributes::Entry::operator==(const Entry& other) const {
    return std::string_view(name) == other.name && value == other.value;
}

Attributes::Attributes(std::initializer_list<Entry> entries)
    : entries_(std::make_shared<const std::vector<Entry>>(entries)) {}

Attributes::Attributes(std::span<const Entry> entries) {
    if (!entries.empty()) entries_ = std::make_shared<const std::vector<Entry>>(entries.begin(), entries.end());
}

bool operator==(const Attributes& a, const Attributes& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace xgrad
