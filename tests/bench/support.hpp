#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "bench.hpp"
#include "data.hpp"

namespace bench {

namespace xg = xgrad;

/// The numbers as a tensor of that shape.
template <class T>
xg::Tensor tensor(const std::vector<T>& numbers, const std::vector<std::size_t>& shape) {
    return xt::xarray<T>(xt::adapt(numbers, shape));
}

inline xg::Tensor uniform_tensor(const std::vector<std::size_t>& shape, std::uint32_t seed, float low, float high) {
    std::size_t n = 1;
    for (const std::size_t extent : shape) n *= extent;
    return tensor(uniform(n, seed, low, high), shape);
}

/// Σ |x|, in double precision.
inline double magnitude(const xg::Tensor& x) {
    double sum = 0;
    for (const float v : x.value<float>()) sum += std::abs(static_cast<double>(v));
    return sum;
}

/// What a training step is checked by: its cost, and how far the parameters have come.
class Course {
  public:
    explicit Course(std::vector<xg::Tensor> parameters) : parameters_(std::move(parameters)) {
        for (const xg::Tensor& p : parameters_) start_.push_back(xt::xarray<float>(p.value<float>()));
    }
    void operator()(double cost) { cost_ = cost; }
    Check check() const {
        double moved = 0;
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            const auto now = parameters_[i].value<float>();
            for (std::size_t k = 0; k < now.size(); ++k) {
                moved += std::abs(static_cast<double>(now.storage()[k]) - start_[i].storage()[k]);
            }
        }
        return {cost_, moved};
    }

  private:
    std::vector<xg::Tensor> parameters_;
    std::vector<xt::xarray<float>> start_;
    double cost_ = 0;
};

}  // namespace bench
