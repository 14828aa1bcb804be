#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>
#include <utility>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/sections.hpp>
#include <xgrad/graph/run/working_memory.hpp>

namespace xgrad::run {

namespace {

// What one step of a section reads and writes in one part: it should stay in the second cache until the next step.
constexpr std::size_t bytes_of_part = std::size_t{1} << 20;

}  // namespace

/// Writes a plan down.
class Planner {
  public:
    using Value = Plan::Value;

    Planner(const Schedule& schedule, Plan& plan) : schedule_(schedule.merged()), grouping_(schedule_), plan_(plan) {
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
        const Sections sections(schedule_, grouping_);
        const std::span<const std::uint32_t> order = sections.order();
        std::size_t place = 0;
        for (const Sections::Section& section : sections.all()) {
            for (; place < section.first; ++place) write_step(order[place]);
            write_section(order.subspan(section.first, section.end - section.first), section, sections);
            place = section.end;
        }
        for (; place < order.size(); ++place) write_step(order[place]);
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
        std::uint32_t section;  // in which it is made
        bool is_kept;
    };

    const Node& node(Value value) const { return schedule_.node(value); }
    std::uint32_t now() const { return static_cast<std::uint32_t>(plan_.steps_.size()); }
    Value base_of(Value value) const {
        return plan_.placements_[value].home == Home::view ? plan_.placements_[value].base : value;
    }

    void write_step(std::size_t step) {
        lay_views(step);
        write_computation(step);
    }

    /// The views that show nothing of what the section makes, and the copies that some of them need, come first. The
    /// others need none.
    void write_section(std::span<const std::uint32_t> steps, const Sections::Section& section,
                       const Sections& sections) {
        is_in_section_.resize(grouping_.steps());
        for (const std::uint32_t step : steps) is_in_section_[step] = true;
        std::vector<std::uint32_t> inside;
        for (const std::uint32_t step : steps) {
            for (const std::uint32_t place : grouping_.members(step)) {
                if (Grouping::kind_of(schedule_, place) != Grouping::Kind::view) continue;
                const Value base = sections.base_of(place);
                if (!schedule_.is_given(base) && is_in_section_[grouping_.step_of(base)]) {
                    inside.push_back(place);
                } else {
                    lay_view(place);
                }
            }
        }
        for (const std::uint32_t step : steps) is_in_section_[step] = false;
        const std::uint32_t first = now();
        section_ = static_cast<std::uint32_t>(plan_.sections_.size());
        auto& used = plan_.section_memory_.emplace_back().others;
        std::size_t bytes = 0, most_bytes = 1;
        auto next = inside.begin();
        for (const std::uint32_t step : steps) {
            for (; next != inside.end() && grouping_.step_of(*next) == step; ++next) lay_view(*next);
            write_computation(step);
            const Plan::Note& note = plan_.notes_.back();
            bytes += note.bytes_read + note.bytes_written;
            most_bytes = std::max(most_bytes, note.bytes_read + note.bytes_written);
        }
        section_ = FusedLoop::none;
        std::sort(used.begin(), used.end());
        used.erase(std::unique(used.begin(), used.end()), used.end());
        const auto most =
            static_cast<std::int64_t>(bytes_of_part * static_cast<std::size_t>(section.rows) / most_bytes);
        const std::int64_t wanted =
            std::clamp<std::int64_t>(most, 1, (section.rows + Sections::least_parts - 1) / Sections::least_parts);
        const std::int64_t rows_of_part = (wanted + section.together - 1) / section.together * section.together;
        plan_.sections_.push_back({first, now(), section.rows, rows_of_part, bytes, 0});
    }

    void lay_views(std::size_t step) {
        for (const std::uint32_t place : grouping_.members(step)) {
            if (Grouping::kind_of(schedule_, place) == Grouping::Kind::view) lay_view(place);
        }
    }

    void write_computation(std::size_t step) {
        loop_members_.clear();
        sums_.clear();
        for (const std::uint32_t place : grouping_.members(step)) {
            const Grouping::Kind kind = Grouping::kind_of(schedule_, place);
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
        if (schedule_.is_merged(place)) {
            if (schedule_.is_kept(place)) look_at(place, viewed, {0, strides_[viewed]});
            return;
        }
        const LayoutRule& rule = std::get<LayoutRule>(view.formula().op()->forward);
        const Node& input = node(viewed);
        std::optional<Layout> layout =
            rule({input.dtype, input.shape, strides_[viewed], nullptr}, view.formula().attributes(), view.shape);
        if (!layout) {
            viewed = copy_of(viewed, input, place);
            layout =
                rule({input.dtype, input.shape, strides_[viewed], nullptr}, view.formula().attributes(), view.shape);
        }
        look_at(place, viewed, *layout);
    }

    void look_at(std::uint32_t place, Value viewed, const Layout& layout) {
        const Node& view = schedule_[place];
        const std::int64_t offset = layout.offset * static_cast<std::int64_t>(item_size(view.dtype));
        const bool is_on_view = plan_.placements_[viewed].home == Home::view;
        plan_.placements_[place] = {Home::view, base_of(viewed),
                                    offset + (is_on_view ? plan_.placements_[viewed].offset : 0)};
        const Array seen{view.dtype, view.shape, layout.strides, nullptr};
        const bool is_row_major = seen.is_contiguous();
        strides_[place] = is_row_major ? row_major(view.shape) : layout.strides;
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
        const Node& made = schedule_[place];
        const std::span<const Value> operands = schedule_.reads(place);
        const auto first = static_cast<std::uint32_t>(plan_.operands_.size());
        // A function is left out: a plan holds on to nothing.
        const Attributes& attributes = made.formula().attributes();
        plan_.kernels_.push_back({place, first, first + static_cast<std::uint32_t>(operands.size()),
                                  made.formula().op(), attributes.has_function() ? Attributes() : attributes,
                                  made.dtype, made.shape, made.location()});
        for (std::size_t input = 0; input < operands.size(); ++input) {
            const Value operand = operands[input];
            const auto before = operands.first(input);
            if (std::find(before.begin(), before.end(), operand) == before.end()) read(operand);
            plan_.operands_.push_back({operand, strides_[operand], node(operand).dtype, node(operand).shape});
        }
        make(place);
        add_step(Kind::kernel, plan_.kernels_.size() - 1, {&place, 1});
    }

    void write_loop() {
        const auto number = static_cast<std::uint32_t>(plan_.loops_.size());
        FusedLoop& loop = plan_.loops_.emplace_back(schedule_[loop_members_[0]].shape);
        std::size_t computed = 0;
        for (const std::uint32_t place : loop_members_) {
            if (write_member(loop, number, place)) loop_members_[computed++] = place;
        }
        loop_members_.resize(computed);
        for (const std::uint32_t place : sums_) {
            const LoopSum sum = *loop_sum(schedule_, place);
            make(place);
            // Others than those of rows are there when the section is at its end.
            if (sum.of != LoopSum::Of::rows) made_.back().section = FusedLoop::none;
            loop.sum(in_loop_[schedule_.reads(place)[0]], sum, schedule_[place].dtype, place);
        }
        loop.finish();
        loop_members_.insert(loop_members_.end(), sums_.begin(), sums_.end());
        add_step(Kind::loop, number, loop_members_);
    }

    /// False if the loop has this value already.
    bool write_member(FusedLoop& loop, std::uint32_t number, std::uint32_t place) {
        const Node& member = schedule_[place];
        const bool is_written = grouping_.is_written(place);
        const Value same = schedule_.first_same(place);
        const bool is_known = loop_of_[same] == number && !is_written;
        if (is_known) {
            in_loop_[place] = in_loop_[same];
        } else {
            const std::span<const Value> reads = schedule_.reads(place);
            std::array<FusedLoop::Value, FusedLoop::most_inputs> values;
            for (std::size_t input = 0; input < reads.size(); ++input) {
                values[input] = loop_value(loop, number, reads[input]);
            }
            if (is_written) make(place);
            in_loop_[place] =
                loop.apply(std::get<BlockKernels>(member.formula().op()->forward), node(reads.back()).dtype,
                           {values.data(), reads.size()}, member.dtype, is_written ? place : FusedLoop::none);
        }
        loop_of_[place] = number;
        return !is_known;
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
        make(place, place, bytes_of(made), schedule_.is_kept(place));
    }

    void make(Value value, Value of, std::size_t bytes, bool is_kept) {
        if (made_of_.size() <= value) made_of_.resize(plan_.placements_.size(), FusedLoop::none);
        made_of_[value] = static_cast<std::uint32_t>(made_.size());
        made_.push_back({value, of, bytes, now(), now(), section_, is_kept});
        note_use(value);
        note_.bytes_written += bytes;
    }

    Made* made_by_step(Value value) {
        return value < made_of_.size() && made_of_[value] != FusedLoop::none ? &made_[made_of_[value]] : nullptr;
    }

    void note_use(Value value) {
        if (section_ != FusedLoop::none) plan_.section_memory_[section_].others.push_back(value);
    }

    void read(Value value) {
        note_use(value);
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

    /// Lays out values, in the order of their beginning, by their lifetimes: calls place(value, offset) for each and
    /// returns the bytes of all.
    template <class Bytes, class Place>
    static std::size_t lay_out(std::span<const Made> made, Bytes&& bytes_of, Place&& place) {
        std::vector<std::uint32_t> by_end(made.size());
        std::iota(by_end.begin(), by_end.end(), 0);
        std::stable_sort(by_end.begin(), by_end.end(),
                         [&](std::uint32_t a, std::uint32_t b) { return made[a].last < made[b].last; });
        std::vector<std::size_t> offsets(made.size());
        WorkingMemory memory;
        std::size_t ended = 0;
        for (std::size_t index = 0; index < made.size(); ++index) {
            for (; made[by_end[ended]].last < made[index].first; ++ended) {
                memory.give_back(offsets[by_end[ended]], bytes_of(made[by_end[ended]]));
            }
            offsets[index] = memory.take(bytes_of(made[index]));
            place(made[index], offsets[index]);
        }
        return memory.bytes();
    }

    bool is_local(const Made& made) const {
        return made.section != FusedLoop::none && !made.is_kept && made.last < plan_.sections_[made.section].end;
    }

    /// What a section makes for itself alone stands in the memory of each part.
    void place_in_part(std::uint32_t number, std::span<const Made> locals) {
        Plan::Section& section = plan_.sections_[number];
        Plan::SectionMemory& memory = plan_.section_memory_[number];
        const auto rows = static_cast<std::size_t>(section.rows);
        section.scratch_bytes = lay_out(
            locals,
            [&](const Made& made) { return made.bytes / rows * static_cast<std::size_t>(section.rows_of_part); },
            [&](const Made& made, std::size_t offset) {
                plan_.placements_[made.value].home = Home::local;
                memory.locals.push_back({made.value, offset, made.bytes / rows});
            });
        std::erase_if(memory.others, [&](Value value) {
            const Plan::Placement& placement = plan_.placements_[value];
            if (plan_.placements_[base_of(value)].home != Home::local) return false;
            if (placement.home == Home::view) memory.views.push_back({value, placement.base, placement.offset});
            return true;
        });
    }

    void place_in_memory() {
        std::vector<std::vector<Made>> locals(plan_.sections_.size());
        std::vector<Made> shared;
        std::size_t largest = 0;
        for (Made made : made_) {
            if (is_local(made)) {
                locals[made.section].push_back(made);
                continue;
            }
            if (made.bytes > largest) {
                largest = made.bytes;
                plan_.largest_ = made.of;
            }
            if (made.is_kept) {
                plan_.placements_[made.value].home = Home::kept;
                plan_.kept_.push_back(made.value);
                plan_.kept_bytes_.push_back(made.bytes);
                continue;
            }
            // While one part is at its last step another may be at its first.
            const auto section =
                std::upper_bound(plan_.sections_.begin(), plan_.sections_.end(), made.last,
                                 [](std::uint32_t step, const Plan::Section& other) { return step < other.end; });
            if (section != plan_.sections_.end() && section->first <= made.last) made.last = section->end - 1;
            shared.push_back(made);
        }
        for (std::uint32_t section = 0; section < locals.size(); ++section) place_in_part(section, locals[section]);
        plan_.working_bytes_ = lay_out(
            shared, [](const Made& made) { return made.bytes; },
            [&](const Made& made, std::size_t offset) {
                plan_.placements_[made.value] = {Home::shared, 0, static_cast<std::int64_t>(offset)};
                plan_.placed_.push_back(made.value);
            });
        for (Value value = 0; value < schedule_.size(); ++value) {
            if (plan_.placements_[value].home == Home::view) plan_.placed_.push_back(value);
        }
    }

    const Schedule schedule_;
    const Grouping grouping_;
    Plan& plan_;
    std::vector<Strides> strides_;
    std::vector<Made> made_;
    std::vector<std::uint32_t> made_of_;       // by value
    std::vector<std::uint32_t> loop_of_;       // by value: the last loop that knows it,
    std::vector<FusedLoop::Value> in_loop_;    // and under which number
    std::uint32_t section_ = FusedLoop::none;  // that is being written
    std::vector<bool> is_in_section_;          // by step: in the section that is being written
    Plan::Note note_{};                        // on the step that is being written
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
