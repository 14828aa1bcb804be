#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <xgrad/graph/run/fused_loop.hpp>
#include <xgrad/graph/run/grouping.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad::run {

/// How the nodes of a schedule are computed: the steps in their order, and where every value stands in memory. It holds
/// for every schedule of the same structure, holds on to none, and never changes: several threads may run it at once.
///
/// The values are numbered as in the schedule; behind them come those that only the plan knows.
class Plan {
  public:
    using Value = Schedule::Value;

    explicit Plan(const Schedule& schedule);

    /// A value that its node keeps, although it stands where another one does.
    struct KeptView {
        Value value;
        Value base;           ///< no view: a given or a kept value
        std::int64_t offset;  ///< of the first element, in bytes
        bool is_row_major;
        Strides strides;
    };
    std::span<const Value> kept() const noexcept { return kept_; }
    /// Bytes of each.
    std::span<const std::size_t> kept_bytes() const noexcept { return kept_bytes_; }
    std::span<const KeptView> kept_views() const noexcept { return kept_views_; }

    std::size_t values() const noexcept { return placements_.size(); }
    /// Bytes of working memory that a run needs.
    std::size_t working_bytes() const noexcept { return working_bytes_; }
    /// The value that needs most memory, for an error that says what was too large.
    Value largest() const noexcept { return largest_; }

    enum class StepKind : std::uint8_t { loop, kernel, copy };
    /// What a step does.
    struct Work {
        StepKind kind;
        /// Where its nodes stand in the schedule: of a loop inputs first, then its sums; of a copy the view it is for.
        std::span<const std::uint32_t> places;
        std::size_t arrays_read;
        std::size_t bytes_read;  ///< in memory: every array once, and what is repeated once
        std::size_t bytes_written;
    };
    std::size_t steps() const noexcept { return steps_.size(); }
    Work work(std::size_t step) const;

    /// Steps that follow each other and go together, some rows of the first axis at a time.
    struct Section {
        std::uint32_t first;
        std::uint32_t end;
        std::int64_t rows;
        std::int64_t rows_of_part;
        std::size_t bytes;          ///< that its steps read and write
        std::size_t scratch_bytes;  ///< for a part: what nobody else reads is not in the plan's memory
    };
    std::span<const Section> sections() const noexcept { return sections_; }
    /// No other plan of this process has the same.
    std::uint64_t number() const noexcept { return number_; }

    /// Completes the addresses, of which those of the given and the kept values are there already.
    void place(std::byte* working_memory, std::byte** addresses) const;
    /// Computes everything. `order` has the schedule's nodes or those of one of the same structure: what only an
    /// operation knows of its attributes is read there, and the places for errors. Without it those of the schedule
    /// that the plan was made for are taken.
    void run(std::span<Node* const> order, Addresses addresses) const;

  private:
    friend class Planner;

    struct Step {
        StepKind kind;
        std::uint32_t index;  // among those of its kind
    };
    struct Note {
        std::uint32_t first_place;
        std::uint32_t arrays_read;
        std::size_t bytes_read;
        std::size_t bytes_written;
    };
    // Where a value stands.
    enum class Home : std::uint8_t {
        none,    // nowhere: a loop passes it on
        given,   // it was there before
        kept,    // in memory of its own, which its node keeps
        shared,  // in the plan's working memory, with others before and after it
        local,   // in the memory of the thread that computes some rows of a section
        view,    // where another value stands
    };
    struct Placement {
        Home home = Home::none;
        Value base = 0;           // of a view
        std::int64_t offset = 0;  // bytes: from the base, or in the working memory
    };
    struct KernelStep {
        Value value;
        std::uint32_t first_operand;
        std::uint32_t end_of_operands;
        const Op* op;
        Attributes attributes;
        DType dtype;
        Shape shape;
        Location at;
    };
    struct Operand {
        Value value;
        Strides strides;
        DType dtype;
        Shape shape;
    };
    /// Brings a value that no view can be laid on into row-major order.
    struct CopyStep {
        Packer packer;
        std::size_t size;
        Value from;
        Value to;
    };

    /// A value of a section that is read in it only: where its rows stand in the memory of a part.
    struct Local {
        Value value;
        std::size_t offset;
        std::size_t row_bytes;
    };
    /// A view on one of them, so many bytes from where it begins.
    struct LocalView {
        Value value;
        Value base;
        std::int64_t offset;
    };
    struct SectionMemory {
        std::vector<Local> locals;
        std::vector<LocalView> views;
        std::vector<Value> others;  // that its steps read and write
    };

    void run_step(const Step& step, std::span<Node* const> order, Addresses addresses) const;
    static void run_copy(const CopyStep& copy, Addresses addresses);
    /// Adds up how long each step took, on all threads together, if that is asked for.
    void run_section(std::size_t number, std::span<Node* const> order, Addresses addresses,
                     std::atomic<std::int64_t>* times = nullptr) const;
    /// The same as run(), for somebody who wants to know how long each step takes: watched.cpp.
    void run_watched(std::span<Node* const> order, Addresses addresses) const;
    struct Rows {
        std::int64_t first;
        std::int64_t end;
    };
    /// Calls run(the step's kernel call). For some of the rows these are given as if they were all.
    template <class Run>
    void with_call(const KernelStep& step, std::span<Node* const> order, Addresses addresses, const Rows* rows,
                   Run&& run) const;
    void run_kernel(const KernelStep& step, std::span<Node* const> order, Addresses addresses,
                    const Rows* rows = nullptr, const void* prepared = nullptr) const;
    static constexpr std::size_t not_prepared = ~std::size_t{0};  // the offset of a step that prepares nothing
    /// What the kernels of a section make once for all rows, each at its step's offset, or null.
    StorageRef prepare(const Section& section, std::span<Node* const> order, Addresses addresses,
                       std::vector<std::size_t>& offsets) const;

    std::vector<Placement> placements_;
    std::vector<Value> kept_;
    std::vector<std::size_t> kept_bytes_;
    std::vector<KeptView> kept_views_;
    std::vector<Value> placed_;  // shared values and views, a view behind its base
    std::vector<Step> steps_;
    std::vector<Note> notes_;            // on each step, and one behind them
    std::vector<std::uint32_t> places_;  // of the nodes of each step
    std::vector<FusedLoop> loops_;
    std::vector<KernelStep> kernels_;
    std::vector<Operand> operands_;
    std::vector<CopyStep> copies_;
    std::vector<Section> sections_;
    std::vector<SectionMemory> section_memory_;
    std::size_t working_bytes_ = 0;
    Value largest_ = 0;
    std::uint64_t number_;
};

}  // namespace xgrad::run
