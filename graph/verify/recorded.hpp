#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <xgrad/graph/op.hpp>

/// What a function has recorded, seen node by node. Not installed.
namespace xgrad::recorded {

/// One recorded operation. The inputs are held here as well: a node lets go of them once it is computed if no gradient
/// needs them.
struct Step {
    NodeRef node;
    std::vector<NodeRef> inputs;
    bool depends;  // on a parameter, if only by a comparison
};

/// Everything between a result and its leaves, inputs first. To be asked for before the result is computed.
std::vector<Step> steps_to(const Tensor& result);

/// Whether its value comes from a function that its attributes hold, as that of checkpoint() and custom_gradient(): its
/// kernel alone tells nothing about its derivative.
bool is_given_by_a_function(const Node& node);

/// "tanh at main.cpp:12"
std::string described(const Node& node);

/// "main.cpp:12"; empty if the place is unknown.
std::string place_of(const Node& node);

/// The name that the user gave a tensor, or its operation and place.
std::string name_of(const Node& node);

/// "[0, 2]" for an element of a shape in row-major order; "[]" of a scalar.
std::string index_text(const Shape& shape, std::int64_t element);

}  // namespace xgrad::recorded
