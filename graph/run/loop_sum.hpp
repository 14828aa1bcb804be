#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad::run {

/// A sum that the loop which computes what it adds up can take along: of everything, of the last axes or of the first
/// ones. The elements then never leave the cache, and the bits are those of the operation's own kernel.
struct LoopSum {
    enum class Of : std::uint8_t { all, rows, columns };
    Of of;
    std::size_t length;  ///< elements to a row of what is added up; of all: 0
    const BlockSum* rule;

    /// Elements that are added up together: the loop computes whole blocks, or some of them, before it adds up.
    std::size_t block() const noexcept { return of == Of::all ? rule->block : of == Of::rows ? length : 1; }
    /// Elements whose sums do not depend on any others: the loop is divided between two such parts only.
    std::size_t part() const noexcept { return of == Of::columns ? rule->rows_of_block * length : block(); }
    /// So many sums come from each part, to be added up in the end. Those of rows are complete.
    std::size_t sums_of_part() const noexcept { return of == Of::all ? 1 : of == Of::columns ? length : 0; }
};

/// The sum that a node of the schedule is, or nothing.
std::optional<LoopSum> loop_sum(const Schedule& schedule, std::uint32_t place);

}  // namespace xgrad::run
