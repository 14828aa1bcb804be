#pragma once

#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/reduction.hpp>

/// What the files that define reductions share. Not installed.
namespace xgrad {

inline std::vector<Probe> reduction_probes(Tensor (*reduce)(const Operand&, const Axes&, Keepdims)) {
    return {
        Probe{"all of a scalar", {{{}}}, [=](auto x) { return reduce(x[0], {}, {}); }},
        Probe{"all of a matrix", {{{3, 4}}}, [=](auto x) { return reduce(x[0], {}, {}); }},
        Probe{"axis 0", {{{3, 4}}}, [=](auto x) { return reduce(x[0], 0, {}); }},
        Probe{"axis 0 of a wide matrix", {{{3, 17}}}, [=](auto x) { return reduce(x[0], 0, {}); }},
        Probe{"axis -1, kept", {{{3, 4}}}, [=](auto x) { return reduce(x[0], -1, keepdims); }},
        Probe{"axes 0 and 2",
              {{{2, 3, 2}}},
              [=](auto x) {
                  return reduce(x[0], {0, 2}, {});
              }},
        Probe{"axis 1 of a stack, kept", {{{2, 3, 9}}}, [=](auto x) { return reduce(x[0], 1, keepdims); }},
    };
}

/// A reduced cotangent or result with its axes back, so that it broadcasts against the input.
inline Tensor with_axes(const Record& r, const Tensor& reduced) {
    return reshape(reduced, reduced_shape(r.shape(0), r.attribute<Shape>("axes"), true));
}

}  // namespace xgrad
