#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <xgrad/graph/tensor.hpp>

/// From a NaN or an infinity back to the operation that made it. Not installed.
namespace xgrad::explain {

/// What results are computed from, with all inputs, which nodes let go of when they are computed. To be made before.
class History {
  public:
    explicit History(std::span<const NodeRef> roots);
    /// Inputs first.
    const std::vector<NodeRef>& nodes() const { return nodes_; }
    const std::vector<NodeRef>& inputs(const Node& node) const { return inputs_.at(&node); }
    /// Computes and keeps every value.
    void compute_all() const;

  private:
    std::vector<NodeRef> nodes_;
    std::unordered_map<const Node*, std::vector<NodeRef>> inputs_;
};

/// One element of a value, in row-major order.
struct Element {
    NodeRef node;
    std::int64_t index;
};

/// The value of an element.
double number_at(const Node& node, std::int64_t index);

/// The first element that is NaN or infinite; none for other dtypes than floating point.
std::optional<std::int64_t> first_bad(const Node& node);

/// The element of an operand that an element of an elementwise result depends on.
std::int64_t element_of_operand(const Shape& operand, const Shape& result, std::int64_t index);

struct Trace {
    Element origin;                 // all that it depends on is finite, or it was given
    bool meets_zero = false;        // an infinity was multiplied by 0 on the way
    std::optional<Element> zero{};  // the 0 that it was multiplied by, or that made NaN of it: 0 / 0
};

/// Follows an element that is not finite to where it comes from: as long as an operation's element is spoilt by one of
/// an input, that one is followed. Which one it is, an operation itself is asked, by computing it with the others
/// replaced by 1. All values are computed.
Trace trace_back(const History& history, Element element);

/// Where a 0 comes from, followed in the same way through what reverse mode recorded.
struct ZeroTrace {
    Element origin;       // the last 0: a value of the forward pass, a number, or what an operation makes of others
    NodeRef last_passed;  // what reverse mode recorded last on the way to it; empty if nothing
};
ZeroTrace trace_zero(const History& history, Element zero);

}  // namespace xgrad::explain
