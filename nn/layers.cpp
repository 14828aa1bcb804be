#include <xgrad/nn/layers.hpp>

#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/trigonometric.hpp>

namespace xgrad::nn {

Linear::Linear(std::int64_t n_in, std::int64_t n_out, Init init, random::Generator& generator, DType dtype, Location at)
    : W_(register_parameter("W", initial_weights(init, n_out, n_in, generator, dtype, at), at)),
      b_(register_parameter("b", zeros({n_out, 1}, dtype, at), at)) {}

Tensor Linear::forward(const Tensor& X) const {
    return matmul(W_, X) + b_;
}

Tensor ReLU::forward(const Tensor& Z) const {
    return relu(Z);
}

Tensor LeakyReLU::forward(const Tensor& Z) const {
    return leaky_relu(Z, slope_);
}

Tensor Sigmoid::forward(const Tensor& Z) const {
    return sigmoid(Z);
}

Tensor Tanh::forward(const Tensor& Z) const {
    return tanh(Z);
}

Tensor Softmax::forward(const Tensor& Z) const {
    return softmax(Z, 0);
}

Dropout::Dropout(double p, Location at) : p_(p) {
    if (!(p >= 0 && p < 1)) {
        throw ValueError("Dropout", "needs a probability 0 <= p < 1", std::to_string(p), Attribution::resolve(at));
    }
}

Tensor Dropout::forward(const Tensor& X) const {
    if (!is_training() || p_ == 0) return X;
    const Tensor keep = random::uniform(X.shape(), 0, 1, X.dtype()) >= p_;
    return where(keep, X / (1 - p_), 0);
}

Tensor Sequential::forward(const Tensor& X) const {
    Tensor A = X;
    for (const auto& module : modules_) A = module->forward(A);
    return A;
}

}  // namespace xgrad::nn
