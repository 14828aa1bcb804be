#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace xgrad::kernels {

/// A number of things dealt out in blocks where there are too few parts for many threads.
struct Blocks {
    Blocks(std::int64_t things_, std::int64_t parts) : things(things_) {
        constexpr std::int64_t enough = 16;
        const std::int64_t wanted = std::clamp<std::int64_t>(enough / std::max<std::int64_t>(parts, 1), 1, enough);
        size = std::max<std::int64_t>((things + wanted - 1) / wanted, 1);
        count = (things + size - 1) / size;
    }
    std::int64_t first(std::int64_t block) const { return block * size; }
    std::int64_t size_of(std::int64_t block) const { return std::min(size, things - block * size); }

    std::int64_t things;
    std::int64_t size;
    std::int64_t count;
};

/// So many things, each of which adds its part to a sum of so many elements, dealt out in shares that add up in turn
/// what is theirs; then the shares are added in pairs. Their number is a power of two where there are things enough, so
/// that two threads, or four, are done at the same time, and depends on the sizes alone.
struct Shares {
    Shares(std::int64_t things_, std::int64_t elements, std::int64_t most_elements) : things(things_) {
        constexpr std::int64_t most_shares = 16;
        const auto wanted =
            static_cast<std::uint64_t>(std::clamp<std::int64_t>(most_elements / elements, 1, most_shares));
        const auto shares = static_cast<std::int64_t>(std::bit_floor(wanted));
        size = (things + shares - 1) / shares;
        count = (things + size - 1) / size;
    }
    std::int64_t first(std::int64_t share) const { return share * size; }
    std::int64_t end(std::int64_t share) const { return std::min(things, (share + 1) * size); }

    std::int64_t things;
    std::int64_t size;
    std::int64_t count;
};

}  // namespace xgrad::kernels
