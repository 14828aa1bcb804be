#include <xgrad/graph/deferred.hpp>

#include <algorithm>
#include <utility>

#include <xgrad/graph/explain/watch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/schedule.hpp>
#include <xgrad/graph/run/structure_cache.hpp>
#include <xgrad/graph/run/watched.hpp>
#include <xgrad/graph/short_list.hpp>
#include <xgrad/graph/spare_memory.hpp>

namespace xgrad {

namespace {

/// For what allocate_shared makes once a step.
template <class T>
struct SpareAllocator {
    using value_type = T;
    SpareAllocator() noexcept = default;
    template <class U>
    SpareAllocator(const SpareAllocator<U>&) noexcept {}
    T* allocate(std::size_t) { return static_cast<T*>(detail::SpareMemory<sizeof(T)>::take()); }
    void deallocate(T* memory, std::size_t) noexcept { detail::SpareMemory<sizeof(T)>::give_back(memory); }
    template <class U>
    bool operator==(const SpareAllocator<U>&) const noexcept {
        return true;
    }
};

run::StructureCache<std::shared_ptr<KnownDerivatives>>& cache() {
    thread_local run::StructureCache<std::shared_ptr<KnownDerivatives>> known;
    return known;
}

std::uint64_t next_number() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

/// True while everything has to be recorded when it is asked for: somebody will look at it, or it belongs to a
/// derivative that is being recorded.
bool must_record() {
    return is_eager() || is_tracing() || is_history_kept() || TransientScope::is_active() ||
           AsTypedScope::is_active() || explain::is_watching() || run::is_watched();
}

/// How many structures in a row were not known. A program whose structure never repeats, such as one whose history
/// grows, is asked for it now and then only.
struct Strangers {
    std::uint32_t in_a_row = 0;
    std::uint32_t passed_by = 0;

    bool may_be_passed_by() {
        constexpr std::uint32_t many = 32, now_and_then = 16;
        return in_a_row >= many && ++passed_by % now_and_then != 0;
    }
};
thread_local Strangers strangers;

/// A rule may leave a multiplication by 1 out: algebra::scaled.
bool is_one(const Node& node) {
    if (!is_floating(node.dtype) || node.shape.size() != 1) return false;
    return visit(node.dtype, [&](auto zero) { return *static_cast<const decltype(zero)*>(node.data) == 1; });
}

/// A result that can be deferred next time: nobody but its handle holds it, so that nobody will miss it.
bool is_own(const Node& node) {
    return !node.is_leaf() && !node.is_computed && !node.extra && node.references.count() == 1 &&
           !node.attributes().has_function();
}

}  // namespace

DeferredDerivatives::DeferredDerivatives(std::shared_ptr<KnownDerivatives> known, const Differentiation& what)
    : known_(std::move(known)),
      mode_(what.mode),
      unconnected_(what.unconnected),
      at_(what.at),
      roots_count_(what.roots.size()),
      xs_count_(what.xs.size()),
      results_count_(what.results()) {
    std::copy(what.roots.begin(), what.roots.end(), roots_.begin());
    std::fill_n(results_.begin(), results_count_, nullptr);
    for (std::size_t index = 0; index < xs_count_; ++index) {
        xs_[index] = what.xs[index].node().get();
        if (what.xs[index].is_parameter()) parameters_[index] = what.xs[index].node();
    }
}

void DeferredDerivatives::make(std::shared_ptr<KnownDerivatives> known, const Differentiation& what,
                               std::span<Tensor> result) {
    const auto shared = std::allocate_shared<DeferredDerivatives>(SpareAllocator<DeferredDerivatives>(), known, what);
    for (std::size_t index = 0; index < what.results(); ++index) {
        const KnownDerivatives::Result& as = known->results[index];
        NodeRef node(new Node(as.dtype, as.shape));
        node->file = what.at.file;
        node->line = what.at.line;
        node->define(*as.op, as.attributes, what.roots);
        node->needs_gradient = as.needs_gradient;
        node->is_transient = as.is_transient;
        node->extra = std::make_unique<Extra>();
        node->extra->deferred = shared;
        node->extra->deferred_index = static_cast<std::uint32_t>(index);
        node->is_deferred = true;
        shared->results_[index] = node.get();
        detail::mark_pending(*node);
        result[index] = Tensor(std::move(node));
    }
}

std::uint64_t DeferredDerivatives::held() const noexcept {
    std::uint64_t bits = 0;
    for (std::size_t index = 0; index < results_count_; ++index) {
        if (results_[index]) bits |= std::uint64_t{1} << index;
    }
    return bits;
}

void DeferredDerivatives::record() {
    ShortList<NodeRef, most_roots> held;
    for (std::size_t index = 0; index < roots_count_; ++index) held.push_back(NodeRef::share(*roots_[index]));
    ShortList<Tensor, most_results> xs(xs_count_), recorded(results_count_);
    for (std::size_t index = 0; index < xs_count_; ++index) xs[index] = Tensor(NodeRef::share(*xs_[index]));
    const WithoutAttribution own_places;
    detail::record_derivatives({mode_, {roots_.data(), roots_count_}, xs, unconnected_, at_}, recorded);
    for (Tensor& result : recorded) {
        // It was otherwise when it was learned: a rule that does not always do the same.
        if (!is_own(*result.node())) result = algebra::alias(result);
    }
    known_->recorded.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t index = 0; index < results_count_; ++index) {
        if (results_[index]) results_[index]->replace(*recorded[index].node());
    }
}

Deferral::Deferral(const Differentiation& what) {
    const bool is_small =
        what.xs.size() <= DeferredDerivatives::most_results && what.results() <= DeferredDerivatives::most_results;
    if (what.xs.empty() || !is_small || must_record() || strangers.may_be_passed_by()) return;
    if (describe(what)) values_read_ = detail::values_read();
}

/// Room for a description, kept for the next one.
struct Deferral::Room {
    run::Schedule schedule;
    std::vector<std::uint64_t> structure;
};

bool Deferral::describe(const Differentiation& what) {
    thread_local std::unique_ptr<Room> spare;
    if (!spare) spare = std::make_unique<Room>();
    spare->schedule.begin(what.roots, run::Schedule::Keeping::roots, run::Schedule::Deferred::with_history);
    // To record a graph of this size takes long enough, and to keep what is known of it much memory.
    constexpr std::size_t most_values = std::size_t{1} << 20;
    if (spare->schedule.values() <= most_values) return describe(what, *spare);
    spare.reset();
    return false;
}

bool Deferral::describe(const Differentiation& what, Room& room) {
    auto& [schedule, structure] = room;
    if (schedule.has_function()) return false;
    structure.assign(schedule.structure().begin(), schedule.structure().end());
    structure.push_back(static_cast<std::uint64_t>(what.mode));
    for (std::size_t root = 0; root < what.roots.size(); ++root) {
        const Node& node = *what.roots[root];
        if (root < what.ys().size() && node.is_leaf()) return false;
        structure.push_back(schedule.value_of(node));
        structure.push_back(node.is_computed && !node.needs_gradient && is_one(node));
        const auto first = std::find(what.roots.begin(), what.roots.end(), &node);
        structure.push_back(static_cast<std::uint64_t>(first - what.roots.begin()));
    }
    for (const Node* given : schedule.given()) structure.push_back(!given->needs_gradient && is_one(*given));
    for (const Tensor& x : what.xs) {
        const std::size_t first = structure.size();
        schedule.find(x, structure);
        if (structure.size() == first) return false;
        structure.push_back(~std::uint64_t{0});
        // Of what is rewritten the formula that was typed is not in the schedule.
        if (schedule.has_rewritten() && !source(x, "grad", {})->is_leaf()) return false;
    }
    const std::uint64_t hash = run::Schedule::hash(structure);
    if (const auto* known = cache().find(hash, structure)) {
        strangers.in_a_row = 0;
        const KnownDerivatives& found = **known;
        constexpr std::uint32_t patience = 4;
        const bool pays = found.recorded.load(std::memory_order_relaxed) <=
                          patience + found.computed.load(std::memory_order_relaxed) / 2;
        if (!found.results.empty() && pays) known_ = *known;
        return false;
    }
    ++strangers.in_a_row;
    structure_ = structure;
    return true;
}

void Deferral::learn(std::span<const Tensor> result) const {
    if (structure_.empty()) return;
    auto known = std::make_shared<KnownDerivatives>();
    known->number = next_number();
    const bool is_pure = values_read_ == detail::values_read();
    if (is_pure && std::all_of(result.begin(), result.end(), [](const Tensor& x) { return is_own(*x.node()); })) {
        for (const Tensor& x : result) {
            const Node& node = *x.node();
            known->results.push_back(
                {node.op(), node.attributes(), node.dtype, node.shape, node.needs_gradient, node.is_transient});
        }
    }
    cache().enter(run::Schedule::hash(structure_), structure_, std::move(known));
}

}  // namespace xgrad
