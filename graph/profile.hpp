#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <xgrad/graph/location.hpp>
#include <xgrad/graph/shape.hpp>

namespace xgrad {

/// What this machine can do at most, on as many threads as the library uses now.
struct Ceilings {
    double bytes_per_second;  ///< of memory: a = b + s c, over arrays of 32 MB
    double flops_per_second;  ///< a float32 product of 512 x 512 matrices, by the library's own matmul
};

/// Measured when it is first asked for, in about 0.1 s, and kept; 0 for what could not be measured.
Ceilings ceilings();

/// Steps of the same operations on the same shapes: one kernel, one loop over elementwise operations, or a copy into
/// row-major order.
struct ProfileRow {
    std::string operations;  ///< "tanh, multiply and 7 more; sum": a loop's operations; then the sums it takes along
    Shape shape;             ///< what the loop goes over, or of the kernel's result
    std::vector<Shape> inputs{};  ///< of a kernel
    std::int64_t calls = 0;
    double seconds = 0;  ///< all calls together, without plans that run within
    double bytes = 0;    ///< read and written in memory, all calls together: every array once in each call
    /// Floating-point operations of all calls: 1 for each element and elementwise operation, however many instructions
    /// it takes; 2 m n k for a product, likewise for a convolution; 1 for each element that a reduction reads.
    double flops = 0;
};

/// Measures everything that is computed from its beginning to its end, by all threads of the process:
///
///     xg::Profile profile;
///     train(net, X, Y);
///     fmt::print("{}", profile.text());
///     profile.write_trace("trace.json");  // for chrome://tracing or ui.perfetto.dev
///
/// Values and their bits are the same with and without. Several may be alive at once, and each hears of everything.
/// All its functions may be called from any thread. XGRAD_PROFILE=1 has one for the whole process, which prints its
/// table to the standard error stream at the end and writes xgrad-trace.json, or the file that XGRAD_PROFILE names.
class Profile {
  public:
    /// Keeps the first most_events steps for the trace, 40 bytes each; the table counts all of them.
    explicit Profile(std::size_t most_events = 1'000'000);
    ~Profile();
    Profile(const Profile&) = delete;
    Profile& operator=(const Profile&) = delete;

    /// Ends it: nothing is added from now on.
    void stop() noexcept;

    /// Those that took most time first.
    std::vector<ProfileRow> rows() const;
    double seconds() const;           ///< since it began, or until it was stopped
    double step_seconds() const;      ///< of which plans ran, all threads together
    double planning_seconds() const;  ///< and plans were made, or found again

    /// The rows as a table, beside the machine's ceilings, and where the rest of the time went.
    std::string text() const;
    /// Every step as an event, with its shape, bytes, FLOPs and source line, in the Trace Event Format (JSON).
    std::string trace() const;
    /// Throws FileError if the file cannot be written.
    void write_trace(const std::string& path, Location at = Location::current()) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace xgrad
