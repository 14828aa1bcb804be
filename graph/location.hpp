#pragma once

#include <cstdint>

namespace xgrad {

/// A place in the user's source: every error names it.
///
/// The compiler's builtins are used instead of std::source_location because clang 14 with libstdc++ 12 has no
/// std::source_location; the meaning is the same.
struct Location {
    const char* file = "";
    std::uint32_t line = 0;

    /// The place of the call, when used as a default argument.
    static constexpr Location current(const char* file = __builtin_FILE(),
                                      std::uint32_t line = __builtin_LINE()) noexcept {
        return {file, line};
    }
};

/// While alive, everything recorded on this thread is attributed to one place: a library function that is written
/// with other operations passes its caller's place on, and reverse mode that of the forward operation.
class Attribution {
  public:
    explicit Attribution(Location at) noexcept;
    ~Attribution();
    Attribution(const Attribution&) = delete;
    Attribution& operator=(const Attribution&) = delete;

    /// The attributed place if there is one, else `at`.
    static Location resolve(Location at) noexcept;
    /// True if there is one: what is recorded is the library's own doing.
    static bool is_active() noexcept;

  private:
    Location previous_;
    bool owner_;
};

/// While alive, nothing is attributed: for what was put off, and belongs to other places.
class WithoutAttribution {
  public:
    WithoutAttribution() noexcept;
    ~WithoutAttribution();
    WithoutAttribution(const WithoutAttribution&) = delete;
    WithoutAttribution& operator=(const WithoutAttribution&) = delete;

  private:
    bool was_attributed_;
};

}  // namespace xgrad
