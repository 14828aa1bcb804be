#pragma once

#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/probe_tables.hpp>

// What the operations that move elements are called with. Not installed.

namespace xgrad {

std::vector<Probe> transpose_probes();
std::vector<Probe> reshape_probes();
std::vector<Probe> broadcast_probes();
std::vector<Probe> slice_probes();
std::vector<Probe> unslice_probes();
std::vector<Probe> concatenate_probes();
std::vector<Probe> squeeze_probes();
std::vector<Probe> pad_probes();
std::vector<Probe> tile_probes();
std::vector<Probe> meshgrid_probes();

/// Two axes of arrays of every rank, some of them the same.
std::vector<ShapeAndNumbers> pairs_of_axes();

/// Whole matrices, tall and wide ones, stacks and empty ones, with the number of a diagonal within or outside.
std::vector<ShapeAndNumbers> matrices_and_diagonals();
/// Vectors and stacks of them, to be put on a diagonal.
std::vector<ShapeAndNumbers> vectors_and_diagonals();

}  // namespace xgrad
