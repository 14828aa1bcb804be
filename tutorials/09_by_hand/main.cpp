#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using tutorial::section;
using Matrix = xt::xarray<double>;

namespace {

// [tools]
/// np.dot(A, B)
Matrix dot_by_hand(const Matrix& A, const Matrix& B) {
    Matrix C = xt::zeros<double>({A.shape(0), B.shape(1)});
    for (std::size_t i = 0; i < A.shape(0); ++i) {
        for (std::size_t k = 0; k < A.shape(1); ++k) {
            for (std::size_t j = 0; j < B.shape(1); ++j) C(i, j) += A(i, k) * B(k, j);
        }
    }
    return C;
}

/// A.T
Matrix T(const Matrix& A) {
    Matrix B = xt::zeros<double>({A.shape(1), A.shape(0)});
    for (std::size_t i = 0; i < A.shape(0); ++i) {
        for (std::size_t j = 0; j < A.shape(1); ++j) B(j, i) = A(i, j);
    }
    return B;
}

/// np.sum(A, axis=1, keepdims=True)
Matrix sum_of_columns(const Matrix& A) {
    Matrix S = xt::zeros<double>({A.shape(0), std::size_t{1}});
    for (std::size_t i = 0; i < A.shape(0); ++i) {
        for (std::size_t j = 0; j < A.shape(1); ++j) S(i, 0) += A(i, j);
    }
    return S;
}
// [/tools]

}  // namespace

void lesson(const tutorial::Arguments&) {
    section("network");
    random::Generator generator(2);
    const auto draw = [&](const Shape& shape) { return generator.normal(shape, 0, 1, DType::float64); };
    const double m = 6;  // examples
    const Tensor X = name(draw({3, 6}), "X"), Y = astype(draw({1, 6}) > 0, DType::float64);
    const Tensor W1 = parameter(draw({4, 3}), "W1"), b1 = parameter(draw({4, 1}), "b1");
    const Tensor W2 = parameter(draw({1, 4}), "W2"), b2 = parameter(draw({1, 1}), "b2");
    const Tensor Z1 = name(dot(W1, X) + b1, "Z1"), A1 = name(tanh(Z1), "A1");
    const Tensor Z2 = name(dot(W2, A1) + b2, "Z2"), A2 = name(sigmoid(Z2), "A2");
    const Tensor J = -mean(Y * log(A2) + (1 - Y) * log(1 - A2));
    fmt::print("J = {:.4f}\n", J.item());

    section("by_hand");
    const Matrix x = X.value<double>(), y = Y.value<double>(), w2 = W2.value<double>();
    const Matrix a1 = A1.value<double>(), a2 = A2.value<double>();
    const Matrix dZ2 = a2 - y;
    const Matrix dW2 = dot_by_hand(dZ2, T(a1)) / m;
    const Matrix db2 = sum_of_columns(dZ2) / m;
    const Matrix dZ1 = dot_by_hand(T(w2), dZ2) * (1 - a1 * a1);  // * is elementwise
    const Matrix dW1 = dot_by_hand(dZ1, T(x)) / m;
    const Matrix db1 = sum_of_columns(dZ1) / m;

    section("graded");
    fmt::print("{}\n", compare_gradient(dZ2, J, Z2));
    fmt::print("{}\n", compare_gradient(dW2, J, W2));
    fmt::print("{}\n", compare_gradient(db2, J, b2));
    fmt::print("{}\n", compare_gradient(dZ1, J, Z1));
    fmt::print("{}\n", compare_gradient(dW1, J, W1));
    fmt::print("{}\n", compare_gradient(db1, J, b1));

    section("no_mean");
    fmt::print("{}\n", compare_gradient(dot_by_hand(dZ2, T(a1)), J, W2));

    section("no_sum");
    fmt::print("{}\n", compare_gradient(Matrix(dZ1 / m), J, b1));

    section("no_slope");
    const Matrix dA1 = dot_by_hand(T(w2), dZ2);  // and taken for dZ1
    fmt::print("{}\n", compare_gradient(dA1, J, Z1));
    fmt::print("{}\n", compare_gradient(Matrix(dot_by_hand(dA1, T(x)) / m), J, W1));

    section("other_slope");
    fmt::print("{}\n", compare_gradient(Matrix(dA1 * a1), J, Z1));
    fmt::print("{}\n", compare_gradient(Matrix(dA1 * a1 * (1 - a1)), J, Z1));

    section("transpose");
    fmt::print("{}\n", compare_gradient(T(dW1), J, W1));
    fmt::print("{}\n", compare_gradient(Matrix(dot_by_hand(dZ1, T(a1)) / m), J, W1));

    section("sign");
    const Matrix other_sign = y - a2;
    fmt::print("{}\n", compare_gradient(Matrix(dot_by_hand(other_sign, T(a1)) / m), J, W2));

    section("decay");
    const double lambda = 0.7;
    const Tensor regularised = J + lambda / (2 * m) * sum(square(W1));
    fmt::print("{}\n", compare_gradient(dW1, regularised, W1));
    fmt::print("{}\n", compare_gradient(Matrix(dW1 + lambda / m * Matrix(W1.value<double>())), regularised, W1));

    section("program");
    J.backward();
    const bool passes = bool(compare_gradient(dW1, W1)) && bool(compare_gradient(db1, b1));
    fmt::print("{}\n", passes ? "layer 1 passes" : "layer 1 fails");
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson);
}
