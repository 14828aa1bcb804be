#pragma once

#include <cstdint>
#include <vector>

#include <xgrad/nn/initialise.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/nn/train.hpp>

namespace xgrad::nn {

/// Binary classification with A = σ(wᵀX + b), w (n, 1) and b (1, 1), both 0 at first.
class LogisticRegression : public Module {
  public:
    explicit LogisticRegression(std::int64_t n, FitOptions options = {}, DType dtype = DType::float32,
                                Location at = Location::current());

    /// A (1, m): the probability that the label is 1, for X (n, m).
    Tensor forward(const Tensor& X) const override;
    /// Minimises J = −1/m Σ (Y log A + (1 − Y) log(1 − A)) over X (n, m) and Y (1, m), from where the parameters are.
    /// ShapeError or ValueError for data that do not fit; see train() for the rest.
    void fit(const Tensor& X, const Tensor& Y, Location at = Location::current());
    /// Labels (1, m), int64: 1 where A > ½.
    Tensor predict(const Tensor& X, Location at = Location::current()) const;
    /// The share of right predictions.
    double score(const Tensor& X, const Tensor& Y, Location at = Location::current()) const;
    /// J of each iteration so far.
    const std::vector<double>& costs() const { return costs_; }

    const Tensor& w() const { return w_; }
    const Tensor& b() const { return b_; }
    FitOptions& options() { return options_; }

  private:
    Tensor logits(const Tensor& X) const;
    std::int64_t n_;
    FitOptions options_;
    Tensor w_;
    Tensor b_;
    std::vector<double> costs_;
};

enum class Activation { identity, sigmoid, tanh, relu, leaky_relu, softmax };

/// g(Z) for an activation; softmax goes along axis 0.
Tensor activate(Activation g, const Tensor& Z);

/// What a network looks like: units n[0] … n[L], with n[0] the features, and one activation for each of the L layers.
/// The last is sigmoid (one unit, labels 0 and 1) or softmax (labels 0 … n[L] − 1).
struct Architecture {
    std::vector<std::int64_t> units;
    std::vector<Activation> activations = {};  ///< empty: relu, then sigmoid or softmax
    Init init = Init::he;
    double dropout = 0;  ///< probability for each hidden unit
    DType dtype = DType::float32;
};

/// L layers: Z[l] = W[l] A[l−1] + b[l], A[l] = g[l](Z[l]), with A[0] = X. Parameters W1, b1, …, WL, bL.
class DeepNetwork : public Module {
  public:
    /// ValueError for fewer than two entries in units, or activations that do not fit.
    explicit DeepNetwork(Architecture architecture, FitOptions options = {}, Location at = Location::current());

    /// A[L] (n[L], m), probabilities, for X (n[0], m).
    Tensor forward(const Tensor& X) const override;
    /// Z[L], from which the cost is computed: no digits are lost where a probability is nearly 0 or 1.
    Tensor logits(const Tensor& X) const;
    /// The cross-entropy of the examples, without the L2 term. Y is (1, m) of 0 and 1 for sigmoid, (m) or (1, m) of
    /// whole labels for softmax.
    Tensor cost(const Tensor& X, const Tensor& Y) const;

    /// Minimises cost plus the L2 term from where the parameters are, in training mode; afterwards in evaluation mode.
    /// ShapeError or ValueError for data that do not fit; see train() for the rest.
    void fit(const Tensor& X, const Tensor& Y, Location at = Location::current());
    /// Labels, int64: (1, m) for sigmoid, (m) for softmax.
    Tensor predict(const Tensor& X, Location at = Location::current()) const;
    /// The share of right predictions.
    double score(const Tensor& X, const Tensor& Y, Location at = Location::current()) const;
    /// One cost per iteration so far, the L2 term included.
    const std::vector<double>& costs() const { return costs_; }

    std::size_t layers() const { return W_.size(); }
    const Tensor& W(std::size_t layer) const { return W_.at(layer - 1); }  ///< layer 1 … L
    const Tensor& b(std::size_t layer) const { return b_.at(layer - 1); }
    FitOptions& options() { return options_; }

  private:
    bool is_multiclass() const { return architecture_.activations.back() == Activation::softmax; }
    void require_features(const Tensor& X, Location at) const;
    Architecture architecture_;
    FitOptions options_;
    std::vector<Tensor> W_;
    std::vector<Tensor> b_;
    std::vector<double> costs_;
};

/// The class with the largest score in each column of Z (classes, m): int64 (m). The first of equals.
Tensor largest_class(const Tensor& Z);

/// The share of equal labels of two tensors of m labels each. ShapeError if they differ in number, ValueError for none.
double accuracy(const Tensor& predicted, const Tensor& labels, Location at = Location::current());

}  // namespace xgrad::nn
