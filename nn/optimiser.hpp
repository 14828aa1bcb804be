#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad::nn {

/// A cost that is NaN or infinite: what it was, and where.
struct NotFiniteError : ValueError {
    NotFiniteError(std::string_view op, double cost, std::string_view where, Location at);
    double cost;
};

/// Moves parameters against the gradient of a cost, all of them or, if anything fails, none.
class Optimiser {
  public:
    virtual ~Optimiser() = default;

    /// One step down the cost: derives ∂J/∂θ for every parameter θ, updates them all, and returns J as it was before.
    /// NotFiniteError, with nothing changed, if the cost is not finite: the learning rate was too large, most likely.
    double step(const Tensor& cost, Location at = Location::current());

    const std::vector<Tensor>& parameters() const { return parameters_; }

  protected:
    /// ValueError unless every one is a parameter.
    Optimiser(std::vector<Tensor> parameters, double learning_rate, Location at);

    /// What the parameters will be, and what the method has to remember for the next step; all recorded, none computed.
    struct Update {
        std::vector<Tensor> parameters;
        std::vector<Tensor> memory;
    };
    /// Appends them to an empty update, in which there is room already after the first step.
    virtual void update(const std::vector<Tensor>& gradients, const std::vector<Tensor>& memory, std::int64_t step,
                        Update& next) const = 0;

    double learning_rate_;

  private:
    std::vector<Tensor> parameters_;
    std::vector<Tensor> memory_;
    std::vector<Tensor> gradients_;  // of the step that is under way; kept for their room
    Update next_;
    std::int64_t steps_ = 0;
};

/// Gradient descent, θ ← θ − α ∂θ; with momentum β: v ← β v + ∂θ, θ ← θ − α v (PyTorch's form; the course's
/// v ← β v + (1 − β) ∂θ is the same with α (1 − β) for α).
class SGD : public Optimiser {
  public:
    explicit SGD(std::vector<Tensor> parameters, double learning_rate = 0.01, double momentum = 0,
                 Location at = Location::current());

  protected:
    void update(const std::vector<Tensor>& gradients, const std::vector<Tensor>& memory, std::int64_t step,
                Update& next) const override;

  private:
    double momentum_;
};

/// Adam (Kingma and Ba 2015): with m ← β₁ m + (1 − β₁) ∂θ, v ← β₂ v + (1 − β₂) ∂θ², corrected for their start at 0,
/// θ ← θ − α m̂ / (√v̂ + ε).
class Adam : public Optimiser {
  public:
    explicit Adam(std::vector<Tensor> parameters, double learning_rate = 0.001, double beta1 = 0.9,
                  double beta2 = 0.999, double epsilon = 1e-8, Location at = Location::current());

  protected:
    void update(const std::vector<Tensor>& gradients, const std::vector<Tensor>& memory, std::int64_t step,
                Update& next) const override;

  private:
    double beta1_;
    double beta2_;
    double epsilon_;
};

/// λ/(2m) Σ ‖W‖², the term that L2 regularisation adds to a cost over m examples. ValueError for a negative λ or m < 1.
Tensor l2_penalty(const std::vector<Tensor>& weights, double lambda, std::int64_t examples,
                  Location at = Location::current());

}  // namespace xgrad::nn
