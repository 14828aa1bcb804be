#pragma once

#include <cstdint>

#include <xgrad/ops/random.hpp>

namespace xgrad::nn {

/// How weights begin. Zeros make every unit of a layer compute the same for ever; the notes draw small numbers.
enum class Init {
    zeros,   ///< 0
    small,   ///< N(0, 1) · 0.01, as in the notes
    xavier,  ///< N(0, 1) · √(1/n_in), which keeps the variance through tanh and sigmoid (Glorot and Bengio 2010)
    he,      ///< N(0, 1) · √(2/n_in), the same for ReLU (He et al. 2015)
};

/// Weights W (n_out, n_in). ValueError unless both are at least 1.
Tensor initial_weights(Init init, std::int64_t n_out, std::int64_t n_in,
                       random::Generator& generator = random::generator(), DType dtype = DType::float32,
                       Location at = Location::current());

}  // namespace xgrad::nn
