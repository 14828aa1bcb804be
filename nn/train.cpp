#include <xgrad/nn/train.hpp>

#include <cmath>
#include <string>

#include <fmt/format.h>

#include <xgrad/nn/batches.hpp>
#include <xgrad/ops/random.hpp>

namespace xgrad::nn {

namespace {

std::unique_ptr<Optimiser> optimiser_for(const std::vector<Tensor>& parameters, const FitOptions& options,
                                         Location at) {
    switch (options.method) {
        case Method::gradient_descent:
            return std::make_unique<SGD>(parameters, options.learning_rate, 0, at);
        case Method::momentum:
            return std::make_unique<SGD>(parameters, options.learning_rate, options.momentum, at);
        default:
            return std::make_unique<Adam>(parameters, options.learning_rate, 0.9, 0.999, 1e-8, at);
    }
}

/// Gives the thread's generator its state back.
class GeneratorScope {
  public:
    explicit GeneratorScope(std::uint64_t seed) : state_(random::generator().state()) { random::seed(seed); }
    ~GeneratorScope() { random::generator().restore(state_); }
    GeneratorScope(const GeneratorScope&) = delete;
    GeneratorScope& operator=(const GeneratorScope&) = delete;

  private:
    random::State state_;
};

}  // namespace

std::vector<double> train(const std::vector<Tensor>& parameters, const Cost& cost, const Tensor& X, const Tensor& Y,
                          const FitOptions& options, Location at) {
    at = Attribution::resolve(at);
    if (options.iterations < 0) {
        throw ValueError("train", "needs iterations >= 0", std::to_string(options.iterations), at);
    }
    const std::unique_ptr<Optimiser> optimiser = optimiser_for(parameters, options, at);
    Batches batches(X, Y, options.batch_size, options.seed, at);
    const GeneratorScope draws(options.seed);
    std::vector<double> costs;
    for (std::int64_t iteration = 0; iteration < options.iterations; ++iteration) {
        batches.shuffle();
        double total = 0;
        for (std::int64_t index = 0; index < batches.count(); ++index) {
            const Batch batch = batches[index];
            const Tensor J = cost(batch.X, batch.Y);
            double value = 0;
            try {
                value = optimiser->step(J, at);
            } catch (const NotFiniteError& error) {
                throw NotFiniteError("train", error.cost,
                                     fmt::format("iteration {}, batch {} with learning rate {}", iteration, index,
                                                 options.learning_rate),
                                     at);
            }
            total += value * static_cast<double>(batch.examples);
            if (options.on_step) options.on_step({iteration, options.iterations, index, batches.count(), value});
        }
        costs.push_back(total / static_cast<double>(batches.examples()));
    }
    return costs;
}

}  // namespace xgrad::nn
