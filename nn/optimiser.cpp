#include <xgrad/nn/optimiser.hpp>

#include <cmath>
#include <string>

#include <fmt/format.h>

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/short_list.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/powers.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xgrad::nn {

namespace {

void require(bool holds, std::string_view op, std::string_view rule, double value, Location at) {
    if (!holds) throw ValueError(op, rule, fmt::format("{}", value), Attribution::resolve(at));
}

/// Empties a list at the end of a scope; its room stays for the next step.
class Emptied {
  public:
    explicit Emptied(std::vector<Tensor>& list) : list_(list) {}
    ~Emptied() { list_.clear(); }
    Emptied(const Emptied&) = delete;
    Emptied& operator=(const Emptied&) = delete;

  private:
    std::vector<Tensor>& list_;
};

}  // namespace

NotFiniteError::NotFiniteError(std::string_view op, double value, std::string_view where, Location at)
    // fmt prints the sign of a NaN, which means nothing.
    : ValueError(op, "needs a finite cost (a smaller learning rate may help)",
                 fmt::format("{} at {}", std::isnan(value) ? std::abs(value) : value, where), at),
      cost(value) {}

Optimiser::Optimiser(std::vector<Tensor> parameters, double learning_rate, Location at)
    : learning_rate_(learning_rate), parameters_(std::move(parameters)) {
    require(std::isfinite(learning_rate) && learning_rate > 0, "optimiser", "needs a learning rate > 0", learning_rate,
            at);
    for (const Tensor& p : parameters_) {
        if (!p.is_parameter()) {
            throw ValueError("optimiser", "needs parameters", "a tensor that is not one", Attribution::resolve(at));
        }
    }
}

double Optimiser::step(const Tensor& cost, Location at) {
    at = Attribution::resolve(at);
    const Emptied gradients(gradients_), parameters(next_.parameters), memory(next_.memory);
    gradients_.resize(parameters_.size());
    detail::grad(cost, parameters_, gradients_, Unconnected::is_an_error, at);
    {
        const SharedNumbers numbers;
        update(gradients_, memory_, steps_ + 1, next_);
    }
    gradients_.clear();  // what nobody holds need not be written to memory
    ShortList<Tensor, 128> roots;
    roots.insert(roots.end(), next_.parameters.begin(), next_.parameters.end());
    roots.insert(roots.end(), next_.memory.begin(), next_.memory.end());
    roots.push_back(cost);
    detail::compute(roots, at);
    const auto J = cost.item<double>();
    if (!std::isfinite(J)) {
        throw NotFiniteError("step", J, fmt::format("step {} with learning rate {}", steps_ + 1, learning_rate_), at);
    }
    for (Tensor& state : next_.memory) state = Tensor(detail::constant_leaf(state, at));
    assign(parameters_, next_.parameters, at);
    memory_.swap(next_.memory);
    ++steps_;
    return J;
}

SGD::SGD(std::vector<Tensor> parameters, double learning_rate, double momentum, Location at)
    : Optimiser(std::move(parameters), learning_rate, at), momentum_(momentum) {
    require(momentum >= 0 && momentum < 1, "SGD", "needs a momentum 0 <= beta < 1", momentum, at);
}

void SGD::update(const std::vector<Tensor>& gradients, const std::vector<Tensor>& memory, std::int64_t step,
                 Update& next) const {
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        Tensor direction = gradients[i];
        if (momentum_ > 0) {
            if (step > 1) direction = momentum_ * memory[i] + direction;
            next.memory.push_back(direction);
        }
        next.parameters.push_back(parameters()[i] - learning_rate_ * direction);
    }
}

Adam::Adam(std::vector<Tensor> parameters, double learning_rate, double beta1, double beta2, double epsilon,
           Location at)
    : Optimiser(std::move(parameters), learning_rate, at), beta1_(beta1), beta2_(beta2), epsilon_(epsilon) {
    require(beta1 >= 0 && beta1 < 1, "Adam", "needs 0 <= beta1 < 1", beta1, at);
    require(beta2 >= 0 && beta2 < 1, "Adam", "needs 0 <= beta2 < 1", beta2, at);
    require(epsilon >= 0, "Adam", "needs epsilon >= 0", epsilon, at);
}

void Adam::update(const std::vector<Tensor>& gradients, const std::vector<Tensor>& memory, std::int64_t step,
                  Update& next) const {
    const std::size_t count = gradients.size();
    const auto t = static_cast<double>(step);
    const double m_scale = 1 / (1 - std::pow(beta1_, t));
    const double v_scale = 1 / (1 - std::pow(beta2_, t));
    next.memory.resize(2 * count);
    for (std::size_t i = 0; i < count; ++i) {
        const Tensor& g = gradients[i];
        Tensor& m = next.memory[i];
        Tensor& v = next.memory[count + i];
        m = (1 - beta1_) * g;
        v = (1 - beta2_) * square(g);
        if (step > 1) {
            m = beta1_ * memory[i] + m;
            v = beta2_ * memory[count + i] + v;
        }
        next.parameters.push_back(parameters()[i] - learning_rate_ * m_scale * m / (sqrt(v_scale * v) + epsilon_));
    }
}

Tensor l2_penalty(const std::vector<Tensor>& weights, double lambda, std::int64_t examples, Location at) {
    require(lambda >= 0, "l2_penalty", "needs lambda >= 0", lambda, at);
    require(examples > 0, "l2_penalty", "needs at least one example", static_cast<double>(examples), at);
    const Attribution attribution(at);
    Tensor total;
    for (const Tensor& W : weights) {
        const Tensor term = sum(square(W));
        total = total.is_empty_handle() ? term : total + term;
    }
    if (total.is_empty_handle()) return zeros({});
    return lambda / (2 * static_cast<double>(examples)) * total;
}

}  // namespace xgrad::nn
