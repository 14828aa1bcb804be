// W9: what models of other kinds spend their time on, each as a cost and its gradients.

#include <functional>
#include <memory>
#include <vector>

#include "support.hpp"

namespace {

namespace xg = xgrad;
using bench::uniform_tensor;
using xg::keepdims;
using xg::Tensor;
using Tensors = std::vector<Tensor>;

/// Parameters, and a cost of them.
struct Problem {
    Tensors parameters;
    std::function<Tensor(const Tensors&)> cost;
};

Tensors cost_and_gradients(const Problem& problem, const Tensors& parameters) {
    Tensors result{problem.cost(parameters)};
    for (const Tensor& g : xg::grad(result[0], parameters)) result.push_back(g);
    return result;
}

bench::Program program(const Tensors& parameters, const std::function<Tensors(const Tensors&)>& compute) {
    const auto last = std::make_shared<Tensors>();
    const auto step = [=] {
        *last = compute(parameters);
        xg::compute(*last);
    };
    const auto check = [last] {
        double magnitude = 0;
        for (std::size_t i = 1; i < last->size(); ++i) magnitude += bench::magnitude((*last)[i]);
        return bench::Check{last->front().item<double>(), magnitude};
    };
    return {step, check};
}

bench::Program recorded(const Problem& problem) {
    Tensors parameters;
    for (const Tensor& p : problem.parameters) parameters.push_back(xg::parameter(p));
    return program(parameters, [problem](const Tensors& p) { return cost_and_gradients(problem, p); });
}

bench::Program compiled(const Problem& problem) {
    const auto f = std::make_shared<xg::Compiled<Tensors>>(
        xg::compile([problem](const Tensors& p) { return cost_and_gradients(problem, p); }));
    return program(problem.parameters, [f](const Tensors& p) { return (*f)(p); });
}

Tensor uniform(const std::vector<std::size_t>& shape, std::uint32_t seed) {
    return uniform_tensor(shape, seed, -1, 1);
}

Tensor normalised(const Tensor& x, int axis) {
    return (x - mean(x, axis, keepdims)) / xg::sqrt(variance(x, axis, keepdims) + 1e-5);
}

Problem normalisation(int axis) {
    const Tensor target = uniform({1024, 512}, 4);
    return {{uniform({1024, 512}, 1), uniform({512}, 2), uniform({512}, 3)},
            [=](const Tensors& p) { return mean(square(normalised(p[0], axis) * p[1] + p[2] - target)); }};
}

/// A cost of one array.
Problem of_array(const std::function<Tensor(const Tensor&)>& f) {
    return {{uniform({1024, 512}, 1)}, [f](const Tensors& p) { return mean(square(f(p[0]))); }};
}

/// Four heads over 64 places, in 8 examples.
Problem attention() {
    const Tensor X = uniform({8, 64, 64}, 1);
    const auto heads = [](const Tensor& t) { return transpose(reshape(t, {8, 64, 4, 16}), {0, 2, 1, 3}); };
    return {{uniform({64, 64}, 2), uniform({64, 64}, 3), uniform({64, 64}, 4), uniform({64, 64}, 5)},
            [=](const Tensors& W) {
                const Tensor Q = heads(matmul(X, W[0])), K = heads(matmul(X, W[1])), V = heads(matmul(X, W[2]));
                const Tensor A = softmax(matmul(Q, transpose(K, {0, 1, 3, 2})) / 4, -1);
                const Tensor O = reshape(transpose(matmul(A, V), {0, 2, 1, 3}), {8, 64, 64});
                return mean(square(matmul(O, W[3])));
            }};
}

/// 50 steps, typed as they are.
Problem recurrent() {
    Tensors X;
    for (std::uint32_t t = 0; t < 50; ++t) X.push_back(uniform({32, 32}, 10 + t));
    return {{uniform({64, 32}, 1) / 8, uniform({64, 64}, 2) / 8, uniform({64, 1}, 3)}, [=](const Tensors& p) {
                Tensor h = xg::zeros({64, 32});
                for (const Tensor& x : X) h = tanh(matmul(p[0], x) + matmul(p[1], h) + p[2]);
                return mean(square(h));
            }};
}

/// Distances of 500 points from 400.
Problem distances() {
    return {{uniform({500, 3}, 1), uniform({400, 3}, 2)}, [](const Tensors& p) {
                const Tensor apart = expand_dims(p[0], 1) - expand_dims(p[1], 0);
                return mean(xg::sqrt(sum(square(apart), -1) + 1e-6));
            }};
}

struct Both {
    Both(const std::string& name, const std::function<Problem()>& make)
        : recorded_("W9/" + name, "recorded", [make] { return recorded(make()); }),
          compiled_("W9/" + name, "compiled", [make] { return compiled(make()); }) {}
    bench::Case recorded_, compiled_;
};

const Both layer_norm("layer_norm", [] { return normalisation(1); });
const Both batch_norm("batch_norm", [] { return normalisation(0); });
const Both softmax_of_rows("softmax", [] { return of_array([](const Tensor& x) { return softmax(x, 1) * 512; }); });
const Both attention_heads("attention", attention);
const Both recurrent_net("recurrent", recurrent);
const Both pairs("distances", distances);
const Both gelu_of_array("gelu", [] { return of_array([](const Tensor& x) { return gelu(x); }); });
const Both running_sum("cumsum", [] { return of_array([](const Tensor& x) { return cumsum(x, 1); }); });
const Both sorted("sort", [] { return of_array([](const Tensor& x) { return xg::sort(x, 1) - 1; }); });
const Both part("slice", [] {
    return of_array([](const Tensor& x) { return view(x, {xg::range(10, 1000), xg::range(5, 500)}); });
});

}  // namespace
