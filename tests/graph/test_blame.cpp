#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// When a check fails, the report names the operation whose derivative is wrong, and what the error looks like.

using namespace xgrad;

namespace {

using Doubles = xt::xarray<double>;

/// An operation of two matrices, y = A B, with whatever is said to carry its cotangent back.
const Op& product(const char* name, Vjp vjp) {
    if (const Op* op = find_op(name)) return *op;
    return define(General{
        .name = name,
        .math = "Y = A B",
        .shape =
            [](const Call& call) {
                return Signature{call.dtype(0), {call.shape(0)[0], call.shape(1)[1]}};
            },
        .forward =
            [](const KernelCall& call) {
                visit_floating(call.dtype, [&](auto zero) {
                    using T = decltype(zero);
                    const RowMajor<T> A(call.inputs[0]), B(call.inputs[1]);
                    const std::int64_t inner = call.inputs[0].shape[1], columns = call.shape[1];
                    for (std::int64_t i = 0; i < call.shape.size(); ++i) {
                        call.out<T>()[i] = 0;
                        for (std::int64_t k = 0; k < inner; ++k) {
                            call.out<T>()[i] += A[i / columns * inner + k] * B[k * columns + i % columns];
                        }
                    }
                });
            },
        .vjp = std::move(vjp),
        .jvp = [](const Record& r, std::span<const Tensor> t) -> Tensor {
            const Tensor left = t[0].is_empty_handle() ? zeros_like(r.input(0)) : t[0];
            const Tensor right = t[1].is_empty_handle() ? zeros_like(r.input(1)) : t[1];
            return matmul(left, r.input(1)) + matmul(r.input(0), right);
        },
        .probes = std::vector<Probe>{},
    });
}

Tensor right_vjp(const Record& r, const Tensor& g, std::size_t argument) {
    return argument == 0 ? matmul(g, transpose(r.input(1))) : matmul(transpose(r.input(0)), g);
}

/// The report on tanh(A B) with a wrong product inside.
GradientReport report_on(const Op& op, const Shape& A, const Shape& B) {
    const auto f = [&](const Tensor& x, const Tensor& y) { return tanh(apply(op, {sin(x), y})); };
    const auto draw = [](const Shape& shape, unsigned seed) {
        return Tensor(support::draws({static_cast<std::size_t>(shape[0]), static_cast<std::size_t>(shape[1])}, seed));
    };
    return check_gradients(f, {name(draw(A, 1), "A"), name(draw(B, 2), "B")}, {.order = 1});
}

std::string look_of(const char* name, Vjp vjp, const Shape& A = {3, 2}, const Shape& B = {2, 4}) {
    const GradientReport report = report_on(product(name, std::move(vjp)), A, B);
    if (report || !report.wrong_op()) return "no wrong operation";
    return report.wrong_op()->op == name ? report.wrong_op()->looks_like : report.wrong_op()->text();
}

const auto square_kernel = floating<1>([](auto x) { return x * x; });

}  // namespace

BOOST_AUTO_TEST_SUITE(blame)

BOOST_AUTO_TEST_CASE(the_operation_is_named_with_shapes_place_and_entry) {
    const Op& op = define(Elementwise{
        .name = "planted_named",
        .math = "y = x^2",
        .forward = square_kernel,
        .partials = {[](const Record& r) { return r.input(); }},
        .probes = std::vector<Probe>{},
    });
    const auto f = [&](const Tensor& x) { return exp(tanh(apply(op, {sin(x)})) * x); };
    const unsigned line = __LINE__ - 1;
    const GradientReport report = check_gradients(f, {Doubles{{0.5, -1, 2}, {1, 0.25, 3}}});
    BOOST_TEST(!report);
    BOOST_REQUIRE(report.wrong_op().has_value());
    const WrongOp& found = *report.wrong_op();
    BOOST_TEST(found.op == "planted_named");
    BOOST_TEST(found.shapes == "(2, 3) -> (2, 3)");
    BOOST_TEST(found.place == "test_blame.cpp:" + std::to_string(line));
    BOOST_TEST(found.argument == 0u);
    BOOST_TEST(found.looks_like == "half the right one: a factor 2 is missing");
    BOOST_TEST(found.worst.analytic * 2 == found.worst.numeric, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(report.table().find("first wrong operation: planted_named at test_blame.cpp:") != std::string::npos);
    BOOST_TEST(!check_gradients(f, {Doubles{1}}, {.blame = false}).wrong_op().has_value());
}

BOOST_AUTO_TEST_CASE(what_the_error_looks_like) {
    BOOST_TEST(look_of("planted_product", right_vjp) == "no wrong operation");
    BOOST_TEST(look_of("planted_minus", [](auto& r, auto& g, auto i) {
                   return i == 1 ? -right_vjp(r, g, i) : right_vjp(r, g, i);
               }) == "the negative of the right one: a sign is wrong");
    BOOST_TEST(look_of("planted_mean", [](auto& r, auto& g, auto i) { return right_vjp(r, g, i) / 4; }) ==
               "1/4 of the right one: a 1/4 too many, a mean where a sum is right");
    BOOST_TEST(look_of("planted_m_times", [](auto& r, auto& g, auto i) { return 4 * right_vjp(r, g, i); }) ==
               "4 times the right one: the 1/4 is missing");
    BOOST_TEST(look_of("planted_nothing", [](auto& r, auto& g, auto i) {
                   return i == 0 ? right_vjp(r, g, i) : zeros_like(r.input(1));
               }) == "zeros");
    const Shape square{3, 3};
    BOOST_TEST(look_of(
                   "planted_transposed", [](auto& r, auto& g, auto i) { return transpose(right_vjp(r, g, i)); }, square,
                   square) == "the transpose of the right one");
    BOOST_TEST(look_of(
                   "planted_swapped", [](auto& r, auto& g, auto i) { return right_vjp(r, g, 1 - i); }, square,
                   square) == "what argument 1 should get: gradients are swapped");
    BOOST_TEST(look_of(
                   "planted_elementwise",
                   [](auto& r, auto& g, auto i) { return i == 0 ? g * r.input(1) : right_vjp(r, g, i); }, square,
                   square) == "the elementwise product g * argument 1 where the matrix product g argument 1ᵀ is right");
    BOOST_TEST(look_of(
                   "planted_as_it_came", [](auto& r, auto& g, auto i) { return i == 0 ? g : right_vjp(r, g, i); },
                   square, square) == "the cotangent as it came: the derivative of the operation is missing");
    const std::string few = look_of("planted_one_entry", [](auto& r, auto& g, auto i) {
        const Tensor off = reshape(one_hot(Tensor(std::int64_t{5}), r.input(i).size(), g.dtype()), r.shape(i));
        return right_vjp(r, g, i) * (1 + off);
    });
    BOOST_TEST(few.starts_with("right but for 1 of "), few);
}

BOOST_AUTO_TEST_CASE(the_first_of_two_is_named) {
    const auto wrong = [](const char* name) -> const Op& {
        return define(Elementwise{.name = name,
                                  .math = "y = x^2",
                                  .forward = square_kernel,
                                  .partials = {[](const Record& r) { return 3 * r.input(); }},
                                  .probes = std::vector<Probe>{}});
    };
    const Op& first = wrong("planted_first");
    const Op& second = wrong("planted_then");
    const auto f = [&](const Tensor& x) { return apply(second, {tanh(apply(first, {x}))}); };
    BOOST_TEST(check_gradients(f, {Doubles{1, 2}}).wrong_op()->op == "planted_first");
}

BOOST_AUTO_TEST_CASE(a_wrong_second_derivative_is_found_in_the_graph_of_the_first) {
    // The first derivative is right, and holds a part that the second one does not see. (Computed eagerly, what no
    // gradient needs has no history to look into.)
    const support::Eagerness deferred(false);
    const Op& op = define(Elementwise{
        .name = "planted_blind",
        .math = "y = x^3",
        .forward = floating<1>([](auto x) { return x * x * x; }),
        .partials = {[](const Record& r) { return 3 * r.input() * stop_gradient(r.input()); }},
        .probes = std::vector<Probe>{},
    });
    const GradientReport report = check_gradients([&](auto& x) { return apply(op, {x}); }, {Doubles{1, 2}});
    BOOST_TEST(!report);
    BOOST_TEST(report.wrong_op()->op == "stop_gradient");
    BOOST_TEST(report.wrong_op()->looks_like.starts_with("zeros, declared with the reason: "));
}

BOOST_AUTO_TEST_CASE(a_declared_zero_comes_after_what_is_wrong) {
    const Op& op = define(Elementwise{
        .name = "planted_later",
        .math = "y = x^2",
        .forward = square_kernel,
        .partials = {[](const Record& r) { return 3 * r.input(); }},
        .probes = std::vector<Probe>{},
    });
    // stop_gradient is right to differ: its user wanted it so.
    const auto f = [&](const Tensor& x) { return apply(op, {x + stop_gradient(x)}); };
    BOOST_TEST(check_gradients(f, {Doubles{1, 2}}).wrong_op()->op == "planted_later");
}

BOOST_AUTO_TEST_CASE(a_gradient_that_a_function_gives_is_named_by_exclusion) {
    const auto f = [](const Tensor& x) {
        return custom_gradient([](auto& t) { return t * t; },
                               [](auto& xs, auto&, auto& g) { return std::vector<Tensor>{g * xs[0]}; }, {x});
    };
    const GradientReport report = check_gradients(f, {Doubles{1, 2}}, {.order = 1});
    BOOST_TEST(!report);
    BOOST_TEST(report.wrong_op()->op == "custom_gradient");
    BOOST_TEST(report.wrong_op()->looks_like == "given by a function of its own; all other operations are right");
}

BOOST_AUTO_TEST_CASE(a_wrong_forward_mode_is_named) {
    const Op& op = define(General{
        .name = "planted_forward_only",
        .math = "y = 2 x",
        .shape =
            [](const Call& call) {
                return Signature{call.dtype(0), call.shape(0)};
            },
        .forward = floating<1>([](auto x) { return 2 * x; }),
        .vjp = [](const Record&, const Tensor& g, std::size_t) { return 2 * g; },
        .jvp = [](const Record&, std::span<const Tensor> t) { return 3 * t[0]; },
        .probes = std::vector<Probe>{},
    });
    const GradientReport report = check_gradients([&](auto& x) { return apply(op, {tanh(x)}); }, {Doubles{1, 2}});
    BOOST_TEST(report.wrong_op()->op == "planted_forward_only");
    BOOST_TEST(report.wrong_op()->looks_like == "forward mode and reverse mode differ");
}

BOOST_AUTO_TEST_CASE(in_a_large_network_too) {
    const Op& op = define(Elementwise{
        .name = "planted_deep",
        .math = "y = tanh x",
        .forward = floating<1>([](auto x) { return std::tanh(x); }),
        .partials = {[](const Record& r) { return 1 - r.output(); }},
        .probes = std::vector<Probe>{},
    });
    const Tensor X = support::draws({50, 30}, 1);
    const auto cost = [&](const Tensor& W1, const Tensor& W2) {
        return mean(square(matmul(W2, apply(op, {matmul(W1, X)}))));
    };
    const GradientReport report = check_gradients(
        cost, {Tensor(support::draws({40, 50}, 2, -0.1, 0.1)), Tensor(support::draws({5, 40}, 3))}, {.directions = 2});
    BOOST_TEST(!report);
    BOOST_TEST(report.wrong_op()->op == "planted_deep");
    BOOST_TEST(report.wrong_op()->shapes == "(40, 30) -> (40, 30)");
}

BOOST_AUTO_TEST_SUITE_END()
