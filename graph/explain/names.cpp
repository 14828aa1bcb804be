#include <xgrad/graph/explain/names.hpp>

#include <algorithm>
#include <cctype>

namespace xgrad::explain {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool are_digits(std::string_view text) {
    return !text.empty() && text.size() < 10 && std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace

std::optional<Numbered> numbered(std::string_view name) {
    const bool has_brackets = name.ends_with(']') && name.find('[') != std::string_view::npos;
    const std::string_view number = has_brackets ? name.substr(name.find('[') + 1, name.size() - name.find('[') - 2)
                                                 : name.substr(name.find_last_not_of("0123456789") + 1);
    const std::string_view base = name.substr(0, has_brackets ? name.find('[') : name.size() - number.size());
    if (!are_digits(number) || base.empty() || (number.size() > 1 && number[0] == '0')) return std::nullopt;
    return Numbered{std::string(base), std::stoll(std::string(number))};
}

std::string readable_name(std::string_view name) {
    std::string result(name);
    const std::size_t point = result.rfind('.');
    if (point == std::string::npos || point == 0) return result;
    const std::size_t start = result.rfind('.', point - 1) + 1;  // 0 if there is no other point
    const std::string part = result.substr(start, point - start);
    if (!are_digits(part)) return result;
    return result.substr(0, start) + result.substr(point + 1) + part;
}

std::string ascii_name(std::string_view name) {
    std::string result;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        if (name.substr(i).starts_with("∂")) {
            result += 'd';
            i += std::string_view("∂").size() - 1;
        } else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.') {
            result += c;
        } else if ((c == '[' || c == ']') && numbered(name)) {
            result += c;
        } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {  // not inside a character of several bytes
            result += '_';
        }
    }
    if (result.empty() || is_digit(result[0]) || result[0] == '.') result.insert(0, "_");
    return result;
}

std::string Names::take(std::string name, std::string_view mark) {
    const std::string wanted = name;
    for (int copy = 2; !taken_.insert(name).second; ++copy) {
        name = mark == "'" ? name + "'" : wanted + std::string(mark) + std::to_string(copy);
    }
    return name;
}

std::string Names::next(std::string_view base) {
    for (int& number = numbers_[std::string(base)];;) {
        std::string name = std::string(base) + std::to_string(++number);
        if (is_free(name)) return name;
    }
}

}  // namespace xgrad::explain
