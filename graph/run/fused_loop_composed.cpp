#include <algorithm>
#include <cstdlib>
#include <exception>
#include <string_view>

#include <xgrad/graph/run/practice.hpp>

namespace xgrad::run {

namespace {

// From the fourth run on a program is one that repeats. What takes longer than the assembly is not waited for.
constexpr std::uint32_t runs_of_a_small_loop = 4;
constexpr std::size_t large = std::size_t{1} << 16;
// Longer loops are rarely run again.
constexpr std::size_t most_operations = std::size_t{1} << 14;
// One more operation may be too much for the registers, and yet some more may not: the last one may end what the first
// ones have begun. So many more are tried, so that the search takes linear time.
constexpr std::size_t most_misfits = 16;

/// XGRAD_ASSEMBLE=0 leaves every loop to the compiler's kernels, XGRAD_ASSEMBLE=always assembles before the first run.
enum class Wish { never, in_time, at_once };
Wish wish() {
    static const Wish wanted = [] {
        const char* const said = std::getenv("XGRAD_ASSEMBLE");
        const std::string_view word = said ? said : "";
        return word == "0" ? Wish::never : word == "always" ? Wish::at_once : Wish::in_time;
    }();
    return wanted;
}

}  // namespace

bool FusedLoop::is_composable(const Operation& operation) const {
    return MachineCode::knows(operation.simple, operation.dtype) && !values_[operation.result].is_fixed;
}

/// Puts what can be composed as late as it can be, so that as much as possible comes together, and what it gives to
/// its readers need not be kept: in turns, from the last one backwards, of which every second has the operations that
/// can be composed.
void FusedLoop::put_in_turns() {
    std::vector<std::uint32_t> turn_of_value(values_.size(), 0), turns(operations_.size());
    for (std::size_t number = operations_.size(); number-- > 0;) {
        const Operation& operation = operations_[number];
        const std::uint32_t parity = is_composable(operation) ? 0 : 1;
        std::uint32_t turn = turn_of_value[operation.result];
        if (turn % 2 != parity) ++turn;
        turns[number] = turn;
        for (const Value input : inputs(operation)) turn_of_value[input] = std::max(turn_of_value[input], turn);
    }
    std::vector<std::size_t> order(operations_.size());
    for (std::size_t number = 0; number < order.size(); ++number) order[number] = number;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return turns[a] > turns[b]; });
    std::vector<Operation> ordered;
    ordered.reserve(order.size());
    for (const std::size_t number : order) ordered.push_back(operations_[number]);
    operations_ = std::move(ordered);
}

/// Some operations that stand behind each other. What others read of them, or is kept, is written. `made_by` has the
/// number of the operation that makes each value.
Composition FusedLoop::composition_of(std::size_t first, std::size_t end, std::span<const std::uint32_t> made_by,
                                      std::vector<Value>& arrays) const {
    Composition composition;
    composition.dtype = operations_[first].dtype;
    const auto all = std::span(operations_).subspan(first, end - first);
    // Of what none of them makes this is beyond the last one.
    const auto step_of = [&](Value value) { return static_cast<std::size_t>(made_by[value]) - first; };
    arrays.clear();
    std::vector<std::uint32_t> readers(all.size(), 0);
    for (const Operation& operation : all) {
        for (const Value input : inputs(operation)) {
            const std::size_t step = step_of(input);
            if (step < all.size()) {
                ++readers[step];
            } else if (std::find(arrays.begin(), arrays.end(), input) == arrays.end()) {
                arrays.push_back(input);
            }
        }
    }
    composition.arrays_read = static_cast<std::uint32_t>(arrays.size());
    for (const Value array : arrays) composition.is_repeated.push_back(values_[array].is_fixed);
    for (std::size_t number = 0; number < all.size(); ++number) {
        const Source& result = values_[all[number].result];
        Composition::Step step{all[number].simple, {}, is_seen(result) || readers[number] < result.readers};
        const std::span<const Value> read = inputs(all[number]);
        for (std::size_t operand = 0; operand < read.size(); ++operand) {
            const std::size_t made = step_of(read[operand]);
            step.operands[operand] = static_cast<std::uint32_t>(
                made < all.size() ? arrays.size() + made
                                  : static_cast<std::size_t>(std::find(arrays.begin(), arrays.end(), read[operand]) -
                                                             arrays.begin()));
        }
        composition.steps.push_back(step);
    }
    return composition;
}

/// The end of the most operations from the first on that one loop can compute.
std::size_t FusedLoop::end_of_composition(std::size_t first, std::span<const std::uint32_t> made_by) const {
    const std::size_t most = std::min(operations_.size(), first + MachineCode::most_steps);
    std::vector<Value> arrays;
    std::size_t end = first, misfits = 0;
    for (std::size_t next = first; next < most && misfits < most_misfits; ++next) {
        if (!is_composable(operations_[next]) || operations_[next].dtype != operations_[first].dtype) break;
        if (next == first) continue;
        const bool fits = MachineCode::fits(composition_of(first, next + 1, made_by, arrays));
        misfits = fits ? 0 : misfits + 1;
        if (fits) end = next + 1;
    }
    return end;
}

/// Makes one operation, in machine code, of simple ones that stand behind each other. False if there are none.
bool FusedLoop::compose() {
    operations_ = std::move(written_);
    put_in_turns();
    std::vector<Composition> compositions;
    std::vector<std::size_t> composed;
    std::vector<Operation> operations;
    std::vector<Value> arrays;
    std::vector<std::uint32_t> made_by(values_.size(), none);
    for (std::uint32_t number = 0; number < operations_.size(); ++number) made_by[operations_[number].result] = number;
    for (std::size_t first = 0; first < operations_.size();) {
        const std::size_t end = end_of_composition(first, made_by);
        if (end == first) {
            operations.push_back(operations_[first++]);
            continue;
        }
        compositions.push_back(composition_of(first, end, made_by, arrays));
        Operation all{};
        all.first_operand = static_cast<std::uint32_t>(operands_.size());
        all.arity = static_cast<std::uint32_t>(arrays.size());
        all.is_composed = true;
        all.result = none;
        all.dtype = operations_[first].dtype;
        operands_.insert(operands_.end(), arrays.begin(), arrays.end());
        for (std::size_t number = first; number < end; ++number) {
            if (!compositions.back().steps[number - first].is_written) continue;
            if (all.result == none) {
                all.result = operations_[number].result;
            } else {
                operands_.push_back(operations_[number].result);
                ++all.further_results;
            }
        }
        composed.push_back(operations.size());
        operations.push_back(all);
        first = end;
    }
    if (compositions.empty()) return false;
    code_ = std::make_shared<const MachineCode>(compositions);
    for (std::size_t number = 0; number < composed.size(); ++number) {
        operations[composed[number]].kernel = code_->kernel(number);
    }
    operations_ = std::move(operations);
    find_single();
    return true;
}

/// Fixed values that only machine code reads, which repeats them by itself, or only such values are computed from.
void FusedLoop::find_single() {
    for (Source& source : values_) source.is_single = source.is_fixed && !source.is_summed;
    for (std::size_t number = operations_.size(); number-- > 0;) {
        const Operation& operation = operations_[number];
        if (operation.is_composed || values_[operation.result].is_single) continue;
        for (const Value input : inputs(operation)) values_[input].is_single = false;
    }
}

std::shared_ptr<FusedLoop::Practice> FusedLoop::Practice::of(const FusedLoop& written) {
    if (!MachineCode::is_available() || wish() == Wish::never || written.operations_.size() > most_operations)
        return nullptr;
    const auto composable = std::count_if(written.operations_.begin(), written.operations_.end(),
                                          [&](const Operation& operation) { return written.is_composable(operation); });
    if (composable < 3) return nullptr;  // two have a kernel that the compiler made
    const std::uint32_t enough = written.size_ >= large || wish() == Wish::at_once ? 1 : runs_of_a_small_loop;
    return std::shared_ptr<Practice>(new Practice(enough));
}

void FusedLoop::Practice::assemble(const FusedLoop& loop) noexcept {
    try {
        auto form = std::make_unique<FusedLoop>(loop);
        form->practice_.reset();
        if (!form->compose()) return;
        form->lay_out();
        form_ = std::move(form);
        ready_.store(form_.get(), std::memory_order_release);
    } catch (const std::exception&) {
        // Without memory, or where none may be executed, the loop goes on as it is.
    }
}

}  // namespace xgrad::run
