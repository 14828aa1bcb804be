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

/// A sequence of draws of its own. Each place of the counter gives two words of 64 random bits, and every element of a
/// draw takes one: a draw of n elements advances the counter by ⌈n/2⌉.
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

    /// 1 with probability p, else 0: whether a uniform number, drawn in float64, is below p.
    /// ValueError unless 0 ≤ p ≤ 1.
    Tensor bernoulli(double p, const Shape& shape, DType dtype = DType::float32, Location at = Location::current());
    /// Integers low ≤ i < high, all equally likely: the high half of word · (high − low), and another word for the
    /// element if the low half says that the value would come once too often (Lemire, "Fast random integer generation
    /// in an interval", 2019). Those further words lie off the counter's path, which they do not advance.
    /// ValueError unless low < high and the dtype holds both low and high − 1; DTypeError unless int32 or int64.
    Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, DType dtype = DType::int64,
                   Location at = Location::current());
    /// 0 ... n − 1 (int64) in an order of which all are equally likely: for i = n − 1 ... 1, element i changes places
    /// with element randint(0, i + 1), drawn from word i (Fisher and Yates). ValueError for n < 0.
    Tensor permutation(std::int64_t n, Location at = Location::current());

  private:
    Tensor draw(const Op& op, const Shape& shape, Attributes attributes, Location at);
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

Tensor bernoulli(double p, const Shape& shape, DType dtype = DType::float32, Location at = Location::current());
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, DType dtype = DType::int64,
               Location at = Location::current());
Tensor permutation(std::int64_t n, Location at = Location::current());

/// The four words that Philox4x32-10 makes of a counter and a key.
void philox(const std::uint32_t (&counter)[4], const std::uint32_t (&key)[2], std::uint32_t (&output)[4]) noexcept;

}  // namespace xgrad::random
