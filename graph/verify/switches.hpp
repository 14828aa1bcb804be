#pragma once

#include <optional>
#include <string>
#include <vector>

#include <xgrad/graph/verify/recorded.hpp>

/// By which formula each element of a recorded function is computed: on which side of its kink each ReLU stands, which
/// elements win each maximum. Not installed.
namespace xgrad::switches {

/// One operation's branches, as its SwitchRule gives them.
struct Branch {
    std::string op;  // "relu at main.cpp:12"
    Shape shape;
    bool is_distance;  // the sign counts, else the value
    std::vector<long double> values;
};
using Branches = std::vector<Branch>;

/// The branches of everything that a result, which is not computed yet, depends on parameters by.
Branches branches_of(const Tensor& result);

/// A branch that is another one at two places between which a parameter moves it.
struct Crossing {
    std::string text;       // "relu at main.cpp:12 is 1e-5 from its switch at [0, 2]"
    bool is_on_it = false;  // the place in the middle is the switch itself, so no step is small enough
};

std::optional<Crossing> crossing(const Branches& middle, const Branches& left, const Branches& right);

/// Whether every element is computed by the same formula at two places, or in two precisions.
bool are_same(const Branches& a, const Branches& b);

}  // namespace xgrad::switches
