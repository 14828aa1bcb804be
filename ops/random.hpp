#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>

/// Random tensors from a counter-based generator (Philox4x32-10, Salmon et al., "Parallel random numbers: as easy as
/// 1, 2, 3", 2011): every number is a function of a seed and its place in the sequence, so that a draw can be repeated,
/// recomputed and split without any hidden state beyond one counter.
namespace xgrad::random {

/// All there is to save: with it, the same numbers come again.
struct State {
    std::uint64_t seed = 0;
    std::uint64_t counter = 0;
    friend bool operator==(const State&, const State&) = default;
};

/// A sequence of draws of its own.
class Generator {
  public:
    explicit Generator(std::uint64_t seed = 0) : state_{seed, 0} {}
    explicit Generator(State state) : state_(state) {}

    const State& state() const noexcept { return state_; }
    void restore(State state) noexcept { state_ = state; }

    /// Normal numbers: mean + deviation · N(0, 1), by Box and Muller's method.
    /// ValueError for a negative deviation, DTypeError for a dtype that is not floating point.
    Tensor normal(const Shape& shape, double mean = 0, double deviation = 1, DType dtype = DType::float32,
                  Location at = Location::current());
    /// Uniform numbers, low ≤ x < high (in float32 rounding may reach high). ValueError unless low ≤ high.
    Tensor uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = DType::float32,
                   Location at = Location::current());

  private:
    Tensor draw(bool is_normal, const Shape& shape, DType dtype, Location at);
    State state_;
};

/// The generator that is used where none is given: one per thread, seed 0 until seed() is called.
Generator& generator() noexcept;
/// Starts this thread's generator anew.
void seed(std::uint64_t seed) noexcept;

Tensor normal(const Shape& shape, double mean = 0, double deviation = 1, DType dtype = DType::float32,
              Location at = Location::current());
Tensor uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = DType::float32,
               Location at = Location::current());

/// The four words that Philox4x32-10 makes of a counter and a key.
void philox(const std::uint32_t (&counter)[4], const std::uint32_t (&key)[2], std::uint32_t (&output)[4]) noexcept;

}  // namespace xgrad::random
