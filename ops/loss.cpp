#include <xgrad/ops/loss.hpp>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

const Op& binary_cross_entropy_op = define(Composite{
    .name = "binary_cross_entropy",
    .math = "J = -1/m sum of Y log A + (1 - Y) log(1 - A)",
    .probes = {Probe{"targets between 0 and 1",
                     {{{1, 5}, 0.1, 0.9}, {{1, 5}, 0.1, 0.9}},
                     [](auto x) { return binary_cross_entropy(x[0], x[1]); }},
               Probe{"labels",
                     {{{1, 5}, 0.1, 0.9}, {{1, 5}, 0, 2, ProbeInput::Kind::integer}},
                     [](auto x) { return binary_cross_entropy(x[0], x[1]); }}},
});

const Op& binary_cross_entropy_with_logits_op = define(Composite{
    .name = "binary_cross_entropy_with_logits",
    .math = "J = 1/m sum of log(1 + e^Z) - Y Z",
    .probes = {Probe{"targets between 0 and 1",
                     {{{1, 5}, -3, 3}, {{1, 5}, 0.1, 0.9}},
                     [](auto x) { return binary_cross_entropy_with_logits(x[0], x[1]); }}},
});

const Op& cross_entropy_op = define(Composite{
    .name = "cross_entropy",
    .math = "J = -1/m sum of log softmax(Z)[label]",
    .probes = {Probe{"labels",
                     {{{3, 4}}, {{4}, 0, 3, ProbeInput::Kind::integer}},
                     [](auto x) { return cross_entropy(x[0], x[1]); }},
               Probe{
                   "distributions", {{{3, 4}}, {{3, 4}, 0.1, 0.5}}, [](auto x) { return cross_entropy(x[0], x[1]); }}},
});

void require_same_shape(std::string_view op, const Tensor& prediction, const Tensor& target, Location at) {
    if (prediction.shape() == target.shape()) return;
    throw ShapeError(op, "needs a prediction and a target of one shape",
                     to_string(prediction.shape()) + " and " + to_string(target.shape()), at);
}

void require_floating(std::string_view op, const Tensor& prediction, Location at) {
    if (is_floating(prediction.dtype())) return;
    throw DTypeError(op, "needs float32 or float64", std::string(name(prediction.dtype())), at);
}

}  // namespace

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
    // log(1 + e^Z) - Y Z, each outcome by itself: where Z is right the difference would leave no digits.
    return mean((1 - Y) * softplus(Z) + Y * softplus(-Z));
}

Tensor cross_entropy(const Operand& logits, const Operand& labels) {
    const Location at = Attribution::resolve(logits.location());
    const Attribution attribution(at);
    const Tensor& Z = logits.tensor();
    const Tensor& given = labels.tensor();
    require_floating("cross_entropy", Z, at);
    if (Z.rank() != 2) {
        throw ShapeError("cross_entropy", "needs logits (classes, m)", to_string(Z.shape()), at);
    }
    const std::int64_t m = Z.shape()[1];
    Tensor Y;
    if (is_floating(given.dtype())) {
        require_same_shape("cross_entropy", Z, given, at);
        Y = astype(given, Z.dtype());
    } else {
        if (given.shape() != Shape{m} && given.shape() != Shape{1, m}) {
            throw ShapeError("cross_entropy", "needs labels (m) or (1, m) for logits (classes, m)",
                             to_string(Z.shape()) + " and " + to_string(given.shape()), at);
        }
        Y = one_hot(reshape(given, {m}), Z.shape()[0], Z.dtype());
    }
    return -sum(Y * log_softmax(Z, 0)) / static_cast<double>(m);
}

}  // namespace xgrad
