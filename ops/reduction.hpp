#pragma once

#include <cstdint>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/ops/axes.hpp>

namespace xgrad {

// Each reduces over the given axes, by default all; with keepdims they stay with extent 1. ShapeError for an axis that
// is out of range or given twice.

/// Σ x. Blocks are added pairwise, so the error grows with log n. Integers and bool add up to int64. 0 over no
/// elements.
Tensor sum(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// 1/n Σ x over the n elements of the axes; NaN over none. Floating point only.
Tensor mean(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// The largest element, NaN if there is one; equal ones share the derivative. ShapeError over no elements.
Tensor amax(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// The smallest element, NaN if there is one; equal ones share the derivative. ShapeError over no elements.
Tensor amin(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// Π x, 1 over no elements; its derivatives are right where elements are 0. Integers and bool multiply to int64.
Tensor prod(const Operand& x, const Axes& axes = {}, Keepdims keep = {});

/// 1/(n − ddof) Σ (x − mean x)² over the n elements of the axes. Floating point only.
Tensor variance(const Operand& x, const Axes& axes = {}, Keepdims keep = {}, std::int64_t ddof = 0);
/// The square root of variance(); its derivative at 0 is 0.
Tensor stddev(const Operand& x, const Axes& axes = {}, Keepdims keep = {}, std::int64_t ddof = 0);
/// log Σ e^x without overflow; −∞ over no elements. Floating point only.
Tensor logsumexp(const Operand& x, const Axes& axes = {}, Keepdims keep = {});

/// √Σ x², the Euclidean norm; its derivative at 0 is 0.
Tensor norm(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// (Σ |x|^p)^(1/p); p = 0 counts the elements that are not 0, p = ±∞ gives the largest or smallest |x|. Where the norm
/// is 0 its derivative is 0.
Tensor norm_lp(const Operand& x, double p, const Axes& axes = {}, Keepdims keep = {});

/// Whether any element is true, or not 0; false over no elements. bool, without derivative.
Tensor any(const Operand& x, const Axes& axes = {}, Keepdims keep = {});
/// Whether all elements are true, or not 0; true over no elements. bool, without derivative.
Tensor all(const Operand& x, const Axes& axes = {}, Keepdims keep = {});

/// The shape that is left of `shape` when `axes` (resolved) are reduced.
Shape reduced_shape(const Shape& shape, const Shape& axes, bool keep);

/// x with the axes (resolved) that a reduction goes over merged into one, the last: (…, n).
Tensor reduced_last(const Tensor& x, const Shape& axes);

}  // namespace xgrad
