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
    /// For a loop that is written down and not yet finished; null if there is nothing to compose.
    static std::shared_ptr<Practice> of(const FusedLoop& written);

    /// Called before each run. The form to run instead, if there is one.
    const FusedLoop* loop() {
        if (const FusedLoop* ready = ready_.load(std::memory_order_acquire)) return ready;
        if (runs_.load(std::memory_order_relaxed) < enough_ &&
            runs_.fetch_add(1, std::memory_order_relaxed) + 1 == enough_) {
            assemble();
        }
        return ready_.load(std::memory_order_acquire);
    }

  private:
    Practice(const FusedLoop& written, std::uint32_t enough) : form_(written), enough_(enough) {}
    void assemble() noexcept;

    FusedLoop form_;
    const std::uint32_t enough_;
    std::atomic<std::uint32_t> runs_{0};
    std::atomic<const FusedLoop*> ready_{nullptr};
};

}  // namespace xgrad::run
