#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <fmt/format.h>

#include <xgrad/graph/op.hpp>

// The kernels of functions against their long double kernels, which call the C library: arguments of every exponent,
// and special values in every lane of blocks of every length.
//
//   XGRAD_TEST_ALL=1     every 251st number of single precision instead of a sample

using xgrad::BlockKernels;
using xgrad::DType;

namespace {

constexpr long double most_ulps = 2;

const std::vector<std::string> unary{"exp",   "exp2",  "expm1", "log",   "log2",     "log10", "log1p",       "sigmoid",
                                     "silu",  "tanh",  "gelu",  "sinh",  "softplus", "cosh",  "log_sigmoid", "asinh",
                                     "acosh", "atanh", "sin",   "cos",   "tan",      "asin",  "acos",        "atan",
                                     "erf",   "erfc",  "cbrt",  "rsqrt", "sqrt"};
const std::vector<std::string> binary{"power", "atan2", "hypot", "logaddexp"};

const BlockKernels& kernels_of(const std::string& name) {
    return std::get<BlockKernels>(xgrad::find_op(name)->forward);
}

template <class T>
std::vector<T> apply(const BlockKernels& kernels, const std::vector<std::vector<T>>& inputs, xgrad::Isa isa) {
    std::vector<const void*> pointers;
    for (const auto& input : inputs) pointers.push_back(input.data());
    std::vector<T> y(inputs[0].size());
    kernels.table[static_cast<std::size_t>(xgrad::dtype_of<T>)][static_cast<std::size_t>(isa)](pointers.data(),
                                                                                               y.data(), y.size());
    return y;
}

template <class T>
std::vector<long double> reference(const BlockKernels& kernels, const std::vector<std::vector<T>>& inputs) {
    std::vector<std::vector<long double>> wide;
    for (const auto& input : inputs) wide.emplace_back(input.begin(), input.end());
    return apply(kernels, wide, xgrad::Isa::baseline);
}

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
const std::vector<T> special{T(0),
                             -T(0),
                             T(1),
                             T(-1),
                             T(0.5),
                             T(-2),
                             T(3),
                             std::numeric_limits<T>::infinity(),
                             -std::numeric_limits<T>::infinity(),
                             std::numeric_limits<T>::quiet_NaN(),
                             std::numeric_limits<T>::max(),
                             std::numeric_limits<T>::lowest(),
                             std::numeric_limits<T>::min(),
                             -std::numeric_limits<T>::min(),
                             std::numeric_limits<T>::denorm_min(),
                             -std::numeric_limits<T>::denorm_min(),
                             1 + std::numeric_limits<T>::epsilon(),
                             1 - std::numeric_limits<T>::epsilon() / 2,
                             -1 + std::numeric_limits<T>::epsilon() / 2};

/// Special values; numbers of every sign and exponent, more of them around 1; and uniform numbers in the ranges where
/// the functions happen.
template <class T>
std::vector<T> arguments() {
    constexpr int fraction = std::numeric_limits<T>::digits - 1;
    constexpr BitsOf<T> one = BitsOf<T>(1),
                        exponents = std::bit_cast<BitsOf<T>>(std::numeric_limits<T>::infinity()) >> fraction;
    constexpr std::size_t per_exponent = 200'000 / (2 * static_cast<std::size_t>(exponents));
    std::mt19937_64 engine(20);
    std::vector<T> x = special<T>;
    for (BitsOf<T> sign = 0; sign < 2; ++sign) {
        for (BitsOf<T> exponent = 0; exponent < exponents; ++exponent) {
            const bool is_common = exponent + 12 > exponents / 2 && exponent < exponents / 2 + 12;
            for (std::size_t i = 0; i < per_exponent + (is_common ? 1'500 : 0); ++i) {
                BitsOf<T> digits = static_cast<BitsOf<T>>(engine()) & ((one << fraction) - 1);
                if (i == 0) digits = 0;
                if (i == 1) digits = (one << fraction) - 1;
                x.push_back(std::bit_cast<T>((sign << (8 * sizeof(T) - 1)) | (exponent << fraction) | digits));
            }
        }
    }
    for (const double range : {0.5, 1., 3., 10., 30., 110., 760.}) {
        std::uniform_real_distribution<double> draw(-range, range);
        for (int i = 0; i < 10'000; ++i) x.push_back(static_cast<T>(draw(engine)));
    }
    return x;
}

/// |y - exact| in units of the last place of the exact result, rounded to T; infinite where a special value is wrong.
template <class T>
long double error_in_ulps(T y, long double exact, long double size) {
    constexpr long double wrong = std::numeric_limits<long double>::infinity();
    constexpr int digits = std::numeric_limits<T>::digits, least = std::numeric_limits<T>::min_exponent;
    if (std::isnan(exact) || std::isnan(y)) return std::isnan(exact) && std::isnan(y) ? 0 : wrong;
    if (std::isinf(exact)) return y == exact ? 0 : wrong;
    if (exact == 0) return y == 0 && std::signbit(y) == std::signbit(exact) ? 0 : wrong;
    if (std::signbit(y) != std::signbit(exact) && size == std::abs(exact)) return wrong;
    // An infinity stands for the first number beyond the range, and is right for all that round there.
    if (std::isinf(y) && std::isinf(static_cast<T>(exact))) return 0;
    const long double beyond = std::ldexp(1.0L, std::numeric_limits<T>::max_exponent);
    const long double found = std::clamp(static_cast<long double>(y), -beyond, beyond);
    const int exponent = std::clamp(std::ilogb(size) + 1, least, std::numeric_limits<T>::max_exponent);
    return std::abs(found - exact) / std::ldexp(1.0L, exponent - digits);
}

/// The instruction sets that this processor has.
std::vector<xgrad::Isa> instruction_sets() {
    std::vector<xgrad::Isa> sets;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(xgrad::isa()); ++i)
        sets.push_back(static_cast<xgrad::Isa>(i));
    return sets;
}

struct Worst {
    long double ulps = 0;
    std::string where = "-";
};

template <class T>
void examine(const std::string& name, const std::vector<std::vector<T>>& inputs, const std::vector<T>& y,
             const std::vector<long double>& exact, Worst& worst) {
    for (std::size_t i = 0; i < y.size(); ++i) {
        long double size = std::abs(exact[i]);
        // A sum of two logarithms may cancel: its error is one of its arguments.
        if (name == "logaddexp" && std::isfinite(size)) {
            size = std::max(size, std::abs(static_cast<long double>(std::max(inputs[0][i], inputs[1][i]))));
        }
        const long double ulps = error_in_ulps(y[i], exact[i], size);
        if (!(ulps > worst.ulps)) continue;
        std::string arguments;
        for (const auto& input : inputs) arguments += fmt::format("{}{:.9g}", arguments.empty() ? "" : ", ", input[i]);
        worst = {ulps, fmt::format("{}({}) = {:.17g} instead of {:.21g}", name, arguments, y[i], exact[i])};
    }
}

/// On every instruction set that this processor has.
template <class T>
void examine(const std::string& name, const std::vector<std::vector<T>>& inputs, Worst& worst) {
    const BlockKernels& kernels = kernels_of(name);
    const std::vector<long double> exact = reference(kernels, inputs);
    for (const xgrad::Isa isa : instruction_sets()) examine(name, inputs, apply(kernels, inputs, isa), exact, worst);
}

template <class T>
std::string row(const std::string& name, const std::vector<std::vector<T>>& inputs) {
    Worst worst;
    examine(name, inputs, worst);
    BOOST_TEST(worst.ulps <= most_ulps, worst.where << ", " << worst.ulps << " ulp");
    return fmt::format(" {:8.3f}", worst.ulps);
}

/// Pairs of any numbers, pairs of like size, and for powers also those whose result is in range.
template <class T>
std::vector<std::vector<T>> pairs(const std::string& name) {
    std::vector<T> x, y;
    const auto add = [&](T a, T b) {
        x.push_back(a);
        y.push_back(b);
    };
    for (T a : special<T>) {
        for (T b : special<T>) add(a, b);
    }
    static const std::vector<T> numbers = arguments<T>();
    std::mt19937_64 engine(21);
    std::uniform_real_distribution<double> draw(-1, 1);
    const auto any = [&] { return numbers[engine() % numbers.size()]; };
    constexpr double range = std::numeric_limits<T>::max_exponent;
    for (int i = 0; i < 50'000; ++i) {
        add(any(), any());
        const T a = any();
        add(a, static_cast<T>(a * draw(engine) * 4));
        add(static_cast<T>(10 * draw(engine)), static_cast<T>(10 * draw(engine)));
        if (name != "power") continue;
        const T near_one = static_cast<T>(1 + 0.5 * draw(engine)), size = std::abs(any());
        add(near_one, static_cast<T>(1.1 * range * draw(engine) / std::abs(std::log2(static_cast<double>(near_one)))));
        add(size, static_cast<T>(1.1 * range * draw(engine) / std::abs(std::log2(static_cast<double>(size)))));
        add(static_cast<T>(-3 * draw(engine)), static_cast<T>(static_cast<int>(30 * draw(engine))));
    }
    return {x, y};
}

template <class T>
bool same(T x, T y) {
    return std::bit_cast<BitsOf<T>>(x) == std::bit_cast<BitsOf<T>>(y) || (std::isnan(x) && std::isnan(y));
}

/// How far apart two results are, in units of the last place of the larger one.
template <class T>
long double distance_in_ulps(T x, T y) {
    if (same(x, y)) return 0;
    const long double size = std::max(std::abs(static_cast<long double>(x)), std::abs(static_cast<long double>(y)));
    return error_in_ulps(x, static_cast<long double>(y), size);
}

/// Blocks of every length up to 70, with special values in every place.
template <class T, class Examine>
void for_each_block(const xgrad::Op& op, std::size_t arity, Examine examine) {
    static const std::vector<T> numbers = arguments<T>();
    std::mt19937_64 engine(22);
    for (std::size_t n = 0; n <= 70; ++n) {
        std::vector<std::vector<T>> inputs(arity);
        for (auto& input : inputs) {
            for (std::size_t i = 0; i < n; ++i) {
                const bool is_special = engine() % 8 == 0;
                input.push_back(is_special ? special<T>[engine() % special<T>.size()]
                                           : numbers[engine() % numbers.size()]);
            }
        }
        if (op.name == "polygamma") inputs[0].assign(n, 2);
        examine(inputs);
    }
}

/// The results of each instruction set beside those of the baseline, at most so far apart.
template <class T>
std::size_t compare_instruction_sets(const xgrad::Op& op, const BlockKernels& kernels, long double most) {
    std::size_t comparisons = 0;
    for_each_block<T>(op, kernels.arity, [&](const std::vector<std::vector<T>>& inputs) {
        const std::vector<T> baseline = apply(kernels, inputs, xgrad::Isa::baseline);
        for (const xgrad::Isa isa : instruction_sets()) {
            const std::vector<T> y = apply(kernels, inputs, isa);
            for (std::size_t i = 0; i < y.size(); ++i, ++comparisons) {
                if (distance_in_ulps(y[i], baseline[i]) <= most) continue;
                BOOST_TEST(false, op.name << "(" << inputs[0][i] << ") is " << y[i] << " by " << xgrad::name(isa)
                                          << " and " << baseline[i] << " by the baseline, lane " << i << " of "
                                          << y.size());
            }
        }
    });
    return comparisons;
}

/// Each result beside that of its element alone.
template <class T>
std::size_t compare_places(const xgrad::Op& op, const BlockKernels& kernels) {
    std::size_t comparisons = 0;
    for_each_block<T>(op, kernels.arity, [&](const std::vector<std::vector<T>>& inputs) {
        for (const xgrad::Isa isa : instruction_sets()) {
            const std::vector<T> y = apply(kernels, inputs, isa);
            for (std::size_t i = 0; i < y.size(); ++i, ++comparisons) {
                std::vector<std::vector<T>> alone;
                for (const std::vector<T>& input : inputs) alone.push_back({input[i]});
                if (same(apply(kernels, alone, isa)[0], y[i])) continue;
                BOOST_TEST(false, op.name << "(" << inputs[0][i] << ") is " << y[i] << " in place " << i << " of "
                                          << y.size() << " and something else alone, by " << xgrad::name(isa));
            }
        }
    });
    return comparisons;
}

/// compare<T>(op, kernels) for every elementwise function from numbers to numbers, in both precisions.
template <class Compare>
std::size_t for_each_function(Compare compare) {
    std::size_t comparisons = 0;
    for (const xgrad::Op* op : xgrad::catalogue()) {
        const auto* kernels = std::get_if<BlockKernels>(&op->forward);
        if (!kernels || kernels->gives_boolean || kernels->first_is_boolean) continue;
        if (kernels->takes(DType::float32)) comparisons += compare(*op, *kernels, float());
        if (kernels->takes(DType::float64)) comparisons += compare(*op, *kernels, double());
    }
    return comparisons;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(math_functions)

BOOST_AUTO_TEST_CASE(unary_functions_err_by_two_ulp_at_most) {
    if (std::numeric_limits<long double>::digits < 64) return;  // no reference
    const std::vector<float> single = arguments<float>();
    const std::vector<double> twice = arguments<double>();
    BOOST_TEST(single.size() >= 200'000U);
    BOOST_TEST(twice.size() >= 200'000U);
    std::string table = "largest error in ulp    float   double\n";
    for (const std::string& name : unary) {
        table += fmt::format("{:20}", name) + row<float>(name, {single}) + row<double>(name, {twice}) + "\n";
    }
    BOOST_TEST_MESSAGE(table);
}

BOOST_AUTO_TEST_CASE(binary_functions_err_by_two_ulp_at_most) {
    if (std::numeric_limits<long double>::digits < 64) return;
    std::string table = "largest error in ulp    float   double\n";
    for (const std::string& name : binary) {
        table += fmt::format("{:20}", name) + row<float>(name, pairs<float>(name)) +
                 row<double>(name, pairs<double>(name)) + "\n";
    }
    BOOST_TEST_MESSAGE(table);
}

BOOST_AUTO_TEST_CASE(all_of_single_precision) {
    if (!std::getenv("XGRAD_TEST_ALL") || std::numeric_limits<long double>::digits < 64) return;
    constexpr std::uint64_t stride = 251, numbers = std::uint64_t(1) << 32, block = std::uint64_t(1) << 16;
    std::string table = "largest error in ulp    float\n";
    for (const std::string& name : unary) {
        Worst worst;
        for (std::uint64_t first = 0; first < numbers; first += block * stride) {
            std::vector<float> x;
            for (std::uint64_t i = 0; i < block && first + i * stride < numbers; ++i) {
                x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(first + i * stride)));
            }
            examine<float>(name, {x}, worst);
        }
        BOOST_TEST(worst.ulps <= most_ulps, worst.where << ", " << worst.ulps << " ulp");
        table += fmt::format("{:20} {:8.3f}\n", name, worst.ulps);
    }
    BOOST_TEST_MESSAGE(table);
}

/// Where a function has come to its limit it is its limit, if that is a number of this precision: tanh 22 is 1.
BOOST_AUTO_TEST_CASE(limits_are_exact) {
    const auto far = [](const xgrad::Op& op, const BlockKernels& kernels, auto zero) {
        using T = decltype(zero);
        std::size_t comparisons = 0;
        if (kernels.arity != 1 || std::find(unary.begin(), unary.end(), op.name) == unary.end()) return comparisons;
        std::vector<T> x;
        for (const T size : {T(22), T(800), std::numeric_limits<T>::max(), std::numeric_limits<T>::infinity()}) {
            x.insert(x.end(), {size, -size});
        }
        const std::vector<long double> exact = reference(kernels, std::vector<std::vector<T>>{x});
        for (const xgrad::Isa isa : instruction_sets()) {
            const std::vector<T> y = apply<T>(kernels, {x}, isa);
            for (std::size_t i = 0; i < x.size(); ++i) {
                // Beyond half a place of the limit, and not an infinity or NaN.
                const T limit = exact[i] == 0 ? T(0) : std::copysign(T(1), static_cast<T>(exact[i]));
                if (static_cast<T>(exact[i]) != limit) continue;
                ++comparisons;
                BOOST_TEST(y[i] == limit,
                           fmt::format("{}({}) is {:.17g} by {}", op.name, x[i], y[i], xgrad::name(isa)));
            }
        }
        return comparisons;
    };
    BOOST_TEST(for_each_function(far) > 50U);
}

BOOST_AUTO_TEST_CASE(instruction_sets_agree) {
    // In these a product and a sum may be one instruction; everything else has the same bits.
    std::set<std::string> contracted(unary.begin(), unary.end());
    contracted.insert(binary.begin(), binary.end());
    contracted.insert({"elu"});
    const std::size_t comparisons = for_each_function([&](const xgrad::Op& op, const BlockKernels& kernels, auto zero) {
        return compare_instruction_sets<decltype(zero)>(op, kernels, contracted.contains(op.name) ? most_ulps : 0);
    });
    BOOST_TEST_MESSAGE(comparisons << " results, instruction sets up to " << xgrad::name(xgrad::isa()));
}

BOOST_AUTO_TEST_CASE(an_element_has_the_same_bits_wherever_it_stands) {
    const std::size_t comparisons = for_each_function([](const xgrad::Op& op, const BlockKernels& kernels, auto zero) {
        return compare_places<decltype(zero)>(op, kernels);
    });
    BOOST_TEST_MESSAGE(comparisons << " results alone and in a block");
}

BOOST_AUTO_TEST_CASE(symmetries_hold_to_the_bit) {
    const std::vector<std::string> odd{"sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "erf", "cbrt"};
    const auto examine = [&]<class T>(const std::vector<T>& x) {
        std::vector<T> minus_x;
        for (T number : x) minus_x.push_back(-number);
        for (const char* name : {"cos", "cosh"}) {
            const auto y = apply<T>(kernels_of(name), {x}, xgrad::isa());
            const auto z = apply<T>(kernels_of(name), {minus_x}, xgrad::isa());
            for (std::size_t i = 0; i < x.size(); ++i) {
                if (!same(y[i], z[i])) BOOST_TEST(false, name << " is not even at " << x[i]);
            }
        }
        for (const std::string& name : odd) {
            const auto y = apply<T>(kernels_of(name), {x}, xgrad::isa());
            const auto z = apply<T>(kernels_of(name), {minus_x}, xgrad::isa());
            for (std::size_t i = 0; i < x.size(); ++i) {
                if (!same<T>(y[i], -z[i])) BOOST_TEST(false, name << " is not odd at " << x[i]);
            }
        }
    };
    examine(arguments<float>());
    examine(arguments<double>());
}

BOOST_AUTO_TEST_CASE(what_rises_never_falls) {
    std::vector<float> x;
    for (float number : arguments<float>()) {
        x.push_back(number);
        x.push_back(std::nextafter(number, 0.F));
    }
    x.erase(std::remove_if(x.begin(), x.end(), [](float number) { return std::isnan(number); }), x.end());
    std::sort(x.begin(), x.end());
    for (const char* name : {"exp", "exp2", "expm1", "log", "log2", "log1p", "erf", "atan", "sinh", "asinh", "cbrt"}) {
        const auto y = apply<float>(kernels_of(name), {x}, xgrad::isa());
        for (std::size_t i = 1; i < x.size(); ++i) {
            if (y[i] < y[i - 1]) BOOST_TEST(false, name << " falls from " << x[i - 1] << " to " << x[i]);
        }
    }
}

BOOST_AUTO_TEST_CASE(tables_err_less_and_never_fall) {
    if (xgrad::isa() != xgrad::Isa::avx512) return;
    const std::map<std::string, long double> bounds{{"tanh", 1}, {"sigmoid", 1.2L}};
    const std::uint64_t step = std::getenv("XGRAD_TEST_ALL") ? 97 : 4999;
    constexpr std::uint64_t numbers = 0x7F800000, block = 1 << 20;
    for (const auto& [name, bound] : bounds) {
        for (const float sign : {1.F, -1.F}) {
            Worst worst;
            float last = -2;
            for (std::uint64_t first = 0; first < numbers; first += block * step) {
                std::vector<float> x;
                for (std::uint64_t i = first; i < std::min(numbers, first + block * step); i += step) {
                    x.push_back(sign * std::bit_cast<float>(static_cast<std::uint32_t>(i)));
                }
                const auto y = apply<float>(kernels_of(name), {x}, xgrad::Isa::avx512);
                examine<float>(name, {x}, y, reference<float>(kernels_of(name), {x}), worst);
                for (std::size_t i = 0; i < x.size(); ++i) {
                    if (sign * y[i] < last) BOOST_TEST(false, name << " falls before " << x[i]);
                    last = sign * y[i];
                }
            }
            BOOST_TEST(worst.ulps < bound, name << " errs by " << worst.ulps << " ulp at " << worst.where);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_measure_of_errors_can_fail) {
    constexpr float top = std::numeric_limits<float>::max(), infinity = HUGE_VALF,
                    nan = std::numeric_limits<float>::quiet_NaN();
    const auto ulps = [](float y, long double exact) { return error_in_ulps(y, exact, std::abs(exact)); };
    BOOST_TEST(ulps(1, 1) == 0);
    BOOST_TEST(ulps(1 + 0x1p-23F, 1) == 1);
    BOOST_TEST(ulps(1, 1 - 0x1p-24L) == 1);
    BOOST_TEST(ulps(0x1p-149F, 0x1p-150L) == 0.5L);
    BOOST_TEST(ulps(top, 0x1p128L) == 1);
    BOOST_TEST(ulps(infinity, 0x1p128L) == 0);
    BOOST_TEST(ulps(infinity, top) == 1);
    BOOST_TEST(ulps(infinity, 0x1p127L) > most_ulps);
    BOOST_TEST(ulps(top, HUGE_VALL) > most_ulps);
    BOOST_TEST(ulps(-0.F, 0) > most_ulps);
    BOOST_TEST(ulps(0x1p-149F, -0x1p-200L) > most_ulps);
    BOOST_TEST(ulps(nan, 1) > most_ulps);
    BOOST_TEST(ulps(1, nan) > most_ulps);
    BOOST_TEST(ulps(nan, nan) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
