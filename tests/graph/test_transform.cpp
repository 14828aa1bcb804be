#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "hand.hpp"
#include "no_leaks.hpp"

// Jacobians, Hessians and their products against closed forms.

using hand::Array;
using hand::times;
using hand::transposed;
using support::close;
using support::draws;
using support::message_of;
using xgrad::parameter;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

Array diagonal_matrix(const Array& d) {
    Array matrix = xt::zeros<double>({d.size(), d.size()});
    for (std::size_t i = 0; i < d.size(); ++i) matrix(i, i) = d.data()[i];
    return matrix;
}

/// Logistic regression: J(w) with gradient X (a - y) / m and Hessian X diag(a (1 - a)) Xᵀ / m.
struct Logistic {
    Array X = draws({3, 7}, 1);
    Array Y = xt::cast<double>(draws({1, 7}, 2) > 0.);
    Array w = draws({3, 1}, 3, -1, 1);
    Array hessian;

    Logistic() {
        const Array a = hand::sigmoid(times(transposed(w), X));
        hessian = times(times(X, diagonal_matrix(a * (1 - a))), transposed(X)) / 7;
    }
    Tensor cost(const Tensor& w_) const {
        const Tensor A = xgrad::sigmoid(xgrad::matmul(transpose(w_), X));
        return -mean(Y * xgrad::log(A) + (1 - Y) * xgrad::log(1 - A));
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(transform)

BOOST_AUTO_TEST_CASE(value_and_gradient) {
    const Array x = draws({4}, 1);
    const auto [value, gradients] = xgrad::value_and_grad([](auto& t) { return sum(t * t); }, {x});
    BOOST_TEST(close(value, Array(xt::sum(x * x))));
    BOOST_TEST(close(gradients[0], Array(2 * x)));
}

BOOST_AUTO_TEST_CASE(products_of_functions) {
    const Array A = draws({3, 4}, 1), x = draws({4, 1}, 2), v = draws({3, 1}, 3), u = draws({4, 1}, 4);
    const auto f = [&](auto& t) { return xgrad::matmul(A, t); };
    const auto [y, back] = xgrad::vjp(f, {x}, v);
    BOOST_TEST(close(y, times(A, x)));
    BOOST_TEST(close(back[0], times(transposed(A), v)));
    const auto [z, along] = xgrad::jvp(f, {x}, {u});
    BOOST_TEST(close(z, times(A, x)));
    BOOST_TEST(close(along, times(A, u)));
}

BOOST_AUTO_TEST_CASE(jacobians_by_rows_and_by_columns) {
    // ∂(A x)/∂x = A: three rows of four for a wide A, four columns for a tall one.
    for (const auto& shape : {std::vector<std::size_t>{3, 5}, std::vector<std::size_t>{5, 3}}) {
        const Array A = draws(shape, 1), x = draws({shape[1], 1}, 2);
        const Tensor J = xgrad::jacobian([&](auto& t) { return reshape(xgrad::matmul(A, t), {-1}); }, x);
        BOOST_TEST(J.shape() == (Shape{shape[0], shape[1], 1}));
        BOOST_TEST(close(reshape(J, {shape[0], shape[1]}), A));
    }
    const Array x = draws({2, 3}, 3);
    const Tensor J = xgrad::jacobian([](auto& t) { return xgrad::exp(t); }, x);
    BOOST_TEST(J.shape() == (Shape{2, 3, 2, 3}));
    BOOST_TEST(close(reshape(J, {6, 6}), diagonal_matrix(xt::exp(x))));
    BOOST_TEST(xgrad::jacobian([](auto& t) { return t; }, xgrad::zeros({0})).shape() == (Shape{0, 0}));
}

BOOST_AUTO_TEST_CASE(the_hessian_of_logistic_regression) {
    const Logistic model;
    const Tensor H = xgrad::hessian([&](auto& w) { return model.cost(w); }, model.w);
    BOOST_TEST(H.shape() == (Shape{3, 1, 3, 1}));
    BOOST_TEST(close(reshape(H, {3, 3}), model.hessian, 1e-11));
    const Array v = draws({3, 1}, 4);
    const auto product = xgrad::hvp([&](auto& w) { return model.cost(w); }, {model.w}, {v});
    BOOST_TEST(close(product[0], times(model.hessian, v), 1e-11));
    // The same of a recorded cost, with respect to a parameter.
    const Tensor w = parameter(model.w, "w");
    const Tensor J = model.cost(w);
    const Tensor v_ = v;
    BOOST_TEST(close(xgrad::hvp(J, {&w, 1}, {&v_, 1})[0], times(model.hessian, v), 1e-11));
}

BOOST_AUTO_TEST_CASE(blocks_of_a_hessian) {
    // y = aᵀ B c + ½ aᵀ a: ∂²y/∂a² = I, ∂²y/∂a∂c = B, ∂²y/∂c² = 0.
    const Array B = draws({2, 3}, 1), a = draws({2}, 2), c = draws({3}, 3);
    const auto H = xgrad::hessian(
        [&](auto& s, auto& t) { return xgrad::dot(xgrad::matmul(s, B), t) + 0.5 * xgrad::dot(s, s); }, {a, c});
    BOOST_TEST(close(H[0][0], diagonal_matrix(xt::ones<double>({2}))));
    BOOST_TEST(close(H[0][1], B));
    BOOST_TEST(close(H[1][0], transposed(B)));
    BOOST_TEST(close(H[1][1], Array(xt::zeros<double>({3, 3}))));
}

BOOST_AUTO_TEST_CASE(transforms_of_transforms) {
    // The Jacobian of the Hessian of Σ x⁴ is 24 x on the space diagonal.
    const Array x = draws({3}, 1);
    const Tensor third =
        xgrad::jacobian([](auto& t) { return xgrad::hessian([](auto& s) { return sum(square(square(s))); }, t); }, x);
    Array expected = xt::zeros<double>({3, 3, 3});
    for (std::size_t i = 0; i < 3; ++i) expected(i, i, i) = 24 * x(i);
    BOOST_TEST(close(third, expected));
    // A Hessian is connected to what its argument was computed from.
    const Tensor p = parameter(x);
    const Tensor trace = sum(xgrad::hessian([](auto& s) { return sum(s * s * s); }, 2 * p));
    BOOST_TEST(close(grad(trace, p), Array(xt::full_like(x, 12.))));
}

BOOST_AUTO_TEST_CASE(functions_that_are_linear_or_constant) {
    const Array x = draws({3}, 1);
    BOOST_TEST(close(xgrad::hessian([](auto& t) { return sum(t); }, x), Array(xt::zeros<double>({3, 3}))));
    BOOST_TEST(
        close(xgrad::jacobian([](auto& t) { return xgrad::stop_gradient(t); }, x), Array(xt::zeros<double>({3, 3}))));
    const auto hvp = xgrad::hvp([](auto& t) { return sum(t); }, {x}, {x});
    BOOST_TEST(close(hvp[0], Array(xt::zeros<double>({3}))));
}

BOOST_AUTO_TEST_CASE(nested_lists_of_parameters) {
    const Tensor a = parameter(draws({2}, 1)), b = parameter(draws({3}, 2)), c = parameter(draws({1}, 3));
    const Tensor J = sum(a * a) + 2 * sum(b) + 3 * sum(c);
    const std::vector<std::vector<Tensor>> layers{{a, b}, {c}};
    const auto gradients = grad(J, layers);
    BOOST_TEST(gradients.size() == 2u);
    BOOST_TEST(close(gradients[0][0], 2 * a));
    BOOST_TEST(close(gradients[0][1], Array(xt::full_like(draws({3}, 2), 2.))));
    BOOST_TEST(close(gradients[1][0], Array{3.}));
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    const Array x = draws({3}, 1);
    const auto identity = [](auto& t) { return 1 * t; };
    BOOST_CHECK_THROW(xgrad::value_and_grad(identity, {x}), xgrad::GradientError);
    BOOST_CHECK_THROW(xgrad::hessian(identity, x), xgrad::GradientError);
    BOOST_CHECK_THROW(xgrad::vjp(identity, {x}, Array(draws({4}, 2))), xgrad::ShapeError);
    BOOST_CHECK_THROW(xgrad::jvp(identity, {x}, {Array(draws({4}, 2))}), xgrad::ShapeError);
    BOOST_CHECK_THROW(xgrad::hvp([](auto& t) { return sum(t); }, {x}, {}), xgrad::ValueError);
    const int line = __LINE__ + 1;
    const std::string text = message_of<xgrad::GradientError>([&] { xgrad::jacobian(identity, xt::xarray<int>{1}); });
    BOOST_TEST(text ==
               "jacobian: needs floating-point arguments, got int32 at test_transform.cpp:" + std::to_string(line));
}

BOOST_AUTO_TEST_SUITE_END()
