#include <bit>
#include <utility>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/schedule.hpp>

// Common subexpressions: values that are the same because they say the same, found by numbering values (Cocke and
// Schwartz, Programming Languages and Their Compilers, 1970).

namespace xgrad::run {

namespace {

/// Computing it takes less time than reading it from memory.
bool is_cheap(const Node& node) {
    const auto* kernels = std::get_if<BlockKernels>(&node.formula().op()->forward);
    return kernels && kernels->simple != Simple::none;
}

/// One operation, told the same, on the same values.
class SameValues {
  public:
    using Value = Schedule::Value;

    explicit SameValues(const Schedule& schedule) : schedule_(schedule) {
        first_.reserve(schedule.size());
        std::vector<Value> table(std::bit_ceil(2 * schedule.size() + 1), NodeTable::none);
        for (Value place = 0; place < schedule.size(); ++place) {
            first_.push_back(place);
            // What a function computes is not known.
            if (schedule[place].formula().attributes().has_function()) continue;
            std::size_t at = hash(place) & (table.size() - 1);
            while (table[at] != NodeTable::none && !say_the_same(table[at], place)) at = (at + 1) & (table.size() - 1);
            if (table[at] == NodeTable::none) table[at] = place;
            first_[place] = table[at];
        }
    }

    std::vector<Value> take() { return std::move(first_); }

  private:
    Value first(Value value) const { return value < first_.size() ? first_[value] : value; }

    std::uint64_t hash(Value place) {
        const Node& formula = schedule_[place].formula();
        words_.assign(1, reinterpret_cast<std::uintptr_t>(formula.op()));
        for (const Value read : schedule_.reads(place)) words_.push_back(first(read));
        for (const std::int64_t extent : formula.shape) words_.push_back(static_cast<std::uint64_t>(extent));
        return Schedule::hash(words_);
    }

    bool say_the_same(Value a, Value b) const {
        const Node &one = schedule_[a], &other = schedule_[b];
        const auto of_one = schedule_.reads(a), of_other = schedule_.reads(b);
        if (one.formula().op() != other.formula().op() || of_one.size() != of_other.size() ||
            one.dtype != other.dtype || one.shape != other.shape) {
            return false;
        }
        for (std::size_t input = 0; input < of_one.size(); ++input) {
            if (first(of_one[input]) != first(of_other[input])) return false;
        }
        return one.formula().attributes() == other.formula().attributes();
    }

    const Schedule& schedule_;
    std::vector<Value> first_;
    std::vector<std::uint64_t> words_;  // of one node
};

}  // namespace

Schedule Schedule::merged() const {
    Schedule merged = *this;
    merged.first_same_ = SameValues(*this).take();
    merged.reads_.clear();
    merged.first_read_.clear();
    const auto stand_in = [&](Value value) {
        return is_given(value) || is_cheap(*order_[value]) ? value : merged.first_same_[value];
    };
    for (Value place = 0; place < size(); ++place) {
        merged.first_read_.push_back(static_cast<std::uint32_t>(merged.reads_.size()));
        if (stand_in(place) == place) {
            for (const Value read : reads(place)) merged.reads_.push_back(stand_in(read));
        } else {
            merged.flags_[place] |= is_same;
            merged.reads_.push_back(stand_in(place));
        }
    }
    merged.first_read_.push_back(static_cast<std::uint32_t>(merged.reads_.size()));
    return merged;
}

}  // namespace xgrad::run
