#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <xgrad/graph/run/grouping.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad::run {

/// The order of a plan's steps, in which steps that can go together some rows at a time stand side by side: the images
/// of a batch through a convolution, its bias, ReLU and pooling. What one of them gives to the next then never leaves
/// the second cache. The bits are those of one step after the other.
///
/// A step works row by row if it is a loop over some rows, or an operation that says so of its inputs: so do sums and
/// softmax along any axis but the first, and with them what normalises each example. A loop that adds up all of its
/// elements, or its columns, does so in parts, of which so many rows at a time must be whole ones.
/// It joins a section if it reads something of it in this way, directly or through views that keep the rows, and
/// nothing of it otherwise.
class Sections {
  public:
    Sections(const Schedule& schedule, const Grouping& grouping);

    /// Neighbouring steps, by their place in the order.
    struct Section {
        std::uint32_t first;
        std::uint32_t end;
        std::int64_t rows;
        std::int64_t together;  ///< a multiple of so many rows, or all, go at a time
    };
    /// All rows are divided into so many parts, or more.
    static constexpr std::int64_t least_parts = 16;

    std::span<const std::uint32_t> order() const noexcept { return order_; }
    std::span<const Section> all() const noexcept { return sections_; }
    /// The value that views of views begin with; any other value itself. To be asked if there are sections.
    Schedule::Value base_of(Schedule::Value value) const {
        return schedule_.is_given(value) ? value : sights_[value].base;
    }

  private:
    enum class Place : std::uint8_t { open, in_order, in_section, put_off };

    /// What somebody who reads a value sees.
    struct Sight {
        Schedule::Value base;  // the value itself, or the one that views of it begin with
        bool keeps_rows;       // row i is all or a part of row i of the base, if that is row-major
        Strides strides;       // then
    };

    void find_rows();
    std::int64_t rows_of_part(std::uint32_t sum) const;
    bool gives_rows(std::uint32_t sum) const;
    bool joins(std::size_t step) const;
    void look_at_values();
    Sight look_at(std::uint32_t place) const;
    Place place_of(Schedule::Value value) const;
    void gather(std::uint32_t first);
    bool is_worth_while() const;

    const Schedule& schedule_;
    const Grouping& grouping_;
    std::vector<Place> place_of_;          // of each step
    std::vector<std::int64_t> rows_;       // that each step goes through one by one; 0 if it does not, or in vain
    std::vector<std::int64_t> together_;   // so many rows of each step are whole parts of what it adds up
    bool has_kernel_ = false;              // or a sum that goes row by row: loops alone need no sections
    std::vector<Sight> sights_;            // by place, if there is such a kernel
    std::vector<std::uint32_t> gathered_;  // the steps of the section that is being looked for
    std::vector<std::uint32_t> order_;
    std::vector<Section> sections_;
};

}  // namespace xgrad::run
