#include <xgrad/ops/random.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/kernels/math.hpp>
#include <xgrad/ops/structure.hpp>

namespace xgrad::random {

namespace {

/// One round of Philox 4x32 (Salmon, Moraes, Dror and Shaw 2011).
[[gnu::always_inline]] inline void philox_round(std::uint32_t& c0, std::uint32_t& c1, std::uint32_t& c2,
                                                std::uint32_t& c3, std::uint32_t k0, std::uint32_t k1) {
    const std::uint64_t left = std::uint64_t{0xD2511F53} * c0;
    const std::uint64_t right = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(right >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(right);
    c2 = static_cast<std::uint32_t>(left >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(left);
}

/// Calls round(k0, k1) for each of the ten rounds, with its key.
template <class Round>
[[gnu::always_inline]] inline void philox_rounds(std::uint32_t k0, std::uint32_t k1, Round&& round) {
    for (int number = 0; number < 10; ++number, k0 += 0x9E3779B9, k1 += 0xBB67AE85) round(k0, k1);
}

}  // namespace

void philox(const std::uint32_t (&counter)[4], const std::uint32_t (&key)[2], std::uint32_t (&output)[4]) noexcept {
    std::copy_n(counter, 4, output);
    philox_rounds(key[0], key[1], [&](std::uint32_t k0, std::uint32_t k1) {
        philox_round(output[0], output[1], output[2], output[3], k0, k1);
    });
}

namespace {

/// Where a draw begins: the input of its operation. Its numbers are data, so that every step of a training has one
/// structure.
struct Key {
    explicit Key(const Array& array)
        : seed(static_cast<std::uint64_t>(array.as<std::int64_t>()[0])),
          counter(static_cast<std::uint64_t>(array.as<std::int64_t>()[array.strides[0]])) {}
    std::uint64_t seed;
    std::uint64_t counter;
};

struct Words {
    std::uint64_t first;
    std::uint64_t second;
};

/// The words of one place of the counter; those of a later attempt lie beside the path that the counter takes.
Words words_at(const Key& key, std::uint64_t place, std::uint32_t attempt = 0) {
    const std::uint64_t counter = key.counter + place;
    const std::uint32_t input[4] = {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
                                    attempt, 0};
    const std::uint32_t halves[2] = {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)};
    std::uint32_t bits[4];
    philox(input, halves, bits);
    return {std::uint64_t{bits[0]} << 32 | bits[1], std::uint64_t{bits[2]} << 32 | bits[3]};
}

/// An integer below `range`, made of word number `index`. The product word · range has its high half below range; of
/// the 2^64 words, 2^64 mod range too many would lead to some of the values, and those are the ones refused.
std::uint64_t below(std::uint64_t range, const Key& key, std::uint64_t index) {
    __extension__ using Product = unsigned __int128;
    for (std::uint32_t attempt = 0;; ++attempt) {
        const Words words = words_at(key, index / 2, attempt);
        const Product product = static_cast<Product>(index % 2 ? words.second : words.first) * range;
        if (static_cast<std::uint64_t>(product) >= (0 - range) % range)
            return static_cast<std::uint64_t>(product >> 64);
    }
}

Signature drawn_signature(const Call& call) {
    return {call.attributes.at<DType>("dtype"), call.attributes.at<Shape>("shape")};
}

/// Number 0 <= u < 1 with the 53 upper bits of a word that is given in halves. Each is the fraction of a number from
/// 2^52 on, which vector code can make of an integer where it cannot convert one.
[[gnu::always_inline]] inline double unit(std::uint32_t upper, std::uint32_t lower) {
    constexpr std::uint64_t integers = std::bit_cast<std::uint64_t>(0x1p52);
    const double high = std::bit_cast<double>(integers | upper) - 0x1p52;
    const double low = std::bit_cast<double>(integers | lower >> 11) - 0x1p52;
    return high * 0x1p-32 + low * 0x1p-53;
}

/// Both numbers of each of some places, uniform or normal: √(-2 log(1 - u)) cos 2πv and the same with sin (Box and
/// Muller 1958). The generator goes through its rounds for many places abreast.
template <bool Normal, class T>
struct Draws {
    static constexpr std::int64_t abreast = 64;

    [[gnu::always_inline]] static inline void run(std::uint64_t seed, std::uint64_t counter, T* output) {
        std::uint32_t c0[abreast], c1[abreast], c2[abreast] = {}, c3[abreast] = {};
        for (std::int64_t l = 0; l < abreast; ++l) {
            const std::uint64_t place = counter + static_cast<std::uint64_t>(l);
            c0[l] = static_cast<std::uint32_t>(place);
            c1[l] = static_cast<std::uint32_t>(place >> 32);
        }
        philox_rounds(static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      [&](std::uint32_t k0, std::uint32_t k1) {
                          for (std::int64_t l = 0; l < abreast; ++l) philox_round(c0[l], c1[l], c2[l], c3[l], k0, k1);
                      });
        double first[abreast], second[abreast];
        for (std::int64_t l = 0; l < abreast; ++l) {
            first[l] = unit(c0[l], c1[l]);
            second[l] = unit(c2[l], c3[l]);
        }
        if constexpr (Normal) {
            for (std::int64_t l = 0; l < abreast; ++l) {
                const double radius = std::sqrt(-2 * math::log(1 - first[l]));  // 1 - u is never 0
                const double angle = 2 * std::numbers::pi * second[l];
                first[l] = radius * math::Cosine{}(angle);
                second[l] = radius * math::Sine{}(angle);
            }
        }
        for (std::int64_t l = 0; l < abreast; ++l) {
            output[2 * l] = static_cast<T>(first[l]);
            output[2 * l + 1] = static_cast<T>(second[l]);
        }
    }
};

template <bool Normal>
void draw_kernel(const KernelCall& call) {
    const Key key(call.inputs[0]);
    const auto size = static_cast<std::size_t>(call.shape.size());
    visit_floating(call.dtype, [&](auto zero) {
        using T = decltype(zero);
        using Some = Draws<Normal, T>;
        T* output = call.out<T>();
        constexpr std::size_t block = 2 * Some::abreast, per_part = 32 * block;
        run::parallel_for((size + per_part - 1) / per_part, size * 64, [&](std::size_t part) {
            const std::size_t end = std::min(size, (part + 1) * per_part);
            for (std::size_t i = part * per_part; i < end; i += block) {
                T last[block];
                T* to = i + block <= end ? output + i : last;
                xgrad::detail::run_per_isa<Some>(key.seed, key.counter + i / 2, to);
                if (to == last) std::copy_n(last, end - i, output + i);
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

const Op& randint_op = define(General{
    .name = "random_integers",
    .math = "y ~ U{low, ..., high - 1}",
    .shape = drawn_signature,
    .forward =
        [](const KernelCall& call) {
            const Key key(call.inputs[0]);
            const auto low = static_cast<std::uint64_t>(call.attributes.at<std::int64_t>("low"));
            const std::uint64_t range = static_cast<std::uint64_t>(call.attributes.at<std::int64_t>("high")) - low;
            const auto size = static_cast<std::size_t>(call.shape.size());
            constexpr std::size_t per_part = 4096;
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                T* output = call.out<T>();
                run::parallel_for((size + per_part - 1) / per_part, size * 64, [&](std::size_t part) {
                    for (std::size_t i = part * per_part; i < std::min(size, (part + 1) * per_part); ++i) {
                        output[i] = static_cast<T>(static_cast<std::int64_t>(low + below(range, key, i)));
                    }
                });
            });
        },
    .vjp = no_input,
    .jvp = no_input,
    .probes = {Probe{"matrix",
                     {},
                     [](auto) {
                         return randint(-2, 3, {3, 4});
                     }}},
});

const Op& permutation_op = define(General{
    .name = "random_permutation",
    .math = "y = 0, ..., n - 1 in random order",
    .shape = drawn_signature,
    .forward =
        [](const KernelCall& call) {
            const Key key(call.inputs[0]);
            auto* output = call.out<std::int64_t>();
            const std::int64_t size = call.shape.size();
            std::iota(output, output + size, 0);
            for (std::int64_t i = size - 1; i > 0; --i) {
                const auto index = static_cast<std::uint64_t>(i);
                std::swap(output[i], output[below(index + 1, key, index)]);
            }
        },
    .vjp = no_input,
    .jvp = no_input,
    .probes = {Probe{"ten", {}, [](auto) { return permutation(10); }}},
});

const Op& bernoulli_op = define(Composite{
    .name = "random_bernoulli",
    .math = "y = [u < p], u ~ U(0, 1)",
    .probes = {Probe{"matrix",
                     {},
                     [](auto) {
                         return bernoulli(0.3, {3, 4});
                     }}},
});

void require_floating(std::string_view op, DType dtype, Location at) {
    if (!is_floating(dtype)) throw DTypeError(op, "needs a floating-point dtype", std::string(name(dtype)), at);
}

}  // namespace

namespace {

void write_key(void* key, const State& state) {
    auto* numbers = static_cast<std::int64_t*>(key);
    numbers[0] = static_cast<std::int64_t>(state.seed);
    numbers[1] = static_cast<std::int64_t>(state.counter);
}

/// Draws again where a compiled function did when it was recorded.
class DrawAgain : public Refill {
  public:
    DrawAgain(State& state, std::uint64_t places) : state_(state), places_(places) {}
    void fill(void* key) const override {
        write_key(key, state_);
        state_.counter += places_;
    }

  private:
    State& state_;
    std::uint64_t places_;
};

}  // namespace

Tensor Generator::draw(const Op& op, const Shape& shape, Attributes attributes, Location at) {
    const NodeRef key = detail::new_leaf(DType::int64, Shape{2}, at);
    write_key(key->data, state_);
    Tensor drawn = apply(op, {Tensor(key)}, std::move(attributes), at);
    const auto places = static_cast<std::uint64_t>(shape.size() + 1) / 2;
    if (is_tracing()) {
        key->extra = std::make_unique<Extra>();
        key->extra->refill = std::make_unique<DrawAgain>(state_, places);
    }
    state_.counter += places;
    return drawn;
}

Tensor Generator::normal(const Shape& shape, double mean, double deviation, DType dtype, Location at) {
    at = Attribution::resolve(at);
    if (!(deviation >= 0)) throw ValueError("normal", "needs a deviation >= 0", std::to_string(deviation), at);
    require_floating("normal", dtype, at);
    const Attribution attribution(at);
    Tensor drawn = draw(normal_op, shape, {{"shape", shape}, {"dtype", dtype}}, at);
    if (deviation != 1) drawn = drawn * deviation;
    return mean == 0 ? drawn : drawn + mean;
}

Tensor Generator::uniform(const Shape& shape, double low, double high, DType dtype, Location at) {
    at = Attribution::resolve(at);
    if (!(low <= high)) {
        throw ValueError("uniform", "needs low <= high", std::to_string(low) + " and " + std::to_string(high), at);
    }
    require_floating("uniform", dtype, at);
    const Attribution attribution(at);
    Tensor drawn = draw(uniform_op, shape, {{"shape", shape}, {"dtype", dtype}}, at);
    if (high - low != 1) drawn = drawn * (high - low);
    return low == 0 ? drawn : drawn + low;
}

Tensor Generator::bernoulli(double p, const Shape& shape, DType dtype, Location at) {
    at = Attribution::resolve(at);
    if (!(p >= 0 && p <= 1)) throw ValueError("bernoulli", "needs a probability 0 <= p <= 1", std::to_string(p), at);
    const Attribution attribution(at);
    const Attributes attributes{{"shape", shape}, {"dtype", DType::float64}};
    return astype(draw(uniform_op, shape, attributes, at) < p, dtype);
}

Tensor Generator::randint(std::int64_t low, std::int64_t high, const Shape& shape, DType dtype, Location at) {
    at = Attribution::resolve(at);
    if (dtype != DType::int32 && dtype != DType::int64) {
        throw DTypeError("randint", "needs int32 or int64", std::string(name(dtype)), at);
    }
    const auto bounds = [&] { return std::to_string(low) + " and " + std::to_string(high); };
    if (low >= high) throw ValueError("randint", "needs low < high", bounds(), at);
    if (dtype == DType::int32 && (low < INT32_MIN || high - 1 > INT32_MAX)) {
        throw ValueError("randint", "needs integers that fit int32", bounds(), at);
    }
    return draw(randint_op, shape, {{"shape", shape}, {"dtype", dtype}, {"low", low}, {"high", high}}, at);
}

Tensor Generator::permutation(std::int64_t n, Location at) {
    at = Attribution::resolve(at);
    if (n < 0) throw ValueError("permutation", "needs n >= 0", std::to_string(n), at);
    return draw(permutation_op, {n}, {{"shape", Shape{n}}, {"dtype", DType::int64}}, at);
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

Tensor bernoulli(double p, const Shape& shape, DType dtype, Location at) {
    return generator().bernoulli(p, shape, dtype, at);
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, DType dtype, Location at) {
    return generator().randint(low, high, shape, dtype, at);
}

Tensor permutation(std::int64_t n, Location at) {
    return generator().permutation(n, at);
}

}  // namespace xgrad::random
