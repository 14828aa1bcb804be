#include <xgrad/graph/run/execute.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include <xgrad/graph/error.hpp>
#include <xgrad/graph/explain/watch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/plan_cache.hpp>
#include <xgrad/graph/run/schedule.hpp>
#include <xgrad/graph/run/watched.hpp>

namespace xgrad::run {

namespace {

/// One computation, from roots to numbers. What it needs to remember is kept for the next one.
class Execution {
  public:
    void run(std::span<Node* const> roots) {
        const std::shared_ptr<const Plan> plan = plan_for(roots);
        addresses_.assign(plan->values(), nullptr);
        std::size_t value = schedule_.size();
        for (const Node* given : schedule_.given()) addresses_[value++] = static_cast<std::byte*>(given->data);
        try {
            take_memory(*plan);
            plan->run(schedule_.order(), addresses_.data());
        } catch (...) {
            for (const Plan::Value kept : plan->kept()) {
                if (kept < schedule_.size()) schedule_[kept].drop_value();
            }
            working_memory_ = StorageRef();
            copies_.clear();
            throw;
        }
        settle(*plan);
        working_memory_ = StorageRef();
        copies_.clear();
    }

    /// What it has taken up for a few million nodes is given back.
    bool is_worth_keeping() const {
        constexpr std::size_t most_values = std::size_t{1} << 18;
        return schedule_.values() <= most_values;
    }

    std::unique_ptr<Execution> next_idle;

  private:
    std::shared_ptr<const Plan> plan_for(std::span<Node* const> roots) {
        const PlanningTime planning;
        schedule_.begin(roots);
        return find_plan(schedule_);
    }

    void take_memory(const Plan& plan) {
        copies_.clear();
        for (const Plan::Value kept : plan.kept()) {
            if (kept >= schedule_.size()) continue;
            schedule_[kept].allocate();
            addresses_[kept] = static_cast<std::byte*>(schedule_[kept].data);
        }
        try {
            for (const Plan::Value kept : plan.kept()) {
                if (kept < schedule_.size()) continue;
                copies_.emplace_back(kept, StorageRef(Storage::allocate(plan.copy_bytes(kept))));
                addresses_[kept] = static_cast<std::byte*>(copies_.back().second->data());
            }
            if (plan.working_bytes() > 0) working_memory_ = StorageRef(Storage::allocate(plan.working_bytes()));
        } catch (const std::bad_alloc&) {
            schedule_.node(plan.largest()).refuse_memory();
        }
        plan.place(working_memory_ ? static_cast<std::byte*>(working_memory_->data()) : nullptr, addresses_.data());
    }

    StorageRef storage_of(Plan::Value value) const {
        for (const auto& [copy, storage] : copies_) {
            if (copy == value) return storage;
        }
        return schedule_.node(value).storage;
    }

    void keep(const Plan::KeptView& view) {
        Node& node = schedule_[view.value];
        node.storage = storage_of(view.base);
        node.data = addresses_[view.value];
        if (!node.storage) {  // one number, which stands in a node; a view may be of none, and begin behind it
            std::memcpy(node.scalar, addresses_[view.base], item_size(node.dtype));
            node.data = node.scalar;
        }
        node.strides = view.is_row_major ? nullptr : std::make_unique<OwnStrides>(view.strides);
        node.is_computed = true;
    }

    /// Nothing fails from here on but a few bytes for strides.
    void settle(const Plan& plan) {
        for (const Plan::KeptView& view : plan.kept_views()) keep(view);
        for (const Plan::Value kept : plan.kept()) {
            if (kept < schedule_.size()) schedule_[kept].is_computed = true;
        }
        const bool keeps_history = is_history_kept();
        // Inputs first: what lets go of its inputs is not read again, and nodes that nobody holds die after their turn.
        for (Node* node : schedule_.order()) {
            node->mark_settled();
            if (node->is_computed && !node->needs_gradient && !keeps_history) node->drop_history();
        }
    }

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
    if (std::all_of(roots.begin(), roots.end(), [](const Node* root) { return root->is_computed; })) return;
    const auto compute = [](std::span<Node* const> wanted) { Borrowed()->run(wanted); };
    if (explain::is_watching()) return explain::watch(roots, compute);
    compute(roots);
}

}  // namespace xgrad::run
