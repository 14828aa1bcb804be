#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <xgrad/graph/run/fused_loop.hpp>

namespace xgrad::run {

/// How often a loop was run. Once that is often enough for its size, a second form of it is made, in which simple
/// operations are machine code (fused_loop_composed.cpp), and run from then on. Several threads may run the loop at
/// once; one of them makes the form.
class FusedLoop::Practice {
  public:
    /// For a loop that is written down; null if there is nothing to compose.
    static std::shared_ptr<Practice> of(const FusedLoop& written);

    /// Called before each run of the loop. The form to run instead, if there is one.
    const FusedLoop* form_of(const FusedLoop& loop) {
        if (const FusedLoop* ready = ready_.load(std::memory_order_acquire)) return ready;
        if (runs_.load(std::memory_order_relaxed) < enough_ &&
            runs_.fetch_add(1, std::memory_order_relaxed) + 1 == enough_) {
            assemble(loop);
        }
        return ready_.load(std::memory_order_acquire);
    }

  private:
    explicit Practice(std::uint32_t enough) : enough_(enough) {}
    void assemble(const FusedLoop& loop) noexcept;

    std::unique_ptr<const FusedLoop> form_;
    const std::uint32_t enough_;
    std::atomic<std::uint32_t> runs_{0};
    std::atomic<const FusedLoop*> ready_{nullptr};
};

}  // namespace xgrad::run
