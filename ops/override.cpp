#include <memory>
#include <string>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/structure.hpp>
#include <xgrad/ops/trigonometric.hpp>

// Functions that are computed as they stand and differentiated in another way. The node of such a call looks at f's
// result, its first input, which was computed from constants; its other inputs are the arguments.

namespace xgrad {

namespace {

Signature like_first(const Call& call) {
    return {call.dtype(0), call.shape(0)};
}

std::optional<Layout> look_at_first(const Array& input, const Attributes&, const Shape&) {
    return Layout{0, input.strides};
}

/// f at the same place without a history.
Tensor value_of(const TensorFunction& f, const std::vector<Tensor>& xs) {
    std::vector<Tensor> constants;
    for (const Tensor& x : xs) constants.push_back(stop_gradient(x));
    return stop_gradient(f(constants));
}

template <class T>
const T& payload(const Record& r) {
    return *static_cast<const T*>(r.attribute<std::shared_ptr<const void>>("function").get());
}

std::vector<Tensor> arguments_of(const Record& r) {
    std::vector<Tensor> xs;
    for (std::size_t input = 1; input < r.inputs(); ++input) xs.push_back(r.input(input));
    return xs;
}

template <class T>
Tensor call(const Op& op, T function, const Tensor& value, const std::vector<Tensor>& xs, Location at) {
    std::vector<Tensor> inputs{value};
    inputs.insert(inputs.end(), xs.begin(), xs.end());
    return apply(op, inputs, {{"function", std::shared_ptr<const void>(std::make_shared<T>(std::move(function)))}}, at);
}

/// f recorded again, with variables in the place of its arguments.
struct Replay {
    std::vector<Tensor> xs;
    Tensor y;
    explicit Replay(const Record& r)
        : xs(variables(arguments_of(r), "checkpoint", {})), y(payload<TensorFunction>(r)(xs)) {}
};

const Op& checkpoint_op = define(General{
    .name = "checkpoint",
    .math = "y = f(x), recomputed in the backward pass",
    .shape = like_first,
    .forward = look_at_first,
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t argument) {
            const auto& gradients = r.shared<std::vector<Tensor>>([&] {
                const Replay replay(r);
                return vjp(replay.y, g, replay.xs, Unconnected::gives_zeros);
            });
            return gradients[argument - 1];
        },
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const Replay replay(r);
            std::vector<Tensor> xs, tangents;
            for (std::size_t argument = 1; argument < t.size(); ++argument) {
                if (t[argument].is_empty_handle()) continue;
                xs.push_back(replay.xs[argument - 1]);
                tangents.push_back(t[argument]);
            }
            return jvp({&replay.y, 1}, xs, tangents, Unconnected::gives_zeros)[0];
        },
    .probes = joined({Probe{"one argument",
                            {{{2, 3}}},
                            [](auto x) { return checkpoint([](auto& t) { return tanh(exp(t)); }, {x[0]}); }},
                      Probe{"two arguments",
                            {{{2, 3}}, {{3}}},
                            [](auto x) {
                                return checkpoint([](auto& s, auto& t) { return tanh(s * t) + s; }, {x[0], x[1]});
                            }},
                      Probe{"arguments that depend on each other",
                            {{{3}}},
                            [](auto x) {
                                const Tensor y = exp(x[0]);
                                return checkpoint([](auto& s, auto& t) { return s * tanh(t); }, {x[0], y});
                            }},
                      Probe{"one in another",
                            {{{3}}},
                            [](auto x) {
                                const auto inner = [](auto& t) { return tanh(t * t); };
                                return checkpoint([&](auto& t) { return exp(checkpoint(inner, {t})); }, {x[0]});
                            }}},
                     shape_probes(shapes_of_every_rank(),
                                  [](auto& x) { return checkpoint([](auto& t) { return sin(t) * t; }, {x}); })),
});

std::vector<Tensor> ruled(const Record& r, const Tensor& g) {
    std::vector<Tensor> xs = arguments_of(r);
    std::vector<Tensor> gradients = payload<GradientRule>(r)(xs, r.output(), g);
    const Location at = Attribution::resolve({});
    if (gradients.size() != xs.size()) {
        throw ValueError("custom_gradient", "needs a rule that gives one gradient per argument",
                         std::to_string(gradients.size()) + " for " + std::to_string(xs.size()), at);
    }
    for (std::size_t i = 0; i < xs.size(); ++i) {
        if (gradients[i].is_empty_handle()) gradients[i] = algebra::filled(0, xs[i].dtype(), xs[i].shape());
        if (gradients[i].shape() == xs[i].shape()) continue;
        throw ShapeError("custom_gradient", "needs a rule that gives gradients of the arguments' shapes",
                         to_string(gradients[i].shape()) + " for " + to_string(xs[i].shape()), at);
    }
    return gradients;
}

const Op& custom_gradient_op = define(General{
    .name = "custom_gradient",
    .math = "y = f(x), with a gradient that the caller gives",
    .shape = like_first,
    .forward = look_at_first,
    .vjp =
        [](const Record& r, const Tensor& g, std::size_t argument) {
            return r.shared<std::vector<Tensor>>([&] { return ruled(r, g); })[argument - 1];
        },
    // The rule is linear in g, so its derivative by g along u is J u, whatever g is.
    .jvp =
        [](const Record& r, std::span<const Tensor> t) {
            const Tensor g = variables({algebra::filled(1, r.output().dtype(), r.output_shape())}, "jvp", {})[0];
            const std::vector<Tensor> gradients = ruled(r, g);
            Tensor product;
            for (std::size_t argument = 1; argument < t.size(); ++argument) {
                if (t[argument].is_empty_handle()) continue;
                const Tensor term = algebra::inner_product(gradients[argument - 1], t[argument]);
                product = product.is_empty_handle() ? term : product + term;
            }
            return grad(product, std::span(&g, 1), Unconnected::gives_zeros)[0];
        },
    // The rule of the probes is the function's own derivative, which is what they are checked for.
    .probes = joined(
        {Probe{"the right gradient",
               {{{2, 3}}},
               [](auto x) {
                   return custom_gradient([](auto& t) { return exp(t); },
                                          [](auto&, auto& y, auto& g) { return std::vector<Tensor>{g * y}; }, {x[0]});
               }},
         Probe{"of two arguments",
               {{{2, 3}}, {{2, 3}}},
               [](auto x) {
                   return custom_gradient([](auto& s, auto& t) { return s * t; },
                                          [](auto& xs, auto&, auto& g) {
                                              return std::vector<Tensor>{g * xs[1], g * xs[0]};
                                          },
                                          {x[0], x[1]});
               }}},
        shape_probes(shapes_of_every_rank(),
                     [](auto& x) {
                         return custom_gradient(
                             [](auto& t) { return tanh(t); },
                             [](auto&, auto& y, auto& g) { return std::vector<Tensor>{g * (1 - y * y)}; }, {x});
                     })),
});

}  // namespace

namespace detail {

Tensor checkpoint(TensorFunction f, const std::vector<Tensor>& xs, Location at) {
    at = Attribution::resolve(at);
    const Attribution attribution(at);
    const Tensor value = value_of(f, xs);
    return call(checkpoint_op, std::move(f), value, xs, at);
}

Tensor custom_gradient(const TensorFunction& f, GradientRule rule, const std::vector<Tensor>& xs, Location at) {
    at = Attribution::resolve(at);
    const Attribution attribution(at);
    const Tensor value = value_of(f, xs);
    return call(custom_gradient_op, std::move(rule), value, xs, at);
}

}  // namespace detail

}  // namespace xgrad
