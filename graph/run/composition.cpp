#include <xgrad/graph/run/composition.hpp>

#include <algorithm>

namespace xgrad::run {

namespace {

// More repeated divisors are divided by as if they were not.
constexpr std::size_t most_reciprocals = 2;

}  // namespace

std::size_t arity(Simple function) {
    constexpr std::array unary{Simple::negative, Simple::square, Simple::square_root, Simple::relu};
    return std::find(unary.begin(), unary.end(), function) != unary.end() ? 1 : 2;
}

std::vector<std::uint32_t> repeated_divisors(const Composition& composition) {
    std::vector<std::uint32_t> divisors;
    for (const Composition::Step& step : composition.steps) {
        const std::uint32_t divisor = step.operands[1];
        if (step.function != Simple::divide || divisor >= composition.arrays_read) continue;
        if (!composition.is_repeated[divisor] || divisors.size() == most_reciprocals) continue;
        if (std::find(divisors.begin(), divisors.end(), divisor) == divisors.end()) divisors.push_back(divisor);
    }
    return divisors;
}

Registers::Registers(const Composition& composition)
    : composition_(composition),
      last_(composition.arrays_read + composition.steps.size(), never),
      place_(last_.size(), never) {
    for (std::uint32_t number = 0; number < composition.steps.size(); ++number) {
        const Composition::Step& step = composition.steps[number];
        for (std::size_t operand = 0; operand < arity(step.function); ++operand) last_[step.operands[operand]] = number;
    }
    for (auto number = static_cast<std::uint32_t>(count - repeated_divisors(composition).size()); number-- > 0;) {
        free_.push_back(number);
    }
}

void Registers::release_operands(std::uint32_t number) {
    const Composition::Step& step = composition_.steps[number];
    for (std::size_t operand = 0; operand < arity(step.function); ++operand) {
        const std::uint32_t value = step.operands[operand];
        const bool is_again_the_first = operand == 1 && value == step.operands[0];
        if (last_[value] == number && holds(value) && !is_again_the_first) free_.push_back(place_[value]);
    }
}

}  // namespace xgrad::run
