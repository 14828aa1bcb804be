#include <xgrad/ops/arithmetic.hpp>

#include <xgrad/graph/op.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad {

namespace {

constexpr Interval anywhere = between(-2, 2);
constexpr Interval positive = between(0.5, 2);

/// 1 where the mask is true, ½ where the two are equal, 0 elsewhere.
Tensor share(const Tensor& wins, const Tensor& ties, DType dtype) {
    return astype(wins, dtype) + 0.5 * astype(ties, dtype);
}

const Op& add_op = define(Linear{
    .name = "add",
    .math = "z = x + y",
    .forward = numeric<2>([](auto x, auto y) { return x + y; }),
    .transposes = {[](const Record&, const Tensor& g) { return g; }, [](const Record&, const Tensor& g) { return g; }},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& subtract_op = define(Linear{
    .name = "subtract",
    .math = "z = x - y",
    .forward = numeric<2>([](auto x, auto y) { return x - y; }),
    .transposes = {[](const Record&, const Tensor& g) { return g; }, [](const Record&, const Tensor& g) { return -g; }},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& negative_op = define(Linear{
    .name = "negative",
    .math = "y = -x",
    .forward = numeric<1>([](auto x) { return -x; }),
    .transposes = {[](const Record&, const Tensor& g) { return -g; }},
    .probes = unary_probes(anywhere),
});

const Op& multiply_op = define(Elementwise{
    .name = "multiply",
    .math = "z = x y",
    .forward = numeric<2>([](auto x, auto y) { return x * y; }),
    .partials = {[](const Record& r) { return r.input(1); },   // ∂z/∂x = y
                 [](const Record& r) { return r.input(0); }},  // ∂z/∂y = x
    .probes = binary_probes(anywhere, anywhere),
});

const Op& divide_op = define(Elementwise{
    .name = "divide",
    .math = "z = x / y",
    .forward = floating<2>([](auto x, auto y) { return x / y; }),
    .partials = {[](const Record& r) { return 1 / r.input(1); },             // ∂z/∂x = 1/y
                 [](const Record& r) { return -r.output() / r.input(1); }},  // ∂z/∂y = -x/y² = -z/y
    .probes = binary_probes(anywhere, positive),
});

const Op& power_op = define(Elementwise{
    .name = "power",
    .math = "z = x^y",
    .forward = floating<2>([](auto x, auto y) { return std::pow(x, y); }),
    .partials = {// ∂z/∂x = y x^(y-1); x^-1 would make 0 · ∞ of it for y = 0
                 [](const Record& r) {
                     const Tensor y = r.input(1);
                     return where(y == 0, 0, y * power(r.input(0), y - 1));
                 },
                 // ∂z/∂y = z log x; for x = 0 the limit from y > 0
                 [](const Record& r) {
                     const Tensor x = r.input(0);
                     return where(x == 0, 0, r.output() * log(where(x == 0, 1, x)));
                 }},
    .probes = binary_probes(positive, anywhere),
});

const Op& maximum_op = define(Elementwise{
    .name = "maximum",
    .math = "z = max(x, y)",
    .forward = numeric<2>([](auto x, auto y) { return math::maximum(x, y); }),
    .partials = {
        [](const Record& r) { return share(r.input(0) > r.input(1), r.input(0) == r.input(1), r.output().dtype()); },
        [](const Record& r) { return share(r.input(1) > r.input(0), r.input(0) == r.input(1), r.output().dtype()); }},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& minimum_op = define(Elementwise{
    .name = "minimum",
    .math = "z = min(x, y)",
    .forward = numeric<2>([](auto x, auto y) { return math::minimum(x, y); }),
    .partials = {
        [](const Record& r) { return share(r.input(0) < r.input(1), r.input(0) == r.input(1), r.output().dtype()); },
        [](const Record& r) { return share(r.input(1) < r.input(0), r.input(0) == r.input(1), r.output().dtype()); }},
    .probes = binary_probes(anywhere, anywhere),
});

const Op& square_op = define(Elementwise{
    .name = "square",
    .math = "y = x^2",
    .forward = numeric<1>([](auto x) { return x * x; }),
    .partials = {[](const Record& r) { return 2 * r.input(); }},  // y' = 2x
    .probes = unary_probes(anywhere),
});

const Op& sqrt_op = define(Elementwise{
    .name = "sqrt",
    .math = "y = sqrt x",
    .forward = floating<1>([](auto x) { return std::sqrt(x); }),
    .partials = {[](const Record& r) { return 0.5 / r.output(); }},  // y' = 1/(2y)
    .probes = unary_probes(positive),
});

const Op& abs_op = define(Elementwise{
    .name = "abs",
    .math = "y = |x|",
    .forward = numeric<1>([](auto x) { return x < 0 ? -x : x + 0; }),
    .partials = {[](const Record& r) { return sign(r.input()); }},  // y' = sign x
    .probes = unary_probes(anywhere),
});

const Op& sign_op = define(Elementwise{
    .name = "sign",
    .math = "y = sign x",
    .forward = numeric<1>([](auto x) -> decltype(x) { return x > 0    ? 1
                                                             : x < 0  ? -1
                                                             : x == 0 ? 0
                                                                      : x; }),
    .partials = {Zero{"constant between its steps"}},
    .probes = unary_probes(anywhere),
});

}  // namespace

Tensor add(const Operand& x, const Operand& y) {
    return apply(add_op, x, y);
}
Tensor subtract(const Operand& x, const Operand& y) {
    return apply(subtract_op, x, y);
}
Tensor multiply(const Operand& x, const Operand& y) {
    return apply(multiply_op, x, y);
}
Tensor divide(const Operand& x, const Operand& y) {
    return apply(divide_op, x, y);
}
Tensor power(const Operand& x, const Operand& y) {
    return apply(power_op, x, y);
}
Tensor maximum(const Operand& x, const Operand& y) {
    return apply(maximum_op, x, y);
}
Tensor minimum(const Operand& x, const Operand& y) {
    return apply(minimum_op, x, y);
}
Tensor negative(const Operand& x) {
    return apply(negative_op, {x.tensor()}, {}, x.location());
}
Tensor square(const Operand& x) {
    return apply(square_op, {x.tensor()}, {}, x.location());
}
Tensor sqrt(const Operand& x) {
    return apply(sqrt_op, {x.tensor()}, {}, x.location());
}
Tensor abs(const Operand& x) {
    return apply(abs_op, {x.tensor()}, {}, x.location());
}
Tensor sign(const Operand& x) {
    return apply(sign_op, {x.tensor()}, {}, x.location());
}

}  // namespace xgrad
