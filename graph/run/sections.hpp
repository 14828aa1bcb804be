#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <xgrad/graph/run/grouping.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad::run {

/// The order of a plan's steps, in which steps that can go together some rows at a time stand side by side: the images
/// of a batch through a convolution, its bias, ReLU and pooling. What one of them gives to the next then never leaves
/// the second cache. The bits are those of one step after the other.
///
/// A step works row by row if it is a loop without sums over some rows, or an operation that says so of its inputs.
/// It joins a section if it reads something of it in this way, and nothing of it otherwise.
class Sections {
  public:
    Sections(const Schedule& schedule, const Grouping& grouping);

    /// Neighbouring steps, by their place in the order.
    struct Section {
        std::uint32_t first;
        std::uint32_t end;
        std::int64_t rows;
    };
    std::span<const std::uint32_t> order() const noexcept { return order_; }
    std::span<const Section> all() const noexcept { return sections_; }

  private:
    enum class Place : std::uint8_t { open, in_order, in_section, put_off };

    void find_rows();
    bool joins(std::size_t step) const;
    bool reads_by_row(const Node& node, std::size_t input) const;
    void gather(std::uint32_t first);
    bool is_worth_while() const;

    const Schedule& schedule_;
    const Grouping& grouping_;
    std::vector<Place> place_of_;          // of each step
    std::vector<std::int64_t> rows_;       // that each step goes through one by one; 0 if it does not, or in vain
    bool has_kernel_ = false;              // one that goes row by row: loops alone need no sections
    std::vector<std::uint32_t> gathered_;  // the steps of the section that is being looked for
    std::vector<std::uint32_t> order_;
    std::vector<Section> sections_;
};

}  // namespace xgrad::run
