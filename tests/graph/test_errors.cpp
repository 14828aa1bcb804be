#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Promise 5: every error names the op, the rule, the shapes and the caller's file and line. To the letter.

using support::message_of;
using xgrad::DTypeError;
using xgrad::GradientError;
using xgrad::ShapeError;
using xgrad::Tensor;
using xgrad::ValueError;
using Array = xt::xarray<double>;

namespace {

/// Checks that one statement on the line of this macro throws `type` with `text` and this very place.
#define FAILS(type, statement, text)                                      \
    BOOST_TEST(message_of<type>([&] { static_cast<void>(statement); }) == \
               std::string(text) + " at test_errors.cpp:" + std::to_string(__LINE__))

/// The same with a cure behind the place.
#define FAILS_WITH_CURE(type, statement, text, cure)                      \
    BOOST_TEST(message_of<type>([&] { static_cast<void>(statement); }) == \
               std::string(text) + " at test_errors.cpp:" + std::to_string(__LINE__) + "; " + (cure))

const auto tensor = [](auto... extents) {
    return Tensor(Array(std::vector<std::size_t>{static_cast<std::size_t>(extents)...}, 1.));
};

}  // namespace

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(of_operators) {
    const Tensor a = tensor(2, 3), b = tensor(4, 5);
    FAILS(ShapeError, a + b, "add: needs shapes that broadcast, got (2, 3) and (4, 5)");
    FAILS(ShapeError, a - b, "subtract: needs shapes that broadcast, got (2, 3) and (4, 5)");
    FAILS(ShapeError, a * b, "multiply: needs shapes that broadcast, got (2, 3) and (4, 5)");
    FAILS_WITH_CURE(ShapeError, a / tensor(2), "divide: needs shapes that broadcast, got (2, 3) and (2,)",
                    "did you mean the second operand as (2, 1)?");
    FAILS(ShapeError, a < b, "less: needs shapes that broadcast, got (2, 3) and (4, 5)");
    FAILS(ShapeError, a == b, "equal: needs shapes that broadcast, got (2, 3) and (4, 5)");
}

BOOST_AUTO_TEST_CASE(of_operators_with_xtensor_expressions) {
    const Tensor a = tensor(2, 3);
    const Array x = xt::ones<double>({3, 2});
    FAILS_WITH_CURE(ShapeError, a + x, "add: needs shapes that broadcast, got (2, 3) and (3, 2)",
                    "did you mean the first operand transposed or the second operand transposed?");
    FAILS_WITH_CURE(ShapeError, x + a, "add: needs shapes that broadcast, got (3, 2) and (2, 3)",
                    "did you mean the first operand transposed or the second operand transposed?");
    FAILS_WITH_CURE(ShapeError, 2 * x * a, "multiply: needs shapes that broadcast, got (3, 2) and (2, 3)",
                    "did you mean the first operand transposed or the second operand transposed?");
    FAILS(ShapeError, xt::zeros<double>({2, 2}) - a, "subtract: needs shapes that broadcast, got (2, 2) and (2, 3)");
}

BOOST_AUTO_TEST_CASE(of_an_operator_on_its_own_line) {
    const Tensor a = tensor(2, 3), b = tensor(4, 5);
    int line = 0;
    const std::string text = message_of<ShapeError>([&] {
        const Tensor fine = a * 2;
        line = __LINE__ + 1;
        const Tensor wrong = fine + b;
    });
    BOOST_TEST(text ==
               "add: needs shapes that broadcast, got (2, 3) and (4, 5) at test_errors.cpp:" + std::to_string(line));
}

BOOST_AUTO_TEST_CASE(of_products) {
    FAILS(ShapeError, matmul(tensor(2, 3), tensor(4, 5)), "matmul: needs (n, k) and (k, m), got (2, 3) and (4, 5)");
    FAILS(ShapeError, matmul(tensor(3), tensor(4)), "matmul: needs (n, k) and (k, m), got (3,) and (4,)");
    FAILS(ShapeError, matmul(tensor(2, 3), tensor()), "matmul: needs (n, k) and (k, m), got (2, 3) and ()");
    FAILS(ShapeError, matmul(tensor(2, 2, 3), tensor(3, 3, 2)),
          "matmul: needs stacks of matrices that broadcast, got (2, 2, 3) and (3, 3, 2)");
    FAILS(ShapeError, xgrad::dot(tensor(2, 3), tensor(4, 5)), "dot: needs (n, k) and (k, m), got (2, 3) and (4, 5)");
    FAILS(ShapeError, xgrad::dot(tensor(2, 2, 2), tensor(2, 2)),
          "dot: needs (n, k) and (k, m), got (2, 2, 2) and (2, 2)");
    FAILS(DTypeError, matmul(astype(tensor(2, 2), xgrad::DType::int32), astype(tensor(2, 2), xgrad::DType::int32)),
          "matmul: needs float32 or float64, got int32 and int32");
}

BOOST_AUTO_TEST_CASE(of_reductions) {
    FAILS(ShapeError, sum(tensor(2, 3), 2), "sum: needs an axis of (2, 3), got 2");
    FAILS(ShapeError, mean(tensor(2, 3), -3), "mean: needs an axis of (2, 3), got -3");
    FAILS(ShapeError, xgrad::amax(tensor(2, 3), {0, 0}), "amax: needs each axis once, got (0, 0) for (2, 3)");
    FAILS(ShapeError, xgrad::amax(tensor(0)), "amax: needs at least one element, got (0,)");
    FAILS(ShapeError, norm(tensor(2), 1), "norm: needs an axis of (2,), got 1");
    FAILS(DTypeError, mean(Tensor(3)), "mean: needs float32 or float64, got int32");
    FAILS(ShapeError, xgrad::softmax(tensor(2, 3), 2), "softmax: needs an axis of (2, 3), got 2");
    FAILS(ShapeError, xgrad::log_softmax(tensor(), 0), "log_softmax: needs an axis of (), got 0");
}

BOOST_AUTO_TEST_CASE(of_movement) {
    const Tensor a = tensor(2, 3);
    FAILS(ShapeError, transpose(a, {0, 2}), "transpose: needs an axis of (2, 3), got 2");
    FAILS(ShapeError, transpose(a, 0), "transpose: needs every axis of (2, 3), got (0,)");
    FAILS_WITH_CURE(ShapeError, reshape(a, {4, 2}), "reshape: needs a shape of 6 elements for (2, 3), got (4, 2)",
                    "did you mean reshape(..., {-1, 2})?");
    FAILS(ShapeError, reshape(a, {-1, 4}), "reshape: needs a shape of 6 elements for (2, 3), got (-1, 4)");
    FAILS(ShapeError, reshape(a, {-1, -1}), "reshape: needs a shape of 6 elements for (2, 3), got (-1, -1)");
    FAILS(ShapeError, broadcast_to(a, {2, 4}), "broadcast_to: needs a shape that (2, 3) broadcasts to, got (2, 4)");
    FAILS(ShapeError, view(a, {2}), "view: needs an index below 2 for axis 0 of (2, 3), got 2");
    FAILS(ShapeError, view(a, {0, 0, 0}),
          "view: needs at most one slice per axis and one ellipsis for (2, 3), got 3 slices");
    FAILS(ShapeError, view(a, {xgrad::all(0)}), "view: needs a step that is not 0, got axis 0 of (2, 3)");
    FAILS(ShapeError, xgrad::concatenate({}), "concatenate: needs at least one tensor, got none");
    FAILS(ShapeError, xgrad::concatenate({a, tensor(2, 4)}),
          "concatenate: needs equal extents except along axis 0, got (2, 3) and (2, 4)");
    FAILS_WITH_CURE(ShapeError, xgrad::concatenate({a, tensor(3)}),
                    "concatenate: needs tensors of one rank, got (2, 3) and (3,)",
                    "did you mean the second operand as (1, 3)?");
}

BOOST_AUTO_TEST_CASE(of_dtypes) {
    const Tensor f = astype(tensor(2), xgrad::DType::float32), i = Tensor(xt::xarray<int>{1, 2});
    FAILS(DTypeError, f + i, "add: has no common dtype without losing digits; use astype, got float32 and int32");
    FAILS(DTypeError, xgrad::exp(i), "exp: needs float32 or float64, got int32");
    FAILS(DTypeError, xgrad::parameter(i), "parameter: needs a floating-point dtype, got int32");
    FAILS(DTypeError, f.value<double>(), "value: needs the tensor's own dtype float32, got float64");
    FAILS(DTypeError, where(f, f, f), "where: needs a bool mask first, got float32, float32 and float32");
}

BOOST_AUTO_TEST_CASE(of_values) {
    FAILS(ShapeError, tensor(2, 3).item(), "item: needs exactly one element, got (2, 3)");
    FAILS(ValueError, Tensor() + 1, "add: needs a tensor, got an empty handle");
    FAILS(ValueError, xgrad::one_hot(xt::xarray<int>{0, 3, 1}, 3),
          "one_hot: needs labels from 0 to 2, got 3 at index 1");
    FAILS(ValueError, xgrad::one_hot(xt::xarray<int>{0}, 0), "one_hot: needs at least one class, got 0");
    FAILS(DTypeError, xgrad::one_hot(tensor(2), 3), "one_hot: needs int32 or int64 labels, got float64");
    FAILS(ShapeError, xgrad::zeros({-1}), "full: needs extents that are not negative and fit memory, got (-1,)");
}

BOOST_AUTO_TEST_CASE(of_losses_though_they_are_made_of_other_operations) {
    FAILS_WITH_CURE(ShapeError, binary_cross_entropy(tensor(1, 3), tensor(3)),
                    "binary_cross_entropy: needs a prediction and a target of one shape, got (1, 3) and (3,)",
                    "did you mean the first operand as (3,) or the second operand as (1, 3)?");
    FAILS(ShapeError, binary_cross_entropy_with_logits(tensor(1, 3), tensor(1, 4)),
          "binary_cross_entropy_with_logits: needs a prediction and a target of one shape, got (1, 3) and (1, 4)");
    FAILS(ShapeError, cross_entropy(tensor(3), tensor(3)),
          "cross_entropy: needs logits (classes, m), got (3,) and (3,)");
    FAILS_WITH_CURE(ShapeError, cross_entropy(tensor(3, 2), xt::xarray<int>{0, 1, 2}),
                    "cross_entropy: needs labels (m) or (1, m) for logits (classes, m), got (3, 2) and (3,)",
                    "did you mean the first operand transposed?");
    FAILS(ValueError, cross_entropy(tensor(3, 2), xt::xarray<int>{0, 7}),
          "one_hot: needs labels from 0 to 2, got 7 at index 1");
}

BOOST_AUTO_TEST_CASE(of_gradients) {
    const Tensor w = xgrad::parameter(tensor(2, 3), "w"), b = xgrad::parameter(tensor(2, 1), "b");
    const Tensor c = tensor(2, 3);
    FAILS(GradientError, grad(w * c, w), "grad: needs a scalar cost, got (2, 3)");
    FAILS(GradientError, grad(sum(w), b), "grad: needs a result that depends on it, got b of shape (2, 1)");
    FAILS(GradientError, grad(sum(w), c),
          "grad: needs a parameter or something computed from one, got a tensor of shape (2, 3)");
    FAILS(GradientError, grad(sum(w * b), w, c),
          "grad: needs a parameter or something computed from one, got a tensor of shape (2, 3)");
    FAILS(GradientError, (w * c).backward(), "backward: needs a scalar cost, got (2, 3)");
    FAILS(GradientError, sum(c).backward(),
          "backward: needs a cost that depends on a parameter, got a tensor of shape ()");
    FAILS(GradientError, w.grad(), "grad: needs backward() first, got no gradient on this parameter");
    FAILS(ValueError, c.grad(), "grad: needs a parameter, got a tensor that is not one");
    FAILS(ValueError, c.assign(c), "assign: needs a parameter, got a tensor that is not one");
    FAILS(ShapeError, w.assign(b), "assign: needs the parameter's shape w (2, 3), got b (2, 1)");
    FAILS(DTypeError, w.assign(xt::ones<float>({2, 3})), "assign: needs the parameter's dtype float64, got float32");
    FAILS(GradientError, grad(sum(w > 0), w), "grad: needs a floating-point cost, got int64");
    FAILS(ShapeError, vjp(w * 2, c + b * tensor(1, 1, 1), {&w, 1}),
          "vjp: needs a cotangent like the result (2, 3), got (1, 2, 3)");
    FAILS(ShapeError, jvp(w * 2, {&w, 1}, {&b, 1}), "jvp: needs a tangent like its tensor w (2, 3), got b (2, 1)");
    FAILS(GradientError, jvp(w * 2, {&b, 1}, {&b, 1}), "jvp: needs a result that depends on it, got b of shape (2, 1)");
    const Tensor narrow = astype(c, xgrad::DType::float32);
    FAILS(DTypeError, vjp(w * 2, narrow, {&w, 1}), "vjp: needs a cotangent of the result's dtype float64, got float32");
    FAILS(DTypeError, jvp(w * 2, {&w, 1}, {&narrow, 1}),
          "jvp: needs a tangent of its tensor's dtype float64, got float32");
    FAILS(ValueError, jvp(w * 2, {&w, 1}, {}), "jvp: needs one tangent per tensor, got 1 tensors and 0 tangents");
}

BOOST_AUTO_TEST_CASE(in_a_backward_pass_name_the_forward_line) {
    // A derivative of the wrong shape is the operation's mistake; the place is where it was used.
    static const xgrad::Op& op = define(xgrad::Linear{
        .name = "planted_wrong_shape",
        .math = "y = x",
        .shape =
            [](const xgrad::Call& call) {
                return xgrad::Signature{call.dtype(0), call.shape(0)};
            },
        .forward =
            [](const xgrad::Array& x, const xgrad::Attributes&, const xgrad::Shape&) {
                return std::optional<xgrad::Layout>({0, x.strides});
            },
        .transposes = {[](const xgrad::Record&, const Tensor& g) {
            return reshape(g, {3, 2});
        }},
        .probes = {xgrad::Probe{"matrix", {{{2, 3}}}}},
    });
    const Tensor w = xgrad::parameter(tensor(2, 3), "w");
    const int line = __LINE__ + 1;
    const Tensor y = apply(op, {w});
    BOOST_TEST(message_of<ShapeError>([&] { sum(y * y).backward(); }) ==
               "derivative: needs a cotangent that (2, 3) was stretched to, got (3, 2) at test_errors.cpp:" +
                   std::to_string(line));
    BOOST_TEST(!w.has_grad());
}

BOOST_AUTO_TEST_CASE(carry_their_op_and_place) {
    const int line = __LINE__ + 2;
    try {
        tensor(2) + tensor(3);
        BOOST_ERROR("no error");
    } catch (const xgrad::Error& error) {
        BOOST_TEST(error.op() == "add");
        BOOST_TEST(error.location().line == static_cast<std::uint32_t>(line));
        BOOST_TEST(std::string(error.location().file).ends_with("tests/graph/test_errors.cpp"));
    }
}

BOOST_AUTO_TEST_SUITE_END()
