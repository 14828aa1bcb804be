#pragma once

#include <functional>
#include <span>
#include <vector>

#include <xgrad/graph/op.hpp>

// Probes of what takes elements by their indices, and of the transposes. Not installed.

namespace xgrad {

/// An array, indices along one of its axes, and the shape of what they take.
struct Indexed {
    Shape array, indices;
    std::int64_t axis;
    Shape taken;
    std::int64_t along() const { return axis < 0 ? axis + static_cast<std::int64_t>(array.rank()) : axis; }
};

/// Whole slices of arrays of every rank; of nothing, and nothing of something.
std::vector<Indexed> slices_to_take();
/// The same for single elements: the indices have the shape of what they take.
std::vector<Indexed> elements_to_take();

/// Calls with the array, the indices and what was taken, in this order; the array or what was taken may be left out.
enum class Given { array, taken, both };
Probes index_probes(std::vector<Indexed> table, Given given,
                    std::function<Tensor(std::span<const Tensor> x, const Indexed& row)> call);

/// f(x, mask) of arrays of every rank.
Probes mask_probes(std::function<Tensor(const Tensor& x, const Tensor& mask)> f);

}  // namespace xgrad
