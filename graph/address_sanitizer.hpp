#pragma once

namespace xgrad::detail {

/// True where AddressSanitizer watches: memory that is used again at once would hide a use after it was given back.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool has_address_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool has_address_sanitizer = __has_feature(address_sanitizer);
#else
inline constexpr bool has_address_sanitizer = false;
#endif

}  // namespace xgrad::detail
