#include <xgrad/graph/compile.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/explain/watch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/execute.hpp>
#include <xgrad/graph/run/plan_cache.hpp>
#include <xgrad/graph/run/watched.hpp>

namespace xgrad::detail {

namespace {

// A function that is called with ever new shapes is not compiled but recorded: the oldest recording goes.
constexpr std::size_t most_recordings = 16;
// One number in so much memory is read from the first cache as fast as it is repeated.
constexpr std::size_t most_repeated_bytes = std::size_t{1} << 15;

std::string described(const Node& node) {
    return fmt::format("{} {}", name(node.dtype), to_string(node.shape));
}

bool is_view(const Node& node) {
    return !node.is_leaf() && !node.is_computed && std::holds_alternative<LayoutRule>(node.formula().op()->forward);
}

/// A call while values are watched: recorded like any function, so that an error names the operation and its line.
std::vector<Tensor> recorded_call(const ListFunction& f, std::span<const NodeRef> inputs, Location at) {
    std::vector<Tensor> arguments, values;
    for (const NodeRef& input : inputs) {
        const NodeRef leaf = constant_leaf(Tensor(input), at);
        leaf->needs_gradient = leaf->is_variable = is_floating(leaf->dtype);
        arguments.emplace_back(leaf);
        if (input->extra && !input->extra->name.empty()) xgrad::name(arguments.back(), input->extra->name);
    }
    const std::vector<Tensor> results = f(arguments);
    compute(results, at);
    for (const Tensor& result : results) values.emplace_back(constant_leaf(result, at));
    return values;
}

}  // namespace

/// What f records for arguments of certain shapes and dtypes, and how it is computed.
class CompiledFunction::Recording {
  public:
    Recording(const ListFunction& f, std::span<const NodeRef> inputs, Location at);
    bool fits(std::span<const NodeRef> inputs) const;
    /// Why it does not, for somebody who wonders.
    std::string difference(std::span<const NodeRef> inputs) const;
    std::vector<Tensor> call(std::span<const NodeRef> inputs, Location at);

  private:
    /// Where the memory of a given value is found at a call: in an argument, in a parameter's current version, or in
    /// the node that was recorded.
    struct Binding {
        static constexpr std::size_t none = ~std::size_t{0};
        std::size_t argument = none;
        std::shared_ptr<ParameterSlot> parameter{};
        NodeRef recorded{};
    };

    /// A result: a value and the views on it, inner ones first.
    struct Result {
        NodeRef base;
        std::vector<NodeRef> views{};
        Binding binding{};              // of a base that is there before
        run::Schedule::Value kept = 0;  // of one that is computed: in its place, or what says the same
    };

    void schedule_results();
    Tensor value_of(const Result& result, std::span<const NodeRef> inputs, Location at) const;
    const Node& bound(const Binding& binding, std::span<const NodeRef> inputs) const;
    void fold_constants(Location at);
    Binding binding_of(const Node& given) const;
    static bool varies(const Binding& binding);

    std::vector<NodeRef> stand_ins_;
    std::vector<Result> results_;
    run::Schedule schedule_;
    std::shared_ptr<const run::Plan> plan_;
    std::vector<Binding> bindings_;
    std::vector<std::byte*> addresses_;
    StorageRef working_memory_;
    std::vector<NodeRef> leaves_;  // of the call that is under way, for each kept value
    bool has_drawn_ = false;
};

CompiledFunction::Recording::Recording(const ListFunction& f, std::span<const NodeRef> inputs, Location at) {
    std::vector<Tensor> arguments;
    for (const NodeRef& input : inputs) {
        arguments.push_back(stand_in(input->dtype, input->shape, at));
        stand_ins_.push_back(arguments.back().node());
    }
    {
        const TracingScope tracing;
        for (const Tensor& made : f(arguments)) {
            Result result{source(made, "compile", at)};
            while (is_view(*result.base)) {
                result.views.insert(result.views.begin(), result.base);
                result.base = NodeRef(result.base->formula().inputs()[0]);
            }
            results_.push_back(std::move(result));
        }
    }
    // From here on the stand-ins are values like others, which are given at each call.
    for (const NodeRef& argument : stand_ins_) argument->is_computed = true;
    fold_constants(at);
    {
        const run::PlanningTime planning;
        schedule_results();
        plan_ = run::find_plan(schedule_);
    }
    for (const Node* given : schedule_.given()) bindings_.push_back(binding_of(*given));
    for (Result& result : results_) {
        if (result.base->is_computed) {
            result.binding = binding_of(*result.base);
            continue;
        }
        result.kept = result.base->slot;
        for (const run::Plan::KeptView& view : plan_->kept_views()) {
            if (view.value == result.base->slot) result.kept = view.base;
        }
    }
    addresses_.resize(plan_->values());
    leaves_.resize(plan_->kept().size());
    if (plan_->working_bytes() > 0) working_memory_ = StorageRef(Storage::allocate(plan_->working_bytes()));
}

void CompiledFunction::Recording::schedule_results() {
    std::vector<Node*> roots;
    for (const Result& result : results_) roots.push_back(result.base.get());
    schedule_.begin(roots, run::Schedule::Keeping::roots);
}

/// Computes once and for all what depends on no argument, no parameter and no draw; but not one number over and over,
/// which a loop repeats in less time than it reads it.
void CompiledFunction::Recording::fold_constants(Location at) {
    schedule_results();
    const std::size_t places = schedule_.size();
    std::vector<bool> is_varying(schedule_.values()), is_repeated(schedule_.values());
    for (std::size_t value = places; value < is_varying.size(); ++value) {
        const Node& given = schedule_.node(static_cast<run::Schedule::Value>(value));
        is_varying[value] = varies(binding_of(given));
        is_repeated[value] = given.shape.size() == 1;
    }
    for (std::size_t place = 0; place < places; ++place) {
        const auto reads = schedule_.reads(place);
        const Node& node = *schedule_.order()[place];
        is_varying[place] = std::any_of(reads.begin(), reads.end(), [&](auto read) { return is_varying[read]; });
        is_repeated[place] = (is_view(node) || node.formula().op()->is_elementwise_kernel()) &&
                             std::all_of(reads.begin(), reads.end(), [&](auto read) { return is_repeated[read]; });
    }
    std::vector<bool> is_read(places);
    std::vector<Tensor> constants;
    for (const Result& result : results_) {
        if (!result.base->is_computed && !is_varying[result.base->slot]) constants.emplace_back(result.base);
    }
    for (std::size_t place = places; place-- > 0;) {
        Node& node = *schedule_.order()[place];
        const bool is_left_to_loops = is_repeated[place] && bytes_of(node) > most_repeated_bytes;
        if (!is_varying[place] && !is_read[place]) continue;
        if (!is_varying[place] && !is_left_to_loops) {
            constants.emplace_back(NodeRef::share(node));
            continue;
        }
        for (const auto read : schedule_.reads(place)) {
            if (read < places && !is_varying[read]) is_read[read] = true;
        }
    }
    compute(constants, at);
}

CompiledFunction::Recording::Binding CompiledFunction::Recording::binding_of(const Node& given) const {
    Binding binding;
    for (std::size_t argument = 0; argument < stand_ins_.size(); ++argument) {
        if (stand_ins_[argument].get() == &given) binding.argument = argument;
    }
    binding.recorded = NodeRef::share(const_cast<Node&>(given));
    // An earlier version of a parameter, which f still held, is a constant.
    if (given.extra && given.extra->slot && given.extra->slot->current() == &given) {
        binding.parameter = given.extra->slot;
    }
    return binding;
}

bool CompiledFunction::Recording::varies(const Binding& binding) {
    return binding.argument != Binding::none || binding.parameter ||
           (binding.recorded->extra && binding.recorded->extra->refill);
}

bool CompiledFunction::Recording::fits(std::span<const NodeRef> inputs) const {
    return std::equal(inputs.begin(), inputs.end(), stand_ins_.begin(), stand_ins_.end(),
                      [](const NodeRef& a, const NodeRef& b) { return a->dtype == b->dtype && a->shape == b->shape; });
}

std::string CompiledFunction::Recording::difference(std::span<const NodeRef> inputs) const {
    if (inputs.size() != stand_ins_.size()) {
        return fmt::format("{} arguments instead of {}", inputs.size(), stand_ins_.size());
    }
    for (std::size_t argument = 0; argument < inputs.size(); ++argument) {
        const std::string was = described(*stand_ins_[argument]);
        const std::string is = described(*inputs[argument]);
        if (was != is) return fmt::format("argument {} was {} and is {}", argument, was, is);
    }
    return {};
}

const Node& CompiledFunction::Recording::bound(const Binding& binding, std::span<const NodeRef> inputs) const {
    if (binding.argument != Binding::none) return *inputs[binding.argument];
    // Of a parameter that nobody holds any more, the value that it had.
    if (binding.parameter && binding.parameter->current()) return *binding.parameter->current();
    return *binding.recorded;
}

Tensor CompiledFunction::Recording::value_of(const Result& result, std::span<const NodeRef> inputs, Location at) const {
    Tensor value;
    if (result.base->is_computed) {
        value = Tensor(NodeRef::share(const_cast<Node&>(bound(result.binding, inputs))));
    } else {
        const auto kept = std::find(plan_->kept().begin(), plan_->kept().end(), result.kept);
        value = Tensor(leaves_[static_cast<std::size_t>(kept - plan_->kept().begin())]);
        if (result.views.empty() && result.kept == result.base->slot) return value;
    }
    for (const NodeRef& view : result.views) {
        const Node& formula = view->formula();
        value = apply(*formula.op(), {value}, formula.attributes(), view->location());
    }
    return Tensor(constant_leaf(value, at));
}

std::vector<Tensor> CompiledFunction::Recording::call(std::span<const NodeRef> inputs, Location at) {
    for (std::size_t given = 0; given < bindings_.size(); ++given) {
        const Node& node = bound(bindings_[given], inputs);
        // The first call uses what was drawn when f was recorded.
        if (has_drawn_ && node.extra && node.extra->refill) node.extra->refill->fill(node.data);
        addresses_[schedule_.size() + given] = static_cast<std::byte*>(node.data);
    }
    has_drawn_ = true;
    for (std::size_t kept = 0; kept < leaves_.size(); ++kept) {
        const Node& like = schedule_.node(plan_->kept()[kept]);
        leaves_[kept] = new_leaf(like.dtype, like.shape, at);
        addresses_[plan_->kept()[kept]] = static_cast<std::byte*>(leaves_[kept]->data);
    }
    plan_->place(working_memory_ ? static_cast<std::byte*>(working_memory_->data()) : nullptr, addresses_.data());
    plan_->run(schedule_.order(), addresses_.data());
    std::vector<Tensor> values;
    values.reserve(results_.size());
    for (const Result& result : results_) values.push_back(value_of(result, inputs, at));
    for (NodeRef& leaf : leaves_) leaf = NodeRef();
    return values;
}

struct CompiledFunction::State {
    ListFunction f;
    Location at;
    std::vector<std::unique_ptr<Recording>> recordings{};  // the one used last is the last
    std::size_t recorded = 0;
    std::string reason{};
    std::vector<NodeRef> inputs{};
};

CompiledFunction::CompiledFunction(ListFunction f, Location at)
    : state_(std::make_unique<State>(State{std::move(f), Attribution::resolve(at)})) {}

CompiledFunction::~CompiledFunction() = default;

std::vector<Tensor> CompiledFunction::call(std::span<const Tensor* const> tensors, Location at) {
    at = Attribution::resolve(at);
    State& state = *state_;
    if (is_tracing()) {  // within another function that is recorded: a part of it
        std::vector<Tensor> arguments;
        for (const Tensor* tensor : tensors) arguments.push_back(*tensor);
        return state.f(arguments);
    }
    state.inputs.clear();
    for (const Tensor* tensor : tensors) {
        state.inputs.push_back(source(*tensor, "compile", at));
        Node* input = state.inputs.back().get();
        run::execute({&input, 1});
        run::make_contiguous(*input);
    }
    if (explain::is_watching()) {
        const std::vector<NodeRef> inputs = std::move(state.inputs);
        return recorded_call(state.f, inputs, at);
    }
    auto& recordings = state.recordings;
    const auto fitting = std::find_if(recordings.rbegin(), recordings.rend(),
                                      [&](const auto& recording) { return recording->fits(state.inputs); });
    if (fitting == recordings.rend()) {
        auto made = std::make_unique<Recording>(state.f, state.inputs, state.at);
        state.reason = recordings.empty() ? "first call" : recordings.back()->difference(state.inputs);
        if (recordings.size() == most_recordings) recordings.erase(recordings.begin());
        recordings.push_back(std::move(made));
        ++state.recorded;
    } else if (fitting != recordings.rbegin()) {
        std::rotate(fitting.base() - 1, fitting.base(), recordings.end());
    }
    std::vector<Tensor> results = recordings.back()->call(state.inputs, at);
    state.inputs.clear();
    return results;
}

std::size_t CompiledFunction::recordings() const noexcept {
    return state_->recorded;
}

const std::string& CompiledFunction::reason() const noexcept {
    return state_->reason;
}

}  // namespace xgrad::detail
