#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/nn/optimiser.hpp>

namespace xgrad::nn {

enum class Method { gradient_descent, momentum, adam };

/// Where a training stands, after each of its steps.
struct TrainingStep {
    std::int64_t iteration;  ///< from 0
    std::int64_t iterations;
    std::int64_t batch;  ///< from 0, of this iteration
    std::int64_t batches;
    double cost;  ///< of this batch, before the step
};

/// The hyper-parameters of a training.
struct FitOptions {
    double learning_rate = 0.01;     ///< α
    std::int64_t iterations = 1000;  ///< how often all examples are gone through
    std::int64_t batch_size = 0;     ///< 0: all examples at once
    Method method = Method::gradient_descent;
    double momentum = 0.9;   ///< β of Method::momentum
    double l2 = 0;           ///< λ: adds λ/(2m) Σ ‖W‖² over the weights to the cost
    std::uint64_t seed = 1;  ///< of initial weights, the order of mini-batches and dropout
    std::function<void(const TrainingStep&)> on_step = nullptr;
};

/// The cost of some examples, a scalar.
using Cost = std::function<Tensor(const Tensor& X, const Tensor& Y)>;

/// Trains parameters on the m examples of X (features, m) and Y; returns one cost per iteration, the mean over its
/// examples. Draws by dropout come from options.seed; the thread's generator is left as it was.
///
/// ValueError for hyper-parameters out of range, no examples, or, naming iteration and batch, a cost that is not
/// finite: the parameters are then those of the step before.
std::vector<double> train(const std::vector<Tensor>& parameters, const Cost& cost, const Tensor& X, const Tensor& Y,
                          const FitOptions& options = {}, Location at = Location::current());

}  // namespace xgrad::nn
