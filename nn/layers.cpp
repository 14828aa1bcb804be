#include <xgrad/nn/layers.hpp>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/trigonometric.hpp>

namespace xgrad::nn {

Linear::Linear(std::int64_t n_in, std::int64_t n_out, Init init, random::Generator& generator, DType dtype, Location at)
    : W_(register_parameter("W", initial_weights(init, n_out, n_in, generator, dtype, at), at)),
      b_(register_parameter("b", zeros({n_out, 1}, dtype, at), at)) {}

Tensor Linear::forward(const Tensor& X) const {
    const Attribution attribution(place_of_call());
    return matmul(W_, X) + b_;
}

namespace {

Tensor initial_filters(Init init, std::int64_t n_in, std::int64_t n_out, PerAxis kernel, std::int64_t groups,
                       random::Generator& generator, DType dtype, Location at) {
    at = Attribution::resolve(at);
    require_range("Conv2d", "kernel", kernel, 1, at);
    if (n_in < 1 || n_out < 1 || groups < 1 || n_in % groups != 0 || n_out % groups != 0) {
        throw ValueError("Conv2d", "needs groups that divide the channels, at least one in and one out",
                         std::to_string(groups) + " groups for " + std::to_string(n_in) + " and " +
                             std::to_string(n_out) + " channels",
                         at);
    }
    const Shape shape{n_out, n_in / groups, kernel.height, kernel.width};
    if (!is_valid(shape)) {
        throw ShapeError("Conv2d", "needs filters that fit memory", to_string(shape), at);
    }
    return reshape(initial_weights(init, n_out, shape[1] * shape[2] * shape[3], generator, dtype, at), shape);
}

}  // namespace

Conv2d::Conv2d(std::int64_t n_in, std::int64_t n_out, PerAxis kernel, const ConvOptions& options, Init init,
               random::Generator& generator, DType dtype, Location at)
    : options_(options),
      W_(register_parameter("W", initial_filters(init, n_in, n_out, kernel, options.groups, generator, dtype, at), at)),
      b_(register_parameter("b", zeros({n_out, 1, 1}, dtype, at), at)) {}

Tensor Conv2d::forward(const Tensor& X) const {
    const Attribution attribution(place_of_call());
    return conv2d(X, W_, options_) + b_;
}

Tensor MaxPool2d::forward(const Tensor& X) const {
    const Attribution attribution(place_of_call());
    return max_pool2d(X, kernel_, options_);
}

Tensor AvgPool2d::forward(const Tensor& X) const {
    const Attribution attribution(place_of_call());
    return avg_pool2d(X, kernel_, options_);
}

Tensor Flatten::forward(const Tensor& X) const {
    const Attribution attribution(place_of_call());
    const Shape& shape = X.shape();
    if (shape.rank() == 0)
        throw ShapeError("Flatten", "needs examples (N, ...)", explain::operand_text(X), Attribution::resolve({}));
    std::int64_t features = 1;
    for (std::size_t axis = 1; axis < shape.rank(); ++axis) features *= shape[axis];
    return transpose(reshape(X, {shape[0], features}));
}

Tensor ReLU::forward(const Tensor& Z) const {
    const Attribution attribution(place_of_call());
    return relu(Z);
}

Tensor LeakyReLU::forward(const Tensor& Z) const {
    const Attribution attribution(place_of_call());
    return leaky_relu(Z, slope_);
}

Tensor Sigmoid::forward(const Tensor& Z) const {
    const Attribution attribution(place_of_call());
    return sigmoid(Z);
}

Tensor Tanh::forward(const Tensor& Z) const {
    const Attribution attribution(place_of_call());
    return tanh(Z);
}

Tensor Softmax::forward(const Tensor& Z) const {
    const Attribution attribution(place_of_call());
    return softmax(Z, 0);
}

Dropout::Dropout(double p, Location at) : p_(p) {
    if (!(p >= 0 && p < 1)) {
        throw ValueError("Dropout", "needs a probability 0 <= p < 1", std::to_string(p), Attribution::resolve(at));
    }
}

Tensor Dropout::forward(const Tensor& X) const {
    const Attribution attribution(place_of_call());
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
