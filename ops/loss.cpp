#include <xgrad/ops/loss.hpp>

#include <limits>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/powers.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

using Loss = Tensor (*)(const Operand&, const Operand&);

/// A call with a prediction and a target that are drawn from these intervals.
Probe pair_probe(const std::string& label, const Shape& shape, Interval prediction, Interval target, Loss loss) {
    return {label, {{shape, prediction.low, prediction.high}, {shape, target.low, target.high}}, [=](auto x) {
                return loss(x[0], x[1]);
            }};
}

Probe label_probe(const std::string& label, const Shape& shape, Interval prediction, ProbeInput labels, Loss loss) {
    return {
        label, {{shape, prediction.low, prediction.high}, std::move(labels)}, [=](auto x) { return loss(x[0], x[1]); }};
}

ProbeInput classes(const Shape& shape, int count) {
    return {shape, 0, static_cast<double>(count), ProbeInput::Kind::integer};
}

/// The loss of predictions and targets of one shape, of every rank. None is empty: the mean of nothing is NaN.
std::vector<Probe> shapes_of_losses(Interval prediction, Interval target, Loss loss) {
    std::vector<Probe> probes;
    for (const Shape& shape : shapes_of_every_rank()) {
        if (shape.size() > 0) probes.push_back(pair_probe(to_string(shape), shape, prediction, target, loss));
    }
    return probes;
}

/// The same with classes in the place of the targets.
std::vector<Probe> labelled(std::vector<Probe> probes, int count) {
    for (Probe& probe : probes) probe.inputs[1] = classes(probe.inputs[1].shape, count);
    return probes;
}

/// (classes, m) for few and many classes and examples.
const Shape tables[] = {{1, 1}, {2, 7}, {7, 2}, {8, 1}, {15, 1}, {3, 3}, {2, 8}};

/// The loss of a table of predictions with a distribution for each example.
std::vector<Probe> tables_with_distributions(Interval prediction, Interval target, Loss loss) {
    std::vector<Probe> probes;
    for (const Shape& table : tables) probes.push_back(pair_probe(to_string(table), table, prediction, target, loss));
    return probes;
}

/// The loss of a table of predictions with a class for each example.
std::vector<Probe> tables_with_labels(Interval prediction, Loss loss) {
    std::vector<Probe> probes;
    for (const Shape& table : tables) {
        probes.push_back(
            label_probe(to_string(table), table, prediction, classes({1, table[1]}, static_cast<int>(table[0])), loss));
    }
    return probes;
}

const Op& logistic_loss_op = define(Elementwise{
    .name = "logistic_loss",
    .math = "L = log(1 + e^z) - y z",
    .forward = floating<2>([](auto z, auto y) { return math::logistic_loss(z, y); }),
    .partials = {[](const Record& r) { return sigmoid_minus(r.input(0), r.input(1)); },  // a - y
                 [](const Record& r) { return -r.input(0); }},                           // -z
    .probes = binary_probes(between(-3, 3), between(0.1, 0.9)),
});

const Op& binary_cross_entropy_op = define(Composite{
    .name = "binary_cross_entropy",
    .math = "J = -1/m sum of Y log A + (1 - Y) log(1 - A)",
    .probes = joined(
        {pair_probe("targets between 0 and 1", {1, 5}, between(0.1, 0.9), between(0.1, 0.9), binary_cross_entropy),
         label_probe("labels", {1, 5}, between(0.1, 0.9), classes({1, 5}, 2), binary_cross_entropy)},
        shapes_of_losses(between(0.1, 0.9), between(0.1, 0.9), binary_cross_entropy)),
});

const Op& binary_cross_entropy_with_logits_op = define(Composite{
    .name = "binary_cross_entropy_with_logits",
    .math = "J = 1/m sum of logistic_loss(Z, Y)",
    .probes =
        joined({pair_probe("targets between 0 and 1", {1, 5}, between(-3, 3), between(0.1, 0.9),
                           binary_cross_entropy_with_logits),
                label_probe("labels", {1, 5}, between(-3, 3), classes({1, 5}, 2), binary_cross_entropy_with_logits)},
               shapes_of_losses(between(-3, 3), between(0.1, 0.9), binary_cross_entropy_with_logits)),
});

Tensor ignoring_class_1(const Operand& Z, const Operand& labels) {
    return cross_entropy(Z, labels, 1);
}

const Op& cross_entropy_op = define(Composite{
    .name = "cross_entropy",
    .math = "J = -1/m sum of log softmax(Z)[label]",
    .probes = joined({label_probe("labels", {3, 4}, between(-2, 2), classes({4}, 3),
                                  [](auto& Z, auto& y) { return cross_entropy(Z, y); }),
                      pair_probe("distributions", {3, 4}, between(-2, 2), between(0.1, 0.5),
                                 [](auto& Z, auto& Y) { return cross_entropy(Z, Y); }),
                      label_probe("saturated", {3, 4}, between(-60, 60), classes({1, 4}, 3),
                                  [](auto& Z, auto& y) { return cross_entropy(Z, y); }),
                      label_probe("an ignored class", {3, 8}, between(-2, 2), classes({8}, 3), ignoring_class_1),
                      label_probe("all ignored", {3, 2}, between(-2, 2), classes({2}, 1),
                                  [](auto& Z, auto& y) { return cross_entropy(Z, y + 1, 1); }),
                      label_probe("no examples", {3, 0}, between(-2, 2), classes({0}, 3), ignoring_class_1),
                      label_probe("one class", {1, 3}, between(-2, 2), classes({3}, 1),
                                  [](auto& Z, auto& y) { return cross_entropy(Z, y); })},
                     tables_with_labels(between(-2, 2), [](auto& Z, auto& y) { return cross_entropy(Z, y); })),
});

const Op& nll_op = define(Composite{
    .name = "nll",
    .math = "J = -1/m sum of L[label]",
    .probes = joined(
        {label_probe("labels", {3, 4}, between(-3, -0.5), classes({4}, 3), [](auto& L, auto& y) { return nll(L, y); }),
         label_probe("a row of labels", {2, 3}, between(-3, -0.5), classes({1, 3}, 2),
                     [](auto& L, auto& y) { return nll(L, y); }),
         label_probe("saturated", {3, 4}, between(-800, -0.5), classes({4}, 3),
                     [](auto& L, auto& y) { return nll(L, y); }),
         label_probe("after log_softmax", {3, 4}, between(-2, 2), classes({4}, 3),
                     [](auto& Z, auto& y) { return nll(log_softmax(Z, 0), y); }),
         label_probe("an ignored class", {3, 8}, between(-3, -0.5), classes({8}, 3),
                     [](auto& L, auto& y) { return nll(L, y, 2); }),
         label_probe("no examples", {3, 0}, between(-3, -0.5), classes({0}, 3),
                     [](auto& L, auto& y) { return nll(L, y, 1); }),
         label_probe("all ignored", {3, 2}, between(-3, -0.5), classes({2}, 1),
                     [](auto& L, auto& y) { return nll(L, y - 100, -100); })},
        tables_with_labels(between(-3, -0.5), [](auto& L, auto& y) { return nll(L, y); })),
});

const Op& kl_div_op = define(Composite{
    .name = "kl_div",
    .math = "J = 1/m sum of P (log P - L)",
    .probes = joined({pair_probe("distributions", {3, 4}, between(-3, -0.5), between(0.1, 0.5), kl_div),
                      pair_probe("one example", {4, 1}, between(-3, -0.5), between(0.1, 0.5), kl_div),
                      pair_probe("saturated", {3, 2}, between(-60, -0.5), between(0.05, 0.95), kl_div),
                      label_probe("labels as distributions", {3, 4}, between(-3, -0.5), classes({4}, 3),
                                  [](auto& L, auto& y) { return kl_div(L, one_hot(y, 3, L.tensor().dtype())); }),
                      pair_probe("both from logits", {3, 2}, between(-2, 2), between(-2, 2),
                                 [](auto& Z, auto& V) { return kl_div(log_softmax(Z, 0), softmax(V, 0)); }),
                      pair_probe("one class", {1, 3}, between(-3, -0.5), between(0.1, 0.9), kl_div)},
                     tables_with_distributions(between(-3, -0.5), between(0.05, 0.95), kl_div)),
});

Probes regression_probes(Loss loss) {
    return joined({pair_probe("vector", {5}, between(-2, 2), between(-2, 2), loss),
                   pair_probe("matrix", {2, 3}, between(-2, 2), between(-2, 2), loss),
                   pair_probe("scalar", {}, between(-2, 2), between(-2, 2), loss),
                   pair_probe("far away", {4}, between(20, 60), between(-60, -20), loss),
                   pair_probe("close by", {4}, between(0.1, 0.5), between(0.1, 0.5), loss),
                   label_probe("integers", {2, 3}, between(-2, 2), {{2, 3}, -1, 2, ProbeInput::Kind::integer}, loss)},
                  shapes_of_losses(between(-2, 2), between(-2, 2), loss));
}

const Op& mse_op = define(Composite{
    .name = "mse",
    .math = "J = mean of (A - Y)^2",
    .probes = regression_probes(mse),
});

const Op& l1_op = define(Composite{
    .name = "l1",
    .math = "J = mean of |A - Y|",
    .probes = regression_probes(l1),
});

const Op& huber_op = define(Composite{
    .name = "huber",
    .math = "J = mean of d^2/2 for |d| <= delta, else delta (|d| - delta/2), d = A - Y",
    .probes = regression_probes([](const Operand& A, const Operand& Y) { return huber(A, Y, 0.7); }),
});

/// Labels ±1 from classes 0 and 1.
Tensor hinge_of_classes(const Operand& A, const Operand& y) {
    return hinge(A, 2 * y.tensor() - 1);
}

const Op& hinge_op = define(Composite{
    .name = "hinge",
    .math = "J = mean of max(0, 1 - Y A)",
    .probes = joined({label_probe("row", {1, 5}, between(-2, 2), classes({1, 5}, 2), hinge_of_classes),
                      label_probe("vector", {6}, between(-2, 2), classes({6}, 2), hinge_of_classes),
                      label_probe("matrix", {2, 3}, between(-2, 2), classes({2, 3}, 2), hinge_of_classes),
                      label_probe("inside the margin", {5}, between(-0.9, 0.9), classes({5}, 2), hinge_of_classes),
                      label_probe("saturated", {5}, between(1.5, 60), classes({5}, 2), hinge_of_classes),
                      label_probe("scalar", {}, between(-2, 2), classes({}, 2), hinge_of_classes)},
                     labelled(shapes_of_losses(between(-2, 2), {}, hinge_of_classes), 2)),
});

constexpr const char* one_shape = "needs a prediction and a target of one shape";

void require_same_shape(std::string_view op, const Tensor& prediction, const Tensor& target, Location at) {
    if (prediction.shape() == target.shape()) return;
    explain::refuse(op, one_shape, {prediction, target}, at,
                    [](auto operands) { return operands[0]->shape == operands[1]->shape; });
}

void require_floating(std::string_view op, const Tensor& prediction, Location at) {
    if (is_floating(prediction.dtype())) return;
    throw DTypeError(op, "needs float32 or float64", std::string(name(prediction.dtype())), at);
}

/// A prediction (classes, m) with a distribution for each example.
void require_distributions(std::string_view op, const std::string& what, const Tensor& prediction,
                           const Tensor& distributions, Location at) {
    if (prediction.rank() == 2 && prediction.shape() == distributions.shape()) return;
    explain::refuse(
        op, prediction.rank() == 2 ? one_shape : "needs " + what + " (classes, m)", {prediction, distributions}, at,
        [](auto operands) { return operands[0]->shape.rank() == 2 && operands[0]->shape == operands[1]->shape; });
}

/// Labels (m) for a prediction (classes, m).
Tensor labels_of(std::string_view op, const std::string& what, const Tensor& prediction, const Tensor& labels,
                 Location at) {
    const auto fit = [](const Shape& scores, const Shape& given) {
        return scores.rank() == 2 && (given == Shape{scores[1]} || given == Shape{1, scores[1]});
    };
    if (!fit(prediction.shape(), labels.shape())) {
        explain::refuse(op,
                        prediction.rank() == 2 ? "needs labels (m) or (1, m) for " + what + " (classes, m)"
                                               : "needs " + what + " (classes, m)",
                        {prediction, labels}, at, [&](auto operands) {
                            return !is_floating(operands[1]->dtype) && fit(operands[0]->shape, operands[1]->shape);
                        });
    }
    return reshape(labels, {prediction.shape()[1]});
}

/// −1/m Σ L[label]; where() rather than a product alone, because the other classes may be impossible: L = −∞.
Tensor mean_of_labelled(const Tensor& L, const Tensor& labels, std::optional<std::int64_t> ignored) {
    const std::int64_t classes = L.shape()[0];
    if (!ignored) {
        const Tensor Y = one_hot(labels, classes, L.dtype());
        return -sum(where(Y == 0, 0, Y * L)) / static_cast<double>(L.shape()[1]);
    }
    const Tensor counts = labels != *ignored;
    const Tensor Y = one_hot(where(counts, labels, 0), classes, L.dtype()) * astype(counts, L.dtype());
    return -sum(where(Y == 0, 0, Y * L)) / astype(maximum(sum(counts), 1), L.dtype());
}

/// A − Y, with the target in the prediction's dtype.
Tensor deviation(std::string_view op, const Operand& prediction, const Operand& target) {
    const Location at = Attribution::resolve(prediction.location());
    const Tensor& A = prediction.tensor();
    require_floating(op, A, at);
    require_same_shape(op, A, target.tensor(), at);
    return A - astype(target.tensor(), A.dtype());
}

}  // namespace

Tensor logistic_loss(const Operand& logits, const Operand& targets) {
    return apply(logistic_loss_op, logits, targets);
}

Tensor binary_cross_entropy(const Operand& probabilities, const Operand& targets) {
    const Location at = Attribution::resolve(probabilities.location());
    const Attribution attribution(at);
    const Tensor& A = probabilities.tensor();
    require_floating("binary_cross_entropy", A, at);
    require_same_shape("binary_cross_entropy", A, targets.tensor(), at);
    const Tensor Y = astype(targets.tensor(), A.dtype());
    // 0 log 0 counts as 0: the event that did not happen costs nothing.
    const Tensor happened = where(Y == 0, 0, Y * log(A));
    const Tensor did_not = where(Y == 1, 0, (1 - Y) * log(1 - A));
    return -mean(happened + did_not);
}

Tensor binary_cross_entropy_with_logits(const Operand& logits, const Operand& targets) {
    const Location at = Attribution::resolve(logits.location());
    const Attribution attribution(at);
    const Tensor& Z = logits.tensor();
    require_floating("binary_cross_entropy_with_logits", Z, at);
    require_same_shape("binary_cross_entropy_with_logits", Z, targets.tensor(), at);
    const Tensor Y = astype(targets.tensor(), Z.dtype());
    return mean(logistic_loss(Z, Y));
}

Tensor cross_entropy(const Operand& logits, const Operand& labels, std::optional<std::int64_t> ignored) {
    const Location at = Attribution::resolve(logits.location());
    const Attribution attribution(at);
    const Tensor& Z = logits.tensor();
    const Tensor& given = labels.tensor();
    require_floating("cross_entropy", Z, at);
    if (!is_floating(given.dtype())) {
        const Tensor y = labels_of("cross_entropy", "logits", Z, given, at);
        // Before the softmax, so that a NaN in an example that does not count stays out of the gradient too.
        return mean_of_labelled(log_softmax(ignored ? where(y == *ignored, 0, Z) : Z, 0), y, ignored);
    }
    if (ignored) throw ValueError("cross_entropy", "needs labels to ignore one of them", "distributions", at);
    require_distributions("cross_entropy", "logits", Z, given, at);
    const Tensor Y = astype(given, Z.dtype());
    return -sum(Y * log_softmax(Z, 0)) / static_cast<double>(Z.shape()[1]);
}

Tensor nll(const Operand& logarithms, const Operand& labels, std::optional<std::int64_t> ignored) {
    const Location at = Attribution::resolve(logarithms.location());
    const Attribution attribution(at);
    const Tensor& L = logarithms.tensor();
    require_floating("nll", L, at);
    if (is_floating(labels.tensor().dtype())) {
        throw DTypeError("nll", "needs int32 or int64 labels", std::string(name(labels.tensor().dtype())), at);
    }
    return mean_of_labelled(L, labels_of("nll", "log-probabilities", L, labels.tensor(), at), ignored);
}

Tensor kl_div(const Operand& logarithms, const Operand& distributions) {
    const Location at = Attribution::resolve(logarithms.location());
    const Attribution attribution(at);
    const Tensor& L = logarithms.tensor();
    require_floating("kl_div", L, at);
    require_distributions("kl_div", "log-probabilities", L, distributions.tensor(), at);
    const Tensor P = astype(distributions.tensor(), L.dtype());
    return sum(where(P == 0, 0, P * (log(P) - L))) / static_cast<double>(L.shape()[1]);
}

Tensor mse(const Operand& prediction, const Operand& target) {
    const Attribution attribution(Attribution::resolve(prediction.location()));
    return mean(square(deviation("mse", prediction, target)));
}

Tensor l1(const Operand& prediction, const Operand& target) {
    const Attribution attribution(Attribution::resolve(prediction.location()));
    return mean(abs(deviation("l1", prediction, target)));
}

Tensor huber(const Operand& prediction, const Operand& target, double delta) {
    const Location at = Attribution::resolve(prediction.location());
    const Attribution attribution(at);
    if (!(delta > 0)) throw ValueError("huber", "needs a delta > 0", std::to_string(delta), at);
    const Tensor d = deviation("huber", prediction, target);
    const Tensor size = abs(d);
    return mean(where(size <= delta, 0.5 * square(d), delta * (size - 0.5 * delta)));
}

Tensor hinge(const Operand& scores, const Operand& labels) {
    const Location at = Attribution::resolve(scores.location());
    const Attribution attribution(at);
    const Tensor& A = scores.tensor();
    require_floating("hinge", A, at);
    require_same_shape("hinge", A, labels.tensor(), at);
    Tensor Y = astype(labels.tensor(), A.dtype());
    if (is_tracing()) {
        // They cannot be read yet: a bad one makes the cost NaN.
        Y = where(abs(Y) == 1, Y, std::numeric_limits<double>::quiet_NaN());
        return mean(maximum(1 - Y * A, 0));
    }
    // As in one_hot: labels are data, and a bad one is reported at this line.
    visit_floating(Y.dtype(), [&](auto zero) {
        const NodeRef node = detail::readable(Y, Y.dtype(), at);
        const auto* values = static_cast<const decltype(zero)*>(node->data);
        for (std::int64_t i = 0; i < Y.size(); ++i) {
            if (values[i] == 1 || values[i] == -1) continue;
            throw ValueError("hinge", "needs labels -1 or 1",
                             std::to_string(values[i]) + " at index " + std::to_string(i), at);
        }
    });
    return mean(maximum(1 - Y * A, 0));
}

}  // namespace xgrad
