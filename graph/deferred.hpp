#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <xgrad/graph/attributes.hpp>
#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// What has been learned where a derivative was recorded. A graph of the same structure has the same.
struct KnownDerivatives {
    /// How a result is computed at last.
    struct Result {
        const Op* op;
        Attributes attributes;
        bool needs_gradient;
    };
    std::uint64_t number;         ///< no others of this process have the same
    std::vector<Result> results;  ///< none: they cannot be deferred
    // How often they were computed without being recorded, and how often they had to be recorded nevertheless.
    std::atomic<std::uint32_t> computed{0};
    std::atomic<std::uint32_t> recorded{0};
};

/// Derivatives that are taken together: of what, with respect to what, and in which direction.
struct Differentiation {
    enum class Mode : std::uint8_t { reverse, forward };

    Mode mode;
    /// Nodes that operations are recorded with: y and its cotangent; or all ys, then the tangents of all xs.
    std::span<Node* const> roots;
    std::span<const Tensor> xs;
    Unconnected unconnected;
    Location at;

    std::size_t ys() const noexcept { return mode == Mode::reverse ? 1 : roots.size() - xs.size(); }
    /// ∂y/∂x for each x, or the tangent of each y.
    std::size_t results() const noexcept { return mode == Mode::reverse ? xs.size() : ys(); }
    const Node& like(std::size_t result) const { return mode == Mode::reverse ? *xs[result].node() : *roots[result]; }
};

/// Derivatives before they are recorded: what the deferred nodes that stand for them have in common.
///
/// A derivative whose structure has been recorded before is one node. It is computed by the plan that is known for it
/// (run/substitute.hpp), so a training step records its forward pass only. Whatever looks at the inputs of such a node
/// finds the operations of reverse or forward mode there: they are recorded at that moment.
class DeferredDerivatives {
  public:
    static constexpr std::size_t most_results = 64;
    static constexpr std::size_t most_roots = 2 * most_results;

    /// Makes `result` deferred nodes.
    static void make(std::shared_ptr<KnownDerivatives> known, const Differentiation& what, std::span<Tensor> result);

    DeferredDerivatives(std::shared_ptr<KnownDerivatives> known, const Differentiation& what);

    std::uint64_t number() const noexcept { return known_->number; }
    /// One bit for each result that somebody holds.
    std::uint64_t held() const noexcept;
    /// A result is freed.
    void forget(std::uint32_t index) noexcept { results_[index] = nullptr; }
    /// Records all of them; the nodes are deferred no longer.
    void record();
    void note_computed() noexcept { known_->computed.fetch_add(1, std::memory_order_relaxed); }

  private:
    std::shared_ptr<KnownDerivatives> known_;
    Differentiation::Mode mode_;
    Unconnected unconnected_;
    Location at_;
    std::size_t roots_count_, xs_count_, results_count_;
    // Each deferred node holds all the roots, and these all else that is in the graph. It is not held again, or it
    // would seem to be seen from outside.
    std::array<Node*, most_roots> roots_;
    std::array<Node*, most_results> xs_;
    std::array<Node*, most_results> results_;
    std::array<NodeRef, most_results> parameters_;  // those of xs, which no graph holds
};

/// Decides whether derivatives that are asked for can be deferred, and learns from those that are recorded.
class Deferral {
  public:
    explicit Deferral(const Differentiation& what);

    /// Those that are known; null if they have to be recorded.
    const std::shared_ptr<KnownDerivatives>& known() const noexcept { return known_; }
    /// They have been recorded now, and `result`, which nobody else holds, is what came of it.
    void learn(std::span<const Tensor> result) const;

  private:
    struct Room;
    bool describe(const Differentiation& what);
    bool describe(const Differentiation& what, Room& room);

    std::shared_ptr<KnownDerivatives> known_;
    std::vector<std::uint64_t> structure_;  // to be learned; empty if there is nothing to learn
    std::uint64_t values_read_ = 0;
};

namespace detail {

/// Records derivatives now: those that have been found possible before.
void record_derivatives(const Differentiation& what, std::span<Tensor> result);

}  // namespace detail

}  // namespace xgrad
