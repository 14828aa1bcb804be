#include <xgrad/graph/spare_memory.hpp>

namespace xgrad::detail {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 20;

/// Calls use with the least power of two that is enough; false if that is too much.
template <std::size_t power = 256, class Use>
bool with_spare(std::size_t bytes, Use&& use) {
    if (bytes <= power) {
        use(SpareMemory<power>());
        return true;
    }
    if constexpr (power < most_bytes) {
        return with_spare<2 * power>(bytes, use);
    } else {
        return false;
    }
}

class SpareResource : public std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t) override {
        void* memory = nullptr;
        return with_spare(bytes, [&](auto spare) { memory = spare.take(); }) ? memory : ::operator new(bytes);
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t) override {
        if (!with_spare(bytes, [&](auto spare) { spare.give_back(memory); })) ::operator delete(memory);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace

std::pmr::memory_resource* spare_memory_of_any_size() noexcept {
    // Without a destructor, as lists are used until the very end.
    alignas(SpareResource) static std::byte memory[sizeof(SpareResource)];
    static auto* const resource = new (memory) SpareResource;
    return resource;
}

}  // namespace xgrad::detail
