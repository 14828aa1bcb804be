#include <xgrad/ops/random.hpp>

#include <cmath>
#include <numbers>
#include <string>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/arithmetic.hpp>

namespace xgrad::random {

void philox(const std::uint32_t (&counter)[4], const std::uint32_t (&key)[2], std::uint32_t (&output)[4]) noexcept {
    std::uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    std::uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t left = std::uint64_t{0xD2511F53} * c0;
        const std::uint64_t right = std::uint64_t{0xCD9E8D57} * c2;
        c0 = static_cast<std::uint32_t>(right >> 32) ^ c1 ^ k0;
        c1 = static_cast<std::uint32_t>(right);
        c2 = static_cast<std::uint32_t>(left >> 32) ^ c3 ^ k1;
        c3 = static_cast<std::uint32_t>(left);
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    output[0] = c0, output[1] = c1, output[2] = c2, output[3] = c3;
}

namespace {

/// Two doubles in [0, 1) with 53 random bits each.
struct Pair {
    double first;
    double second;
};

Pair uniform_pair(std::uint64_t seed, std::uint64_t counter) {
    const std::uint32_t words[4] = {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0,
                                    0};
    const std::uint32_t key[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
    std::uint32_t bits[4];
    philox(words, key, bits);
    const auto unit = [](std::uint32_t high, std::uint32_t low) {
        return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
    };
    return {unit(bits[0], bits[1]), unit(bits[2], bits[3])};
}

Pair normal_pair(Pair uniform) {
    const double radius = std::sqrt(-2 * std::log(1 - uniform.first));  // 1 - u is never 0
    const double angle = 2 * std::numbers::pi * uniform.second;
    return {radius * std::cos(angle), radius * std::sin(angle)};
}

Signature drawn_signature(const Call& call) {
    return {call.attributes.at<DType>("dtype"), call.attributes.at<Shape>("shape")};
}

/// The input is the key: seed and counter. Its numbers are data, so that every step of a training has one structure.
template <bool Normal>
void draw_kernel(const KernelCall& call) {
    const auto* key = call.inputs[0].as<std::int64_t>();
    const std::int64_t step = call.inputs[0].strides[0];
    const auto seed = static_cast<std::uint64_t>(key[0]);
    const auto counter = static_cast<std::uint64_t>(key[step]);
    const auto size = static_cast<std::size_t>(call.shape.size());
    constexpr std::size_t per_part = 4096;
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        T* output = call.out<T>();
        run::parallel_for((size + per_part - 1) / per_part, size * 64, [&](std::size_t part) {
            const std::size_t end = std::min(size, (part + 1) * per_part);
            for (std::size_t i = part * per_part; i < end; i += 2) {
                Pair pair = uniform_pair(seed, counter + i / 2);
                if (Normal) pair = normal_pair(pair);
                output[i] = static_cast<T>(pair.first);
                if (i + 1 < end) output[i + 1] = static_cast<T>(pair.second);
            }
        });
    });
}

const Zero no_input{"a draw depends on no quantity"};

const Op& normal_op = define(General{
    .name = "random_normal",
    .math = "y ~ N(0, 1)",
    .shape = drawn_signature,
    .forward = draw_kernel<true>,
    .vjp = no_input,
    .jvp = no_input,
    .probes = {Probe{"matrix",
                     {},
                     [](auto) {
                         return normal({3, 4}, 0, 1, DType::float64);
                     }}},
});

const Op& uniform_op = define(General{
    .name = "random_uniform",
    .math = "y ~ U(0, 1)",
    .shape = drawn_signature,
    .forward = draw_kernel<false>,
    .vjp = no_input,
    .jvp = no_input,
    .probes = {Probe{"matrix",
                     {},
                     [](auto) {
                         return uniform({3, 4}, 0, 1, DType::float64);
                     }}},
});

}  // namespace

Tensor Generator::draw(bool is_normal, const Shape& shape, DType dtype, Location at) {
    at = Attribution::resolve(at);
    const std::string_view op = is_normal ? "normal" : "uniform";
    if (!is_floating(dtype)) throw DTypeError(op, "needs a floating-point dtype", std::string(name(dtype)), at);
    NodeRef key = detail::new_leaf(DType::int64, Shape{2}, at);
    auto* numbers = static_cast<std::int64_t*>(key->data);
    numbers[0] = static_cast<std::int64_t>(state_.seed);
    numbers[1] = static_cast<std::int64_t>(state_.counter);
    Tensor drawn =
        apply(is_normal ? normal_op : uniform_op, {Tensor(std::move(key))}, {{"shape", shape}, {"dtype", dtype}}, at);
    state_.counter += static_cast<std::uint64_t>(shape.size() + 1) / 2;
    return drawn;
}

Tensor Generator::normal(const Shape& shape, double mean, double deviation, DType dtype, Location at) {
    at = Attribution::resolve(at);
    if (!(deviation >= 0)) throw ValueError("normal", "needs a deviation >= 0", std::to_string(deviation), at);
    const Attribution attribution(at);
    Tensor drawn = draw(true, shape, dtype, at);
    if (deviation != 1) drawn = drawn * deviation;
    return mean == 0 ? drawn : drawn + mean;
}

Tensor Generator::uniform(const Shape& shape, double low, double high, DType dtype, Location at) {
    at = Attribution::resolve(at);
    if (!(low <= high)) {
        throw ValueError("uniform", "needs low <= high", std::to_string(low) + " and " + std::to_string(high), at);
    }
    const Attribution attribution(at);
    Tensor drawn = draw(false, shape, dtype, at);
    if (high - low != 1) drawn = drawn * (high - low);
    return low == 0 ? drawn : drawn + low;
}

Generator& generator() noexcept {
    thread_local Generator own;
    return own;
}

void seed(std::uint64_t value) noexcept {
    generator() = Generator(value);
}

Tensor normal(const Shape& shape, double mean, double deviation, DType dtype, Location at) {
    return generator().normal(shape, mean, deviation, dtype, at);
}

Tensor uniform(const Shape& shape, double low, double high, DType dtype, Location at) {
    return generator().uniform(shape, low, high, dtype, at);
}

}  // namespace xgrad::random
