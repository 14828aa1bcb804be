#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "math_kernels.hpp"

// What holds between the results of a function's kernels: on each instruction set, in every lane of blocks of every
// length, on both sides of 0, from one number to the next, and where there is nothing left to add.

using namespace math_kernels;
using xgrad::DType;

namespace {

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

/// Where a function has come to its limit it is its limit, if that is a number of this precision: tanh 22 is 1.
BOOST_AUTO_TEST_CASE(limits_are_exact) {
    const auto far = [](const xgrad::Op& op, const BlockKernels& kernels, auto zero) {
        using T = decltype(zero);
        std::size_t comparisons = 0;
        if (kernels.arity != 1 || std::find(unary.begin(), unary.end(), op.name) == unary.end()) return comparisons;
        constexpr T largest = std::numeric_limits<T>::max(), infinite = std::numeric_limits<T>::infinity();
        const std::vector<T> x{22, -22, 800, -800, largest, -largest, infinite, -infinite};
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

BOOST_AUTO_TEST_SUITE_END()
