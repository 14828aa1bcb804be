#pragma once

#include <cstddef>
#include <string>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

struct DrawOptions {
    bool values = false;           ///< values, computed now, and beside them the gradients of a scalar
    bool layers = true;            ///< what belongs to the parameters of one number in a frame of its own
    std::size_t most_nodes = 300;  ///< a larger graph is folded: each layer one node, then stretches of operations
};

/// A graph as a picture in Graphviz's language.
class Drawing {
  public:
    explicit Drawing(std::string dot) : dot_(std::move(dot)) {}

    const std::string& dot() const { return dot_; }
    /// Writes a file by its extension: .dot, or .svg, .png or .pdf with the program dot. Where that is not installed it
    /// says so on stderr and leaves the .dot. Returns the path of what was written; FileError if it cannot be.
    std::string save(const std::string& path, Location at = Location::current()) const;

  private:
    std::string dot_;
};

/// The graph of y: a node for each parameter, array of data and operation, with name, operation, shape, and the source
/// line as a tooltip. Small arrays are shown in full, large ones as their mean, range and distribution.
Drawing draw(const Tensor& y, const DrawOptions& options = {}, Location at = Location::current());

}  // namespace xgrad
