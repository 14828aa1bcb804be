#include <xgrad/graph/verify.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/subject.hpp>

namespace xgrad {

namespace {

using namespace subject;

/// How far a difference reaches: a balance of the sixth power that extrapolation leaves and of rounding.
long double step_at(long double x, DType precision) {
    return std::pow(epsilon(precision), 1.0L / 7) * std::max(1.0L, std::abs(x)) * 0.25L;
}

struct Estimate {
    long double value;
    long double error;
};

/// ∂φ/∂x by central differences at h, h/2 and h/4, extrapolated twice; the error is what the last extrapolation
/// moved, and five times what φ's noise adds up to.
Estimate difference(const std::function<long double(long double)>& phi, long double x, DType precision,
                    long double noise) {
    const long double h = step_at(x, precision);
    std::array<long double, 3> central{};
    for (std::size_t level = 0; level < central.size(); ++level) {
        const long double step = std::ldexp(h, -static_cast<int>(level));
        // What is really added to x, in the precision in which it is added.
        const auto moved = [&](long double by) {
            return visit_floating(precision,
                                  [&](auto zero) -> long double { return static_cast<decltype(zero)>(x + by); });
        };
        const long double right = moved(step);
        const long double left = moved(-step);
        const long double above = phi(right);
        const long double below = phi(left);
        central[level] = (above - below) / (right - left);
    }
    const long double first = (4 * central[1] - central[0]) / 3;
    const long double second = (4 * central[2] - central[1]) / 3;
    const long double value = (16 * second - first) / 15;
    return {value, std::abs(value - second) + 20 * noise / h};
}

std::string input_name(const std::string& name, std::size_t index) {
    return name.empty() ? fmt::format("input {}", index) : name;
}

/// How many roundings of the function's own precision the derived gradient may be off by, relative to the largest
/// entry.
constexpr long double analytic_roundings = 256;

class Checker {
  public:
    Checker(Subject& subject, const CheckOptions& options) : subject_(subject), options_(options) {
        for (std::size_t input = 0; input < subject.inputs(); ++input) {
            point_.push_back(numbers(subject.original(input)));
            if (input == 0 || subject.original(input).dtype() < own_) own_ = subject.original(input).dtype();
        }
    }

    std::vector<CheckRow> run(Location at) {
        if (subject_.inputs() == 0) return {};
        for (int order = 1; order <= options_.order; ++order) check(order, at);
        return std::move(rows_);
    }

  private:
    void check(int order, Location at) {
        Scalar scalar(subject_, order, options_.seed, at);
        std::vector<Tensor> parameters;
        long double size = 0;
        const Tensor phi = scalar.record(point_, own_, parameters, &size);
        std::vector<Tensor> gradients;
        if (phi.needs_gradient()) {
            gradients = grad(phi, parameters, Unconnected::gives_zeros);
        } else {
            for (const Tensor& p : parameters) gradients.push_back(algebra::filled(0, p.dtype(), p.shape()));
        }
        const DType precision = numeric_precision(scalar);
        const std::vector<std::vector<long double>> roundings = lost_digits(scalar, gradients, precision, size);
        if (options_.forward && phi.needs_gradient()) forward(phi, parameters, gradients, roundings, order);
        std::vector<std::vector<long double>> point = point_;
        for (std::size_t input = 0; input < gradients.size(); ++input) {
            const std::vector<long double> analytic = numbers(gradients[input]);
            long double scale = 0;
            for (long double value : analytic) scale = std::max(scale, std::abs(value));
            const long double noise = std::max(noise_of(scalar, input, precision), epsilon(precision) * size);
            for (std::size_t entry = 0; entry < analytic.size(); ++entry) {
                const auto along_entry = [&](long double x) {
                    point[input][entry] = x;
                    const long double value = scalar.at(point, precision);
                    point[input][entry] = point_[input][entry];
                    return value;
                };
                const Estimate numeric = difference(along_entry, point_[input][entry], precision, noise);
                const long double largest = std::max({scale, std::abs(numeric.value), 1e-3L});
                const long double bound =
                    numeric.error + analytic_roundings * epsilon(own_) * largest + roundings[input][entry];
                add(input, static_cast<std::int64_t>(entry), order, "reverse", analytic[entry], numeric.value, bound);
            }
        }
    }

    /// The standard deviation of φ's rounding errors near the point, from its sixth differences along one line: they
    /// are what is left when everything smooth has gone. (Moré and Wild 2011, "Estimating computational noise")
    long double noise_of(Scalar& scalar, std::size_t input, DType precision) {
        constexpr std::size_t order = 6, samples = 6;
        constexpr long double spread = 924;  // of a sixth difference of independent errors: (12)! / (6!)²
        std::vector<std::vector<long double>> point = point_;
        std::array<long double, order + samples> values{};
        for (std::size_t i = 0; i < values.size(); ++i) {
            for (std::size_t entry = 0; entry < point[input].size(); ++entry) {
                const long double x = point_[input][entry];
                const long double step = step_at(x, precision) / 4 * static_cast<long double>(i);
                point[input][entry] = entry % 2 == 0 ? x + step : x - step;
            }
            values[i] = scalar.at(point, precision);
        }
        for (std::size_t k = 0; k < order; ++k) {
            for (std::size_t i = 0; i + 1 < values.size() - k; ++i) values[i] = values[i + 1] - values[i];
        }
        long double sum = 0;
        for (std::size_t i = 0; i < samples; ++i) sum += values[i] * values[i];
        return std::sqrt(sum / samples / spread);
    }

    /// How far rounding has moved each entry of the derived gradients: what they differ by from the same derivation in
    /// the higher precision. 1 − y² of a saturated tanh keeps few digits, and that
    /// is no wrong derivative; but no entry may be off by more than the roundings of the function's terms explain, or
    /// by more than a hundredth.
    std::vector<std::vector<long double>> lost_digits(Scalar& scalar, const std::vector<Tensor>& gradients,
                                                      DType precision, long double size) {
        constexpr long double most = 1e-2L;
        std::vector<std::vector<long double>> lost;
        for (const Tensor& gradient : gradients) lost.emplace_back(static_cast<std::size_t>(gradient.size()));
        if (precision == own_) return lost;
        std::vector<Tensor> parameters;
        const Tensor phi = scalar.record(point_, precision, parameters);
        if (!phi.needs_gradient()) return lost;
        const std::vector<Tensor> exact = grad(phi, parameters, Unconnected::gives_zeros);
        for (std::size_t input = 0; input < gradients.size(); ++input) {
            const std::vector<long double> own = numbers(gradients[input]);
            const std::vector<long double> wide = numbers(exact[input]);
            for (std::size_t entry = 0; entry < own.size(); ++entry) {
                lost[input][entry] =
                    std::min(std::abs(own[entry] - wide[entry]),
                             std::max(analytic_roundings * epsilon(own_) * size, most * std::abs(wide[entry])));
            }
        }
        return lost;
    }

    /// Along one random direction: forward mode must agree with what reverse mode gives for it.
    void forward(const Tensor& phi, const std::vector<Tensor>& parameters, const std::vector<Tensor>& gradients,
                 const std::vector<std::vector<long double>>& roundings, int order) {
        Directions directions(options_.seed + 1);
        for (std::size_t input = 0; input < parameters.size(); ++input) {
            const Tensor u = directions.like(parameters[input].shape(), parameters[input].dtype());
            Tensor tangent;
            try {
                tangent = jvp(phi, {&parameters[input], 1}, {&u, 1});
            } catch (const GradientError&) {
                continue;  // not connected: reverse mode says zero, and differences check it
            }
            const std::vector<long double> g = numbers(gradients[input]);
            const std::vector<long double> direction = numbers(u);
            long double product = 0;
            for (std::size_t i = 0; i < g.size(); ++i) product += g[i] * direction[i];
            const long double size = std::max(sum_of_sizes(g, direction), 1e-3L);
            const long double bound =
                analytic_roundings * epsilon(own_) * size + sum_of_sizes(roundings[input], direction);
            add(input, -1, order, "forward", detail::only_element(tangent, {}), product, bound);
        }
    }

    /// The precision in which differences are taken: the next higher one if f carries it through to its result.
    DType numeric_precision(Scalar& scalar) {
        if (!subject_.can_widen()) return own_;
        try {
            std::vector<Tensor> parameters;
            const Tensor phi = scalar.record(point_, wider(own_), parameters);
            if (phi.dtype() == wider(own_)) return wider(own_);
        } catch (const DTypeError&) {
            // f holds constants that do not meet the wider dtype without loss.
        }
        return own_;
    }

    void add(std::size_t input, std::int64_t entry, int order, const char* mode, long double analytic,
             long double numeric, long double bound) {
        rows_.push_back({input_name(subject_.name(input), input), subject_.original(input).shape(), entry, order, mode,
                         static_cast<double>(analytic), static_cast<double>(numeric), static_cast<double>(bound)});
    }

    Subject& subject_;
    const CheckOptions& options_;
    std::vector<std::vector<long double>> point_;
    DType own_ = DType::float64;
    std::vector<CheckRow> rows_;
};

}  // namespace

GradientReport detail::check_gradients(const TensorFunction& f, const std::vector<Tensor>& inputs,
                                       const CheckOptions& options, Location at) {
    at = Attribution::resolve(at);
    for (const Tensor& input : inputs) source(input, "check_gradients", at);
    FunctionSubject subject(f, inputs);
    return GradientReport(Checker(subject, options).run(at));
}

GradientReport check_gradients(const std::function<Tensor()>& f, const std::vector<Tensor>& parameters,
                               const CheckOptions& options, Location at) {
    at = Attribution::resolve(at);
    ModelSubject subject(f, parameters, at);
    return GradientReport(Checker(subject, options).run(at));
}

}  // namespace xgrad
