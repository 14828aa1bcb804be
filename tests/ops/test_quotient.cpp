#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <xgrad/graph/op.hpp>

// Division by one number, repeated, has the bits of the processor's division: also where it is done as a
// multiplication, by powers of two, and where it must not be, since the reciprocal of a divisor is not exact.

using xgrad::BlockKernels;

namespace {

template <class T>
std::vector<T> dividends() {
    using Limits = std::numeric_limits<T>;
    std::vector<T> x{T(0),
                     -T(0),
                     T(1),
                     -T(3),
                     Limits::max(),
                     Limits::lowest(),
                     Limits::min(),
                     -Limits::min(),
                     Limits::denorm_min(),
                     -5 * Limits::denorm_min(),
                     Limits::infinity(),
                     -Limits::infinity(),
                     Limits::quiet_NaN()};
    std::mt19937_64 engine(1);
    std::uniform_real_distribution<double> digits(-2, 2);
    for (int exponent = Limits::min_exponent - Limits::digits; exponent < Limits::max_exponent; ++exponent) {
        for (int i = 0; i < (sizeof(T) == 4 ? 3 : 1); ++i)
            x.push_back(static_cast<T>(std::ldexp(digits(engine), exponent)));
    }
    return x;
}

template <class T>
void check_division_by(T y) {
    const auto& kernels = std::get<BlockKernels>(xgrad::find_op("divide")->forward);
    const std::vector<T> x = dividends<T>();
    for (std::size_t isa = 0; isa <= static_cast<std::size_t>(xgrad::isa()); ++isa) {
        const auto divide = kernels.table[static_cast<std::size_t>(xgrad::dtype_of<T>)][isa];
        for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{17}, x.size()}) {
            std::vector<T> divisors(count, y), z(count + 1, T(7));
            if (count == 17) divisors[8] = 3;  // all but one are the same
            const void* inputs[] = {x.data(), divisors.data()};
            divide(inputs, z.data(), count);
            BOOST_TEST(z[count] == T(7));
            for (std::size_t i = 0; i < count; ++i) {
                const volatile T dividend = x[i], divisor = divisors[i];
                const T exact = dividend / divisor;
                if (std::memcmp(&z[i], &exact, sizeof(T)) == 0 || (std::isnan(z[i]) && std::isnan(exact))) continue;
                BOOST_ERROR(x[i] << " / " << divisors[i] << " = " << z[i] << ", not " << exact);
                return;
            }
        }
    }
}

template <class T>
void check_divisors() {
    using Limits = std::numeric_limits<T>;
    for (const int sign : {1, -1}) {
        // Among them those that are subnormal or have a subnormal reciprocal.
        for (int exponent = Limits::min_exponent - Limits::digits; exponent < Limits::max_exponent; ++exponent) {
            const bool is_ordinary = std::abs(exponent) < Limits::max_exponent - 8 && std::abs(exponent) > 8;
            if (sizeof(T) == 4 || !is_ordinary || exponent % 32 == 0) {
                check_division_by(static_cast<T>(std::ldexp(T(sign), exponent)));
            }
        }
        for (const T y : {T(0), T(3), T(1) + Limits::epsilon(), Limits::max(), Limits::infinity()}) {
            check_division_by(static_cast<T>(sign * y));
        }
    }
    check_division_by(Limits::quiet_NaN());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(quotient)

BOOST_AUTO_TEST_CASE(one_divisor_repeated_in_single_precision) {
    check_divisors<float>();
}

BOOST_AUTO_TEST_CASE(one_divisor_repeated_in_double_precision) {
    check_divisors<double>();
}

BOOST_AUTO_TEST_SUITE_END()
