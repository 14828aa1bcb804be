#pragma once

#include <array>
#include <functional>

#include <xgrad/graph/dtype.hpp>

/// Derivatives of a function of one number from its values, with what they may be off by. Not installed.
namespace xgrad::difference {

using Function = std::function<long double(long double)>;

/// A number, and what it may be off by: what the last extrapolation still moved, and the noise.
struct Estimate {
    long double value = 0;
    long double error = 0;
};

/// What differences say about φ at x.
struct Slopes {
    long double step = 0;
    Estimate slope;                      // from both sides, for a smooth φ
    Estimate jump;                       // right slope less left slope: not 0 at a kink
    Estimate left, right;                // from one side each: less precise, but right at a kink too
    long double here = 0;                // φ(x)
    std::array<long double, 3> above{};  // φ(x + h), φ(x + h/2), φ(x + h/4)
    std::array<long double, 3> below{};  // φ(x − h), ...
    std::array<long double, 3> reach{};  // h, h/2, h/4 as they were added
    bool is_finite = false;

    bool has_kink() const;
    /// φ does not come nearer to φ(x) as h shrinks.
    bool is_at_a_step() const;
    /// p where φ(x + h) − φ(x) − g h shrinks like h^p: 2 if g is the slope, 1 if it is not.
    long double order_of_remainder(long double g) const;
};

/// A step that balances the sixth power, which extrapolation leaves, and rounding, for a function that changes within
/// lengths of |x| or 1.
long double first_step(long double x, DType precision);

/// A step below which rounding leaves too few digits.
long double last_step(long double x, DType precision);

/// Central differences at h, h/2 and h/4, extrapolated twice (Richardson): of order h⁶. φ is evaluated in `precision`,
/// with errors of the size `noise`; `here` is φ(x).
Slopes slopes(const Function& phi, long double x, long double here, long double step, DType precision,
              long double noise);

/// The standard deviation of a function's rounding errors, from its sixth differences at samples along a line: they are
/// what is left when everything smooth has gone. (Moré and Wild 2011, "Estimating computational noise")
long double noise_of(const std::function<long double(int)>& sample);

}  // namespace xgrad::difference
