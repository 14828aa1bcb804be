#pragma once

#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/reduction.hpp>

/// What the files that define reductions share. Not installed.
namespace xgrad {

using Reduce = Tensor (*)(const Operand&, const Axes&, Keepdims);

/// A reduction over all axes, over several, over one, first, middle or last; kept or not.
inline Probes reduction_probes(Reduce reduce) {
    return [reduce] {
        std::vector<Probe> probes{
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
            Probe{"all of a row", {{{1, 17}}}, [=](auto x) { return reduce(x[0], {}, {}); }},
        };
        const std::vector<ShapeAndNumbers> axes{
            {{15}, 0},  {{16, 1}, -2}, {{3, 1, 4}, {-1, 1}}, {{2, 2, 1, 3}, {0, 3}}, {{1, 2, 1, 3, 2}, {-2, 1, 0}},
            {{0, 3}, 1}};
        const auto kept = [=](const Tensor& x, const Shape& numbers) { return reduce(x, numbers, keepdims); };
        const auto dropped = [=](const Tensor& x, const Shape& numbers) { return reduce(x, numbers, {}); };
        probes = joined(std::move(probes), number_probes(axes, dropped));
        return joined(std::move(probes), number_probes({{{2, 1, 2, 1, 3}, {0, -1}}}, kept)).list();
    };
}

/// A reduced cotangent or result with its axes back, so that it broadcasts against the input.
inline Tensor with_axes(const Record& r, const Tensor& reduced) {
    return reshape(reduced, reduced_shape(r.shape(0), r.attribute<Shape>("axes"), true));
}

}  // namespace xgrad
