#pragma once

#include <optional>
#include <string>

#include <xgrad/graph/verify.hpp>
#include <xgrad/graph/verify/difference.hpp>
#include <xgrad/graph/verify/switches.hpp>

/// One derivative against differences: right, wrong or undecidable here. Not installed.
namespace xgrad::verdict {

/// A function along one line through the point, in the precision in which differences are taken.
struct Line {
    difference::Function phi;
    std::function<switches::Branches(long double)> branches;  // empty if nothing that was recorded has a switch
    const switches::Branches* middle;                         // at the point
    long double x;
    long double here;  // φ(x)
    long double noise;
    DType precision;
    bool is_through_all;  // along all entries of an input: large steps will cross some switch
};

/// What was derived: the slope, what it may be off by as it was rounded, and the size of what it is one of.
struct Claim {
    long double derived;
    long double error;
    long double scale;
};

struct Judgement {
    Verdict verdict;
    long double checked;
    long double bound;
    std::string evidence;
    /// Wrong by what differences say, but where a branch changes within every step: wrong only if an operation on the
    /// way is wrong when it is checked alone.
    bool is_suspect = false;
};

/// Differences at ever smaller steps, until they settle on one side of every switch. Where they cannot, which is on a
/// kink or a tie, the derivative may be any number between the two one-sided slopes.
Judgement judge(const Line& line, const Claim& claim);

}  // namespace xgrad::verdict
