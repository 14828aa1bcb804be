#pragma once

#include <cctype>
#include <stdexcept>
#include <string>
#include <string_view>

// Whether a text is JSON, by its grammar (RFC 8259), without making anything of it.

namespace json {

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    /// Throws std::runtime_error if it is not one value and nothing else.
    void read() {
        value();
        if (at_ != text_.size()) fail("the end");
    }

  private:
    [[noreturn]] void fail(const std::string& wanted) const {
        throw std::runtime_error("needs " + wanted + " at byte " + std::to_string(at_));
    }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }
    void need(char c) {
        if (!take(c)) fail(std::string(1, c));
    }
    void space() {
        while (take(' ') || take('\n') || take('\r') || take('\t')) {
        }
    }

    void value() {
        space();
        if (take('{')) {
            list('}', [this] {
                space();
                need('"');
                string();
                space();
                need(':');
                value();
            });
        } else if (take('[')) {
            list(']', [this] { value(); });
        } else if (take('"')) {
            string();
        } else if (peek() == '-' || std::isdigit(static_cast<unsigned char>(peek()))) {
            number();
        } else {
            word();
        }
        space();
    }

    template <class Member>
    void list(char end, Member&& member) {
        space();
        if (take(end)) return;
        do {
            member();
        } while (take(','));
        need(end);
    }

    void string() {
        while (!take('"')) {
            if (static_cast<unsigned char>(peek()) < 0x20) fail("a character that is no control character");
            if (take('\\')) {
                if (take('u')) {
                    for (int digit = 0; digit < 4; ++digit, ++at_) {
                        if (!std::isxdigit(static_cast<unsigned char>(peek()))) fail("a hexadecimal digit");
                    }
                    continue;
                }
                if (std::string_view("\"\\/bfnrt").find(peek()) == std::string_view::npos) fail("an escape");
            }
            ++at_;
        }
    }

    void digits() {
        if (!std::isdigit(static_cast<unsigned char>(peek()))) fail("a digit");
        while (std::isdigit(static_cast<unsigned char>(peek()))) ++at_;
    }

    void number() {
        take('-');
        if (!take('0')) digits();
        if (take('.')) digits();
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            digits();
        }
    }

    void word() {
        for (const std::string_view known : {"true", "false", "null"}) {
            if (text_.substr(at_, known.size()) != known) continue;
            at_ += known.size();
            return;
        }
        fail("a value");
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

/// What is wrong with it; empty if nothing is.
inline std::string error_in(std::string_view text) {
    try {
        Reader(text).read();
        return {};
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

}  // namespace json
