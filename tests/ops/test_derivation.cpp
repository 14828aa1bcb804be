#include <boost/test/unit_test.hpp>

#include <set>

#include <xgrad/xgrad.hpp>

#include "equations.hpp"
#include "probe_inputs.hpp"

// The derivation of every operation of the catalogue and of the notes' networks, evaluated as it is printed.

using equations::Evaluation;
using xgrad::Tensor;

namespace {

/// One probe of one operation as a program: real inputs are parameters, the result is contracted with weights.
struct Program {
    std::map<std::string, Tensor> given;
    std::vector<Tensor> parameters;
    Tensor J;

    explicit Program(const xgrad::Op& op, const xgrad::Probe& probe) {
        derivative_check::Draws draws(1, xgrad::DType::float64);
        std::vector<Tensor> inputs;
        for (const xgrad::ProbeInput& input : probe.inputs) {
            const std::string name = "x" + std::to_string(inputs.size());
            const bool is_real = input.kind == xgrad::ProbeInput::Kind::real;
            const Tensor leaf = support::tensor_of(derivative_check::dtype_of(input), input.shape, draws.inputs(input));
            inputs.push_back(is_real ? xgrad::parameter(leaf, name) : xgrad::name(leaf, name));
            given.emplace(name, inputs.back());
            if (is_real) parameters.push_back(inputs.back());
        }
        const Tensor y = probe.call ? probe.call(inputs) : xgrad::apply(op, inputs);
        if (!is_floating(y.dtype()) || !y.needs_gradient()) return;
        const Tensor w =
            xgrad::name(support::tensor_of(y.dtype(), y.shape(), draws.directions(support::count_of(y.shape()))), "w");
        given.emplace("w", w);
        J = sum(y * w);
        equations::name_leaves(J, given);
    }
};

struct Count {
    int evaluated = 0;
    int unreadable = 0;
    std::set<std::string> ops;
};

/// Whether a table of formulas can be set: braces and brackets in pairs, three cells in each row.
bool is_sound_markdown(const std::string& text) {
    const auto count = [&](const std::string& part) {
        std::size_t found = 0;
        for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
        return found;
    };
    bool has_three_cells = true;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        has_three_cells = has_three_cells && (line.empty() || std::count(line.begin(), line.end(), '|') == 4);
    }
    return has_three_cells && count("{") == count("}") && count("\\left") == count("\\right") && count("$") % 2 == 0;
}

void compare(const xgrad::Op& op, const xgrad::Probe& probe, int order, const xgrad::DerivationOptions& options,
             Count& count) {
    std::string text;
    try {
        Program program(op, probe);
        if (program.J.is_empty_handle()) return;
        std::vector<Tensor> xs = equations::connected(program.J, program.parameters);
        if (order == 2) {
            Tensor norm;
            for (const Tensor& gradient : grad(program.J, xs)) {
                const Tensor term = sum(square(gradient));
                norm = norm.is_empty_handle() ? term : norm + term;
            }
            if (norm.is_empty_handle() || !norm.needs_gradient()) return;
            equations::name_leaves(norm, program.given);
            program.J = norm;
            xs = equations::connected(norm, xs);
        }
        if (xs.empty()) return;
        text = derivation(program.J, xs, options).ascii();
        const std::string markdown = derivation(program.J, xs, options).markdown();
        BOOST_TEST(is_sound_markdown(markdown), markdown);
        const std::vector<Tensor> gradients = grad(program.J, xs);
        const Evaluation lines(text, program.given);
        const long double least = order == 2 ? 0.01 : 1e-290L;  // where terms cancel to nothing
        for (std::size_t i = 0; i < xs.size(); ++i) {
            BOOST_TEST(equations::same(lines["d" + xs[i].name()], gradients[i], least), xs[i].name() << " in\n"
                                                                                                     << text);
        }
        ++count.evaluated;
        count.ops.insert(op.name);
    } catch (const equations::Unreadable& error) {
        ++count.unreadable;
        BOOST_TEST_MESSAGE(op.name << ", " << probe.label << ": " << error.what());
    } catch (const std::exception& error) {
        BOOST_ERROR(error.what() << " in\n" << text);
    }
}

/// A network whose layers have the notes' names, and what is given to it.
struct Network {
    std::map<std::string, Tensor> given;
    std::vector<Tensor> parameters;
    Tensor J;

    using Activation = Tensor (*)(const Tensor&);
    Network(const std::vector<std::size_t>& n, const std::vector<Activation>& g, bool has_names, std::size_t m = 6) {
        const Tensor X = give("X", Tensor(support::draws({n[0], m}, 1)));
        const Tensor Y = give("Y", Tensor(xt::xarray<double>(xt::cast<double>(support::draws({n.back(), m}, 2) > 0.))));
        Tensor A = X;
        for (std::size_t l = 1; l < n.size(); ++l) {
            const std::string number = std::to_string(l);
            const auto seed = static_cast<unsigned>(10 * l);
            const Tensor W = xgrad::parameter(support::draws({n[l], n[l - 1]}, seed, -1, 1), "W" + number);
            const Tensor b = xgrad::parameter(support::draws({n[l], 1}, seed + 1, -1, 1), "b" + number);
            for (const Tensor& p : {W, b}) parameters.push_back(give(p.name(), p));
            const Tensor Z = matmul(W, A) + b;
            A = g[l - 1](Z);
            if (has_names) name(Z, "Z" + number), name(A, "A" + number);
        }
        J = -1.0 / static_cast<double>(m) * sum(Y * log(A) + (1 - Y) * log(1 - A));
    }
    const Tensor& give(const std::string& label, const Tensor& tensor) {
        return given.emplace(label, name(tensor, label)).first->second;
    }
    std::string text() const { return derivation(J, parameters).ascii(); }
};

Tensor tanh_(const Tensor& Z) {
    return xgrad::tanh(Z);
}
Tensor relu_(const Tensor& Z) {
    return xgrad::relu(Z);
}
Tensor leaky_(const Tensor& Z) {
    return xgrad::leaky_relu(Z);
}
Tensor sigmoid_(const Tensor& Z) {
    return xgrad::sigmoid(Z);
}

/// Whether the text's gradients are those of the graph; an exception is a no.
bool is_right(const std::string& text, const Network& net) {
    const std::vector<Tensor> gradients = grad(net.J, net.parameters);
    try {
        const Evaluation lines(text, net.given);
        for (std::size_t i = 0; i < gradients.size(); ++i) {
            if (!equations::same(lines["d" + net.parameters[i].name()], gradients[i])) return false;
        }
        return true;
    } catch (const std::exception& error) {
        BOOST_TEST_MESSAGE(error.what());
        return false;
    }
}

// A user's operations: one has a formula that is known, one has not.
const xgrad::Op& users_square = define(xgrad::Elementwise{
    .name = "planted_own_square",
    .math = "y = x^2",
    .forward = xgrad::floating<1>([](auto x) { return x * x; }),
    .partials = {[](const xgrad::Record& r) { return 2 * r.input(); }},
    .probes = xgrad::unary_probes(xgrad::between(-2, 2)),
});
const xgrad::Op& users_wave = define(xgrad::Elementwise{
    .name = "planted_wave",
    .math = "y = x - sin x",
    .forward = xgrad::floating<1>([](auto x) { return x - std::sin(x); }),
    .partials = {[](const xgrad::Record& r) { return 1 - cos(r.input()); }},
    .probes = xgrad::unary_probes(xgrad::between(-2, 2)),
});

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, from << " is not in\n" << text);
    return text.replace(at, from.size(), to);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(derivations)

BOOST_AUTO_TEST_CASE(of_every_operation_give_its_gradients) {
    const support::Eagerness deferred(false);
    Count count, raw, second;
    for (const xgrad::Op* op : xgrad::catalogue()) {
        if (op->name.starts_with("planted_")) continue;
        for (const xgrad::Probe& probe : op->probes) {
            BOOST_TEST_CONTEXT(op->name << ", probe " << probe.label) {
                compare(*op, probe, 1, {}, count);
                compare(*op, probe, 1, {.simplify = false}, raw);
                compare(*op, probe, 2, {}, second);
            }
        }
    }
    BOOST_TEST(count.ops.size() > 130u);
    BOOST_TEST(count.unreadable * 20 <= count.evaluated);
    BOOST_TEST(second.ops.size() > 90u);
    BOOST_TEST_MESSAGE(count.evaluated << " derivations of " << count.ops.size() << " operations, " << count.unreadable
                                       << " that cannot be read; as recorded " << raw.evaluated << " and "
                                       << raw.unreadable << "; second derivatives " << second.evaluated << " of "
                                       << second.ops.size() << " operations");
}

BOOST_AUTO_TEST_CASE(of_the_notes_network_are_the_notes) {
    const support::Eagerness deferred(false);
    const Network net({2, 4, 1}, {tanh_, sigmoid_}, true, 400);
    BOOST_TEST(
        derivation(net.J, net.parameters).text() ==
        "given       X (2, 400), Y (1, 400)\n"
        "parameters  W1 (4, 2), b1 (4, 1), W2 (1, 4), b2 (1, 1)\n"
        "with        m = 400\n"
        "\n"
        "forward\n"
        "    Z1 = W1 X + b1                                     (4, 400)   b1 (4, 1) stretched over 400 columns\n"
        "    A1 = tanh(Z1)                                      (4, 400)\n"
        "    Z2 = W2 A1 + b2                                    (1, 400)   b2 (1, 1) stretched over 400 columns\n"
        "    A2 = σ(Z2)                                         (1, 400)\n"
        "    J = −1/m Σ (Y * log(A2) + (1 − Y) * log(1 − A2))   ()\n"
        "\n"
        "backward\n"
        "    ∂Z2 = 1/m (A2 − Y)          (1, 400)\n"
        "    ∂W2 = ∂Z2 A1ᵀ               (1, 4)\n"
        "    ∂b2 = Σ_columns ∂Z2         (1, 1)     because b2 was stretched over 400 columns\n"
        "    ∂Z1 = W2ᵀ ∂Z2 * (1 − A1²)   (4, 400)\n"
        "    ∂W1 = ∂Z1 Xᵀ                (4, 2)\n"
        "    ∂b1 = Σ_columns ∂Z1         (4, 1)     because b1 was stretched over 400 columns\n");
}

BOOST_AUTO_TEST_CASE(are_written_in_latex) {
    const support::Eagerness deferred(false);
    const Network net({2, 4, 1}, {tanh_, sigmoid_}, true, 400);
    const std::string text = derivation(net.J, net.parameters).markdown();
    for (const char* row :
         {"| $Z^{[1]} = W^{[1]} \\, X + b^{[1]}$ | (4, 400) | $b^{[1]}$ (4, 1) stretched over 400 columns |",
          "| $\\partial Z^{[2]} = \\frac{1}{m} \\left(A^{[2]} - Y\\right)$ | (1, 400) |  |",
          "| $\\partial W^{[1]} = \\partial Z^{[1]} \\, X^{T}$ | (4, 2) |  |"}) {
        BOOST_TEST(text.find(row) != std::string::npos, row << " is not in\n" << text);
    }
}

BOOST_AUTO_TEST_CASE(of_networks_give_their_gradients_whoever_names_the_layers) {
    const support::Eagerness deferred(false);
    for (const bool has_names : {true, false}) {
        for (const auto hidden : {tanh_, relu_, leaky_, sigmoid_}) {
            const Network shallow({3, 4, 1}, {hidden, sigmoid_}, has_names);
            const Network deep({5, 4, 6, 3, 5, 4, 1}, {hidden, hidden, hidden, hidden, hidden, sigmoid_}, has_names);
            for (const Network* net : {&shallow, &deep}) {
                const std::string text = net->text();
                BOOST_TEST(is_right(text, *net), text);
            }
            const std::string text = deep.text();
            BOOST_TEST(text.find("    for l = 5, ..., 2 with n[5], ..., n[2] = 4, 5, 3, 6:\n") != std::string::npos,
                       text);
            BOOST_TEST(text.find("        Z[l] = W[l] A[l-1] + b[l] ") != std::string::npos, text);
            BOOST_TEST(text.find("        dW[l] = dZ[l] A[l-1]^T ") != std::string::npos, text);
            BOOST_TEST(text.find("(n[l], n[l-1])") != std::string::npos, text);
        }
    }
}

BOOST_AUTO_TEST_CASE(that_are_wrong_do_not_pass) {
    const support::Eagerness deferred(false);
    const Network net({2, 4, 1}, {tanh_, sigmoid_}, true);
    const std::string text = net.text();
    BOOST_TEST(is_right(text, net));
    const std::pair<const char*, const char*> faults[] = {
        {"1/m (A2 - Y)", "1/m (Y - A2)"},     {"1/m (A2 - Y)", "(A2 - Y)"},         {"dZ2 A1^T", "dZ2 A1"},
        {"(1 - A1^2)", "(1 + A1^2)"},         {"(1 - A1^2)", "(1 - A1)"},           {"W2^T dZ2 *", "W2^T dZ2 +"},
        {"sum_columns(dZ1)", "sum(dZ1)"},     {"dW1 = dZ1 X^T", "dW1 = dZ1 X^T^T"}, {"tanh(Z1)", "sinh(Z1)"},
        {"sum_columns(dZ2)", "sum_rows(dZ2)"}};
    for (const auto& [from, to] : faults) BOOST_TEST(!is_right(replaced(text, from, to), net), from << " as " << to);

    const Network deep({5, 4, 6, 3, 5, 4, 1}, {tanh_, tanh_, tanh_, tanh_, tanh_, sigmoid_}, true);
    BOOST_TEST(!is_right(replaced(deep.text(), "dZ[l] A[l-1]^T", "dZ[l] A[l]^T"), deep));
    BOOST_TEST(!is_right(replaced(deep.text(), "W[l+1]^T dZ[l+1]", "W[l+1]^T dZ[l+1] * 2"), deep));
}

BOOST_AUTO_TEST_CASE(of_cross_entropies_end_in_a_difference) {
    const support::Eagerness deferred(false);
    const auto has = [](const Tensor& J, const Tensor& W, const char* line) {
        const std::string text = derivation(J, {W}).ascii();
        return std::pair(text.find(std::string("    dZ = ") + line + "   ") != std::string::npos, text);
    };
    const Tensor X = name(Tensor(support::draws({3, 5}, 1)), "X");
    const Tensor labels = name(Tensor(xt::xarray<int>{0, 2, 1, 1, 0}), "y");
    const Tensor W = xgrad::parameter(support::draws({3, 3}, 2), "W");
    const Tensor w = xgrad::parameter(support::draws({1, 3}, 3), "w");
    const Tensor Y = name(one_hot(labels, 3, xgrad::DType::float64), "Y");
    const Tensor y = name(Tensor(xt::xarray<double>{{0, 1, 0, 1, 1}}), "Y");
    const auto logits = [&](const Tensor& weights) { return name(matmul(weights, X), "Z"); };
    const auto check = [&](const Tensor& J, const Tensor& weights, const char* line) {
        const auto [found, text] = has(J, weights, line);
        BOOST_TEST(found, text);
    };
    const Tensor A = name(softmax(logits(W), 0), "A");
    check(-sum(Y * log(A)) / 5, W, "1/m (A - Y)");
    check(cross_entropy(logits(W), Y), W, "1/m (exp(A) - Y)");  // A is the logarithm of softmax(Z)
    check(binary_cross_entropy(xgrad::sigmoid(logits(w)), y), w, "1/m (A - Y)");
    check(binary_cross_entropy_with_logits(logits(w), y), w, "1/m (sigmoid(Z) - Y)");
    // A sigmoid typed by hand, with the cost as in the notes, and with another one.
    const Tensor typed = name(1 / (1 + exp(-logits(w))), "A");
    check(-mean(y * log(typed) + (1 - y) * log(1 - typed)), w, "1/m (A - Y)");
    check(mean(square(typed - y)), w, "2/m t2 * A * (1 - A)");
    const Tensor nameless = 1 / (1 + exp(-logits(w)));
    check(-mean(y * log(nameless) + (1 - y) * log(1 - nameless)), w, "1/m (t2 - Y)");
    // Without the knowledge that every example's probabilities add up to 1 there is a sum over the classes.
    const Tensor any = name(Tensor(support::draws({3, 5}, 4)), "Y");
    check(-sum(any * log(A)) / 5, W, "1/m (A * sum_rows(Y) - Y)");
}

BOOST_AUTO_TEST_CASE(are_simplified_and_still_right) {
    const support::Eagerness deferred(false);
    const Tensor x = xgrad::parameter(support::draws({2, 3, 4}, 1, 0.5, 2), "x");
    const Tensor y = xgrad::parameter(support::draws({3, 4}, 2, 0.5, 2), "y");
    const std::map<std::string, Tensor> given{{"x", x}, {"y", y}};
    const auto twos = [](const xgrad::Shape& shape) { return xgrad::full(shape, 2, xgrad::DType::float64); };
    const struct {
        Tensor J;
        const char* line;  // what becomes of it
    } cases[] = {
        {sum(y * xgrad::sum(twos({3, 4}), 1, xgrad::keepdims)), "dy = 8 "},
        {sum(exp(transpose(transpose(x, {1, 0, 2}), {1, 2, 0}))), "t1 = exp(transpose(x; axes=(0, 2, 1)))"},
        {sum(sin(transpose(transpose(y)))), "dy = cos(y) "},
        {sum(exp(reshape(reshape(x, {6, 4}), {2, 3, 4}))), "exp(x)"},
        {sum(y * y * y / y), "dy = 2 y "},
        {sum(y + y - 3 * y), "dy = -1 "},
        {sum(exp(sigmoid(-y))), "1 - sigmoid(y)"},
        {sum(square(1 / (1 + exp(-y)))), "dy = 2 t2^2 * (1 - t2) "},
        {sum(exp(1 / (exp(y) + 1))), "dy = -t3 * t2 * (1 - t2) "},
        {sum(log(1 / (1 + y)) * y), "dy = t2 + t1 - 1 "},
        {sum(power(1 / (1 + exp(-y)), 3) / (1 + exp(-y))), "t2 * (1 - t2)"},
        {sum(0 * y + 1 * x), "J = sum(x) "},
        {sum(2 * matmul(3 * transpose(y), 4 * y)), "24 "},
        {sum(where(y > 1, y, 0) * y), "where(["},
    };
    for (const auto& [J, line] : cases) {
        for (const Tensor& p : {x, y}) {
            try {
                const std::string text = derivation(J, {p}).ascii();
                BOOST_TEST(text.find(line) != std::string::npos, line << " is not in\n" << text);
                BOOST_TEST(equations::same(Evaluation(text, given)["d" + p.name()], grad(J, p)), text);
            } catch (const xgrad::GradientError&) {  // it does not depend on that one
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(of_a_users_operation_are_written_by_its_formula_or_as_a_call) {
    const support::Eagerness deferred(false);
    const Tensor x = xgrad::parameter(support::draws({2, 3}, 1, 0.5, 2), "x");
    const Tensor J = sum(xgrad::apply(users_square, {x}) * xgrad::apply(users_wave, {x}));
    const std::string text = derivation(J, {x}).ascii();
    BOOST_TEST(text.find("t1 = planted_wave(x)") != std::string::npos, text);
    BOOST_TEST(text.find("J = sum(x^2 * t1)") != std::string::npos, text);
    const Tensor gradient = grad(J, x);
    BOOST_TEST(equations::same(Evaluation(text, {{"x", x}})["dx"], gradient));
}

BOOST_AUTO_TEST_SUITE_END()
