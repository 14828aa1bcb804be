#include "derivative_check.hpp"

#include <cmath>
#include <functional>

#include <fmt/format.h>

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/reduction.hpp>

#include "probe_inputs.hpp"
#include "support.hpp"

namespace derivative_check {

namespace {

using namespace xgrad;
using support::count_of;
using support::Numbers;
using support::numbers_of;
using support::tensor_of;

long double largest(const Numbers& numbers) {
    long double result = 0;
    for (long double number : numbers) result = std::max(result, std::abs(number));
    return result;
}

long double dot(const Numbers& x, const Numbers& y) {
    long double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
    return sum;
}

/// One call of the operation with the inputs' sources as parameters.
struct Evaluation {
    std::vector<Tensor> sources;     // of the real inputs
    std::vector<std::size_t> index;  // which input each of them is
    Tensor y;
};

constexpr long double step = 0x1p-13L;  // below the distance that the drawn numbers keep

class Checker {
  public:
    Checker(const Op& op, const Probe& probe, DType dtype, std::uint32_t seed)
        : op_(op), probe_(probe), dtype_(dtype), seed_(seed) {
        Draws draws(seed, dtype);
        for (const ProbeInput& input : probe.inputs) {
            values_.push_back(draws.inputs(input));
            u_.push_back(draws.directions(count_of(input.shape)));
            w_.push_back(draws.directions(count_of(input.shape)));
            z_.push_back(draws.directions(count_of(input.shape)));
        }
        const Evaluation exact = evaluate(DType::longdouble, InputLayout::contiguous, values_);
        exact_y_ = numbers_of(exact.y);
        is_differentiable_ = exact.y.needs_gradient();
        if (is_floating(exact.y.dtype())) v_ = draws.directions(count_of(exact.y.shape()));
    }

    Outcome run() {
        if (is_differentiable_) differences();
        for (InputLayout layout : all_layouts) check_layout(layout);
        return std::move(outcome_);
    }

  private:
    bool is_real(std::size_t input) const { return probe_.inputs[input].kind == ProbeInput::Kind::real; }

    Evaluation evaluate(DType dtype, InputLayout layout, const std::vector<Numbers>& values) const {
        Evaluation result;
        std::vector<Tensor> inputs;
        Numbers block;
        for (std::size_t input = 0; input < values.size(); ++input) {
            if (is_real(input)) block.insert(block.end(), values[input].begin(), values[input].end());
        }
        const Tensor together = tensor_of(dtype, {block.size()}, block);
        std::int64_t taken = 0;
        for (std::size_t input = 0; input < values.size(); ++input) {
            const Shape& shape = probe_.inputs[input].shape;
            const InputLayout own = layout_of(layout, input);
            const DType type = dtype_of(probe_.inputs[input], dtype);
            // What is not seen is NaN, so that reading it shows.
            const long double filler = is_real(input) ? std::nanl("") : 1;
            Tensor source = tensor_of(type, source_shape(shape, own), embedded(values[input], shape, own, filler));
            if (is_real(input)) {
                if (own == InputLayout::shared) {
                    source = reshape(view(together, {range(taken, taken + shape.size())}), shape);
                    taken += shape.size();
                }
                source = parameter(source);  // of a piece without gaps: it looks at the block
                result.sources.push_back(source);
                result.index.push_back(input);
            }
            inputs.push_back(seen(source, shape, own));
        }
        result.y = probe_.call ? probe_.call(inputs) : xgrad::apply(op_, inputs);
        return result;
    }

    /// Directions for each source, zero where nothing is seen.
    std::vector<Tensor> directions(const Evaluation& at, InputLayout layout,
                                   const std::vector<Numbers>& numbers) const {
        std::vector<Tensor> result;
        for (std::size_t i = 0; i < at.sources.size(); ++i) {
            const Shape& shape = probe_.inputs[at.index[i]].shape;
            const InputLayout own = layout_of(layout, at.index[i]);
            result.push_back(
                tensor_of(at.sources[i].dtype(), at.sources[i].shape(), embedded(numbers[at.index[i]], shape, own, 0)));
        }
        return result;
    }

    std::vector<Tensor> gradients(const Evaluation& at) const {
        return vjp(at.y, tensor_of(at.y.dtype(), at.y.shape(), v_), at.sources, Unconnected::gives_zeros);
    }

    Tensor along(const std::vector<Tensor>& gradients, const std::vector<Tensor>& w) const {
        Tensor total;
        for (std::size_t i = 0; i < gradients.size(); ++i) {
            const Tensor product = sum(gradients[i] * w[i]);
            total = total.is_empty_handle() ? product : total + product;
        }
        return total;
    }

    /// ∂f/∂x for each element of each real input: central differences, extrapolated twice.
    std::vector<Numbers> numerical(const std::function<long double(const std::vector<Numbers>&)>& f) const {
        std::vector<Numbers> result(values_.size());
        std::vector<Numbers> x = values_;
        for (std::size_t input = 0; input < x.size(); ++input) {
            if (!is_real(input)) continue;
            for (long double& element : x[input]) {
                const long double middle = element;
                const auto quotient = [&](long double h) {
                    element = middle + h;
                    const long double above = f(x);
                    element = middle - h;
                    const long double below = f(x);
                    element = middle;
                    return (above - below) / (2 * h);
                };
                const long double wide = quotient(step);
                const long double medium = quotient(step / 2);
                const long double narrow = quotient(step / 4);
                const long double first = (4 * medium - wide) / 3;
                const long double second = (4 * narrow - medium) / 3;
                result[input].push_back((16 * second - first) / 15);
            }
        }
        return result;
    }

    void differences() {
        gradient_ = numerical([&](const std::vector<Numbers>& x) {
            return dot(v_, numbers_of(evaluate(DType::longdouble, InputLayout::contiguous, x).y));
        });
        if (dtype_ == DType::float64) {
            third_ = numerical([&](const std::vector<Numbers>& x) {
                const Evaluation at = evaluate(DType::longdouble, InputLayout::contiguous, x);
                long double sum = 0;
                const std::vector<Tensor> h = curvatures(at, directions(at, InputLayout::contiguous, w_));
                for (std::size_t i = 0; i < h.size(); ++i) sum += dot(z_[at.index[i]], numbers_of(h[i]));
                return sum;
            });
        }
        curvature_ = numerical([&](const std::vector<Numbers>& x) {
            const Evaluation at = evaluate(DType::longdouble, InputLayout::contiguous, x);
            long double sum = 0;
            const std::vector<Tensor> g = gradients(at);
            for (std::size_t i = 0; i < g.size(); ++i) sum += dot(w_[at.index[i]], numbers_of(g[i]));
            return sum;
        });
    }

    /// ∇⟨gradients, w⟩
    std::vector<Tensor> curvatures(const Evaluation& at, const std::vector<Tensor>& w) const {
        const Tensor phi = along(gradients(at), w);
        return vjp(phi, tensor_of(phi.dtype(), {}, {1}), at.sources, Unconnected::gives_zeros);
    }

    /// Compares element by element, relative to the largest numbers that are involved.
    void compare(Property property, InputLayout layout, std::size_t input, const Numbers& analytic,
                 const Numbers& numeric, long double tolerance, long double scale) {
        scale += largest(numeric);
        for (std::size_t i = 0; i < numeric.size(); ++i) {
            ++outcome_.checks;
            const long double error = std::abs(analytic[i] - numeric[i]) / scale;
            if (error <= tolerance || analytic[i] == numeric[i]) continue;
            constexpr std::string_view what[] = {"value",
                                                 "gradient",
                                                 "<v, Ju> against <J'v, u>",
                                                 "second derivative",
                                                 "forward over reverse",
                                                 "reverse over forward",
                                                 "third derivative"};
            outcome_.failures.push_back(
                {property,
                 fmt::format("{}, probe {}, {}, {}, seed {}: {} of input {} at element {}: "
                             "analytic {:.17g}, numeric {:.17g}, relative error {:.2g}",
                             op_.name, probe_.label, name(dtype_), name_of(layout), seed_,
                             what[static_cast<std::size_t>(property)], input, i, static_cast<double>(analytic[i]),
                             static_cast<double>(numeric[i]), static_cast<double>(error))});
        }
    }

    void check_layout(InputLayout layout) {
        const bool is_double = dtype_ == DType::float64;
        const long double epsilon = is_double ? 0x1p-52L : 0x1p-23L;
        const Evaluation at = evaluate(dtype_, layout, values_);
        const Numbers y = numbers_of(at.y);
        compare(Property::values, layout, 0, y, exact_y_, 16 * epsilon, 1);
        if (!is_differentiable_) return check_that_none_flows(at);

        const std::vector<Tensor> g = gradients(at);
        const long double v = largest(v_);
        for (std::size_t i = 0; i < g.size(); ++i) {
            const Shape& shape = probe_.inputs[at.index[i]].shape;
            const Numbers own = numbers_of(seen(g[i], shape, layout_of(layout, at.index[i])));
            compare(Property::reverse, layout, at.index[i], own, gradient_[at.index[i]], is_double ? 1e-12L : 4e-6L, v);
        }
        check_duality(at, layout, g, 32 * epsilon);
        check_second_order(at, layout, g, is_double ? 2e-12L : 1e-5L);
        if (is_double && layout == InputLayout::contiguous) check_third_order(at, 1e-8L);
    }

    /// Nothing flows through the operation: asking for a gradient is an error, never a silent zero.
    void check_that_none_flows(const Evaluation& at) {
        for (const Tensor& source : at.sources) {
            ++outcome_.checks;
            try {
                if (is_floating(at.y.dtype())) grad(sum(at.y), source);
                if (is_floating(at.y.dtype()) || at.y.needs_gradient()) {
                    outcome_.failures.push_back({Property::reverse, op_.name + " gives a gradient that it must not"});
                }
            } catch (const GradientError&) {
            }
        }
    }

    void check_duality(const Evaluation& at, InputLayout layout, const std::vector<Tensor>& g, long double tolerance) {
        const std::vector<Tensor> u = directions(at, layout, u_);
        const Numbers tangent = numbers_of(jvp(at.y, at.sources, u));
        long double back = 0;
        long double size = 0;
        for (std::size_t i = 0; i < g.size(); ++i) {
            const Numbers gradient = numbers_of(g[i]);
            const Numbers direction = numbers_of(u[i]);
            back += dot(gradient, direction);
            for (std::size_t j = 0; j < gradient.size(); ++j) size += std::abs(gradient[j] * direction[j]);
        }
        for (std::size_t j = 0; j < tangent.size(); ++j) size += std::abs(tangent[j] * v_[j]);
        compare(Property::duality, layout, 0, {dot(tangent, v_)}, {back}, tolerance, size + 1);
    }

    void check_second_order(const Evaluation& at, InputLayout layout, const std::vector<Tensor>& g,
                            long double tolerance) {
        const std::vector<Tensor> w = directions(at, layout, w_);
        const std::vector<Tensor> forward_first = vjp(
            jvp(at.y, at.sources, w), tensor_of(at.y.dtype(), at.y.shape(), v_), at.sources, Unconnected::gives_zeros);
        const std::vector<Tensor> h =
            vjp(along(g, w), tensor_of(at.sources[0].dtype(), {}, {1}), at.sources, Unconnected::gives_zeros);
        for (std::size_t i = 0; i < h.size(); ++i) {
            const Shape& shape = probe_.inputs[at.index[i]].shape;
            const InputLayout own = layout_of(layout, at.index[i]);
            const Numbers reverse = numbers_of(seen(h[i], shape, own));
            compare(Property::second_order, layout, at.index[i], reverse, curvature_[at.index[i]], tolerance, 1);

            compare(Property::reverse_over_forward, layout, at.index[i], numbers_of(seen(forward_first[i], shape, own)),
                    curvature_[at.index[i]], tolerance, 1);

            // The Hessian is symmetric: forward mode along w gives the same as reverse mode of ⟨g, w⟩.
            Numbers forward(count_of(shape), 0);
            for (std::size_t j = 0; j < at.sources.size(); ++j) {
                if (!depends(g[i], at.sources[j])) continue;
                const Tensor term = jvp(g[i], {&at.sources[j], 1}, {&w[j], 1});
                const Numbers numbers = numbers_of(seen(term, shape, own));
                for (std::size_t k = 0; k < numbers.size(); ++k) forward[k] += numbers[k];
            }
            compare(Property::forward_over_reverse, layout, at.index[i], forward, reverse, tolerance, 1);
        }
    }

    void check_third_order(const Evaluation& at, long double tolerance) {
        const auto layout = InputLayout::contiguous;
        const Tensor phi = along(curvatures(at, directions(at, layout, w_)), directions(at, layout, z_));
        const std::vector<Tensor> t = vjp(phi, tensor_of(phi.dtype(), {}, {1}), at.sources, Unconnected::gives_zeros);
        for (std::size_t i = 0; i < t.size(); ++i) {
            compare(Property::third_order, layout, at.index[i], numbers_of(t[i]), third_[at.index[i]], tolerance, 1);
        }
    }

    static bool depends(const Tensor& y, const Tensor& x) {
        try {
            vjp(y, y, {&x, 1});
            return true;
        } catch (const GradientError&) {
            return false;
        }
    }

    const Op& op_;
    const Probe& probe_;
    DType dtype_;
    std::uint32_t seed_;
    bool is_differentiable_ = false;
    std::vector<Numbers> values_, u_, w_, z_;  // per input: where, and along which directions
    Numbers v_;                                // the cotangent of the result
    Numbers exact_y_;
    std::vector<Numbers> gradient_, curvature_, third_;  // per input: the differences
    Outcome outcome_;
};

}  // namespace

Outcome check(const Op& op, const Probe& probe, DType dtype, std::uint32_t seed) {
    return Checker(op, probe, dtype, seed).run();
}

}  // namespace derivative_check
