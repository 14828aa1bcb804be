#include <xgrad/nn/models.hpp>

#include <string>

#include <fmt/format.h>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/random.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>
#include <xgrad/ops/trigonometric.hpp>

namespace xgrad::nn {

namespace {

void require_examples(std::string_view op, const Tensor& X, std::int64_t features, Location at) {
    if (X.rank() != 2 || X.shape()[0] != features) {
        const bool is_turned = X.rank() == 2 && X.shape()[1] == features;
        const std::string called = explain::operand_name(*X.node());
        throw ShapeError(op, "needs examples (" + std::to_string(features) + ", m)", explain::operand_text(X), at,
                         is_turned ? fmt::format("did you mean transpose({})?", called.empty() ? "X" : called) : "");
    }
    if (X.shape()[1] == 0) throw ValueError(op, "needs at least one example", to_string(X.shape()), at);
}

/// Labels of two classes: (1, m), each 0 or 1.
void require_binary(std::string_view op, const Tensor& X, const Tensor& Y, Location at) {
    if (Y.shape() != Shape{1, X.shape()[1]}) {
        explain::refuse(op, "needs labels (1, m) for examples (n, m)", {X, Y}, at, [&](auto operands) {
            return operands[0]->shape == X.shape() && operands[1]->shape == Shape{1, X.shape()[1]};
        });
    }
    visit(Y.dtype(), [&](auto zero) {
        const NodeRef node = detail::readable(Y, Y.dtype(), at);
        const auto* labels = static_cast<const decltype(zero)*>(node->data);
        for (std::int64_t i = 0; i < Y.size(); ++i) {
            if (labels[i] == decltype(zero)(0) || labels[i] == decltype(zero)(1)) continue;
            throw ValueError(op, "needs labels 0 and 1",
                             fmt::format("{} at index {}", static_cast<double>(labels[i]), i), at);
        }
    });
}

Tensor more_likely(const Tensor& A) {
    return astype(A > 0.5, DType::int64);
}

}  // namespace

Tensor largest_class(const Tensor& Z) {
    if (Z.rank() != 2) throw ShapeError("largest_class", "needs scores (classes, m)", explain::operand_text(Z), {});
    const std::int64_t classes = Z.shape()[0];
    const std::int64_t m = Z.shape()[1];
    NodeRef leaf = detail::new_leaf(DType::int64, Shape{m}, {});
    auto* best = static_cast<std::int64_t*>(leaf->data);
    visit(Z.dtype(), [&](auto zero) {
        const NodeRef node = detail::readable(Z, Z.dtype(), {});
        const auto* scores = static_cast<const decltype(zero)*>(node->data);
        for (std::int64_t i = 0; i < m; ++i) best[i] = 0;
        for (std::int64_t c = 1; c < classes; ++c) {
            for (std::int64_t i = 0; i < m; ++i) {
                if (scores[c * m + i] > scores[best[i] * m + i]) best[i] = c;
            }
        }
    });
    return Tensor(std::move(leaf));
}

double accuracy(const Tensor& predicted, const Tensor& labels, Location at) {
    at = Attribution::resolve(at);
    const std::int64_t m = predicted.size();
    if (labels.size() != m) {
        throw ShapeError("score", "needs as many labels as predictions",
                         explain::operand_text(predicted) + " and " + explain::operand_text(labels), at);
    }
    if (m == 0) throw ValueError("score", "needs at least one example", to_string(labels.shape()), at);
    const Attribution attribution(at);
    const Tensor right =
        equal(reshape(astype(predicted, DType::float64), {m}), reshape(astype(labels, DType::float64), {m}));
    return mean(astype(right, DType::float64)).item();
}

LogisticRegression::LogisticRegression(std::int64_t n, FitOptions options, DType dtype, Location at)
    : n_(n), options_(std::move(options)) {
    if (n < 1) throw ValueError("LogisticRegression", "needs at least one feature", std::to_string(n), at);
    w_ = register_parameter("w", zeros({n, 1}, dtype, at), at);
    b_ = register_parameter("b", zeros({1, 1}, dtype, at), at);
}

Tensor LogisticRegression::logits(const Tensor& X) const {
    return matmul(transpose(w_), X) + b_;
}

Tensor LogisticRegression::forward(const Tensor& X) const {
    return sigmoid(logits(X));
}

void LogisticRegression::fit(const Tensor& X, const Tensor& Y, Location at) {
    at = Attribution::resolve(at);
    require_examples("fit", X, n_, at);
    require_binary("fit", X, Y, at);
    const Cost cost = [this](const Tensor& x, const Tensor& y) {
        const Tensor J = binary_cross_entropy_with_logits(logits(x), y);
        return options_.l2 > 0 ? J + l2_penalty({w_}, options_.l2, x.shape()[1]) : J;
    };
    const std::vector<double> costs = nn::train(parameters(), cost, X, Y, options_, at);
    costs_.insert(costs_.end(), costs.begin(), costs.end());
}

Tensor LogisticRegression::predict(const Tensor& X, Location at) const {
    at = Attribution::resolve(at);
    require_examples("predict", X, n_, at);
    const Attribution attribution(at);
    return more_likely(forward(X));
}

double LogisticRegression::score(const Tensor& X, const Tensor& Y, Location at) const {
    return accuracy(predict(X, at), Y, at);
}

Tensor activate(Activation g, const Tensor& Z) {
    switch (g) {
        case Activation::identity:
            return Z;
        case Activation::sigmoid:
            return sigmoid(Z);
        case Activation::tanh:
            return tanh(Z);
        case Activation::relu:
            return relu(Z);
        case Activation::leaky_relu:
            return leaky_relu(Z);
        default:
            return softmax(Z, 0);
    }
}

DeepNetwork::DeepNetwork(Architecture architecture, FitOptions options, Location at)
    : architecture_(std::move(architecture)), options_(std::move(options)) {
    at = Attribution::resolve(at);
    const std::vector<std::int64_t>& n = architecture_.units;
    std::vector<Activation>& g = architecture_.activations;
    if (n.size() < 2) {
        throw ValueError("DeepNetwork", "needs units n[0] ... n[L]", std::to_string(n.size()) + " of them", at);
    }
    if (!(architecture_.dropout >= 0 && architecture_.dropout < 1)) {
        throw ValueError("DeepNetwork", "needs a dropout probability 0 <= p < 1", std::to_string(architecture_.dropout),
                         at);
    }
    if (g.empty()) {
        g.assign(n.size() - 1, Activation::relu);
        g.back() = n.back() == 1 ? Activation::sigmoid : Activation::softmax;
    }
    if (g.size() != n.size() - 1) {
        throw ValueError("DeepNetwork", "needs one activation per layer",
                         std::to_string(g.size()) + " for " + std::to_string(n.size() - 1) + " layers", at);
    }
    const bool is_binary = g.back() == Activation::sigmoid && n.back() == 1;
    if (!is_binary && !(is_multiclass() && n.back() > 1)) {
        throw ValueError("DeepNetwork", "needs a last layer of one sigmoid unit or of several softmax units",
                         std::to_string(n.back()) + " units", at);
    }
    random::Generator generator(options_.seed);
    for (std::size_t l = 1; l < n.size(); ++l) {
        const std::string number = std::to_string(l);
        W_.push_back(register_parameter(
            "W" + number, initial_weights(architecture_.init, n[l], n[l - 1], generator, architecture_.dtype, at), at));
        b_.push_back(register_parameter("b" + number, zeros({n[l], 1}, architecture_.dtype, at), at));
    }
}

Tensor DeepNetwork::logits(const Tensor& X) const {
    Tensor A = X;
    for (std::size_t l = 1; l < layers(); ++l) {
        A = activate(architecture_.activations[l - 1], matmul(W(l), A) + b(l));
        if (is_training() && architecture_.dropout > 0) {
            const Tensor keep = random::uniform(A.shape(), 0, 1, A.dtype()) >= architecture_.dropout;
            A = where(keep, A / (1 - architecture_.dropout), 0);
        }
    }
    return matmul(W(layers()), A) + b(layers());
}

Tensor DeepNetwork::forward(const Tensor& X) const {
    return activate(architecture_.activations.back(), logits(X));
}

Tensor DeepNetwork::cost(const Tensor& X, const Tensor& Y) const {
    const Tensor Z = logits(X);
    return is_multiclass() ? cross_entropy(Z, Y) : binary_cross_entropy_with_logits(Z, Y);
}

void DeepNetwork::require_features(const Tensor& X, Location at) const {
    require_examples("DeepNetwork", X, architecture_.units.front(), at);
}

void DeepNetwork::fit(const Tensor& X, const Tensor& Y, Location at) {
    at = Attribution::resolve(at);
    require_features(X, at);
    if (!is_multiclass()) require_binary("fit", X, Y, at);
    if (is_multiclass()) {
        const Attribution attribution(at);
        one_hot(Y, architecture_.units.back());  // every label, before the first step
    }
    const Cost regularised = [this](const Tensor& x, const Tensor& y) {
        const Tensor J = cost(x, y);
        return options_.l2 > 0 ? J + l2_penalty(W_, options_.l2, x.shape()[1]) : J;
    };
    struct Mode {
        DeepNetwork& network;
        ~Mode() { network.eval(); }
    } mode{*this};
    Module::train();
    const std::vector<double> costs = nn::train(parameters(), regularised, X, Y, options_, at);
    costs_.insert(costs_.end(), costs.begin(), costs.end());
}

Tensor DeepNetwork::predict(const Tensor& X, Location at) const {
    at = Attribution::resolve(at);
    require_features(X, at);
    const Attribution attribution(at);
    return is_multiclass() ? largest_class(logits(X)) : more_likely(forward(X));
}

double DeepNetwork::score(const Tensor& X, const Tensor& Y, Location at) const {
    return accuracy(predict(X, at), Y, at);
}

}  // namespace xgrad::nn
