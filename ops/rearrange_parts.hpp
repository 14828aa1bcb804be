#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/probe_tables.hpp>

// What the functions of rearrange.hpp have in common. Not installed.

namespace xgrad {

/// One function of one tensor, with the shapes to try it on.
struct Rearrangement {
    const char* label;
    Shape shape;
    Tensor (*call)(const Tensor&);
};

inline const Op& enrol_rearrangement(const char* name, const char* math, std::initializer_list<Rearrangement> examples,
                                     Probes more) {
    std::vector<Probe> probes;
    for (const Rearrangement& example : examples) {
        probes.push_back({example.label, {{example.shape}}, [f = example.call](auto x) { return f(x[0]); }});
    }
    return define(Composite{.name = name, .math = math, .probes = joined(std::move(probes), std::move(more))});
}

/// What every function here begins with: its caller's place, under which the rest is recorded.
struct Entry {
    explicit Entry(const Operand& x) : at(Attribution::resolve(x.location())), attribution(at), tensor(x.tensor()) {}
    Location at;
    Attribution attribution;
    const Tensor& tensor;
    const Shape& shape() const { return tensor.shape(); }
    std::size_t axis(std::int64_t given, const char* op) const { return resolve_axis(given, tensor, op, at); }
};

}  // namespace xgrad
