#include <xgrad/nn/summary.hpp>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad::nn {

Summary summary(Module& model, const Shape& input, DType dtype, Location at) {
    at = Attribution::resolve(at);
    struct Mode {
        Module& model;
        bool was_training = model.is_training();
        ~Mode() { model.train(was_training); }
    } mode{model};
    model.eval();
    const TracingScope tracing;  // however eager recording is
    return xgrad::summary(model(algebra::filled(0, dtype, input)), at);
}

}  // namespace xgrad::nn
