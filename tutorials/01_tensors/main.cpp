#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using tutorial::section;
using tutorial::show_error;

void lesson(const tutorial::Arguments&) {
    section("tensor");
    const Tensor X = xt::xarray<float>{{1, 2, 3}, {4, 5, 6}};  // n = 2 features, m = 3 examples
    fmt::print("{}\n", X);
    fmt::print("shape {}, {} elements of {}\n", X.shape(), X.size(), name(X.dtype()));

    section("axes");
    fmt::print("sum(X, 0)           = {}\n", sum(X, 0));  // vertical
    fmt::print("sum(X, 1)           = {}\n", sum(X, 1));  // horizontal
    fmt::print("sum(X, 1, keepdims) = {}\n", sum(X, 1, keepdims).shape());
    fmt::print("sum(X)              = {}\n", sum(X));

    section("normalise");
    const Tensor rows = X / norm(X, 1, keepdims);  // np.linalg.norm(x, axis=1, keepdims=True)
    fmt::print("{:.3f}\nlengths {:.3f}\n", rows, norm(rows, 1));

    section("products");
    const Tensor W = xt::xarray<float>{{1, 0}, {0, 1}, {1, 1}};
    fmt::print("dot(W, X), {} · {} = {}\n{}\n", W.shape(), X.shape(), dot(W, X).shape(), dot(W, X));
    fmt::print("X * X\n{}\n", X * X);

    section("broadcasting");
    const Tensor b = reshape(xt::xarray<float>{10, 20}, {2, 1});       // (n, 1): one number per row
    const Tensor c = reshape(xt::xarray<float>{100, 0, 100}, {1, 3});  // (1, m): one number per column
    fmt::print("X + b\n{}\nX + c\n{}\n", X + b, X + c);

    section("rank_1");
    const Tensor a = xt::xarray<float>{1, 2, 3};
    fmt::print("a has shape {}, transpose(a) too: {}\n", a.shape(), transpose(a).shape());
    fmt::print("dot(a, transpose(a)) = {}, a number\n", dot(a, transpose(a)));
    const Tensor column = reshape(a, {3, 1});
    fmt::print("with {} it is a matrix:\n{}\n", column.shape(), dot(column, transpose(column)));

    section("surprise");
    const Tensor Y = name(reshape(xt::xarray<float>{1, 0, 1}, {1, 3}), "Y");           // (1, m), as it should be
    const Tensor A = name(reshape(xt::xarray<float>{0.9F, 0.2F, 0.8F}, {3, 1}), "A");  // (m, 1): turned by mistake
    fmt::print("A − Y has shape {}\n", (A - Y).shape());
    fmt::print("mean((A − Y)²) = {:.4f} and should be {:.4f}\n", mean(square(A - Y)), mean(square(transpose(A) - Y)));

    section("assert");
    const auto require_shape = [](const Tensor& x, const Shape& shape) {
        if (x.shape() != shape) throw std::runtime_error(fmt::format("shape {} instead of {}", x.shape(), shape));
    };
    require_shape(Y, {1, 3});
    show_error([&] { require_shape(A - Y, {1, 3}); });
    show_error([&] { binary_cross_entropy(A, Y); });  // costs never broadcast

    section("strict");
    {
        const StrictBroadcasting strict;  // until the end of this block
        show_error([&] { A - Y; });
        show_error([&] { X + a; });
        fmt::print("X + b has shape {}\n", (X + b).shape());
    }

    section("errors");
    show_error([&] { dot(X, X); });
    show_error([&] { X + xt::ones<float>({2, 2}); });
    show_error([&] { sum(X, 2); });
    show_error([&] { reshape(X, {4, 2}); });
    show_error([&] { X.item(); });

    section("cure");
    name(X, "X");  // as which errors show it
    const Tensor V = name(xt::ones<float>({2, 4}), "V"), r = name(xt::xarray<float>{10, 20}, "r");
    show_error([&] { dot(V, X); });
    show_error([&] { X + r; });
    show_error([&] { X / sum(X, 1); });
    show_error([&] { reshape(X, {3, 3}); });

    section("from_xtensor");
    const xt::xarray<double> grid = xt::linspace<double>(0, 1, 5);
    const Tensor curve = 1 - xt::square(grid);  // any xtensor expression
    fmt::print("{}\n{:.4f}\n", curve, tanh(grid) + curve);

    section("to_xtensor");
    const auto view = X.value<float>();  // an xtensor view of the tensor's own memory
    fmt::print("X(1, 2) = {}, xt::sum = {}\n", view(1, 2), xt::sum(view)());
    fmt::print("the same memory again: {}\n", view.data() == X.value<float>().data());
    fmt::print("a scalar: sum(X).item() = {}\n", sum(X).item());

    section("dtypes");
    const Tensor labels = xt::xarray<std::int64_t>{0, 2, 1};
    const auto dtype_of = [](const Tensor& x) { return name(x.dtype()); };
    fmt::print("X {}, X + 0.5 {}, X + sum(curve) {}\n", dtype_of(X), dtype_of(X + 0.5), dtype_of(X + sum(curve)));
    fmt::print("labels {}, X > 3 {}\n", dtype_of(labels), dtype_of(X > 3));
    show_error([&] { labels* c; });
    show_error([&] { X.value<double>(); });
    fmt::print("with astype: {}\n", astype(labels, DType::float32) * c);
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson);
}
