#pragma once

#include <cstddef>
#include <vector>

#include <xgrad/graph/xtensor.hpp>

#if __has_include(<xtensor/core/xmath.hpp>)
#include <xtensor/core/xmath.hpp>
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>
#endif

#include "support.hpp"

// The other side of a comparison, written out with xtensor and nothing of ours.

namespace hand {

using Array = xt::xarray<double>;

/// The matrix product, by its definition.
inline Array times(const Array& A, const Array& B) {
    Array C = xt::zeros<double>({A.shape(0), B.shape(1)});
    for (std::size_t i = 0; i < A.shape(0); ++i) {
        for (std::size_t j = 0; j < B.shape(1); ++j) {
            for (std::size_t k = 0; k < A.shape(1); ++k) C(i, j) += A(i, k) * B(k, j);
        }
    }
    return C;
}

inline Array transposed(const Array& A) {
    return xt::transpose(A);
}

/// np.sum(A, axis=axis, keepdims=True) of a matrix. By loops: xtensor's immediate sum of a (1, m) along axis 1 crashes.
inline Array sum_kept(const Array& A, std::size_t axis) {
    Array S = xt::zeros<double>({axis == 0 ? 1 : A.shape(0), axis == 1 ? 1 : A.shape(1)});
    for (std::size_t i = 0; i < A.shape(0); ++i) {
        for (std::size_t j = 0; j < A.shape(1); ++j) S(axis == 0 ? 0 : i, axis == 1 ? 0 : j) += A(i, j);
    }
    return S;
}

inline Array sigmoid(const Array& Z) {
    return 1 / (1 + xt::exp(-Z));
}

}  // namespace hand
