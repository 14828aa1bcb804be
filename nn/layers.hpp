#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <xgrad/nn/initialise.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/ops/convolution.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/random.hpp>

namespace xgrad::nn {

/// Z = W X + b with W (n_out, n_in) and b (n_out, 1), which is stretched over the examples and begins at 0.
class Linear : public Module {
  public:
    Linear(std::int64_t n_in, std::int64_t n_out, Init init = Init::xavier,
           random::Generator& generator = random::generator(), DType dtype = DType::float32,
           Location at = Location::current());
    Tensor forward(const Tensor& X) const override;

    const Tensor& W() const { return W_; }
    const Tensor& b() const { return b_; }

  private:
    Tensor W_;
    Tensor b_;
};

// Images are (N, C, H, W), the examples first, while the columns of a dense layer's X are its examples: a Flatten
// stands between the two.
//
//     nn::Sequential(nn::Conv2d(1, 8, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
//                    nn::Linear(8 * 14 * 14, 10))

/// conv2d(X, W) + b with W (n_out, n_in / groups, kH, kW) and b (n_out, 1, 1), which begins at 0; the fan-in of W's
/// first values is n_in / groups · kH · kW. ValueError unless all are at least 1 and the groups divide n_in and n_out.
class Conv2d : public Module {
  public:
    Conv2d(std::int64_t n_in, std::int64_t n_out, PerAxis kernel, const ConvOptions& options = {}, Init init = Init::he,
           random::Generator& generator = random::generator(), DType dtype = DType::float32,
           Location at = Location::current());
    Tensor forward(const Tensor& X) const override;

    const Tensor& W() const { return W_; }
    const Tensor& b() const { return b_; }

  private:
    ConvOptions options_;
    Tensor W_;
    Tensor b_;
};

class MaxPool2d : public Module {
  public:
    explicit MaxPool2d(PerAxis kernel, const PoolOptions& options = {}) : kernel_(kernel), options_(options) {}
    Tensor forward(const Tensor& X) const override;

  private:
    PerAxis kernel_;
    PoolOptions options_;
};

class AvgPool2d : public Module {
  public:
    explicit AvgPool2d(PerAxis kernel, const PoolOptions& options = {}) : kernel_(kernel), options_(options) {}
    Tensor forward(const Tensor& X) const override;

  private:
    PerAxis kernel_;
    PoolOptions options_;
};

/// (N, C, H, W) becomes (C · H · W, N): each example's pixels in row-major order are one column. Any rank from 1 on.
struct Flatten : Module {
    Tensor forward(const Tensor& X) const override;
};

struct ReLU : Module {
    Tensor forward(const Tensor& Z) const override;
};

class LeakyReLU : public Module {
  public:
    explicit LeakyReLU(double slope = 0.01) : slope_(slope) {}
    Tensor forward(const Tensor& Z) const override;

  private:
    double slope_;
};

struct Sigmoid : Module {
    Tensor forward(const Tensor& Z) const override;
};

struct Tanh : Module {
    Tensor forward(const Tensor& Z) const override;
};

/// Along axis 0: each column, one example's classes, adds up to 1.
struct Softmax : Module {
    Tensor forward(const Tensor& Z) const override;
};

/// Inverted dropout: in training each element is 0 with probability p, the others are divided by 1 − p, so that the
/// expectation stays; in evaluation nothing happens. ValueError unless 0 ≤ p < 1. (Srivastava et al. 2014)
class Dropout : public Module {
  public:
    explicit Dropout(double p = 0.5, Location at = Location::current());
    Tensor forward(const Tensor& X) const override;

  private:
    double p_;
};

/// One module after the other.
class Sequential : public Module {
  public:
    Sequential() = default;
    template <class... M>
    requires(std::derived_from<M, Module>&&...) explicit Sequential(M... modules) { (append(std::move(modules)), ...); }
    /// Adds a module at the end; its name is its number.
    template <class M>
    void append(M module) {
        const std::string name = std::to_string(modules_.size());
        modules_.push_back(std::make_shared<M>(register_module(name, std::move(module))));
    }
    Tensor forward(const Tensor& X) const override;

  private:
    std::vector<std::shared_ptr<const Module>> modules_;
};

}  // namespace xgrad::nn
