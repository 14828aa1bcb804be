#pragma once

#include <string>
#include <vector>

#include <xgrad/graph/print.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// One operand that an elementwise operation stretched without having been asked to.
struct Broadcast {
    std::string op;
    std::string name;  ///< the operand's; empty if it has none
    Shape from;
    Shape to;
    bool is_two_way;    ///< every operand was stretched: (n, 1) with (1, n)
    bool is_of_rank_1;  ///< an array of one axis met one of several: it became a row
    std::string doubt;  ///< what may have been meant, if the stretch is suspicious
    Location at;
};

/// Every implicit stretch in the graph of y, in the order of recording; plain numbers are left out.
std::vector<Broadcast> broadcasts(const Tensor& y, Location at = Location::current());

/// A table with the source lines, and what may have been meant where a stretch is suspicious:
///
///     train.cpp:12   add        b1 (4, 1)   over 400 columns
///     train.cpp:17   subtract   Y (5,)      to (5, 5)          rank 1; meant reshape(Y, {5, 1})?
std::string to_string(const std::vector<Broadcast>& broadcasts);

}  // namespace xgrad

template <>
struct fmt::formatter<std::vector<xgrad::Broadcast>> : xgrad::detail::TextFormatter<std::vector<xgrad::Broadcast>> {};
