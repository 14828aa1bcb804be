#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <xgrad/graph/node.hpp>

// How much there is to do and to store, and how the library writes such numbers.

namespace xgrad {

/// Floating-point operations of a recorded operation: 2 m n k for a product of matrices, 2 for each filter element and
/// each element of the convolved image for a convolution, though one in tiles takes fewer, none for a view; for
/// anything else one for each element of the largest array it reads or makes, however many instructions its function
/// takes.
double flops_of(const Node& node);

/// Bytes of a node's value, row-major.
inline std::size_t bytes_of(const Node& node) {
    return static_cast<std::size_t>(node.shape.size()) * item_size(node.dtype);
}

/// 160 B, 41.5 kB, 12.3 MB.
std::string bytes_text(std::size_t bytes);
/// 4096, 41.5 k, 12.3 M, 1.5 G.
std::string flops_text(double flops);
/// 870 ns, 12.3 µs, 4.5 ms, 1.2 s.
std::string time_text(double seconds);

/// The operations that compute these nodes, at most so many of them: "tanh, multiply and 7 more".
std::string operations_text(std::span<const Node* const> nodes, std::size_t most);

}  // namespace xgrad
