#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Faults of ten kinds, to be planted into the derivative of any operation by any argument, one at a time.

namespace planted {

using support::numbers_of;
using support::tensor_of;
using xgrad::Op;
using xgrad::Record;
using xgrad::Tensor;

using Fault = std::function<Tensor(const Tensor& right, const Tensor& g)>;

/// The right derivative's elements in another order or size.
inline Fault of_numbers(const std::function<void(support::Numbers&)>& change) {
    return [change](const Tensor& right, const Tensor&) {
        support::Numbers factors(static_cast<std::size_t>(right.size()), 1);
        change(factors);
        return right * tensor_of(right.dtype(), right.shape(), factors);
    };
}

inline const std::map<std::string, Fault>& faults() {
    static const std::map<std::string, Fault> all{
        {"sign", [](const Tensor& right, const Tensor&) { return -right; }},
        {"factor 2", [](const Tensor& right, const Tensor&) { return 2 * right; }},
        {"a millionth", [](const Tensor& right, const Tensor&) { return (1 + 1e-6) * right; }},
        {"zero", [](const Tensor& right, const Tensor&) { return xgrad::zeros_like(right); }},
        {"one element", of_numbers([](support::Numbers& factors) {
             if (!factors.empty()) factors.back() = 1.5;
         })},
        {"one element missing", of_numbers([](support::Numbers& factors) {
             if (!factors.empty()) factors.front() = 0;
         })},
        {"mean instead of sum",
         [](const Tensor& right, const Tensor&) { return right / std::max(2.0, static_cast<double>(right.size())); }},
        {"transposed", [](const Tensor& right, const Tensor&) { return reshape(flip(flatten(right)), right.shape()); }},
        {"moved by one",
         [](const Tensor& right, const Tensor&) { return reshape(roll(flatten(right), 1), right.shape()); }},
        {"aliased", [](const Tensor& right, const Tensor& g) { return g.shape() == right.shape() ? g : right; }},
    };
    return all;
}

/// While alive, the derivative of an operation by one argument is wrong.
class Plant {
  public:
    Plant(const Op& op, std::size_t argument, const Fault& fault)
        : op_(const_cast<Op&>(op)),  // the catalogue hands out constants; the operation itself is none
          partials_(op.partials),
          transposes_(op.transposes),
          vjp_(op.vjp) {
        const auto spoil = [this, fault](const Tensor& right, const Tensor& g) {
            Tensor wrong = fault(right, g);
            if (numbers_of(wrong) != numbers_of(right)) has_changed_ = true;
            return wrong;
        };
        if (op.family == Op::Family::elementwise) {
            auto right = std::get<0>(op.partials[argument]);
            op_.partials[argument] = [=](const Record& r) {
                const Tensor p = right(r);
                return spoil(p, xgrad::ones_like(p));
            };
        } else if (op.family == Op::Family::linear && !op.transposes.rule_) {
            auto right = std::get<0>(op.transposes.each_[argument]);
            op_.transposes.each_[argument] = [=](const Record& r, const Tensor& g) { return spoil(right(r, g), g); };
        } else if (op.family == Op::Family::linear) {
            op_.transposes.rule_ = [=, right = op.transposes.rule_](const Record& r, const Tensor& g, std::size_t i) {
                return i == argument ? spoil(right(r, g, i), g) : right(r, g, i);
            };
        } else {
            op_.vjp = [=, right = std::get<0>(op.vjp)](const Record& r, const Tensor& g, std::size_t i) {
                return i == argument ? spoil(right(r, g, i), g) : right(r, g, i);
            };
        }
    }
    ~Plant() {
        op_.partials = partials_;
        op_.transposes = transposes_;
        op_.vjp = vjp_;
    }
    Plant(const Plant&) = delete;
    Plant& operator=(const Plant&) = delete;

    /// Whether some derivative has come out otherwise than it should.
    bool has_changed() const { return has_changed_; }

  private:
    Op& op_;
    std::vector<xgrad::Partial> partials_;
    xgrad::Transposes transposes_;
    decltype(Op::vjp) vjp_;
    bool has_changed_ = false;
};

/// How many arguments an operation may have a derivative by; those that no probe reaches do not count.
inline std::size_t arguments_of(const Op& op) {
    switch (op.family) {
        case Op::Family::elementwise:
            return op.partials.size();
        case Op::Family::linear:
            return op.transposes.rule_ ? 2 : op.transposes.each_.size();
        case Op::Family::general:
            return std::holds_alternative<xgrad::Zero>(op.vjp) ? 0 : 3;
        default:
            return 0;
    }
}

}  // namespace planted
