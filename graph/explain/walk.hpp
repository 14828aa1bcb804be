#pragma once

#include <span>
#include <string>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad::explain {

/// Everything that the roots are computed from, and they themselves: inputs first, each once.
std::vector<Node*> ancestors(std::span<const NodeRef> roots);

/// The gradients of a scalar with respect to its ancestors; an empty handle for one through which no derivative flows.
std::vector<Tensor> connected_gradients(const Tensor& y, const std::vector<Tensor>& ancestors, Location at);

/// train.cpp:42
std::string place_text(Location at);

/// Rows in aligned columns, three spaces apart; those columns to the right that are listed.
std::string table_text(const std::vector<std::vector<std::string>>& rows, const std::vector<std::size_t>& to_the_right);

/// The width of a text in characters, not bytes.
std::size_t width(const std::string& text);

}  // namespace xgrad::explain
