#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pairs.hpp>

// Two simple functions as one kernel have the bits of one after the other: no product and sum became one instruction,
// no argument has changed its place.

using xgrad::BlockKernel;
using xgrad::BlockKernels;
using xgrad::Simple;

namespace {

/// The operations, in the order of Simple.
const std::vector<std::string> names{"add", "subtract", "multiply", "scale_cotangent", "negative", "square"};

const BlockKernels& kernels_of(std::size_t number) {
    return std::get<BlockKernels>(xgrad::find_op(names[number])->forward);
}

/// Numbers whose products and sums round, zeros of both signs, infinities, NaN and subnormal numbers.
template <class T>
std::vector<T> numbers(std::size_t count, std::uint32_t seed) {
    using Limits = std::numeric_limits<T>;
    const T special[] = {T(0),          -T(0),         T(1),           -Limits::infinity(),  Limits::infinity(),
                         Limits::min(), Limits::max(), -Limits::max(), Limits::denorm_min(), Limits::quiet_NaN()};
    std::mt19937 engine(seed);
    std::vector<T> x(count);
    for (T& element : x) {
        const bool is_special = engine() % 4 == 0;
        element = is_special
                      ? special[engine() % std::size(special)]
                      : std::ldexp(static_cast<T>(engine()) / T(0x1p32) - T(0.5), static_cast<int>(engine() % 9));
    }
    return x;
}

template <class T>
std::vector<T> apply(BlockKernel kernel, const std::vector<const std::vector<T>*>& inputs, std::size_t count) {
    std::vector<const void*> pointers;
    for (const std::vector<T>* input : inputs) pointers.push_back(input->data());
    std::vector<T> result(count);
    kernel(pointers.data(), result.data(), count);
    return result;
}

template <class T>
bool have_same_bits(const std::vector<T>& x, const std::vector<T>& y) {
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i]) && std::isnan(y[i])) continue;
        if (std::memcmp(&x[i], &y[i], sizeof(T)) != 0) return false;
    }
    return true;
}

template <class T>
void check_pairs() {
    constexpr xgrad::DType dtype = xgrad::dtype_of<T>;
    std::size_t pairs = 0;
    for (std::size_t outer = 0; outer < names.size(); ++outer) {
        for (std::size_t inner = 0; inner < names.size(); ++inner) {
            BOOST_TEST((kernels_of(outer).simple == static_cast<Simple>(outer + 1)), names[outer]);
            for (std::size_t position = 0; position < kernels_of(outer).arity; ++position) {
                const BlockKernel pair = xgrad::run::kernel_of_pair(static_cast<Simple>(outer + 1), position,
                                                                    static_cast<Simple>(inner + 1), dtype);
                BOOST_REQUIRE(pair);
                ++pairs;
                for (const std::size_t count : {0, 1, 5, 16, 37, 1000}) {
                    const auto x = numbers<T>(count, 1), y = numbers<T>(count, 2), z = numbers<T>(count, 3);
                    const std::array<const std::vector<T>*, 3> all{&x, &y, &z};
                    // The inner function takes the place of one argument of the outer one.
                    std::vector<const std::vector<T>*> inputs, of_inner, of_outer;
                    for (std::size_t i = 0; i < kernels_of(outer).arity + kernels_of(inner).arity - 1; ++i) {
                        const bool is_inner = i >= position && i < position + kernels_of(inner).arity;
                        inputs.push_back(all[i]);
                        (is_inner ? of_inner : of_outer).push_back(all[i]);
                    }
                    const std::vector<T> between = apply(kernels_of(inner).kernel(dtype), of_inner, count);
                    of_outer.insert(of_outer.begin() + static_cast<std::ptrdiff_t>(position), &between);
                    BOOST_TEST(have_same_bits(apply(pair, inputs, count),
                                              apply(kernels_of(outer).kernel(dtype), of_outer, count)),
                               names[inner] << " as argument " << position << " of " << names[outer]);
                }
            }
        }
    }
    BOOST_TEST(pairs == 60U);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pairs)

BOOST_AUTO_TEST_CASE(two_functions_in_single_precision) {
    check_pairs<float>();
}

BOOST_AUTO_TEST_CASE(two_functions_in_double_precision) {
    check_pairs<double>();
}

BOOST_AUTO_TEST_CASE(there_are_pairs_of_simple_functions_in_floating_point_only) {
    BOOST_TEST(!xgrad::run::kernel_of_pair(Simple::none, 0, Simple::add, xgrad::DType::float32));
    BOOST_TEST(!xgrad::run::kernel_of_pair(Simple::add, 0, Simple::none, xgrad::DType::float32));
    BOOST_TEST(!xgrad::run::kernel_of_pair(Simple::add, 0, Simple::add, xgrad::DType::int64));
    BOOST_TEST(!xgrad::run::kernel_of_pair(Simple::add, 0, Simple::add, xgrad::DType::longdouble));
}

BOOST_AUTO_TEST_SUITE_END()
