#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <xgrad/graph/address_sanitizer.hpp>
#include <xgrad/graph/op.hpp>

// The check that every operation in the catalogue must pass, in a form that can be pointed at a wrong one as well.

namespace derivative_check {

/// How the inputs lie in memory: one after the other, as transposes, as every second element of larger arrays,
/// backwards, each in another way, all in one block. The numbers that the operation sees are the same in each.
enum class InputLayout { contiguous, transposed, sliced, reversed, mixed, shared };
inline constexpr InputLayout all_layouts[] = {InputLayout::contiguous, InputLayout::transposed, InputLayout::sliced,
                                              InputLayout::reversed,   InputLayout::mixed,      InputLayout::shared};

/// True under a sanitizer, which makes everything some fifteen times slower: the longest tests take a sample then.
inline constexpr bool takes_a_sample = xgrad::detail::has_address_sanitizer;

enum class Property { values, reverse, duality, second_order, forward_over_reverse, reverse_over_forward, third_order };

struct Failure {
    Property property;
    std::string text;
};

struct Outcome {
    std::int64_t checks = 0;
    std::vector<Failure> failures;

    bool failed(Property property) const {
        for (const Failure& failure : failures) {
            if (failure.property == property) return true;
        }
        return false;
    }
    void add(const Outcome& other) {
        checks += other.checks;
        failures.insert(failures.end(), other.failures.begin(), other.failures.end());
    }
};

/// Checks the derivatives of one call, in one dtype, with every layout of its inputs:
///
///   values                 are the same in every layout
///   reverse                vᵀJ equals central differences of ⟨v, y⟩ in 80-bit precision
///   duality                ⟨v, J u⟩ = ⟨Jᵀv, u⟩ between forward and reverse mode
///   second_order           ∇⟨vᵀJ, w⟩ equals central differences of ⟨vᵀJ, w⟩
///   forward_over_reverse   and forward mode of the gradient gives the same,
///   reverse_over_forward   and so does the gradient of forward mode
///   third_order            ∇⟨∇⟨vᵀJ, w⟩, z⟩ equals central differences of ⟨∇⟨vᵀJ, w⟩, z⟩ (float64, one layout)
Outcome check(const xgrad::Op& op, const xgrad::Probe& probe, xgrad::DType dtype, std::uint32_t seed);

}  // namespace derivative_check
