#include <xgrad/graph/storage.hpp>

#include <sys/sysinfo.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory_resource>
#include <mutex>
#include <new>

#include <xgrad/graph/address_sanitizer.hpp>
#include <xgrad/graph/spare_memory.hpp>

namespace xgrad {

namespace {

constexpr std::align_val_t alignment{64};
constexpr std::size_t header_bytes = 64;
static_assert(sizeof(Storage) <= header_bytes);

constexpr std::size_t smallest_block = std::size_t{1} << 7;
constexpr std::size_t most_kept = std::size_t{1} << 30;

constexpr bool keeps_blocks = !detail::has_address_sanitizer;

/// Freed blocks by size class, four classes to each power of two. The list runs through the blocks themselves, so
/// that freeing never allocates.
class BlockCache {
  public:
    static std::size_t class_of(std::size_t bytes) {
        const std::size_t power = std::bit_width(bytes - 1) - 1;  // 2^power < bytes <= 2^(power + 1)
        const std::size_t quarter = std::size_t{1} << (power - 2);
        return 4 * power + (bytes - 1 - (std::size_t{1} << power)) / quarter;
    }
    static std::size_t bytes_of(std::size_t size_class) {
        const std::size_t power = size_class / 4;
        return (std::size_t{1} << power) + (size_class % 4 + 1) * (std::size_t{1} << (power - 2));
    }

    void* take(std::size_t size_class) noexcept {
        const std::lock_guard lock(mutex_);
        Block*& head = heads_[size_class];
        if (!head) return nullptr;
        Block* block = head;
        head = block->next;
        kept_ -= bytes_of(size_class);
        return block;
    }

    bool keep(void* memory, std::size_t size_class) noexcept {
        const std::lock_guard lock(mutex_);
        if (kept_ + bytes_of(size_class) > most_kept) return false;
        heads_[size_class] = new (memory) Block{heads_[size_class]};
        kept_ += bytes_of(size_class);
        return true;
    }

    void clear() noexcept {
        const std::lock_guard lock(mutex_);
        for (Block*& head : heads_) {
            while (head) ::operator delete(std::exchange(head, head->next), alignment);
        }
        kept_ = 0;
    }

  private:
    struct Block {
        Block* next;
    };
    std::mutex mutex_;
    std::array<Block*, 4 * 64> heads_{};
    std::size_t kept_ = 0;
};

/// What the machine has, swap space included. More is refused at once: some systems, and the sanitizers, would promise
/// it and end the program when it is used.
std::size_t machine_memory() {
    static const std::size_t bytes = [] {
        struct sysinfo info {};
        if (sysinfo(&info) != 0) return std::numeric_limits<std::size_t>::max();
        return (std::size_t{info.totalram} + std::size_t{info.totalswap}) * info.mem_unit;
    }();
    return bytes;
}

/// Never destroyed: tensors with static lifetime may outlive any static object.
BlockCache& cache() {
    alignas(BlockCache) static std::byte memory[sizeof(BlockCache)];
    static BlockCache* instance = new (memory) BlockCache;
    return *instance;
}

void* take_block(std::size_t bytes) {
    if (!keeps_blocks) return ::operator new(bytes, alignment);
    const std::size_t size_class = BlockCache::class_of(std::max(bytes, smallest_block));
    void* memory = cache().take(size_class);
    return memory ? memory : ::operator new(BlockCache::bytes_of(size_class), alignment);
}

void give_back_block(void* memory, std::size_t bytes) noexcept {
    const std::size_t size_class = BlockCache::class_of(std::max(bytes, smallest_block));
    if (!keeps_blocks || !cache().keep(memory, size_class)) ::operator delete(memory, alignment);
}

/// Throws std::bad_alloc.
class SpareBlocks : public std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t) override { return take_block(bytes); }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t) override { give_back_block(memory, bytes); }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace

std::pmr::memory_resource* detail::spare_blocks() noexcept {
    // Never destroyed, as the cache.
    alignas(SpareBlocks) static std::byte memory[sizeof(SpareBlocks)];
    static auto* const blocks = new (memory) SpareBlocks;
    return blocks;
}

Storage* Storage::allocate(std::size_t bytes) {
    const std::size_t total = bytes + header_bytes;
    if (total > most_kept && total > machine_memory()) throw std::bad_alloc();
    void* memory = take_block(total);
    return new (memory) Storage(static_cast<std::byte*>(memory) + header_bytes, bytes, nullptr);
}

Storage* Storage::adopt(void* data, std::size_t bytes, std::shared_ptr<void> owner) {
    return new (take_block(header_bytes)) Storage(data, bytes, std::move(owner));
}

void Storage::destroy() noexcept {
    const std::size_t total = header_bytes + (owner_ ? 0 : bytes_);
    this->~Storage();
    give_back_block(this, total);
}

void release_cached_memory() noexcept {
    cache().clear();
}

}  // namespace xgrad
