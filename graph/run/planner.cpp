#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/working_memory.hpp>

namespace xgrad::run {

/// Writes a plan down.
class Planner {
  public:
    using Value = Plan::Value;

    Planner(const Schedule& schedule, Plan& plan) : schedule_(schedule), grouping_(schedule), plan_(plan) {
        const std::size_t values = schedule.values();
        plan_.placements_.resize(values);
        strides_.resize(values);
        plan_.notes_.reserve(grouping_.steps() + 1);
        plan_.places_.reserve(schedule.size());
        loop_of_.resize(values, FusedLoop::none);
        in_loop_.resize(values);
        for (auto value = static_cast<Value>(schedule.size()); value < values; ++value) {
            plan_.placements_[value].home = Plan::Home::given;
            strides_[value] = schedule.node(value).layout();
        }
    }

    void write() {
        for (std::size_t step = 0; step < grouping_.steps(); ++step) write_step(step);
        plan_.notes_.push_back({static_cast<std::uint32_t>(plan_.places_.size()), 0, 0, 0});
        place_in_memory();
    }

  private:
    using Home = Plan::Home;
    using Kind = Plan::StepKind;

    /// A value that a step makes, and the steps between which it is needed.
    struct Made {
        Value value;
        Value of;  // the value itself, or what it is a copy of
        std::size_t bytes;
        std::uint32_t first;
        std::uint32_t last;
        bool is_kept;
    };

    const Node& node(Value value) const { return schedule_.node(value); }
    std::uint32_t now() const { return static_cast<std::uint32_t>(plan_.steps_.size()); }
    Value base_of(Value value) const {
        return plan_.placements_[value].home == Home::view ? plan_.placements_[value].base : value;
    }

    void write_step(std::size_t step) {
        loop_members_.clear();
        sums_.clear();
        for (const std::uint32_t place : grouping_.members(step)) {
            if (Grouping::kind_of(schedule_[place]) == Grouping::Kind::view) lay_view(place);
        }
        for (const std::uint32_t place : grouping_.members(step)) {
            const Grouping::Kind kind = Grouping::kind_of(schedule_[place]);
            if (kind == Grouping::Kind::elementwise) loop_members_.push_back(place);
            if (grouping_.is_summed_in_loop(place)) {
                sums_.push_back(place);
            } else if (kind == Grouping::Kind::kernel) {
                write_kernel(place);
            }
        }
        if (!loop_members_.empty()) write_loop();
    }

    /// Lets a value stand where the one it views does. The rule speaks in elements.
    void lay_view(std::uint32_t place) {
        const Node& view = schedule_[place];
        Value viewed = schedule_.reads(place)[0];
        const LayoutRule& rule = std::get<LayoutRule>(view.formula().op->forward);
        const Node& input = node(viewed);
        std::optional<Layout> layout =
            rule({input.dtype, input.shape, strides_[viewed], nullptr}, view.formula().attributes, view.shape);
        if (!layout) {
            viewed = copy_of(viewed, input, place);
            layout = rule({input.dtype, input.shape, strides_[viewed], nullptr}, view.formula().attributes, view.shape);
        }
        const std::int64_t offset = layout->offset * static_cast<std::int64_t>(item_size(view.dtype));
        const bool is_on_view = plan_.placements_[viewed].home == Home::view;
        plan_.placements_[place] = {Home::view, base_of(viewed),
                                    offset + (is_on_view ? plan_.placements_[viewed].offset : 0)};
        const Array seen{view.dtype, view.shape, layout->strides, nullptr};
        const bool is_row_major = seen.is_contiguous();
        strides_[place] = is_row_major ? row_major(view.shape) : layout->strides;
        if (!schedule_.is_kept(place)) return;
        const Plan::Placement& placement = plan_.placements_[place];
        plan_.kept_views_.push_back({place, placement.base, placement.offset, is_row_major, strides_[place]});
        if (Made* made = made_by_step(placement.base)) made->is_kept = true;
    }

    /// A copy for the view at `place`.
    Value copy_of(Value value, const Node& like, std::uint32_t place) {
        const auto copy = static_cast<Value>(plan_.placements_.size());
        plan_.placements_.emplace_back();
        strides_.push_back(row_major(like.shape));
        loop_of_.push_back(FusedLoop::none);
        in_loop_.emplace_back();
        const auto size = static_cast<std::size_t>(like.shape.size());
        make(copy, value, size * item_size(like.dtype), false);
        read(value);
        add_step(Kind::copy, plan_.copies_.size(), {&place, 1});
        const Array array{like.dtype, like.shape, strides_[value], nullptr};
        plan_.copies_.push_back({Packer(array, like.shape), size, value, copy});
        return copy;
    }

    void write_kernel(std::uint32_t place) {
        plan_.kernels_.push_back({place, static_cast<std::uint32_t>(plan_.operands_.size())});
        const std::span<const Value> operands = schedule_.reads(place);
        for (std::size_t input = 0; input < operands.size(); ++input) {
            const Value operand = operands[input];
            const auto before = operands.first(input);
            if (std::find(before.begin(), before.end(), operand) == before.end()) read(operand);
            plan_.operands_.push_back({operand, strides_[operand]});
        }
        make(place);
        add_step(Kind::kernel, plan_.kernels_.size() - 1, {&place, 1});
    }

    void write_loop() {
        const auto number = static_cast<std::uint32_t>(plan_.loops_.size());
        FusedLoop& loop = plan_.loops_.emplace_back(schedule_[loop_members_[0]].shape);
        for (const std::uint32_t place : loop_members_) {
            const Node& member = schedule_[place];
            const std::span<const Value> reads = schedule_.reads(place);
            std::array<FusedLoop::Value, FusedLoop::most_inputs> values;
            for (std::size_t input = 0; input < reads.size(); ++input) {
                values[input] = loop_value(loop, number, reads[input]);
            }
            const bool is_written = grouping_.is_written(place);
            if (is_written) make(place);
            const DType dtype = node(reads.back()).dtype;
            in_loop_[place] =
                loop.apply(std::get<BlockKernels>(member.formula().op->forward).kernel(dtype),
                           {values.data(), reads.size()}, member.dtype, is_written ? place : FusedLoop::none);
            loop_of_[place] = number;
        }
        for (const std::uint32_t place : sums_) {
            make(place);
            loop.sum(in_loop_[schedule_.reads(place)[0]], *schedule_[place].formula().op->block_sum,
                     schedule_[place].dtype, place);
        }
        loop.finish();
        loop_members_.insert(loop_members_.end(), sums_.begin(), sums_.end());
        add_step(Kind::loop, number, loop_members_);
    }

    FusedLoop::Value loop_value(FusedLoop& loop, std::uint32_t number, Value value) {
        if (loop_of_[value] == number) return in_loop_[value];
        read(value);
        const Node& array = node(value);
        loop_of_[value] = number;
        in_loop_[value] = loop.input(array.dtype, array.shape, strides_[value], value);
        return in_loop_[value];
    }

    void add_step(Kind kind, std::size_t index, std::span<const std::uint32_t> places) {
        plan_.steps_.push_back({kind, static_cast<std::uint32_t>(index)});
        note_.first_place = static_cast<std::uint32_t>(plan_.places_.size());
        plan_.places_.insert(plan_.places_.end(), places.begin(), places.end());
        plan_.notes_.push_back(std::exchange(note_, {}));
    }

    void make(std::uint32_t place) {
        const Node& made = schedule_[place];
        strides_[place] = row_major(made.shape);
        make(place, place, static_cast<std::size_t>(made.shape.size()) * item_size(made.dtype),
             schedule_.is_kept(place));
    }

    void make(Value value, Value of, std::size_t bytes, bool is_kept) {
        if (made_of_.size() <= value) made_of_.resize(plan_.placements_.size(), FusedLoop::none);
        made_of_[value] = static_cast<std::uint32_t>(made_.size());
        made_.push_back({value, of, bytes, now(), now(), is_kept});
        note_.bytes_written += bytes;
    }

    Made* made_by_step(Value value) {
        return value < made_of_.size() && made_of_[value] != FusedLoop::none ? &made_[made_of_[value]] : nullptr;
    }

    void read(Value value) {
        if (Made* made = made_by_step(base_of(value))) made->last = std::max(made->last, now());
        // A copy is read through the view on it only, so the value has a node.
        const Node& array = node(value);
        std::size_t bytes = item_size(array.dtype);
        for (std::size_t axis = 0; axis < array.shape.rank(); ++axis) {
            const std::int64_t extent = array.shape[axis];
            if (strides_[value][axis] != 0 || extent == 0) bytes *= static_cast<std::size_t>(extent);
        }
        ++note_.arrays_read;
        note_.bytes_read += bytes;
    }

    void place_in_memory() {
        std::vector<std::uint32_t> by_end(made_.size());
        for (std::uint32_t index = 0; index < made_.size(); ++index) by_end[index] = index;
        std::stable_sort(by_end.begin(), by_end.end(),
                         [&](std::uint32_t a, std::uint32_t b) { return made_[a].last < made_[b].last; });
        WorkingMemory memory;
        std::size_t ended = 0;
        std::size_t largest = 0;
        for (const Made& made : made_) {  // in the order of their beginning
            for (; made_[by_end[ended]].last < made.first; ++ended) {
                const Made& over = made_[by_end[ended]];
                if (over.is_kept) continue;
                memory.give_back(static_cast<std::size_t>(plan_.placements_[over.value].offset), over.bytes);
            }
            if (made.bytes > largest) {
                largest = made.bytes;
                plan_.largest_ = made.of;
            }
            Plan::Placement& placement = plan_.placements_[made.value];
            if (made.is_kept) {
                placement.home = Home::kept;
                plan_.kept_.push_back(made.value);
            } else {
                placement = {Home::shared, 0, static_cast<std::int64_t>(memory.take(made.bytes))};
                plan_.placed_.push_back(made.value);
            }
        }
        plan_.working_bytes_ = memory.bytes();
        for (Value value = 0; value < schedule_.size(); ++value) {
            if (plan_.placements_[value].home == Home::view) plan_.placed_.push_back(value);
        }
    }

    const Schedule& schedule_;
    Grouping grouping_;
    Plan& plan_;
    std::vector<Strides> strides_;
    std::vector<Made> made_;
    std::vector<std::uint32_t> made_of_;     // by value
    std::vector<std::uint32_t> loop_of_;     // by value: the last loop that knows it,
    std::vector<FusedLoop::Value> in_loop_;  // and under which number
    Plan::Note note_{};                      // on the step that is being written
    std::vector<std::uint32_t> loop_members_;
    std::vector<std::uint32_t> sums_;
};

namespace {

std::atomic<std::uint64_t> plans_made{0};

}  // namespace

Plan::Plan(const Schedule& schedule) : number_(plans_made.fetch_add(1, std::memory_order_relaxed)) {
    Planner(schedule, *this).write();
}

}  // namespace xgrad::run
