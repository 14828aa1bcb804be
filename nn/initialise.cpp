#include <xgrad/nn/initialise.hpp>

#include <cmath>
#include <string>

#include <xgrad/ops/creation.hpp>

namespace xgrad::nn {

Tensor initial_weights(Init init, std::int64_t n_out, std::int64_t n_in, random::Generator& generator, DType dtype,
                       Location at) {
    if (n_out < 1 || n_in < 1) {
        throw ValueError("Linear", "needs at least one input and one output",
                         std::to_string(n_in) + " and " + std::to_string(n_out), Attribution::resolve(at));
    }
    const auto fan_in = static_cast<double>(n_in);
    switch (init) {
        case Init::zeros:
            return zeros({n_out, n_in}, dtype, at);
        case Init::small:
            return generator.normal({n_out, n_in}, 0, 0.01, dtype, at);
        case Init::xavier:
            return generator.normal({n_out, n_in}, 0, std::sqrt(1 / fan_in), dtype, at);
        default:
            return generator.normal({n_out, n_in}, 0, std::sqrt(2 / fan_in), dtype, at);
    }
}

}  // namespace xgrad::nn
