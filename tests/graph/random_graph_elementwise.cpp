#include "random_graph_kinds.hpp"

// Functions that grow or have a limited domain are given arguments that keep them in range.

namespace random_graph {

namespace {

using namespace xgrad;

bool have_one_shape(Shapes shapes) {
    return std::all_of(shapes.begin(), shapes.end(), [&](const Shape& shape) { return shape == shapes[0]; });
}

std::optional<Integers> if_broadcasting(Draw&, Shapes shapes) {
    Shape result = shapes[0];
    for (const Shape& shape : shapes) {
        if (!broadcast(Shape(result), shape, result)) return {};
    }
    return Integers{};
}
Kind smooth(std::string name, std::function<Tensor(const Tensor&)> f) {
    return {std::move(name), "smooth", 1, [f](Tensors x, const Integers&) { return f(x[0]); }};
}
Kind bent_at_0(std::string name, std::function<Tensor(const Tensor&)> f) {
    return {std::move(name),
            "bent",
            1,
            [f](Tensors x, const Integers&) { return f(x[0]); },
            nullptr,
            [](Tensors x, const Integers&) { return Branches{x[0] > 0}; }};
}
Kind stepped(std::string name, Unary f) {
    return {std::move(name),
            "stepped",
            1,
            [f](Tensors x, const Integers&) { return f(x[0]); },
            nullptr,
            [f](Tensors x, const Integers&) { return Branches{astype(f(x[0]), DType::int32)}; }};
}
Kind pair(std::string name, std::function<Tensor(const Tensor&, const Tensor&)> f) {
    return {std::move(name), "pair", 2, [f](Tensors x, const Integers&) { return f(x[0], x[1]); }, if_broadcasting};
}
Kind ordered_pair(std::string name, std::function<Tensor(const Tensor&, const Tensor&)> f) {
    return {std::move(name),
            "choice",
            2,
            [f](Tensors x, const Integers&) { return f(x[0], x[1]); },
            if_broadcasting,
            [](Tensors x, const Integers&) {
                return Branches{x[0] > x[1], x[0] < x[1]};
            }};
}
void add_smooth(std::vector<Kind>& all) {
    const std::pair<const char*, Unary> anywhere[] = {
        {"identity", identity}, {"negative", negative},  {"tanh", xgrad::tanh},   {"sigmoid", sigmoid},
        {"sin", xgrad::sin},    {"cos", xgrad::cos},     {"atan", xgrad::atan},   {"asinh", xgrad::asinh},
        {"erf", xgrad::erf},    {"erfc", xgrad::erfc},   {"exp", xgrad::exp},     {"exp2", xgrad::exp2},
        {"square", square},     {"sinh", xgrad::sinh},   {"cosh", xgrad::cosh},   {"softplus", softplus},
        {"silu", silu},         {"mish", mish},          {"expm1", xgrad::expm1}, {"log_sigmoid", log_sigmoid},
        {"gelu", gelu},         {"gelu_tanh", gelu_tanh}};
    for (const auto& [name, f] : anywhere) all.push_back(smooth(name, f));
    const std::pair<const char*, Unary> positive[] = {
        {"log", xgrad::log},   {"log2", xgrad::log2},    {"log10", xgrad::log10}, {"log1p", xgrad::log1p},
        {"sqrt", xgrad::sqrt}, {"cbrt", xgrad::cbrt},    {"rsqrt", rsqrt},        {"reciprocal", reciprocal},
        {"digamma", digamma},  {"lgamma", xgrad::lgamma}};
    for (const auto& [name, f] : positive) {
        all.push_back(
            smooth(name + std::string("(1 + square)"), [f = f](const Tensor& x) { return f(1 + square(x)); }));
    }
    all.push_back(smooth("acosh(2 + square)", [](const Tensor& x) { return xgrad::acosh(2 + square(x)); }));
    const std::pair<const char*, Unary> within_one[] = {
        {"asin", xgrad::asin}, {"acos", xgrad::acos}, {"atanh", xgrad::atanh}, {"tan", xgrad::tan}};
    for (const auto& [name, f] : within_one) {
        all.push_back(
            smooth(name + std::string("(0.8 tanh)"), [f = f](const Tensor& x) { return f(0.8 * xgrad::tanh(x)); }));
    }
    // Derivatives within: higher orders than the checks ask for themselves.
    all.push_back(smooth("gradient of sum(x sin x)", [](const Tensor& x) {
        return value_and_grad([](const Tensor& z) { return sum(z * xgrad::sin(z)); }, {x}).derivatives[0];
    }));
    all.push_back(smooth("jvp of tanh along x", [](const Tensor& x) {
        return jvp([](const Tensor& z) { return xgrad::tanh(z); }, {x}, {x}).second;
    }));
    all.push_back(smooth("checkpoint(x sigmoid x)", [](const Tensor& x) {
        return checkpoint([](const Tensor& z) { return z * sigmoid(z); }, {x});
    }));
    all.push_back(smooth("custom_gradient of sin", [](const Tensor& x) {
        return custom_gradient([](const Tensor& z) { return xgrad::sin(z); },
                               [](const std::vector<Tensor>& xs, const Tensor&, const Tensor& g) {
                                   return std::vector<Tensor>{g * xgrad::cos(xs[0])};
                               },
                               {x});
    }));
}

void add_bent(std::vector<Kind>& all) {
    const std::pair<const char*, Unary> kinds[] = {
        {"relu", relu}, {"abs", xgrad::abs}, {"selu", selu}, {"softsign", softsign}};
    for (const auto& [name, f] : kinds) all.push_back(bent_at_0(name, f));
    all.push_back(bent_at_0("elu", [](const Tensor& x) { return elu(x, 0.7); }));
    all.push_back(bent_at_0("leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.1); }));
    // The branch that is not taken is NaN or infinite there.
    all.push_back(bent_at_0("where(x > 0, log, x)", [](const Tensor& x) { return where(x > 0, xgrad::log(x), x); }));
    all.push_back(bent_at_0("where(x > 0, x, sqrt(0.1 - x))",
                            [](const Tensor& x) { return where(x > 0, x, xgrad::sqrt(0.1 - x)); }));
    all.push_back(bent_at_0("masked_select(x, x > 0)", [](const Tensor& x) { return masked_select(x, x > 0); }));
    Kind hard = bent_at_0("hard_tanh", hard_tanh);
    hard.branches = [](Tensors x, const Integers&) { return Branches{x[0] > 1, x[0] < -1}; };
    all.push_back(hard);
    all.push_back(bent_at_0("x sign(x)", [](const Tensor& x) { return x * sign(x); }));
    const std::pair<const char*, Unary> steps[] = {
        {"floor", xgrad::floor}, {"ceil", xgrad::ceil}, {"round", xgrad::round}, {"trunc", xgrad::trunc}};
    for (const auto& [name, f] : steps) all.push_back(stepped(name, f));
}

void add_pairs(std::vector<Kind>& all) {
    const std::pair<const char*, Binary> kinds[] = {
        {"add", add}, {"subtract", subtract}, {"multiply", multiply}, {"logaddexp", logaddexp}};
    for (const auto& [name, f] : kinds) all.push_back(pair(name, f));
    all.push_back(pair("x / (1 + y^2)", [](auto& x, auto& y) { return x / (1 + square(y)); }));
    all.push_back(pair("hypot(x, 1 + y^2)", [](auto& x, auto& y) { return xgrad::hypot(x, 1 + square(y)); }));
    all.push_back(pair("atan2(x, 1 + y^2)", [](auto& x, auto& y) { return xgrad::atan2(x, 1 + square(y)); }));
    all.push_back(pair("power(1 + x^2, y)", [](auto& x, auto& y) { return power(1 + square(x), y); }));
    all.push_back(pair("mean squared error", [](auto& x, auto& y) { return mean(square(x - y)); }));

    all.push_back(ordered_pair("maximum", maximum));
    all.push_back(ordered_pair("minimum", minimum));
    all.push_back(
        ordered_pair("where(x > y, x y, x + y)", [](auto& x, auto& y) { return where(x > y, x * y, x + y); }));
    Kind three{"where(x < y, z, x)",
               "choice",
               3,
               [](Tensors x, const Integers&) { return where(x[0] < x[1], x[2], x[0]); },
               if_broadcasting,
               [](Tensors x, const Integers&) { return Branches{x[0] < x[1]}; }};
    all.push_back(three);
    three.name = "where(any(x < y, -1), z, x)";
    three.apply = [](Tensors x, const Integers&) {
        const Tensor mask = x[0] < x[1];
        return where(mask.rank() ? any(mask, -1, keepdims) : mask, x[2], x[0]);
    };
    all.push_back(three);
    all.push_back({"clip(x, y, y + 1)", "choice", 2,
                   [](Tensors x, const Integers&) { return clip(x[0], x[1], x[1] + 1); }, if_broadcasting,
                   [](Tensors x, const Integers&) {
                       return Branches{x[0] > x[1], x[0] > x[1] + 1};
                   }});

    const auto if_one_shape = [](Draw&, Shapes shapes) {
        return have_one_shape(shapes) ? std::optional(Integers{}) : std::nullopt;
    };
    all.push_back({"binary_cross_entropy(sigmoid, sigmoid)", "pair", 2,
                   [](Tensors x, const Integers&) { return binary_cross_entropy(sigmoid(x[0]), sigmoid(x[1])); },
                   if_one_shape});
    all.push_back({"binary_cross_entropy_with_logits", "pair", 2,
                   [](Tensors x, const Integers&) { return binary_cross_entropy_with_logits(x[0], x[1]); },
                   if_one_shape});
}

}  // namespace

void add_elementwise(std::vector<Kind>& all) {
    add_smooth(all);
    add_bent(all);
    add_pairs(all);
}

}  // namespace random_graph
