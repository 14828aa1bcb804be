#include <array>
#include <cmath>
#include <cstring>
#include <exception>

#include <fmt/format.h>

#include "random_graph_recording.hpp"

namespace random_graph {

using namespace xgrad;
using support::Numbers;
using support::numbers_of;

namespace {

long double dot(const std::vector<Tensor>& xs, const std::vector<Tensor>& ys, long double* size = nullptr) {
    long double total = 0;
    for (std::size_t i = 0; i < xs.size(); ++i) {
        const Numbers x = numbers_of(xs[i]);
        const Numbers y = numbers_of(ys[i]);
        for (std::size_t j = 0; j < x.size(); ++j) {
            total += x[j] * y[j];
            if (size) *size += std::abs(x[j] * y[j]);
        }
    }
    return total;
}

/// The program with its derivatives.
struct Derived {
    explicit Derived(const Program& program, DType dtype, long double distance = 0)
        : recording(program, dtype, distance) {
        recording.push_all();
        f = recording.contracted();
        parameters = recording.parameters();
        gradients = f.needs_gradient() ? grad(f, parameters, Unconnected::gives_zeros) : zeros();
    }
    std::vector<Tensor> zeros() const {
        std::vector<Tensor> result;
        for (const Tensor& p : parameters) result.push_back(zeros_like(p));
        return result;
    }
    std::vector<Tensor> hessian_times(const std::vector<Tensor>& direction) const {
        return f.needs_gradient() ? hvp(f, parameters, direction) : zeros();
    }
    long double slope(const std::vector<Tensor>& direction) const {
        const std::vector<Tensor> ys{f};
        return jvp(ys, parameters, direction, Unconnected::gives_zeros)[0].item<long double>();
    }

    Recording recording;
    Tensor f;
    std::vector<Tensor> parameters;
    std::vector<Tensor> gradients;
};

/// A derivative by central differences, extrapolated twice, and how far off it may be.
struct Quotient {
    long double value;
    long double error;
};
Quotient extrapolated(const std::array<long double, 3>& q) {
    const long double first = (4 * q[1] - q[0]) / 3;
    const long double second = (4 * q[2] - q[1]) / 3;
    const long double third = (16 * second - first) / 15;
    return {third, std::abs(third - second)};
}

class Check {
  public:
    explicit Check(const Program& program) : program_(program) {}

    Verdict run() {
        const Derived at(program_, DType::float64);
        const Derived exact(program_, DType::longdouble);
        const Derived coarse(program_, DType::float32);
        const std::vector<Tensor> u = at.recording.tangents(along_u);
        const std::vector<Tensor> v = at.recording.tangents(along_v);
        long double size = 1;
        const long double along[] = {dot(at.gradients, u, &size), dot(at.gradients, v, &size)};
        const long double f = exact.f.item<long double>();
        compare("value", at.f.item<long double>(), f, 1e-13L * (size + std::abs(f)));
        compare("value in float32", coarse.f.item<long double>(), f, 1e-3L * (size + std::abs(f)));
        compare("gradient in float32", dot(coarse.gradients, u), along[0], 1e-3L * size);
        compare("duality", at.slope(u), along[0], 1e-12L * size);
        compare("duality", at.slope(v), along[1], 1e-12L * size);

        const std::vector<Tensor> Hu = at.hessian_times(u);
        const std::vector<Tensor> Hv = at.hessian_times(v);
        long double size2 = size;
        const long double vHu = dot(Hu, v, &size2);
        const long double uHv = dot(Hv, u, &size2);
        compare("symmetry", uHv, vHu, 1e-11L * size2);
        differences(along[0], size, vHu, size2, v);
        return std::move(verdict_);
    }

  private:
    void differences(long double slope, long double size, long double curvature, long double size2,
                     const std::vector<Tensor>& v) {
        std::array<long double, 3> q, q2;
        long double h = widest;
        for (std::size_t i = 0; i < 3; ++i, h /= 2) {
            const Derived above(program_, DType::longdouble, h);
            const Derived below(program_, DType::longdouble, -h);
            q[i] = (above.f.item<long double>() - below.f.item<long double>()) / (2 * h);
            q2[i] = (dot(above.gradients, v) - dot(below.gradients, v)) / (2 * h);
        }
        const auto judge = [&](const char* property, long double analytic, const Quotient& numeric, long double scale) {
            if (numeric.error > 1e-7L * scale) {
                verdict_.is_discarded = true;
            } else {
                compare(property, analytic, numeric.value, 1e-11L * scale + numeric.error);
            }
        };
        judge("differences", slope, extrapolated(q), size);
        judge("second order", curvature, extrapolated(q2), size2);
    }

    /// The first failure is the one that is told.
    void compare(const char* property, long double analytic, long double other, long double tolerance) {
        if (std::abs(analytic - other) <= tolerance || verdict_.failure) return;
        verdict_.failure = {
            property, fmt::format("{:.17g} against {:.17g}, apart {:.2g} where {:.2g} is allowed",
                                  static_cast<double>(analytic), static_cast<double>(other),
                                  static_cast<double>(std::abs(analytic - other)), static_cast<double>(tolerance))};
    }

    const Program& program_;
    Verdict verdict_;
};

}  // namespace

Verdict check(const Program& program) {
    try {
        return Check(program).run();
    } catch (const std::exception& error) {
        return {Failure{"error", error.what()}};
    }
}

std::uint64_t bits_of(const Program& program) {
    const Derived at(program, DType::float64);
    std::vector<Tensor> results = at.gradients;
    results.push_back(at.f);
    for (const Purpose purpose : {along_u, along_v}) {
        const std::vector<Tensor> products = at.hessian_times(at.recording.tangents(purpose));
        results.insert(results.end(), products.begin(), products.end());
    }
    std::uint64_t digest = 14695981039346656037U;
    for (const Tensor& result : results) {
        for (const double number : result.value<double>()) {
            std::uint64_t bits = 0;
            std::memcpy(&bits, &number, sizeof bits);
            digest = (digest ^ bits) * 1099511628211U;
            digest ^= digest >> 29;
        }
    }
    return digest;
}

}  // namespace random_graph
