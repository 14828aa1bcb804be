#include <xgrad/ops/rewrites.hpp>

#include <string_view>

#include <xgrad/graph/recording.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>
#include <xgrad/ops/trigonometric.hpp>

namespace xgrad::rewrites {

namespace {

/// The operations that the patterns are made of, looked up once.
struct Known {
    const Op* add = find_op("add");
    const Op* subtract = find_op("subtract");
    const Op* multiply = find_op("multiply");
    const Op* negative = find_op("negative");
    const Op* exp = find_op("exp");
    const Op* sum = find_op("sum");
    const Op* sigmoid = find_op("sigmoid");
    const Op* softmax = find_op("softmax");
    const Op* log_sigmoid = find_op("log_sigmoid");
};
const Known& known() {
    static const Known ops;
    return ops;
}

/// Computed by that operation, whether it was typed so or rewritten to it. Not what has let go of its inputs.
bool is(const Op* op, const Tensor& x) {
    const Node& formula = x.node()->formula();
    return formula.op() == op && !formula.inputs().empty();
}
Tensor argument(const Tensor& x, std::size_t index = 0) {
    return Tensor(x.node()->formula().inputs()[index]);
}
/// What a function was typed of.
Tensor source_of(const Tensor& x) {
    return Tensor(x.node()->is_rewritten ? x.node()->extra->argument : x.node()->inputs()[0]);
}

/// The number 1, which nobody can change: neither a parameter nor an argument of a compiled function.
bool is_one(const Tensor& x) {
    const Node& node = *x.node();
    if (!node.is_leaf() || !node.is_computed || node.extra || node.shape.rank() != 0 || !is_floating(node.dtype)) {
        return false;
    }
    return x.item<long double>() == 1;
}

bool are_same(const Tensor& x, const Tensor& y) {
    return x.node() == y.node();
}

/// The y of 1 + y; an empty handle for anything else.
Tensor beside_one(const Tensor& x) {
    if (!is(known().add, x)) return {};
    if (is_one(argument(x, 0))) return argument(x, 1);
    if (is_one(argument(x, 1))) return argument(x, 0);
    return {};
}

/// The z of e^z; an empty handle for anything else.
Tensor exponent(const Tensor& x) {
    return !x.is_empty_handle() && is(known().exp, x) ? argument(x) : Tensor();
}

/// x = e^z and y = e^-z, or an empty handle.
bool are_opposite(const Tensor& x, const Tensor& y) {
    const Tensor z = exponent(x), minus_z = exponent(y);
    if (z.is_empty_handle() || minus_z.is_empty_handle() || !is(known().negative, minus_z)) return false;
    return are_same(argument(minus_z), z);
}

/// The axes of the sum that y is of e^z, if that is what it is.
const Shape* axes_of_sum(const Tensor& y, const Tensor& z) {
    if (!is(known().sum, y)) return nullptr;
    const Tensor other = exponent(argument(y));
    if (other.is_empty_handle() || !are_same(other, z)) return nullptr;
    return &y.node()->formula().attributes().at<Shape>("axes");
}

bool keeps_axes(const Tensor& sum) {
    return sum.node()->formula().attributes().at<bool>("keepdims");
}

/// A factor times log σ(z).
struct LogOfSigmoid {
    Tensor factor, logarithm;
    Tensor z() const { return argument(logarithm); }
};
/// Without a factor if it is none.
LogOfSigmoid times_log_of_sigmoid(const Tensor& x) {
    if (!is(known().multiply, x)) return {};
    const Tensor first = argument(x, 0), second = argument(x, 1);
    if (is(known().log_sigmoid, second)) return {first, second};
    if (is(known().log_sigmoid, first)) return {second, first};
    return {};
}

/// The loss of y log σ(z) and (1 - y) log σ(-z); an empty handle for anything else.
Tensor loss_of(const LogOfSigmoid& happened, const LogOfSigmoid& did_not) {
    const Tensor y = happened.factor, rest = did_not.factor, minus_z = did_not.z();
    if (!is(known().negative, minus_z) || !are_same(argument(minus_z), happened.z())) return {};
    if (!is(known().subtract, rest) || !is_one(argument(rest, 0)) || !are_same(argument(rest, 1), y)) return {};
    return y.dtype() == happened.z().dtype() ? logistic_loss(happened.z(), y) : Tensor();
}

bool is_of_leaf(const Node& node, std::size_t input) {
    return node.inputs()[input]->is_leaf();
}
bool is_of(const Op* op, const Node& node, std::size_t input) {
    return node.inputs()[input]->formula().op() == op;
}

Rewritten better_logarithm(const Record& r) {
    const Tensor x = r.input();
    // log(1 / (1 + e^-z)) = -log(1 + e^-z): σ(z) is 0 below -104, or -745 in double precision.
    if (is(known().sigmoid, x)) return {log_sigmoid(argument(x)), source_of(x)};
    // 1 - σ(z) = e^-z / (1 + e^-z) = σ(-z), which is 1 - 1 from z = 17 on, or 37.
    if (is(known().subtract, x) && is_one(argument(x, 0)) && is(known().sigmoid, argument(x, 1))) {
        const Tensor A = argument(x, 1);
        return {log_sigmoid(-argument(A)), source_of(A)};
    }
    // log(e^z_i / Σ e^z_j) = z_i - log Σ e^z_j: the quotient is 0 where z_i is far below the largest.
    if (is(known().softmax, x)) {
        const auto axis = x.node()->formula().attributes().at<std::int64_t>("axis");
        return {log_softmax(argument(x), axis), source_of(x)};
    }
    // log Σ e^z = m + log Σ e^(z - m) for the largest z, m, so that no power overflows and one is 1.
    if (is(known().sum, x)) {
        const Tensor z = exponent(argument(x));
        if (z.is_empty_handle()) return {};
        return {logsumexp(z, *axes_of_sum(x, z), keeps_axes(x) ? keepdims : Keepdims{false}), z};
    }
    // log e^z = z, also where e^z overflows or vanishes.
    if (is(known().exp, x)) return {identity(argument(x)), argument(x)};
    if (const Tensor y = beside_one(x); !y.is_empty_handle()) {
        // log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), by the same name; log(1 + y) without rounding 1 + y.
        if (is(known().exp, y)) return {softplus(argument(y)), argument(y)};
        if (y.shape() == x.shape()) return {log1p(y), y};
    }
    return {};
}

Rewritten better_quotient(const Record& r) {
    const Tensor x = r.input(0), y = r.input(1);
    const Tensor z = exponent(x);
    if (const Tensor e = exponent(beside_one(y)); !e.is_empty_handle()) {
        // 1 / (1 + e^u) = σ(-u): e^u overflows where σ(-u) has not vanished yet, from u = 89 on, or 710.
        if (is_one(x) && is(known().negative, e)) return {sigmoid(argument(e)), argument(e)};
        if (is_one(x)) return {sigmoid(-e), e};
        // e^z / (1 + e^z) = σ(z), also where both are infinite.
        if (!z.is_empty_handle() && are_same(e, z)) return {sigmoid(z), z};
    }
    // e^z_i / Σ e^z_j is the softmax, which takes the largest z out; one that keeps the axis, or has no other.
    if (const Shape* axes = z.is_empty_handle() ? nullptr : axes_of_sum(y, z)) {
        if (axes->rank() == 1 && (keeps_axes(y) || z.rank() == 1)) return {softmax(z, (*axes)[0]), z};
    }
    // (e^z - e^-z) / (e^z + e^-z) = tanh z: inf / inf for large z, and no digits left for small ones.
    if (is(known().subtract, x) && is(known().add, y)) {
        const Tensor up = argument(x, 0), down = argument(x, 1);
        const Tensor first = argument(y, 0), second = argument(y, 1);
        const bool is_sum = are_opposite(first, second) && are_same(exponent(first), exponent(up));
        const bool is_turned = are_opposite(second, first) && are_same(exponent(second), exponent(up));
        if (are_opposite(up, down) && (is_sum || is_turned)) return {tanh(exponent(up)), exponent(up)};
    }
    return {};
}

Rewritten better_difference(const Record& r) {
    // e^z - 1 = expm1 z, which keeps the digits of a small z.
    const Tensor x = r.input(0), y = r.input(1);
    if (!is_one(y) || !is(known().exp, x)) return {};
    return {expm1(argument(x)), argument(x)};
}

Rewritten better_sum(const Record& r) {
    const Tensor x = r.input(0), y = r.input(1);
    const LogOfSigmoid first = times_log_of_sigmoid(x);
    if (first.factor.is_empty_handle()) return {};
    const LogOfSigmoid second = times_log_of_sigmoid(y);
    if (second.factor.is_empty_handle()) return {};
    // log(1 - σ(z)) = log σ(z) - z, so that the sum is log σ(z) - (1 - y) z = y z - log(1 + e^z).
    Tensor loss = loss_of(first, second);
    if (loss.is_empty_handle()) loss = loss_of(second, first);
    if (loss.is_empty_handle()) return {};
    return {-loss, source_of(first.logarithm)};
}

}  // namespace

constinit const RewriteRule logarithm{[](const Node& log) { return !is_of_leaf(log, 0); }, better_logarithm};
constinit const RewriteRule quotient{[](const Node& divide) { return !is_of_leaf(divide, 1); }, better_quotient};
constinit const RewriteRule difference{[](const Node& subtract) { return is_of(known().exp, subtract, 0); },
                                       better_difference};
// Not if everything is computed at once: then 1 - y is a number, unless it has a gradient, and no longer a difference.
constinit const RewriteRule sum{
    [](const Node& add) { return is_of(known().multiply, add, 0) && is_of(known().multiply, add, 1) && !is_eager(); },
    better_sum};

}  // namespace xgrad::rewrites
