#include <xgrad/xgrad.hpp>

#include "support.hpp"

using namespace xgrad;
using tutorial::section;
using tutorial::show_error;

void lesson(const tutorial::Arguments&) {
    section("forward");
    const Tensor a = parameter(5.0, "a");
    const Tensor b = parameter(3.0, "b");
    const Tensor c = parameter(2.0, "c");
    const Tensor u = b * c;
    const Tensor v = a + u;
    const Tensor J = 3 * v;
    fmt::print("u = {}, v = {}, J = {}\n", u, v, J);

    section("backward");
    const auto [da, db, dc] = grad(J, a, b, c);
    fmt::print("da = {}, db = {}, dc = {}\n", da, db, dc);

    section("intermediate");
    const auto [dv, du] = grad(J, v, u);
    fmt::print("dv = {}, du = {}\n", dv, du);

    section("nudge");
    const auto J_of = [&](double b_value) { return 3 * (5 + b_value * 2); };
    fmt::print("b from 3 to 3.001: J from {} to {:.3f}, a slope of {:.1f}\n", J_of(3), J_of(3.001),
               (J_of(3.001) - J_of(3)) / 0.001);

    section("parameters");
    J.backward();
    fmt::print("after one backward(): a.grad() = {}, b.grad() = {}\n", a.grad(), b.grad());
    J.backward();
    fmt::print("after a second one:   a.grad() = {}, b.grad() = {}\n", a.grad(), b.grad());
    for (const Tensor& p : {a, b, c}) p.zero_grad();
    fmt::print("after zero_grad():    has_grad {}\n", a.has_grad());

    section("assign");
    a.assign(a - 0.1 * da);  // one step down
    fmt::print("a = {}, the J recorded before = {}, a new one = {}\n", a, J, 3 * (a + b * c));

    section("again");
    const Tensor x = parameter(xt::xarray<double>{{-1, 0.5, 2}}, "x");
    const Tensor y = power(x, 3);
    const Tensor dy = grad(sum(y), x);      // 3 x²
    const Tensor ddy = grad(sum(dy), x);    // 6 x
    const Tensor dddy = grad(sum(ddy), x);  // 6
    fmt::print("x³   {}\n3 x² {}\n6 x  {}\n6    {}\n", y, dy, ddy, dddy);

    section("matrices");
    const Tensor X = xt::xarray<double>{{1, 2, 3}, {4, 5, 6}};                    // (n, m) = (2, 3)
    const Tensor W1 = parameter(xt::xarray<double>{{0.5, -0.25}, {1, 0}}, "W1");  // (2, 2)
    const Tensor b1 = parameter(xt::zeros<double>({2, 1}), "b1");
    const Tensor Z1 = dot(W1, X) + b1;
    const Tensor A1 = tanh(Z1);
    const Tensor cost = mean(square(A1));
    const auto [dW1, db1, dZ1, dA1] = grad(cost, W1, b1, Z1, A1);
    fmt::print("dA1 {}, dZ1 {}, dW1 {}, db1 {}\n", dA1.shape(), dZ1.shape(), dW1.shape(), db1.shape());

    section("rules");
    const auto print_if_equal = [](const char* rule, const Tensor& left, const Tensor& right) {
        fmt::print("{:<24} {}\n", rule, amax(abs(left - right)).item() < 1e-12);
    };
    print_if_equal("dZ1 = dA1 * (1 − A1²)", dZ1, dA1 * (1 - square(A1)));
    print_if_equal("dW1 = dZ1 Xᵀ", dW1, dot(dZ1, transpose(X)));
    print_if_equal("db1 = Σ dZ1", db1, sum(dZ1, 1, keepdims));

    section("errors");
    show_error([&] { grad(Z1, W1); });
    show_error([&] { grad(cost, a); });
    show_error([&] { grad(cost, X); });
    show_error([&] { c.grad(); });
}

int main(int argc, char** argv) {
    return tutorial::run(argc, argv, lesson);
}
