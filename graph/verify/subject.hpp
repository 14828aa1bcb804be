#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/function.hpp>
#include <xgrad/graph/verify/recorded.hpp>
#include <xgrad/graph/verify/replay.hpp>

/// What check_gradients() examines: a function at a point that can be moved, and the scalar that it is contracted to.
/// Not installed.
namespace xgrad::subject {

/// Numbers with a sign and a size between ½ and 3/2: never all ones, never nearly zero.
class Directions {
  public:
    explicit Directions(std::uint64_t seed) : state_(seed) {}

    std::vector<long double> numbers(std::int64_t count) {
        std::vector<long double> result(static_cast<std::size_t>(count));
        for (long double& number : result) number = next();
        return result;
    }

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

inline long double epsilon(DType dtype) {
    return visit_floating(dtype,
                          [](auto zero) -> long double { return std::numeric_limits<decltype(zero)>::epsilon(); });
}

inline DType wider(DType dtype) {
    return dtype == DType::float32 ? DType::float64 : DType::longdouble;
}

inline std::vector<long double> numbers(const Tensor& tensor) {
    const NodeRef node = detail::readable(tensor, tensor.dtype(), {});
    std::vector<long double> result(static_cast<std::size_t>(tensor.size()));
    visit(tensor.dtype(), [&](auto zero) {
        const auto* values = static_cast<const decltype(zero)*>(node->data);
        std::copy_n(values, result.size(), result.begin());
    });
    return result;
}

inline Tensor tensor_of(const std::vector<long double>& values, const Shape& shape, DType dtype) {
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

/// One recorded operation alone, at the values that its inputs had.
class StepSubject : public Subject {
  public:
    /// Of one element only, if it is given.
    explicit StepSubject(const recorded::Step& step, std::optional<std::int64_t> element = {})
        : step_(step), element_(element) {
        for (const NodeRef& input : step.inputs) inputs_.push_back(Tensor(detail::constant_leaf(Tensor(input), {})));
        for (std::size_t index = 0; index < inputs_.size(); ++index) {
            if (step.inputs[index]->needs_gradient) varied_.push_back(index);
        }
    }
    std::size_t inputs() const override { return varied_.size(); }
    const Tensor& original(std::size_t input) const override { return inputs_[varied_[input]]; }
    std::size_t argument(std::size_t input) const { return varied_[input]; }
    bool can_widen() const override { return true; }
    Tensor record(const std::vector<std::vector<long double>>& point, DType precision,
                  std::vector<Tensor>& parameters) override {
        std::vector<Tensor> arguments = inputs_;
        parameters.clear();
        for (Tensor& argument : arguments) {
            const bool widens = is_floating(argument.dtype()) && argument.dtype() != precision;
            if (widens) argument = tensor_of(numbers(argument), argument.shape(), precision);
        }
        for (std::size_t index = 0; index < varied_.size(); ++index) {
            parameters.push_back(parameter(tensor_of(point[index], original(index).shape(), precision)));
            arguments[varied_[index]] = parameters.back();
        }
        const Tensor y = apply(*step_.node->op(), arguments, step_.node->attributes(), step_.node->location());
        return element_ ? algebra::element(algebra::reshaped(y, {y.size()}), *element_) : y;
    }

  private:
    const recorded::Step& step_;
    std::optional<std::int64_t> element_;
    std::vector<Tensor> inputs_;
    std::vector<std::size_t> varied_;
};

/// A function of parameters that it reads by itself. It is called once, and what it recorded then is recorded again
/// with other tensors in their place; where that is not possible, they are assigned, and get their values back at the
/// end.
class ModelSubject : public Subject {
  public:
    ModelSubject(const std::function<Tensor()>& f, const std::vector<Tensor>& parameters, Location at)
        : f_(f), parameters_(parameters) {
        for (const Tensor& p : parameters) {
            if (!p.is_parameter())
                throw ValueError("check_gradients", "needs parameters", "a tensor that is not one", at);
            values_.push_back(Tensor(detail::constant_leaf(p, at)));
        }
        replay_ = verify::Replay(f(), parameters);
    }
    ~ModelSubject() override {
        for (std::size_t index = 0; index < values_.size() && is_assigned_; ++index) {
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
    bool can_widen() const override { return replay_.is_possible(); }
    Tensor record(const std::vector<std::vector<long double>>& point, DType precision,
                  std::vector<Tensor>& parameters) override {
        if (replay_.is_possible()) {
            parameters.clear();
            for (std::size_t index = 0; index < parameters_.size(); ++index) {
                const Tensor& p = parameters_[index];
                parameters.push_back(parameter(tensor_of(point[index], p.shape(), precision), p.name()));
            }
            return replay_(parameters, precision);
        }
        is_assigned_ = true;
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
    verify::Replay replay_;
    bool is_assigned_ = false;
};

/// Σ |x y| of what is finite.
inline long double sum_of_sizes(const std::vector<long double>& x, const std::vector<long double>& y) {
    long double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double size = std::abs(x[i] * y[i]);
        if (std::isfinite(size)) sum += size;
    }
    return sum;
}

/// A scalar φ = Σ result · cotangent, as it was recorded. The sum is no operation of the graph, so that a wrong one
/// among those cannot hide another.
struct Contracted {
    Tensor result;
    Tensor cotangent;
    std::vector<Tensor> parameters;

    long double value() const {
        const std::vector<long double> y = numbers(result), c = numbers(cotangent);
        long double sum = 0;
        for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * c[i];
        return sum;
    }
    /// Of the terms.
    long double size() const { return sum_of_sizes(numbers(result), numbers(cotangent)); }
    bool is_differentiable() const { return result.needs_gradient(); }
    /// ∂φ/∂p by reverse mode.
    std::vector<Tensor> gradients() const {
        if (is_differentiable()) return vjp(result, cotangent, parameters, Unconnected::gives_zeros);
        std::vector<Tensor> zeros;
        for (const Tensor& p : parameters) zeros.push_back(algebra::filled(0, p.dtype(), p.shape()));
        return zeros;
    }
};

/// The scalar whose gradient is compared: for order 1 the function contracted with a random cotangent, for order 2 the
/// gradient of that contracted with random directions, and so on.
class Scalar {
  public:
    Scalar(Subject& subject, int order, std::uint64_t seed, Location at)
        : subject_(subject), order_(order), seed_(seed), at_(at) {}

    Contracted record(const std::vector<std::vector<long double>>& point, DType precision) {
        std::size_t drawn = 0;
        Contracted recorded;
        recorded.result = subject_.record(point, precision, recorded.parameters);
        const Tensor& y = recorded.result;
        if (!is_floating(y.dtype())) {
            throw GradientError("check_gradients", "needs a floating-point result", std::string(name(y.dtype())), at_);
        }
        recorded.cotangent = direction(drawn++, y.shape(), y.dtype());
        for (int order = 1; order < order_ && recorded.is_differentiable(); ++order) {
            Tensor sum;
            for (const Tensor& gradient : recorded.gradients()) {
                const Tensor term =
                    algebra::inner_product(gradient, direction(drawn++, gradient.shape(), gradient.dtype()));
                sum = sum.is_empty_handle() ? term : algebra::sum_of(sum, term);
            }
            recorded.result = sum;
            recorded.cotangent = algebra::filled(1, sum.dtype(), sum.shape());
        }
        return recorded;
    }

    long double at(const std::vector<std::vector<long double>>& point, DType precision) {
        return record(point, precision).value();
    }

  private:
    /// The direction with this number: drawn once, and used again at every point.
    const Tensor& direction(std::size_t number, const Shape& shape, DType dtype) {
        std::vector<Tensor>& drawn = drawn_[static_cast<std::size_t>(dtype)];
        if (drawn.size() <= number) drawn.resize(number + 1);
        if (drawn[number].is_empty_handle() || drawn[number].shape() != shape) {
            drawn[number] = Directions(seed_ + 0x51ED27 * number).like(shape, dtype);
        }
        return drawn[number];
    }

    Subject& subject_;
    int order_;
    std::uint64_t seed_;
    Location at_;
    std::array<std::vector<Tensor>, dtype_count> drawn_;
};

}  // namespace xgrad::subject
