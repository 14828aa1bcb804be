#include <algorithm>
#include <new>
#include <utility>

#include <fmt/format.h>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/profile/state.hpp>

namespace xgrad {

namespace {

// A row names so many operations of a loop.
constexpr std::size_t most_names = 4;
// Beyond these a program whose structure never repeats would fill the memory.
constexpr std::size_t most_plans = 4096;
// The row behind the last of these stands for all others.
constexpr std::size_t most_works = std::size_t{1} << 16;

double seconds_of(run::Time time) {
    return static_cast<double>(time) / 1e9;
}

}  // namespace

std::string shapes_text(const ProfileRow& row) {
    std::string text;
    for (const Shape& input : row.inputs) text += to_string(input) + " ";
    return text + (text.empty() ? "" : "→ ") + to_string(row.shape);
}

namespace {

std::string operations_of(const run::Plan::Work& step, std::span<Node* const> order) {
    std::vector<const Node*> nodes;
    std::string sums;
    for (const std::uint32_t place : step.places) {
        const Node& node = *order[place];
        if (step.kind == run::Plan::StepKind::loop && run::Grouping::kind_of(node) == run::Grouping::Kind::kernel) {
            sums += "; " + operations_text(std::vector<const Node*>{&node}, 1);
        } else {
            nodes.push_back(&node);
        }
    }
    const std::string names = operations_text(nodes, most_names) + sums;
    return step.kind == run::Plan::StepKind::copy ? "copy for " + names : names;
}

}  // namespace

std::uint32_t Profile::State::work_of(const run::Plan::Work& step, std::span<Node* const> order) {
    Work work{};
    const Node& first = *order[step.places.front()];
    work.row.operations = operations_of(step, order);
    work.row.shape = first.shape;
    if (step.kind == run::Plan::StepKind::kernel) {
        for (const NodeRef& input : first.formula().inputs()) work.row.inputs.push_back(input->shape);
    }
    work.bytes = static_cast<double>(step.bytes_read + step.bytes_written);
    for (const std::uint32_t place : step.places) work.flops += flops_of(order[place]->formula());
    std::string key = fmt::format("{} {} {} {}", work.row.operations, shapes_text(work.row), work.bytes, work.flops);
    if (const auto known = known_works.find(key); known != known_works.end()) return known->second;
    if (works.size() > most_works) return static_cast<std::uint32_t>(most_works);
    if (works.size() == most_works) {
        work = Work{};
        work.row.operations = "others";
    }
    known_works.emplace(std::move(key), static_cast<std::uint32_t>(works.size()));
    works.push_back(std::move(work));
    return static_cast<std::uint32_t>(works.size() - 1);
}

const std::vector<std::uint32_t>& Profile::State::works_of(const run::Plan& plan, std::span<Node* const> order) {
    const auto known = known_plans.find(plan.number());
    if (known != known_plans.end()) return known->second;
    std::vector<std::uint32_t> numbers;
    for (std::size_t step = 0; step < plan.steps(); ++step) numbers.push_back(work_of(plan.work(step), order));
    if (known_plans.size() >= most_plans) known_plans.clear();
    return known_plans[plan.number()] = std::move(numbers);
}

void Profile::State::add(const Event& event) {
    if (event.thread >= is_known_thread.size()) is_known_thread.resize(event.thread + 1);
    if (!is_known_thread[event.thread]) ++threads;
    is_known_thread[event.thread] = true;
    if (events.size() < most_events) {
        events.push_back(event);
    } else {
        ++left_out;
    }
}

void Profile::State::step(const run::Plan& plan, std::span<Node* const> order, std::size_t step,
                          const run::Stretch& time) noexcept {
    const std::lock_guard lock(mutex);
    in_steps += time.own;
    try {
        const std::uint32_t number = works_of(plan, order)[step];
        Work& work = works[number];
        ++work.row.calls;
        work.row.seconds += seconds_of(time.own);
        work.row.bytes += work.bytes;
        work.row.flops += work.flops;
        const Location at = order[plan.work(step).places.back()]->location();
        add({number, time.thread, time.begin, time.end, at.file, at.line});
    } catch (const std::bad_alloc&) {
        ++left_out;
    }
}

void Profile::State::planning(const run::Stretch& time) noexcept {
    const std::lock_guard lock(mutex);
    in_planning += time.own;
    try {
        add({Event::planning, time.thread, time.begin, time.end, "", 0});
    } catch (const std::bad_alloc&) {
        ++left_out;
    }
}

Profile::Profile(std::size_t most_events) : state_(std::make_unique<State>(most_events)) {
    run::add_watcher(*state_);
}

Profile::~Profile() {
    stop();
}

void Profile::stop() noexcept {
    run::remove_watcher(*state_);
    const std::lock_guard lock(state_->mutex);
    if (state_->end == 0) state_->end = run::now();
}

std::vector<ProfileRow> Profile::rows() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<ProfileRow> rows;
    for (const State::Work& work : state_->works) {
        if (work.row.calls > 0) rows.push_back(work.row);
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const ProfileRow& a, const ProfileRow& b) { return a.seconds > b.seconds; });
    return rows;
}

double Profile::seconds() const {
    const std::lock_guard lock(state_->mutex);
    return seconds_of(state_->duration());
}

double Profile::step_seconds() const {
    const std::lock_guard lock(state_->mutex);
    return seconds_of(state_->in_steps);
}

double Profile::planning_seconds() const {
    const std::lock_guard lock(state_->mutex);
    return seconds_of(state_->in_planning);
}

}  // namespace xgrad
