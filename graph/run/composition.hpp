#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <xgrad/graph/block_kernel.hpp>

namespace xgrad::run {

/// Simple operations of one dtype, in an order in which they can be computed, element by element.
struct Composition {
    static constexpr std::size_t most_arrays = 13;  ///< that a loop reads and writes

    struct Step {
        Simple function;
        /// An array that is read, by its number, or behind those an earlier step.
        std::array<std::uint32_t, 2> operands;
        bool is_written;
    };
    DType dtype;
    std::uint32_t arrays_read = 0;
    std::vector<bool> is_repeated;  // of each array: one number, which only has to stand at the beginning
    std::vector<Step> steps;
};

/// So many operands it has.
std::size_t arity(Simple function);

/// The repeated numbers that are divided by, or some of them: their reciprocals stand in the last registers.
std::vector<std::uint32_t> repeated_divisors(const Composition& composition);

/// Which values stand in registers while a composition is computed, step by step: an array from its first reader to
/// its last, a result from its step on.
class Registers {
  public:
    static constexpr std::uint32_t count = 16;
    static constexpr std::size_t most_temporaries = 2;

    explicit Registers(const Composition& composition);

    bool holds(std::uint32_t value) const { return place_[value] != never; }
    std::uint32_t of(std::uint32_t value) const { return place_[value]; }
    std::size_t free() const { return free_.size(); }
    void take(std::uint32_t value) {
        place_[value] = free_.back();
        free_.pop_back();
    }
    /// Some that are free, and stay so.
    std::uint32_t temporary(std::size_t number) const { return free_[free_.size() - 1 - number]; }

    /// Gives back what the step was the last to read. The registers keep their numbers until they are taken.
    void release_operands(std::uint32_t number);
    /// Gives back what nobody reads.
    void release_result(std::uint32_t number) {
        const std::uint32_t value = composition_.arrays_read + number;
        if (last_[value] == never) free_.push_back(place_[value]);
    }

  private:
    static constexpr std::uint32_t never = ~std::uint32_t{0};

    const Composition& composition_;
    std::vector<std::uint32_t> last_;   // for each value the last step that reads it, or never
    std::vector<std::uint32_t> place_;  // its register
    std::vector<std::uint32_t> free_;
};

}  // namespace xgrad::run
