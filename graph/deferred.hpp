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
    /// How a result is computed at last, and what it looks like.
    struct Result {
        const Op* op;
        Attributes attributes;
        DType dtype;
        Shape shape;
        bool needs_gradient;
        bool is_transient;
    };
    std::uint64_t number;         ///< no others of this process have the same
    std::vector<Result> results;  ///< none: they cannot be deferred
    // How often they were computed without being recorded, and how often they had to be recorded nevertheless.
    std::atomic<std::uint32_t> computed{0};
    std::atomic<std::uint32_t> recorded{0};
};

/// Derivatives that are taken together: of what, with respect to what, and how.
struct Differentiation {
    enum class Mode : std::uint8_t {
        reverse,  ///< ∂y/∂x for each x, from a cotangent of y
        forward,  ///< the tangent of each y, from one of each x
        rows,     ///< the Jacobian of y by each x, row by row
        columns   ///< the Jacobian of each y by each x, column by column
    };

    Mode mode;
    /// Nodes that operations are recorded with: the ys, and behind them cotangent or tangents.
    std::span<Node* const> roots;
    std::span<const Tensor> xs;
    Unconnected unconnected;
    Location at;

    std::span<Node* const> ys() const noexcept {
        if (mode == Mode::reverse) return roots.first(1);
        return mode == Mode::forward ? roots.first(roots.size() - xs.size()) : roots;
    }
    std::size_t results() const noexcept {
        return (mode == Mode::forward ? 1 : xs.size()) * (mode == Mode::reverse ? 1 : ys().size());
    }
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

/// Derivatives, recorded or, if it is known how, deferred.
void differentiate(const Differentiation& what, std::span<Tensor> result);
/// Records derivatives now.
void record_derivatives(const Differentiation& what, std::span<Tensor> result);
/// The same for Jacobians.
void record_jacobians(const Differentiation& what, std::span<Tensor> result);

}  // namespace detail

}  // namespace xgrad
