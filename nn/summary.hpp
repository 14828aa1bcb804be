#pragma once

#include <xgrad/graph/explain/summary.hpp>
#include <xgrad/nn/module.hpp>

namespace xgrad::nn {

/// The steps of model(X) for an X of this shape, in evaluation mode; the mode is afterwards as it was. Nothing is
/// computed. Throws what the model throws for such an X.
Summary summary(Module& model, const Shape& input, DType dtype = DType::float32, Location at = Location::current());

}  // namespace xgrad::nn

namespace xgrad {

using nn::summary;  // beside that of a tensor

}  // namespace xgrad
