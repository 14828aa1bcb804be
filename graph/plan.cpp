#include <xgrad/graph/plan.hpp>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

#include <fmt/format.h>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/grouping.hpp>
#include <xgrad/graph/run/plan.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad {

namespace {

using run::Grouping;
using run::Plan;
using run::Schedule;

// A loop can have thousands of operations.
constexpr std::size_t most_names = 12;

const std::string& name_of(const Node& node) {
    return node.formula().op()->name;
}

class Description {
  public:
    explicit Description(std::span<Node* const> roots) {
        Schedule schedule;
        schedule.begin(roots);
        plan_.emplace(schedule);
        schedule_ = schedule.merged();
        grouping_.emplace(schedule_);
        reader_outside_.resize(schedule_.size(), none);
        for (std::uint32_t place = 0; place < schedule_.size(); ++place) {
            find_outside(place);
            const bool is_view = Grouping::kind_of(schedule_, place) == Grouping::Kind::view;
            if (is_view && !schedule_.is_merged(place)) ++views_;
        }
    }

    std::string text() {
        if (schedule_.size() == 0) return "everything is computed already\n";
        std::string lines;
        auto section = plan_->sections().begin();
        for (std::size_t step = 0; step < plan_->steps(); ++step) {
            if (section != plan_->sections().end() && section->first == step) lines += section_text(*section++);
            lines += step_text(plan_->work(step));
        }
        const std::span<const std::size_t> bytes = plan_->kept_bytes();
        const std::size_t repeated = schedule_.size() - kernels_ - in_loops_ - views_;
        const std::size_t kept = std::accumulate(bytes.begin(), bytes.end(), std::size_t{0});
        return fmt::format("{} operations: {} with a kernel of their own, {} in {} loops, {} views{}\n",
                           schedule_.size(), kernels_, in_loops_, loops_, views_,
                           repeated > 0 ? fmt::format(", {} the same as others", repeated) : "") +
               lines +
               fmt::format("memory: {} kept by {} values, {} of working memory\n", bytes_text(kept),
                           plan_->kept().size(), bytes_text(plan_->working_bytes()));
    }

  private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    /// Notes the node as a reader of what it does not read within one loop.
    void find_outside(std::uint32_t reader) {
        const bool is_elementwise = Grouping::kind_of(schedule_, reader) == Grouping::Kind::elementwise;
        for (const Schedule::Value value : schedule_.reads(reader)) {
            if (schedule_.is_given(value) || reader_outside_[value] != none) continue;
            const bool is_in_loop = is_elementwise && grouping_->step_of(value) == grouping_->step_of(reader);
            if (!is_in_loop && !grouping_->is_summed_in_loop(reader)) reader_outside_[value] = reader;
        }
    }

    static std::string section_text(const Plan::Section& section) {
        return fmt::format("  {:<7} {} of {} at a time through the next {} steps, {} of memory for each thread\n",
                           "rows", section.rows_of_part, section.rows, section.end - section.first,
                           bytes_text(section.scratch_bytes));
    }

    std::string step_text(const Plan::Work& work) {
        flops_ = 0;
        for (const std::uint32_t place : work.places) flops_ += flops_of(schedule_[place].formula());
        const Node& last = schedule_[work.places.back()];
        switch (work.kind) {
            case Plan::StepKind::loop:
                return loop_text(work);
            case Plan::StepKind::kernel:
                ++kernels_;
                return fmt::format("  {:<7} {} {}, reads {}, writes {}, {} FLOPs\n", "kernel", name_of(last),
                                   to_string(last.shape), bytes_text(work.bytes_read), bytes_text(work.bytes_written),
                                   flops_text(flops_));
            case Plan::StepKind::copy:
                return fmt::format("  {:<7} for {} {}, reads {}, writes {}\n", "copy", name_of(last),
                                   to_string(last.shape), bytes_text(work.bytes_read), bytes_text(work.bytes_written));
        }
        return {};
    }

    std::string loop_text(const Plan::Work& work) {
        ++loops_;
        in_loops_ += work.places.size();
        std::vector<const Node*> members;
        std::string sums;
        std::string reasons;
        for (const std::uint32_t place : work.places) {
            if (grouping_->is_summed_in_loop(place)) {
                sums += "; " + name_of(schedule_[place]);
                continue;
            }
            members.push_back(&schedule_[place]);
            if (!grouping_->is_written(place)) continue;
            reasons += fmt::format("            writes {}: {}\n", name_of(schedule_[place]), reason(place));
        }
        return fmt::format("  {:<7} over {}: {}{}\n            reads {} in {} arrays, writes {}, {} FLOPs\n", "loop",
                           to_string(members[0]->shape), operations_text(members, most_names), sums,
                           bytes_text(work.bytes_read), work.arrays_read, bytes_text(work.bytes_written),
                           flops_text(flops_)) +
               reasons;
    }

    /// Why what a loop has made does not stay in it.
    std::string reason(std::uint32_t place) const {
        if (schedule_.is_seen_outside(place)) return "somebody holds it";
        if (reader_outside_[place] == none) return "it is asked for";
        const std::uint32_t reader = reader_outside_[place];
        const Node& node = schedule_[reader];
        if (Grouping::kind_of(schedule_, reader) != Grouping::Kind::elementwise) return name_of(node) + " reads it";
        if (node.shape != schedule_[place].shape) return "a loop over " + to_string(node.shape) + " reads it";
        return "a later loop reads it, after " + step_name(grouping_->step_of(reader), grouping_->step_of(place));
    }

    /// What keeps two loops of one shape apart: a kernel between them.
    std::string step_name(std::size_t later, std::size_t step) const {
        for (std::size_t between = later; between-- > step + 1;) {
            for (const std::uint32_t place : grouping_->members(between)) {
                if (Grouping::kind_of(schedule_, place) == Grouping::Kind::kernel) return name_of(schedule_[place]);
            }
        }
        return "others";
    }

    Schedule schedule_;
    std::optional<Grouping> grouping_;
    std::optional<Plan> plan_;
    std::vector<std::uint32_t> reader_outside_;  // of each value, the first
    std::size_t kernels_ = 0;
    std::size_t loops_ = 0;
    std::size_t in_loops_ = 0;
    std::size_t views_ = 0;
    double flops_ = 0;  // of the step that is being described
};

}  // namespace

std::string plan(const std::vector<Tensor>& tensors, Location at) {
    at = Attribution::resolve(at);
    std::vector<Node*> roots;
    roots.reserve(tensors.size());
    for (const Tensor& tensor : tensors) roots.push_back(source(tensor, "plan", at).get());
    return Description(roots).text();
}

std::string plan(const Tensor& tensor, Location at) {
    return plan(std::vector<Tensor>{tensor}, at);
}

}  // namespace xgrad
