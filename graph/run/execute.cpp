#include <xgrad/graph/run/execute.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include <xgrad/graph/deferred.hpp>
#include <xgrad/graph/error.hpp>
#include <xgrad/graph/explain/watch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/plan_cache.hpp>
#include <xgrad/graph/run/schedule.hpp>
#include <xgrad/graph/run/substitute.hpp>
#include <xgrad/graph/run/watched.hpp>

namespace xgrad::run {

namespace {

/// One computation, from roots to numbers. What it needs to remember is kept for the next one.
class Execution {
  public:
    void run(std::span<Node* const> roots) {
        if (!schedule_deferred(roots)) schedule_recorded(roots);
        try {
            compute();
        } catch (...) {
            if (!substitute_) throw;
            // Once more as recorded, so that the error knows the places.
            schedule_recorded(roots);
            compute();
        }
        plan_.reset();
        substitute_.reset();
    }

    /// What it has taken up for a few million nodes is given back.
    bool is_worth_keeping() const {
        constexpr std::size_t most_values = std::size_t{1} << 20;
        return schedule_.values() <= most_values;
    }

    std::unique_ptr<Execution> next_idle;

  private:
    /// A schedule in which deferred derivatives stay one node each, if it is known how to compute it.
    bool schedule_deferred(std::span<Node* const> roots) {
        substitute_.reset();
        if (is_watched()) return false;
        schedule_.begin(roots, Schedule::Keeping::reachable, Schedule::Deferred::kept);
        if (!schedule_.has_deferred()) {
            plan_ = find_plan(schedule_);
            return true;
        }
        if (schedule_.lacks_history()) {
            schedule_.begin(roots, Schedule::Keeping::reachable, Schedule::Deferred::with_history);
        }
        const auto* known = find_substitute(schedule_);
        if (!known) return learn(roots);
        substitute_ = *known;
        if (substitute_) plan_ = {substitute_, &substitute_->plan()};
        return substitute_ != nullptr;
    }

    bool learn(std::span<Node* const> roots) {
        const DeferredSchedule deferred(schedule_);
        schedule_recorded(roots);
        remember(deferred, Substitute::make(deferred, schedule_, plan_));
        return true;
    }

    void schedule_recorded(std::span<Node* const> roots) {
        const PlanningTime planning;
        substitute_.reset();
        schedule_.begin(roots);
        plan_ = find_plan(schedule_);
    }

    void compute() {
        addresses_.assign(plan_->values(), nullptr);
        if (substitute_) {
            substitute_->give(schedule_, addresses_.data());
        } else {
            std::size_t value = schedule_.size();
            for (const Node* given : schedule_.given()) addresses_[value++] = static_cast<std::byte*>(given->data);
        }
        try {
            take_memory();
            plan_->run(substitute_ ? std::span<Node* const>() : schedule_.order(), addresses_.data());
        } catch (...) {
            for (const Plan::Value kept : plan_->kept()) {
                if (Node* node = node_of(kept)) node->drop_value();
            }
            working_memory_ = StorageRef();
            copies_.clear();
            throw;
        }
        settle();
        working_memory_ = StorageRef();
        copies_.clear();
    }

    /// Where a value of the plan stands in the schedule; none if only the plan knows it.
    Plan::Value place_of(Plan::Value value) const {
        if (substitute_) return substitute_->origin(value);
        return value < schedule_.values() ? value : Substitute::none;
    }
    /// The node that is to be computed for a value of the plan, if there is one.
    Node* node_of(Plan::Value value) const {
        const Plan::Value place = place_of(value);
        return place < schedule_.size() ? &schedule_[place] : nullptr;
    }

    void take_memory() {
        copies_.clear();
        for (const Plan::Value kept : plan_->kept()) {
            Node* node = node_of(kept);
            if (!node) continue;
            node->allocate();
            addresses_[kept] = static_cast<std::byte*>(node->data);
        }
        try {
            for (std::size_t index = 0; index < plan_->kept().size(); ++index) {
                const Plan::Value kept = plan_->kept()[index];
                if (node_of(kept)) continue;
                copies_.emplace_back(kept, StorageRef(Storage::allocate(plan_->kept_bytes()[index])));
                addresses_[kept] = static_cast<std::byte*>(copies_.back().second->data());
            }
            if (plan_->working_bytes() > 0) working_memory_ = StorageRef(Storage::allocate(plan_->working_bytes()));
        } catch (const std::bad_alloc&) {
            if (substitute_) throw;
            schedule_.node(plan_->largest()).refuse_memory();
        }
        plan_->place(working_memory_ ? static_cast<std::byte*>(working_memory_->data()) : nullptr, addresses_.data());
    }

    StorageRef storage_of(Plan::Value value) const {
        for (const auto& [copy, storage] : copies_) {
            if (copy == value) return storage;
        }
        const Plan::Value place = place_of(value);
        if (place != Substitute::none) return schedule_.node(place).storage;
        return substitute_ ? substitute_->constant(value) : StorageRef();
    }

    void keep(const Plan::KeptView& view) {
        Node* node = node_of(view.value);
        if (!node) return;
        node->storage = storage_of(view.base);
        node->data = addresses_[view.value];
        if (!node->storage) {  // one number, which stands in a node; a view may be of none, and begin behind it
            std::memcpy(node->scalar, addresses_[view.base], item_size(node->dtype));
            node->data = node->scalar;
        }
        node->strides = view.is_row_major ? nullptr : std::make_unique<OwnStrides>(view.strides);
        node->is_computed = true;
    }

    /// Nothing fails from here on but a few bytes for strides.
    void settle() {
        for (const Plan::KeptView& view : plan_->kept_views()) keep(view);
        for (const Plan::Value kept : plan_->kept()) {
            if (Node* node = node_of(kept)) node->is_computed = true;
        }
        const bool keeps_history = is_history_kept();
        // Inputs first: what lets go of its inputs is not read again, and nodes that nobody holds die after their turn.
        for (Node* node : schedule_.order()) {
            node->mark_settled();
            if (node->is_deferred) node->extra->deferred->note_computed();
            if (node->is_computed && !node->needs_gradient && !keeps_history) node->drop_history();
        }
    }

    std::shared_ptr<const Substitute> substitute_;  // of this computation; null if everything in it is recorded
    std::shared_ptr<const Plan> plan_;
    Schedule schedule_;
    std::vector<std::byte*> addresses_;
    StorageRef working_memory_;
    std::vector<std::pair<Plan::Value, StorageRef>> copies_;  // kept, for views
};

/// A computation may start another one, so there can be several.
class Borrowed {
  public:
    Borrowed() : execution_(std::move(idle())) {
        if (execution_) {
            idle() = std::move(execution_->next_idle);
        } else {
            execution_ = std::make_unique<Execution>();
        }
    }
    ~Borrowed() {
        if (!execution_->is_worth_keeping()) return;
        execution_->next_idle = std::move(idle());
        idle() = std::move(execution_);
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    Execution* operator->() const { return execution_.get(); }

  private:
    static std::unique_ptr<Execution>& idle() {
        thread_local std::unique_ptr<Execution> first;
        return first;
    }
    std::unique_ptr<Execution> execution_;
};

}  // namespace

void make_contiguous(Node& node) {
    if (!node.strides) return;
    const auto size = static_cast<std::size_t>(node.shape.size());
    const Packer packer({node.dtype, node.shape, *node.strides, node.data}, node.shape);
    StorageRef storage = node.new_storage();
    packer.pack(0, size, storage->data());
    node.storage = std::move(storage);
    node.data = node.storage->data();
    node.strides.reset();
}

void execute(std::span<Node* const> roots) {
    ++xgrad::detail::values_read();
    if (std::all_of(roots.begin(), roots.end(), [](const Node* root) { return root->is_computed; })) return;
    const auto compute = [](std::span<Node* const> wanted) { Borrowed()->run(wanted); };
    if (explain::is_watching()) return explain::watch(roots, compute);
    compute(roots);
}

}  // namespace xgrad::run
