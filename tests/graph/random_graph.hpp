#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <xgrad/graph/tensor.hpp>

#include "support.hpp"

// Random programs: a list of operations on earlier values, kept as data so that it can be evaluated in any precision,
// printed, and shrunk when one of its properties fails.

namespace random_graph {

using Integers = std::vector<std::int64_t>;
using Tensors = std::span<const xgrad::Tensor>;
using Shapes = std::span<const xgrad::Shape>;

/// splitmix64 (Steele, Lea, Flood 2014).
class Draw {
  public:
    explicit Draw(std::uint64_t seed) : state_(seed) {}
    std::uint64_t word();
    /// 0 ≤ i < n
    std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(word() % static_cast<std::uint64_t>(n)); }
    /// low ≤ i ≤ high
    std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
    bool chance(double probability) { return static_cast<double>(word() >> 11) * 0x1p-53 < probability; }
    /// A sign and a size between low and high, exact in float32.
    long double signed_number(double low, double high);

  private:
    std::uint64_t state_;
};

/// One kind of step: which attributes it may be given for inputs of these shapes (none: it does not apply), what it
/// computes, and what must be the same at neighbouring points if it is to be smooth between them.
struct Kind {
    std::string name;
    std::string group;
    std::size_t arity;
    std::function<xgrad::Tensor(Tensors, const Integers&)> apply;
    std::function<std::optional<Integers>(Draw&, Shapes)> draw = nullptr;
    std::function<std::vector<xgrad::Tensor>(Tensors, const Integers&)> branches = nullptr;
};

/// Kinds for all that the library can differentiate.
const std::vector<Kind>& kinds();

/// A leaf (no kind) or an operation on earlier steps.
struct Step {
    const Kind* kind = nullptr;
    std::vector<std::size_t> inputs{};
    Integers attributes{};
    // of a leaf
    bool is_parameter = false;
    xgrad::Shape shape{};
    support::Numbers numbers{};
};

struct Program {
    std::uint64_t seed = 0;
    std::vector<Step> steps;
};

/// The program of that seed, 2 to 50 steps of those kinds. Every value in it is of moderate size, and moves smoothly
/// and moderately along the direction in which it is going to be differentiated.
Program generate(std::uint64_t seed, const std::vector<Kind>& from = kinds());

/// Whether that is so: shrinking may lose it. Throws what an operation throws.
bool is_tame(const Program& program);

/// The value of one step in float64.
xgrad::Tensor value_at(const Program& program, std::size_t step);

/// One line per step.
std::string to_string(const Program& program);

struct Failure {
    std::string property;
    std::string text;
};

struct Verdict {
    std::optional<Failure> failure{};
    bool is_discarded = false;  ///< differences are too inaccurate here to judge by
};

/// Whether the derivatives of the program, contracted to a scalar with random weights, are right:
///
///   value            float64 and float32 against long double
///   duality          ⟨g, u⟩ = J u, reverse against forward mode, along two directions
///   differences      ⟨g, u⟩ against central differences in long double
///   symmetry         ⟨u, H v⟩ = ⟨v, H u⟩
///   second order     ⟨v, H u⟩ against central differences of ⟨g, v⟩ in long double
///   error            nothing throws
Verdict check(const Program& program);

/// A digest of the bits of the program's value, gradients and Hessian-vector products in float64.
std::uint64_t bits_of(const Program& program);

/// The smallest program found, within a bounded number of attempts, that fails like this one.
Program shrunk(const Program& program, const Failure& failure);

/// What to print about a failure: the seed, what failed with the numbers, and the shrunk program.
std::string report(const Program& program, const Failure& failure);

}  // namespace random_graph
