#pragma once

#include <vector>

#include <xgrad/xgrad.hpp>

#include "random_graph.hpp"

namespace random_graph {

// The widest step of the differences. Programs are smooth up to this far along their direction.
inline constexpr long double widest = 0x1p-11L;

enum Purpose : std::uint64_t { along_u = 1, along_v = 2, weights = 3 };

/// A program's values at one point in one precision, recorded step by step. The point lies at some distance from the
/// program's own along the direction u.
class Recording {
  public:
    Recording(const Program& program, xgrad::DType dtype, long double distance = 0)
        : program_(program), dtype_(dtype), distance_(distance) {}

    const xgrad::Tensor& push();
    void pop() { values_.pop_back(); }
    void push_all() {
        while (values_.size() < program_.steps.size()) push();
    }
    /// What the last step's smoothness depends on.
    std::vector<xgrad::Tensor> branches() const;
    /// The scalar: all values that no step uses, each contracted with weights of its own.
    xgrad::Tensor contracted() const;
    std::vector<xgrad::Tensor> parameters() const;
    std::vector<xgrad::Tensor> tangents(Purpose purpose) const;

  private:
    std::vector<xgrad::Tensor> inputs_of(const Step& step) const;

    const Program& program_;
    xgrad::DType dtype_;
    long double distance_;
    std::vector<xgrad::Tensor> values_;
};

}  // namespace random_graph
