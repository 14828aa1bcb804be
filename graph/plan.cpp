#include <xgrad/graph/plan.hpp>

#include <algorithm>
#include <optional>
#include <span>

#include <fmt/format.h>

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

std::string bytes_text(std::size_t bytes) {
    if (bytes < 10'000) return fmt::format("{} B", bytes);
    if (bytes < 10'000'000) return fmt::format("{} KB", bytes / 1000);
    return fmt::format("{} MB", bytes / 1'000'000);
}

std::size_t bytes_of(const Node& node) {
    return static_cast<std::size_t>(node.shape.size()) * item_size(node.dtype);
}

const std::string& name_of(const Node& node) {
    return node.formula().op->name;
}

class Description {
  public:
    explicit Description(std::span<Node* const> roots) {
        schedule_.begin(roots);
        grouping_.emplace(schedule_);
        plan_.emplace(schedule_);
        reader_outside_.resize(schedule_.size(), none);
        for (std::uint32_t place = 0; place < schedule_.size(); ++place) find_outside(place);
    }

    std::string text() {
        if (schedule_.size() == 0) return "everything is computed already\n";
        std::string lines;
        for (std::size_t step = 0; step < grouping_->steps(); ++step) lines += step_text(step);
        std::size_t kept = 0;
        for (const Plan::Value value : plan_->kept()) {
            kept += value < schedule_.size() ? bytes_of(schedule_[value]) : plan_->copy_bytes(value);
        }
        return fmt::format("{} operations: {} with a kernel of their own, {} in {} loops, {} views\n", schedule_.size(),
                           kernels_, in_loops_, loops_, views_) +
               lines +
               fmt::format("memory: {} kept by {} values, {} of working memory\n", bytes_text(kept),
                           plan_->kept().size(), bytes_text(plan_->working_bytes()));
    }

  private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    /// Notes the node as a reader of what it does not read within one loop.
    void find_outside(std::uint32_t reader) {
        const bool is_elementwise = Grouping::kind_of(schedule_[reader]) == Grouping::Kind::elementwise;
        for (const Schedule::Value value : schedule_.reads(reader)) {
            if (schedule_.is_given(value) || reader_outside_[value] != none) continue;
            const bool is_in_loop = is_elementwise && grouping_->step_of(value) == grouping_->step_of(reader);
            if (!is_in_loop && !grouping_->is_summed_in_loop(reader)) reader_outside_[value] = reader;
        }
    }

    std::string step_text(std::size_t step) {
        std::vector<std::uint32_t> loop;
        std::vector<std::uint32_t> sums;
        std::string text;
        for (const std::uint32_t place : grouping_->members(step)) {
            const Node& node = schedule_[place];
            const Grouping::Kind kind = Grouping::kind_of(node);
            if (grouping_->is_summed_in_loop(place)) {
                sums.push_back(place);
            } else if (kind == Grouping::Kind::elementwise) {
                loop.push_back(place);
            } else if (kind == Grouping::Kind::view) {
                ++views_;
            } else {
                text += kernel_text(place);
            }
        }
        return loop.empty() ? text : text + loop_text(step, loop, sums);
    }

    std::string kernel_text(std::uint32_t place) {
        ++kernels_;
        const Node& node = schedule_[place];
        std::size_t read = 0;
        for (const NodeRef& input : node.formula().inputs) read += bytes_of(*input);
        return fmt::format("  {:<7} {} {}, reads {}, writes {}\n", "kernel", name_of(node), to_string(node.shape),
                           bytes_text(read), bytes_text(bytes_of(node)));
    }

    std::string loop_text(std::size_t step, const std::vector<std::uint32_t>& members,
                          const std::vector<std::uint32_t>& sums) {
        ++loops_;
        in_loops_ += members.size() + sums.size();
        std::vector<Schedule::Value> inputs;
        std::size_t read = 0;
        std::size_t written = 0;
        std::string reasons;
        for (const std::uint32_t place : members) {
            for (const Schedule::Value value : schedule_.reads(place)) {
                const bool is_from_before = schedule_.is_given(value) || grouping_->step_of(value) != step ||
                                            Grouping::kind_of(schedule_[value]) == Grouping::Kind::view;
                if (!is_from_before || std::find(inputs.begin(), inputs.end(), value) != inputs.end()) continue;
                inputs.push_back(value);
                read += bytes_of(schedule_.node(value));
            }
            if (!grouping_->is_written(place)) continue;
            written += bytes_of(schedule_[place]);
            reasons += fmt::format("            writes {}: {}\n", name_of(schedule_[place]), reason(step, place));
        }
        std::string names;
        for (std::size_t i = 0; i < std::min(members.size(), most_names); ++i) {
            names += (i > 0 ? ", " : "") + name_of(schedule_[members[i]]);
        }
        if (members.size() > most_names) names += fmt::format(" and {} more", members.size() - most_names);
        for (const std::uint32_t place : sums) names += "; " + name_of(schedule_[place]);
        return fmt::format("  {:<7} over {}: {}\n            reads {} in {} arrays, writes {}\n", "loop",
                           to_string(schedule_[members[0]].shape), names, bytes_text(read), inputs.size(),
                           bytes_text(written)) +
               reasons;
    }

    /// Why what a loop has made does not stay in it.
    std::string reason(std::size_t step, std::uint32_t place) const {
        if (schedule_.is_seen_outside(place)) return "somebody holds it";
        if (reader_outside_[place] == none) return "it is asked for";
        const std::uint32_t reader = reader_outside_[place];
        const Node& node = schedule_[reader];
        if (Grouping::kind_of(node) != Grouping::Kind::elementwise) return name_of(node) + " reads it";
        if (node.shape != schedule_[place].shape) return "a loop over " + to_string(node.shape) + " reads it";
        return "a later loop reads it, after " + step_name(grouping_->step_of(reader), step);
    }

    /// What keeps two loops of one shape apart: a kernel between them.
    std::string step_name(std::size_t later, std::size_t step) const {
        for (std::size_t between = later; between-- > step + 1;) {
            for (const std::uint32_t place : grouping_->members(between)) {
                if (Grouping::kind_of(schedule_[place]) == Grouping::Kind::kernel) return name_of(schedule_[place]);
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
