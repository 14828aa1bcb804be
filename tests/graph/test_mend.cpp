#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// The edit that an error of shapes proposes: with the user's names, to the letter; and that there is none where none
// would help.

using support::message_of;
using xgrad::name;
using xgrad::parameter;
using xgrad::ShapeError;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

Tensor tensor(const std::vector<std::size_t>& extents, const std::string& called = "") {
    return support::ones_called(called, extents);
}

/// What an error says behind "got".
template <class F>
std::string found(F&& call) {
    const std::string text = message_of<ShapeError>([&] { call(); });
    const std::size_t start = text.find(", got ");
    return start == std::string::npos ? text : text.substr(start + 6);
}

#define FINDS(statement, facts, cure)                          \
    BOOST_TEST(found([&] { static_cast<void>(statement); }) == \
               std::string(facts) + " at test_mend.cpp:" + std::to_string(__LINE__) + (cure))

struct Things {
    Tensor W1 = parameter(Array(std::vector<std::size_t>{3, 4}, 1.), "W1");
    Tensor X = tensor({3, 400}, "X"), A0 = tensor({4, 400}, "A0");
    Tensor b = tensor({4}, "b"), A = tensor({400, 1}, "A"), Y = tensor({1, 400}, "Y");
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mending, Things)

BOOST_AUTO_TEST_CASE(a_transpose) {
    FINDS(matmul(W1, X), "W1 (3, 4) and X (3, 400)", "; did you mean matmul(transpose(W1), X)?");
    FINDS(matmul(W1, tensor({3, 400})), "W1 (3, 4) and (3, 400)", "; did you mean transpose(W1)?");
    FINDS(matmul(tensor({3, 4}), X), "(3, 4) and X (3, 400)", "; did you mean the first operand transposed?");
    FINDS(dot(X, X), "X (3, 400) and X (3, 400)", "; did you mean dot(transpose(X), X) or dot(X, transpose(X))?");
    FINDS(matmul(W1, tensor({3}, "v")), "W1 (3, 4) and v (3,)", "; did you mean matmul(v, W1)?");
    FINDS(mse(A, Y), "A (400, 1) and Y (1, 400)", "; did you mean mse(transpose(A), Y) or mse(A, transpose(Y))?");
    FINDS(xgrad::linalg::solve(tensor({3, 3}, "M"), tensor({2, 3}, "B")), "M (3, 3) and B (2, 3)",
          "; did you mean solve(M, transpose(B))?");
}

BOOST_AUTO_TEST_CASE(operands_exchanged) {
    FINDS(matmul(A0, W1), "A0 (4, 400) and W1 (3, 4)", "; did you mean matmul(W1, A0)?");
    FINDS(matmul(A0, tensor({3, 4})), "A0 (4, 400) and (3, 4)", "; did you mean the operands the other way round?");
}

BOOST_AUTO_TEST_CASE(an_axis_more_or_less) {
    FINDS(A0 + b, "A0 (4, 400) and b (4,)", "; did you mean A0 + reshape(b, {4, 1})?");
    FINDS(A0 < b, "A0 (4, 400) and b (4,)", "; did you mean A0 < reshape(b, {4, 1})?");
    FINDS(maximum(A0, b), "A0 (4, 400) and b (4,)", "; did you mean maximum(A0, reshape(b, {4, 1}))?");
    FINDS(tensor({4, 400}) - b, "(4, 400) and b (4,)", "; did you mean reshape(b, {4, 1})?");
    FINDS(xgrad::concatenate({X, tensor({400}, "row")}), "X (3, 400) and row (400,)",
          "; did you mean reshape(row, {1, 400})?");
    FINDS(mse(tensor({400}, "a"), Y), "a (400,) and Y (1, 400)",
          "; did you mean mse(reshape(a, {1, 400}), Y) or mse(a, reshape(Y, {400}))?");
    FINDS(A0 + tensor({4, 1, 1, 1}, "B") + tensor({3, 3}), "(4, 1, 4, 400) and (3, 3)", "");
}

BOOST_AUTO_TEST_CASE(keepdims_in_the_reduction_that_made_an_operand) {
    const std::string place = "test_mend.cpp:" + std::to_string(__LINE__ + 1);
    const Tensor s = name(sum(X, 1), "s"), largest = xgrad::amax(X, 1), mu = mean(X, 1);
    FINDS(X / s, "X (3, 400) and s (3,)", "; keepdims in the sum at " + place + " would make s (3, 1)");
    FINDS(X - largest, "X (3, 400) and (3,)",
          "; keepdims in the amax at " + place + " would make the second operand (3, 1)");
    FINDS(X - mu, "X (3, 400) and (3,)",
          "; keepdims in the reduction at " + place + " would make the second operand (3, 1)");
    FINDS(X - sum(A0, 1), "X (3, 400) and (4,)", "");  // (4, 1) would not fit either
}

BOOST_AUTO_TEST_CASE(a_name_survives_a_change_of_dtype) {
    const Tensor narrow = name(astype(tensor({4}), xgrad::DType::float32), "narrow");
    FINDS(A0 + narrow, "A0 (4, 400) and narrow (4,)", "; did you mean A0 + reshape(narrow, {4, 1})?");
}

BOOST_AUTO_TEST_CASE(nothing_where_no_single_edit_helps) {
    FINDS(tensor({2, 3}) + tensor({4, 5}), "(2, 3) and (4, 5)", "");
    FINDS(matmul(tensor({2, 3}), tensor({4, 5})), "(2, 3) and (4, 5)", "");
    FINDS(xgrad::amax(tensor({0})), "(0,)", "");
    // (3, 1) and (4,) would broadcast, two ways: that is not what was meant.
    FINDS(tensor({3}) + tensor({4}), "(3,) and (4,)", "");
    // The axis −1 was counted in the first operand.
    FINDS(xgrad::concatenate({tensor({3}), tensor({2, 3})}, -1), "(3,) and (2, 3)", "");
    FINDS(conv2d(tensor({1, 2, 8, 8}), tensor({1, 3, 5, 5})), "(1, 2, 8, 8) and (1, 3, 5, 5)", "");
    FINDS(conv2d(tensor({1, 2, 8, 4}), tensor({1, 2, 5, 5})), "(1, 2, 8, 4) and (1, 2, 5, 5)", "");
    FINDS(reshape(X, {7, 7}), "(7, 7)", "");
    FINDS(reshape(X, {-1, -1, 7}), "(-1, -1, 7)", "");
    FINDS(broadcast_to(X, {5, 7}), "(5, 7)", "");
}

BOOST_AUTO_TEST_CASE(images_and_filters) {
    const Tensor I = tensor({16, 3, 28, 28}, "I"), F = tensor({8, 3, 5, 5}, "F");
    const std::string both = "F (8, 3, 5, 5) and I (16, 3, 28, 28)";
    FINDS(conv2d(F, I), both, "; did you mean conv2d(I, F)?");
    FINDS(conv2d(F, I, {.stride = 2, .padding = 1}), both, "; did you mean conv2d(I, F)?");
    FINDS(conv2d(tensor({16, 28, 28, 3}, "last"), F), "last (16, 28, 28, 3) and F (8, 3, 5, 5)",
          "; did you mean conv2d(transpose(last, {0, 3, 1, 2}), F)?");
    FINDS(conv2d(tensor({3, 28, 28}, "one"), F), "one (3, 28, 28) and F (8, 3, 5, 5)",
          "; did you mean conv2d(reshape(one, {1, 3, 28, 28}), F)?");
    const Tensor G = tensor({8, 1, 5, 5}, "G");
    FINDS(conv2d(tensor({60, 28, 28}, "grey"), G), "grey (60, 28, 28) and G (8, 1, 5, 5)",
          "; did you mean conv2d(reshape(grey, {60, 1, 28, 28}), G)?");
    FINDS(conv2d(tensor({28, 28}, "pixels"), G), "pixels (28, 28) and G (8, 1, 5, 5)",
          "; did you mean conv2d(reshape(pixels, {1, 1, 28, 28}), G)?");
    FINDS(conv1d(tensor({4, 2, 3}, "w"), tensor({9, 2, 17}, "x")), "w (4, 2, 3) and x (9, 2, 17)",
          "; did you mean conv1d(x, w)?");
    FINDS(conv_transpose2d(tensor({8, 3, 5, 5}, "F"), tensor({16, 8, 7, 7}, "I")), "F (8, 3, 5, 5) and I (16, 8, 7, 7)",
          "; did you mean conv_transpose2d(I, F)?");
    FINDS(conv_transpose2d(tensor({1, 1, 1, 1}), tensor({1, 1, 1, 1}), {.padding = 1}), "(1, 1, 1, 1) and (1, 1, 1, 1)",
          "");
    FINDS(max_pool2d(tensor({3, 28, 28}, "one"), 2), "one (3, 28, 28)",
          "; did you mean max_pool2d(reshape(one, {1, 3, 28, 28}), 2) or max_pool2d(reshape(one, {3, 1, 28, 28}), 2)?");
    FINDS(avg_pool2d(tensor({28, 28}, "pixels"), {2, 3}), "pixels (28, 28)",
          "; did you mean avg_pool2d(reshape(pixels, {1, 1, 28, 28}), {2, 3})?");
    FINDS(avg_pool2d(tensor({1, 1, 28, 2}, "strip"), {2, 3}), "strip (1, 1, 28, 2)",
          "; did you mean avg_pool2d(matrix_transpose(strip), {2, 3})?");
}

BOOST_AUTO_TEST_CASE(a_shape_that_was_given) {
    FINDS(reshape(W1, {4, 2}), "(4, 2)", "; did you mean reshape(W1, {-1, 2}) or reshape(W1, {4, -1})?");
    FINDS(reshape(W1, {5, 2}), "(5, 2)", "; did you mean reshape(W1, {-1, 2})?");
    FINDS(reshape(W1, {3}), "(3,)", "; did you mean reshape(W1, {-1})?");
    FINDS(reshape(W1, {-1, 5}), "(-1, 5)", "");
    FINDS(reshape(W1, {-1, -1}), "(-1, -1)", "");
    FINDS(reshape(tensor({6}), {2, 4}), "(2, 4)", "; did you mean reshape(..., {2, -1})?");
    FINDS(broadcast_to(b, {4, 400}), "(4, 400)", "; did you mean broadcast_to(reshape(b, {4, 1}), {4, 400})?");
    FINDS(broadcast_to(Y, {400, 5}), "(400, 5)", "; did you mean broadcast_to(transpose(Y), {400, 5})?");
    FINDS(broadcast_to(tensor({4}), {4, 400}), "(4, 400)", "; did you mean the operand as (4, 1)?");
    FINDS(xgrad::squeeze(Y, 1), "axis 1 of Y (1, 400)", "; did you mean squeeze(Y, 0)?");
    FINDS(xgrad::squeeze(X, 1), "axis 1 of X (3, 400)", "");
}

BOOST_AUTO_TEST_CASE(a_vector_beside_a_matrix) {
    FINDS(xgrad::linalg::solve(tensor({3, 3}, "M"), b), "M (3, 3) and b (4,)", "");
    FINDS(xgrad::linalg::solve(b, tensor({4, 4}, "M")), "b (4,) and M (4, 4)", "; did you mean solve(M, b)?");
    FINDS(xgrad::linalg::lstsq(W1, b), "W1 (3, 4) and b (4,)", "; did you mean lstsq(transpose(W1), b)?");
    FINDS(tensor({4, 5, 6}, "T") + tensor({4, 6}, "M"), "T (4, 5, 6) and M (4, 6)",
          "; did you mean T + reshape(M, {4, 1, 6})?");
    FINDS(cross_entropy(b, tensor({4}, "labels")), "b (4,) and labels (4,)", "");
}

BOOST_AUTO_TEST_CASE(a_rule_that_is_tried_with_fewer_axes) {
    // Without these a shape rule of matrices would read beyond the shape of a vector.
    for (const Tensor& left : {tensor({1, 5}), tensor({5}), tensor({})}) {
        const std::string text = message_of<ShapeError>([&] {
            xgrad::apply(*xgrad::find_op("matmul"), {left, tensor({2, 7})});
        });
        BOOST_TEST(text.starts_with("matmul: needs (n, k) and (k, m), got "), text);
    }
}

BOOST_AUTO_TEST_CASE(losses_refuse_shapes_that_differ) {
    const Tensor probabilities = tensor({1, 5}, "A");
    for (const Tensor& target : {tensor({5}), tensor({5, 1}), tensor({1, 1}), Tensor(1.0)}) {
        const auto refuses = [&](const char* loss, auto&& call) {
            const std::string text = message_of<ShapeError>([&] { call(probabilities, target); });
            BOOST_TEST(text.starts_with(std::string(loss) + ": needs "), text);
            BOOST_TEST(text.find(" at test_mend.cpp:") != std::string::npos, text);
        };
        refuses("mse", [](auto& prediction, auto& truth) { mse(prediction, truth); });
        refuses("l1", [](auto& prediction, auto& truth) { l1(prediction, truth); });
        refuses("huber", [](auto& prediction, auto& truth) { huber(prediction, truth); });
        refuses("hinge", [](auto& prediction, auto& truth) { hinge(prediction, truth); });
        refuses("kl_div", [](auto& prediction, auto& truth) { kl_div(prediction, truth); });
        refuses("cross_entropy", [](auto& prediction, auto& truth) { cross_entropy(prediction, truth); });
        refuses("binary_cross_entropy", [](auto& prediction, auto& truth) { binary_cross_entropy(prediction, truth); });
        refuses("binary_cross_entropy_with_logits",
                [](auto& prediction, auto& truth) { binary_cross_entropy_with_logits(prediction, truth); });
    }
    const Tensor labels = xt::xarray<std::int64_t>{0, 0, 0};
    BOOST_TEST(message_of<ShapeError>([&] { nll(probabilities, labels); }).starts_with("nll: needs "));
}

BOOST_AUTO_TEST_CASE(leaves_nothing_behind) {
    const std::int64_t before = xgrad::live_nodes();
    found([&] { matmul(W1, X); });
    BOOST_TEST(xgrad::live_nodes() == before);
}

BOOST_AUTO_TEST_SUITE_END()
