#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <xgrad/graph/block_kernel.hpp>
#include <xgrad/graph/run/composition.hpp>

namespace xgrad::run {

/// Compositions as loops of machine code, which keep in registers what one operation gives to another. The bits are
/// those of one loop per operation: the instructions are the same.
///
/// Made with Xbyak where the library was built with it, for AVX2 and AVX-512.
class MachineCode {
  public:
    static constexpr std::size_t most_steps = 64;

    static bool is_available() noexcept;
    /// Whether a function of this dtype can be a step.
    static bool knows(Simple function, DType dtype) noexcept;
    /// Whether it does with the registers that there are, and writes something.
    static bool fits(const Composition& composition);

    /// Loops for compositions that fit. Throws if the system gives no memory that can be executed.
    explicit MachineCode(const std::vector<Composition>& compositions);
    ~MachineCode();
    MachineCode(const MachineCode&) = delete;
    MachineCode& operator=(const MachineCode&) = delete;

    /// The loop of a composition. It has several results; the first is the output, the others stand behind the inputs.
    BlockKernel kernel(std::size_t number) const { return kernels_[number]; }

  private:
    struct Memory;
    std::unique_ptr<Memory> memory_;
    std::vector<BlockKernel> kernels_;
};

}  // namespace xgrad::run
