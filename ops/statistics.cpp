#include <cmath>
#include <limits>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/powers.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/reduction_parts.hpp>
#include <xgrad/ops/structure.hpp>

// Reductions that are written with sum and amax.

namespace xgrad {

namespace {

const Op& amin_op = define(Composite{
    .name = "amin",
    .math = "y = smallest x over axes",
    .probes = reduction_probes(amin),
});

/// Over at least two elements: the deviation of one is 0, where its root has a kink.
std::vector<Probe> deviation_probes(Reduce reduce) {
    std::vector<Probe> probes = reduction_probes(reduce);
    probes.erase(probes.begin());
    return probes;
}

const Op& variance_op = define(Composite{
    .name = "variance",
    .math = "y = 1/n sum of (x - mean x)^2 over axes",
    .probes =
        reduction_probes([](const Operand& x, const Axes& axes, Keepdims keep) { return variance(x, axes, keep, 0); }),
});

const Op& stddev_op = define(Composite{
    .name = "stddev",
    .math = "y = square root of variance",
    .probes =
        deviation_probes([](const Operand& x, const Axes& axes, Keepdims keep) { return stddev(x, axes, keep, 1); }),
});

const Op& logsumexp_op = define(Composite{
    .name = "logsumexp",
    .math = "y = log sum of e^x over axes",
    .probes = reduction_probes(logsumexp),
});

const Op& norm_op = define(Composite{
    .name = "norm",
    .math = "y = sqrt(sum of x^2 over axes)",
    .probes = reduction_probes(norm),
});

std::vector<Probe> norm_lp_probes() {
    std::vector<Probe> probes;
    for (const double p : {1.0, 2.0, 3.0, 0.5, -2.0, HUGE_VAL, -HUGE_VAL}) {
        // Away from 0, where |x|^p has a kink.
        probes.push_back(
            {"p = " + std::to_string(p), {{{3, 4}, 0.5, 2}}, [p](auto x) { return norm_lp(-x[0], p, 1, keepdims); }});
    }
    probes.push_back({"all", {{{2, 3}, 0.5, 2}}, [](auto x) { return norm_lp(x[0], 3); }});
    const auto cubic = [](const Tensor& x, std::int64_t axis) { return norm_lp(x, 3, axis); };
    return joined(std::move(probes), drawn(axis_probes(cubic), between(0.5, 2)));
}

const Op& norm_lp_op = define(Composite{
    .name = "norm_lp",
    .math = "y = (sum of |x|^p over axes)^(1/p)",
    .probes = norm_lp_probes,
});

std::vector<Probe> truth_probes(Reduce reduce) {
    std::vector<Probe> probes = reduction_probes(reduce);
    for (Probe& probe : probes) probe.inputs[0].kind = ProbeInput::Kind::boolean;
    return probes;
}

const Op& any_op = define(Composite{
    .name = "any",
    .math = "y = [some x is true] over axes",
    .probes = [] { return truth_probes(any); },
});

const Op& all_op = define(Composite{
    .name = "all",
    .math = "y = [every x is true] over axes",
    .probes = [] { return truth_probes(all); },
});

/// √s, with value and derivative 0 at 0, where √ has no derivative: the inner choice keeps its infinity out, the outer
/// one gives the value.
Tensor root_of_sum(const Tensor& s) {
    const Tensor is_zero = s == 0;
    return where(is_zero, 0, sqrt(where(is_zero, 1, s)));
}

Tensor truth_of(const Tensor& x) {
    return x.dtype() == DType::boolean ? x : x != 0;
}

void require_floating(std::string_view op, const Tensor& x, Location at) {
    if (is_floating(x.dtype())) return;
    throw DTypeError(op, "needs float32 or float64", std::string(name(x.dtype())), at);
}

/// One call of a reduction that is written with others: its place, its tensor, its axes.
struct Reduction {
    Reduction(std::string_view op, const Operand& x, const Axes& given)
        : at(Attribution::resolve(x.location())),
          attribution(at),
          tensor(x.tensor()),
          axes(given.resolve(tensor, op, at)) {
        for (std::int64_t axis : axes) count *= tensor.shape()[static_cast<std::size_t>(axis)];
    }
    Location at;
    Attribution attribution;
    const Tensor& tensor;
    Shape axes;
    std::int64_t count = 1;  // of the elements that are reduced to one
};

}  // namespace

Tensor amin(const Operand& x, const Axes& axes, Keepdims keep) {
    const Reduction r("amin", x, axes);
    if (r.count == 0) throw ShapeError("amin", "needs at least one element", explain::operand_text(r.tensor), r.at);
    if (r.tensor.dtype() == DType::boolean) return all(r.tensor, r.axes, keep);
    return -amax(-r.tensor, r.axes, keep);
}

Tensor variance(const Operand& x, const Axes& axes, Keepdims keep, std::int64_t ddof) {
    const Reduction r("variance", x, axes);
    require_floating("variance", r.tensor, r.at);
    const Tensor squares = sum(square(r.tensor - mean(r.tensor, r.axes, keepdims)), r.axes, keep);
    return squares / (static_cast<double>(r.count) - static_cast<double>(ddof));
}

Tensor stddev(const Operand& x, const Axes& axes, Keepdims keep, std::int64_t ddof) {
    const Reduction r("stddev", x, axes);
    require_floating("stddev", r.tensor, r.at);
    return root_of_sum(variance(r.tensor, r.axes, keep, ddof));
}

Tensor logsumexp(const Operand& x, const Axes& axes, Keepdims keep) {
    const Reduction r("logsumexp", x, axes);
    require_floating("logsumexp", r.tensor, r.at);
    const AsTypedScope as_typed;
    if (r.count == 0) return log(sum(r.tensor, r.axes, keep));  // log 0
    // log Σ e^x = m + log Σ e^(x-m) for any m: with the largest x nothing overflows, and m's derivative cancels.
    const Tensor largest = stop_gradient(amax(r.tensor, r.axes, keepdims));
    const Tensor m = where(isfinite(largest), largest, 0);
    const Tensor total = log(sum(exp(r.tensor - m), r.axes, keep));
    return total + reshape(m, total.shape());
}

Tensor norm(const Operand& x, const Axes& axes, Keepdims keep) {
    const Reduction r("norm", x, axes);
    return root_of_sum(sum(square(r.tensor), r.axes, keep));
}

Tensor norm_lp(const Operand& x, double p, const Axes& axes, Keepdims keep) {
    const Reduction r("norm_lp", x, axes);
    require_floating("norm_lp", r.tensor, r.at);
    if (std::isnan(p)) throw ValueError("norm_lp", "needs a number p", "nan", r.at);
    const Tensor size = abs(r.tensor);
    if (p == 0) return sum(astype(size != 0, size.dtype()), r.axes, keep);
    if (p == 1) return sum(size, r.axes, keep);
    if (p == 2) return root_of_sum(sum(square(r.tensor), r.axes, keep));
    if (std::isinf(p)) return p > 0 ? amax(size, r.axes, keep) : amin(size, r.axes, keep);
    const Tensor s = sum(power(size, p), r.axes, keep);
    const Tensor is_zero = s == 0;
    return where(is_zero, 0, power(where(is_zero, 1, s), 1 / p));
}

Tensor any(const Operand& x, const Axes& axes, Keepdims keep) {
    const Reduction r("any", x, axes);
    return sum(truth_of(r.tensor), r.axes, keep) > 0;
}

Tensor all(const Operand& x, const Axes& axes, Keepdims keep) {
    const Reduction r("all", x, axes);
    return sum(logical_not(truth_of(r.tensor)), r.axes, keep) == 0;
}

}  // namespace xgrad
