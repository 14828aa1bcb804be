#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "math_kernels.hpp"

// The kernels of functions against their long double kernels: arguments of every exponent, and special values.
//
//   XGRAD_TEST_ALL=1     every 251st number of single precision instead of a sample

using namespace math_kernels;

namespace {

struct Worst {
    long double ulps = 0;
    std::string where = "-";
};

template <class T>
void examine(const std::string& name, const std::vector<std::vector<T>>& inputs, const std::vector<T>& y,
             const std::vector<long double>& exact, Worst& worst) {
    for (std::size_t i = 0; i < y.size(); ++i) {
        const long double ulps = error_in_ulps(y[i], exact[i], size_of(name, inputs, i, exact[i]));
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

/// Pairs of any numbers, pairs of like size, and for powers also those whose result is in range. A target is from 0
/// to 1.
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
    if (name == "logistic_loss" || name == "sigmoid_minus") {
        for (T& target : y) target = std::abs(target) > 1 ? 1 / std::abs(target) : std::abs(target);
    }
    return {x, y};
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
