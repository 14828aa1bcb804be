#pragma once

// The one door: everything a program needs.

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/dtype.hpp>
#include <xgrad/graph/error.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/print.hpp>
#include <xgrad/graph/shape.hpp>
#include <xgrad/graph/tensor.hpp>
#include <xgrad/graph/verify.hpp>
#include <xgrad/nn/batches.hpp>
#include <xgrad/nn/data.hpp>
#include <xgrad/nn/idx.hpp>
#include <xgrad/nn/initialise.hpp>
#include <xgrad/nn/layers.hpp>
#include <xgrad/nn/models.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/nn/optimiser.hpp>
#include <xgrad/nn/progress.hpp>
#include <xgrad/nn/train.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/convolution.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/per_axis.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/random.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/structure.hpp>
