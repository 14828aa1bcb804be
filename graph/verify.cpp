#include <xgrad/graph/verify.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <ostream>

#include <fmt/format.h>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

/// Numbers with a sign and a size between ½ and 3/2: never all ones, never nearly zero.
class Directions {
  public:
    explicit Directions(std::uint64_t seed) : state_(seed) {}

    Tensor like(const Shape& shape, DType dtype) {
        NodeRef leaf = detail::new_leaf(dtype, shape, {});
        visit_floating(dtype, [&](auto zero) {
            auto* values = static_cast<decltype(zero)*>(leaf->data);
            for (std::int64_t i = 0; i < shape.size(); ++i) values[i] = static_cast<decltype(zero)>(next());
        });
        return Tensor(std::move(leaf));
    }

  private:
    // splitmix64 (Steele, Lea, Flood 2014)
    double next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        // 20 bits, so that the number is the same in every precision
        const double size = 0.5 + static_cast<double>(z >> 44) * 0x1p-20;
        return z & 1 ? size : -size;
    }
    std::uint64_t state_;
};

long double epsilon(DType dtype) {
    return visit_floating(dtype,
                          [](auto zero) -> long double { return std::numeric_limits<decltype(zero)>::epsilon(); });
}

DType wider(DType dtype) {
    return dtype == DType::float32 ? DType::float64 : DType::longdouble;
}

std::vector<long double> numbers(const Tensor& tensor) {
    const NodeRef node = detail::readable(tensor, tensor.dtype(), {});
    std::vector<long double> result(static_cast<std::size_t>(tensor.size()));
    visit(tensor.dtype(), [&](auto zero) {
        const auto* values = static_cast<const decltype(zero)*>(node->data);
        std::copy_n(values, result.size(), result.begin());
    });
    return result;
}

Tensor tensor_of(const std::vector<long double>& values, const Shape& shape, DType dtype) {
    NodeRef leaf = detail::new_leaf(dtype, shape, {});
    visit_floating(dtype, [&](auto zero) {
        std::transform(values.begin(), values.end(), static_cast<decltype(zero)*>(leaf->data),
                       [](long double value) { return static_cast<decltype(zero)>(value); });
    });
    return Tensor(std::move(leaf));
}

/// A function to be checked, at a point that can be moved, in one precision or a higher one.
class Subject {
  public:
    virtual ~Subject() = default;
    virtual std::size_t inputs() const = 0;
    virtual const Tensor& original(std::size_t input) const = 0;
    virtual const std::string& name(std::size_t input) const { return original(input).name(); }
    /// Records f with these values as parameters, which are returned.
    virtual Tensor record(const std::vector<std::vector<long double>>& point, DType precision,
                          std::vector<Tensor>& parameters) = 0;
    virtual bool can_widen() const = 0;
};

/// A function of its arguments.
class FunctionSubject : public Subject {
  public:
    FunctionSubject(const TensorFunction& f, const std::vector<Tensor>& inputs) : f_(f), inputs_(inputs) {
        for (std::size_t index = 0; index < inputs.size(); ++index) {
            if (is_floating(inputs[index].dtype())) varied_.push_back(index);
        }
    }
    std::size_t inputs() const override { return varied_.size(); }
    const Tensor& original(std::size_t input) const override { return inputs_[varied_[input]]; }
    bool can_widen() const override { return true; }
    Tensor record(const std::vector<std::vector<long double>>& point, DType precision,
                  std::vector<Tensor>& parameters) override {
        std::vector<Tensor> arguments = inputs_;
        parameters.clear();
        for (std::size_t index = 0; index < varied_.size(); ++index) {
            const Tensor& given = original(index);
            parameters.push_back(parameter(tensor_of(point[index], given.shape(), precision), given.name()));
            arguments[varied_[index]] = parameters.back();
        }
        return f_(arguments);
    }

  private:
    const TensorFunction& f_;
    const std::vector<Tensor>& inputs_;
    std::vector<std::size_t> varied_;
};

/// A function of parameters that it reads by itself. They get their values back at the end.
class ModelSubject : public Subject {
  public:
    ModelSubject(const std::function<Tensor()>& f, const std::vector<Tensor>& parameters, Location at)
        : f_(f), parameters_(parameters) {
        for (const Tensor& p : parameters) {
            if (!p.is_parameter())
                throw ValueError("check_gradients", "needs parameters", "a tensor that is not one", at);
            values_.push_back(Tensor(detail::constant_leaf(p, at)));
        }
    }
    ~ModelSubject() override {
        for (std::size_t index = 0; index < values_.size(); ++index) {
            try {
                parameters_[index].assign(values_[index]);
            } catch (...) {
                // Only memory can fail here, and an error is already on its way.
            }
        }
    }
    std::size_t inputs() const override { return parameters_.size(); }
    const Tensor& original(std::size_t input) const override { return values_[input]; }
    const std::string& name(std::size_t input) const override { return parameters_[input].name(); }
    bool can_widen() const override { return false; }
    Tensor record(const std::vector<std::vector<long double>>& point, DType, std::vector<Tensor>& parameters) override {
        for (std::size_t index = 0; index < parameters_.size(); ++index) {
            const Tensor& p = parameters_[index];
            p.assign(tensor_of(point[index], p.shape(), p.dtype()));
        }
        parameters = parameters_;
        return f_();
    }

  private:
    const std::function<Tensor()>& f_;
    const std::vector<Tensor>& parameters_;
    std::vector<Tensor> values_;
};

/// Σ |x y|
long double sum_of_sizes(const std::vector<long double>& x, const std::vector<long double>& y) {
    long double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::abs(x[i] * y[i]);
    return sum;
}

/// The scalar whose gradient is compared: for order 1 the function contracted with a random cotangent, for order 2 the
/// gradient of that contracted with random directions.
class Scalar {
  public:
    Scalar(Subject& subject, int order, std::uint64_t seed, Location at)
        : subject_(subject), order_(order), seed_(seed), at_(at) {}

    /// `size`, if given, becomes the sum of the sizes of the terms that the function is contracted from.
    Tensor record(const std::vector<std::vector<long double>>& point, DType precision, std::vector<Tensor>& parameters,
                  long double* size = nullptr) {
        Directions directions(seed_);
        const Tensor y = subject_.record(point, precision, parameters);
        if (!is_floating(y.dtype())) {
            throw GradientError("check_gradients", "needs a floating-point result", std::string(name(y.dtype())), at_);
        }
        const Tensor cotangent = directions.like(y.shape(), y.dtype());
        if (size) *size = sum_of_sizes(numbers(y), numbers(cotangent));
        Tensor scalar = algebra::inner_product(y, cotangent);
        for (int order = 1; order < order_; ++order) {
            if (!scalar.needs_gradient()) break;
            const std::vector<Tensor> gradients = grad(scalar, parameters, Unconnected::gives_zeros);
            Tensor sum;
            for (const Tensor& gradient : gradients) {
                const Tensor term =
                    algebra::inner_product(gradient, directions.like(gradient.shape(), gradient.dtype()));
                sum = sum.is_empty_handle() ? term : algebra::sum_of(sum, term);
            }
            scalar = sum;
        }
        return scalar;
    }

    long double at(const std::vector<std::vector<long double>>& point, DType precision) {
        std::vector<Tensor> parameters;
        return detail::only_element(record(point, precision, parameters), {});
    }

  private:
    Subject& subject_;
    int order_;
    std::uint64_t seed_;
    Location at_;
};

struct Estimate {
    long double value;
    long double error;
};

/// ∂φ/∂x by central differences at h, h/2 and h/4, extrapolated twice; the error is what the last extrapolation moved,
/// and what rounding can do.
Estimate difference(const std::function<long double(long double)>& phi, long double x, DType precision) {
    const long double eps = epsilon(precision);
    const long double h = std::pow(eps, 1.0L / 7) * std::max(1.0L, std::abs(x)) * 0.25L;
    std::array<long double, 3> central{};
    long double size = 0;
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
        size = std::max({size, std::abs(above), std::abs(below)});
    }
    const long double first = (4 * central[1] - central[0]) / 3;
    const long double second = (4 * central[2] - central[1]) / 3;
    const long double value = (16 * second - first) / 15;
    return {value, std::abs(value - second) + 16 * eps * size / h};
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
        const Tensor phi = scalar.record(point_, own_, parameters);
        std::vector<Tensor> gradients;
        if (phi.needs_gradient()) {
            gradients = grad(phi, parameters, Unconnected::gives_zeros);
        } else {
            for (const Tensor& p : parameters) gradients.push_back(algebra::filled(0, p.dtype(), p.shape()));
        }
        if (options_.forward && phi.needs_gradient()) forward(phi, parameters, gradients, order);
        const DType precision = numeric_precision(scalar);
        const std::vector<std::vector<long double>> roundings = lost_digits(scalar, gradients, precision);
        std::vector<std::vector<long double>> point = point_;
        for (std::size_t input = 0; input < gradients.size(); ++input) {
            const std::vector<long double> analytic = numbers(gradients[input]);
            long double scale = 0;
            for (long double value : analytic) scale = std::max(scale, std::abs(value));
            for (std::size_t entry = 0; entry < analytic.size(); ++entry) {
                const auto along_entry = [&](long double x) {
                    point[input][entry] = x;
                    const long double value = scalar.at(point, precision);
                    point[input][entry] = point_[input][entry];
                    return value;
                };
                const Estimate numeric = difference(along_entry, point_[input][entry], precision);
                const long double largest = std::max({scale, std::abs(numeric.value), 1e-3L});
                const long double bound =
                    numeric.error + analytic_roundings * epsilon(own_) * largest + roundings[input][entry];
                add(input, static_cast<std::int64_t>(entry), order, "reverse", analytic[entry], numeric.value, bound);
            }
        }
    }

    /// How far rounding has moved each entry of the derived gradients: what they differ by from the same derivation in
    /// the higher precision. 1 − y² of a saturated tanh keeps few digits, and that is no wrong derivative; but no entry
    /// may be off by more than the function's own roundings explain.
    std::vector<std::vector<long double>> lost_digits(Scalar& scalar, const std::vector<Tensor>& gradients,
                                                      DType precision) {
        std::vector<std::vector<long double>> lost;
        for (const Tensor& gradient : gradients) lost.emplace_back(static_cast<std::size_t>(gradient.size()));
        if (precision == own_) return lost;
        std::vector<Tensor> parameters;
        long double size = 0;
        const Tensor phi = scalar.record(point_, precision, parameters, &size);
        if (!phi.needs_gradient()) return lost;
        const std::vector<Tensor> exact = grad(phi, parameters, Unconnected::gives_zeros);
        for (std::size_t input = 0; input < gradients.size(); ++input) {
            const std::vector<long double> own = numbers(gradients[input]);
            const std::vector<long double> wide = numbers(exact[input]);
            for (std::size_t entry = 0; entry < own.size(); ++entry) {
                lost[input][entry] =
                    std::min(std::abs(own[entry] - wide[entry]), analytic_roundings * epsilon(own_) * size);
            }
        }
        return lost;
    }

    /// Along one random direction: forward mode must agree with what reverse mode gives for it.
    void forward(const Tensor& phi, const std::vector<Tensor>& parameters, const std::vector<Tensor>& gradients,
                 int order) {
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
            const long double bound = analytic_roundings * epsilon(own_) * size;
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
