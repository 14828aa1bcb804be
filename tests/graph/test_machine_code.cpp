#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <xgrad/graph/run/machine_code.hpp>
#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Simple operations in machine code give the bits that the compiler's loops give, wherever an element stands, and write
// nothing but their results.

using support::same_bits;
using xgrad::DType;
using xgrad::Simple;
using xgrad::Tensor;
using xgrad::run::Composition;
using xgrad::run::MachineCode;

namespace {

constexpr Simple all_functions[] = {Simple::add,      Simple::subtract, Simple::multiply, Simple::scale_cotangent,
                                    Simple::negative, Simple::square,   Simple::divide,   Simple::square_root,
                                    Simple::relu};

bool is_unary(Simple function) {
    return function == Simple::negative || function >= Simple::square_root || function == Simple::square;
}

template <class T>
T value_of(Simple function, T x, T y) {
    switch (function) {
        case Simple::add:
            return x + y;
        case Simple::subtract:
            return x - y;
        case Simple::multiply:
            return x * y;
        case Simple::scale_cotangent:
            return x == 0 ? x : x * y;
        case Simple::negative:
            return -x;
        case Simple::square:
            return x * x;
        case Simple::divide:
            return x / y;
        case Simple::square_root:
            return std::sqrt(x);
        case Simple::relu:
            return x < 0 ? T(0) : x;
        case Simple::none:
            break;
    }
    throw std::logic_error("no function");
}

/// Whether the bits are the same, or both are NaN.
template <class T>
bool agree(T a, T b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0 || (std::isnan(a) && std::isnan(b));
}

template <class T>
class Trial {
  public:
    explicit Trial(std::uint64_t seed) : random_(seed) {}

    /// Any composition of so many steps, some of which divide by repeated numbers.
    Composition composition(std::size_t arrays, std::size_t steps) {
        Composition made;
        made.dtype = xgrad::dtype_of<T>;
        made.arrays_read = static_cast<std::uint32_t>(arrays);
        for (std::size_t array = 0; array < arrays; ++array) made.is_repeated.push_back(array > 0 && below(3) == 0);
        for (std::size_t step = 0; step < steps; ++step) {
            const Simple function = all_functions[below(std::size(all_functions))];
            const std::size_t known = arrays + step, recent = std::min<std::size_t>(known, 6);
            const auto operand = [&] {
                return static_cast<std::uint32_t>(below(2) == 0 ? below(known) : known - 1 - below(recent));
            };
            made.steps.push_back({function, {operand(), is_unary(function) ? 0 : operand()}, below(5) == 0});
        }
        made.steps.back().is_written = true;
        return made;
    }

    /// Compares the loop with one number after the other, for n of them.
    void check(const Composition& composition, const xgrad::BlockKernel kernel, std::size_t n) {
        const std::size_t arrays = composition.arrays_read;
        std::vector<std::vector<T>> values(arrays + composition.steps.size(), std::vector<T>(n));
        for (std::size_t array = 0; array < arrays; ++array) {
            const T number = this->number();
            for (T& x : values[array]) x = composition.is_repeated[array] ? number : this->number();
        }
        // Of a repeated number there is but one.
        std::vector<const void*> pointers;
        std::vector<std::vector<T>> given(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(arrays));
        for (std::size_t array = 0; array < arrays; ++array) {
            if (composition.is_repeated[array]) given[array].resize(1);
            given[array].shrink_to_fit();
            pointers.push_back(given[array].data());
        }
        constexpr T untouched = T(77);
        std::vector<std::vector<T>> results;
        results.reserve(composition.steps.size());
        std::vector<std::size_t> written;
        for (std::size_t step = 0; step < composition.steps.size(); ++step) {
            const auto& [function, operands, is_written] = composition.steps[step];
            for (std::size_t i = 0; i < n; ++i) {
                values[arrays + step][i] = value_of(function, values[operands[0]][i], values[operands[1]][i]);
            }
            if (!is_written) continue;
            results.emplace_back(n + 1, untouched);
            if (results.size() > 1) pointers.push_back(results.back().data());
            written.push_back(arrays + step);
        }
        kernel(pointers.data(), results[0].data(), n);
        for (std::size_t number = 0; number < results.size(); ++number) {
            for (std::size_t i = 0; i < n; ++i) {
                if (!agree(results[number][i], values[written[number]][i])) {
                    BOOST_ERROR("result " << number << ", element " << i << " of " << n << ": " << results[number][i]
                                          << " instead of " << values[written[number]][i]);
                    return;
                }
            }
            BOOST_TEST(results[number][n] == untouched);
        }
    }

    std::size_t below(std::size_t n) { return random_() % n; }

  private:
    T number() {
        using Limits = std::numeric_limits<T>;
        constexpr T special[] = {0,
                                 -T(0),
                                 1,
                                 -2,
                                 T(0.5),
                                 4,
                                 3,
                                 Limits::infinity(),
                                 -Limits::infinity(),
                                 Limits::quiet_NaN(),
                                 Limits::denorm_min(),
                                 Limits::min(),
                                 Limits::min() / 4,
                                 -Limits::max(),
                                 Limits::max() / 2 + 1,
                                 T(1) / 3};
        if (below(4) == 0) return special[below(std::size(special))];
        return std::uniform_real_distribution<T>(-3, 3)(random_);
    }

    std::mt19937_64 random_;
};

template <class T>
void try_many() {
    Trial<T> trial(7);
    std::size_t tried = 0, left_out = 0;
    for (int round = 0; round < 400; ++round) {
        const Composition composition = trial.composition(1 + trial.below(6), 1 + trial.below(round < 200 ? 6 : 60));
        if (!MachineCode::fits(composition)) {
            ++left_out;
            continue;
        }
        ++tried;
        const MachineCode code({composition});
        for (const std::size_t n :
             {std::size_t{1}, std::size_t{2}, 3 + trial.below(60), std::size_t{64}, std::size_t{129}}) {
            trial.check(composition, code.kernel(0), n);
        }
    }
    BOOST_TEST(tried > 150U);
    BOOST_TEST(left_out > 0U);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(machine_code)

BOOST_AUTO_TEST_CASE(compositions_give_the_bits_of_one_number_after_the_other) {
    if (!MachineCode::is_available()) return;
    try_many<float>();
    try_many<double>();
}

BOOST_AUTO_TEST_CASE(each_function_by_itself_and_for_every_extent) {
    if (!MachineCode::is_available()) return;
    const auto all = [&]<class T>(T) {
        Trial<T> trial(3);
        for (const Simple function : all_functions) {
            for (const bool is_repeated : {false, true}) {
                const Composition composition{xgrad::dtype_of<T>, 2, {false, is_repeated}, {{function, {0, 1}, true}}};
                const MachineCode code({composition});
                for (std::size_t n = 1; n < 80; ++n) trial.check(composition, code.kernel(0), n);
            }
        }
    };
    all(float());
    all(double());
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_run_often_keeps_its_bits) {
    for (const DType dtype : {DType::float32, DType::float64}) {
        for (const xgrad::Shape& shape : {xgrad::Shape{1}, xgrad::Shape{13, 7}, xgrad::Shape{3, 1025}}) {
            xgrad::random::Generator generator(5);
            const Tensor x = xgrad::parameter(generator.normal(shape, 0, 1, dtype));
            const Tensor w = xgrad::parameter(generator.normal({shape.back()}, 1, 1, dtype));
            const auto results = [&] {
                const Tensor y = xgrad::relu(xgrad::tanh(x * w + 0.25) / 2 - xgrad::square(x) / 3);
                const Tensor J = sum(y * xgrad::sigmoid(-x) / (1 + xgrad::sqrt(xgrad::square(w) + 1)));
                const auto [dx, dw] = grad(J, x, w);
                std::vector<Tensor> all{y, J, dx, dw};
                compute(all);
                return all;
            };
            xgrad::set_eager(true);
            const std::vector<Tensor> eager = results();
            xgrad::set_eager(false);
            for (int time = 0; time < 7; ++time) {
                const std::vector<Tensor> again = results();
                for (std::size_t i = 0; i < eager.size(); ++i) {
                    BOOST_TEST(same_bits(eager[i], again[i]), "result " << i << ", time " << time);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
