#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "reference.hpp"
#include "reference_calls.hpp"

// Zeros of both signs, subnormals, the largest numbers, infinities and NaN: every elementwise operation against
// tests/reference/special_values.txt.

using support::Numbers;
using xgrad::DType;
using xgrad::Tensor;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
const DType dtypes[] = {DType::float64, DType::float32};

/// The distance between neighbours at a number of that dtype.
double ulp(double x, DType dtype) {
    const int digits = dtype == DType::float32 ? 24 : 53;
    const double subnormal = dtype == DType::float32 ? 0x1p-149 : 0x1p-1074;
    return x == 0 ? subnormal : std::max(std::ldexp(1., std::ilogb(x) + 1 - digits), subnormal);
}

/// Whether a result is what it should be: NaN, infinities and zeros exactly, anything else to some ulp.
bool agrees(double is, double should, DType dtype, bool sign_of_zero, double ulps) {
    if (std::isnan(should)) return std::isnan(is);
    if (should == 0) return is == 0 && (!sign_of_zero || std::signbit(is) == std::signbit(should));
    if (std::isinf(should)) return is == should;
    return std::abs(is - should) <= ulps * ulp(should, dtype);
}

/// IEEE 754 leaves open which zero is the larger one.
const std::set<std::string> either_zero{"maximum", "minimum"};

/// The gamma functions add up series; everything else is a call or two of the C library.
double ulps_of(const std::string& name) {
    return name == "digamma" || name == "polygamma.1" ? 16 : 4;
}

const Reference& reference() {
    static const Reference file("special_values");
    return file;
}

Tensor column(const std::string& name, DType dtype) {
    return astype(Tensor(reference()[std::string(xgrad::name(dtype)) + "/" + name]), dtype);
}

/// The names that the file has results for, in that dtype.
std::set<std::string> names_in_file(DType dtype) {
    std::set<std::string> names;
    const std::string prefix = std::string(xgrad::name(dtype)) + "/";
    for (const auto& [key, array] : reference().arrays()) {
        if (key.starts_with(prefix) && key.ends_with("/y")) {
            names.insert(key.substr(prefix.size(), key.size() - prefix.size() - 2));
        }
    }
    return names;
}

bool is_planted(const xgrad::Op& op) {
    return op.name.starts_with("planted");
}

/// The kernels of an operation that works element by element on that dtype, or null.
const xgrad::BlockKernels* kernels_of(const xgrad::Op& op, DType dtype) {
    const auto* kernels = std::get_if<xgrad::BlockKernels>(&op.forward);
    return kernels && kernels->takes(dtype) && !is_planted(op) ? kernels : nullptr;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(special_values)

BOOST_AUTO_TEST_CASE(of_every_elementwise_operation) {
    std::size_t comparisons = 0;
    for (const DType dtype : dtypes) {
        const Tensor x = column("x", dtype), left = column("left", dtype), right = column("right", dtype);
        for (const std::string& name : names_in_file(dtype)) {
            const auto& should = reference()[std::string(xgrad::name(dtype)) + "/" + name + "/y"];
            const bool is_unary = should.size() == static_cast<std::size_t>(x.size());
            const std::vector<Tensor> inputs = is_unary ? std::vector<Tensor>{x} : std::vector<Tensor>{left, right};
            const Numbers is = support::numbers_of(reference_calls::elementwise().at(name)(inputs));
            BOOST_TEST_REQUIRE(is.size() == should.size());
            for (std::size_t i = 0; i < is.size(); ++i, ++comparisons) {
                const auto found = static_cast<double>(is[i]);
                if (agrees(found, should.data()[i], dtype, !either_zero.count(name), ulps_of(name))) continue;
                std::string arguments;
                for (const Tensor& input : inputs) {
                    arguments += fmt::format(" {}", static_cast<double>(support::numbers_of(input)[i]));
                }
                BOOST_TEST(false, name << " of" << arguments << " in " << xgrad::name(dtype) << " is "
                                       << fmt::format("{} instead of {}", found, should.data()[i]));
            }
        }
    }
    BOOST_TEST_MESSAGE(comparisons << " special values");
}

BOOST_AUTO_TEST_CASE(no_elementwise_operation_is_left_out) {
    // Written out below, or part of the engine and no function of its own.
    const std::set<std::string> elsewhere{"clip", "where", "scale_cotangent"};
    for (const DType dtype : dtypes) {
        std::set<std::string> names;
        for (const std::string& name : names_in_file(dtype)) names.insert(name.substr(0, name.find('.')));
        for (const xgrad::Op* op : xgrad::catalogue()) {
            if (!kernels_of(*op, dtype) || elsewhere.count(op->name)) continue;
            BOOST_TEST(names.count(op->name) == 1U, op->name << " has no special values");
        }
    }
}

BOOST_AUTO_TEST_CASE(the_comparison_can_fail) {
    BOOST_TEST(agrees(-0., -0., DType::float64, true, 4));
    BOOST_TEST(!agrees(0., -0., DType::float64, true, 4));
    BOOST_TEST(agrees(0., -0., DType::float64, false, 4));
    BOOST_TEST(!agrees(1e-323, 0., DType::float64, false, 4));
    BOOST_TEST(!agrees(1, not_a_number, DType::float64, true, 4));
    BOOST_TEST(!agrees(not_a_number, 1, DType::float64, true, 4));
    BOOST_TEST(!agrees(not_a_number, 0, DType::float64, true, 4));
    BOOST_TEST(!agrees(1.7e308, HUGE_VAL, DType::float64, true, 4));
    BOOST_TEST(!agrees(-HUGE_VAL, HUGE_VAL, DType::float64, true, 4));
    BOOST_TEST(agrees(1 + 0x1p-50, 1, DType::float64, true, 4));
    BOOST_TEST(!agrees(1 + 0x1.8p-50, 1, DType::float64, true, 4));
    BOOST_TEST(agrees(1 + 0x1p-21, 1, DType::float32, true, 4));
    BOOST_TEST(!agrees(1 + 0x1.8p-21, 1, DType::float32, true, 4));
}

BOOST_AUTO_TEST_CASE(clip_and_where) {
    using Array = xt::xarray<double>;
    const double infinity = HUGE_VAL;
    const Tensor x = Array{-infinity, infinity, not_a_number, 0, -0., 5e-324};
    BOOST_TEST(support::close(clip(x, -1, 1), Array{-1, 1, not_a_number, 0, 0, 5e-324}, 0, 0));
    BOOST_TEST(support::same_bits(clip(x, -infinity, infinity), x) == true);
    BOOST_TEST(std::isnan(xgrad::clip(0., not_a_number, 1.).item()));
    BOOST_TEST(std::isnan(xgrad::clip(0., -1., not_a_number).item()));
    BOOST_TEST(xgrad::clip(0., 2., 1.).item() == 1);  // high, where low > high
    const Tensor mask = xt::xarray<bool>{true, false, true, false, true, false};
    BOOST_TEST(support::same_bits(where(mask, x, not_a_number),
                                  Array{-infinity, not_a_number, not_a_number, not_a_number, -0., not_a_number}));
}

BOOST_AUTO_TEST_CASE(polygamma_of_high_order) {
    // By mpmath 1.2.1 with eighty digits. 40! alone is beyond float32.
    const auto error = [](const Tensor& found, double expected) { return std::abs(found.item() / expected - 1); };
    BOOST_TEST(error(polygamma(40, Tensor(64.)), -1.5534943323155936918e-26) < 1e-13);
    BOOST_TEST(error(polygamma(40, Tensor(64.F)), -1.5534943323155936918e-26) < 1e-7);
    BOOST_TEST(error(polygamma(100, Tensor(512.)), -1.2154624512960434004e-115) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_nan_stays_in_its_lane) {
    constexpr std::size_t lanes = 33;
    // An argument that does not always count. That of where is above; the order of polygamma is a whole number.
    const auto counts = [](const xgrad::Op& op, std::size_t argument, double x) {
        const bool is_slope = (op.name == "leaky_relu" || op.name == "elu") && argument == 1;
        return !is_slope || x < 0;
    };
    for (const xgrad::Op* op : xgrad::catalogue()) {
        for (const DType dtype : dtypes) {
            const xgrad::BlockKernels* kernels = kernels_of(*op, dtype);
            if (!kernels || kernels->gives_boolean || kernels->first_is_boolean) continue;
            const bool has_order = op->name == "polygamma";
            std::vector<Numbers> numbers;
            if (has_order) numbers.push_back(Numbers(lanes, 1));
            for (const xgrad::ProbeInput& input : op->probes.front().inputs) {
                const auto drawn =
                    support::draws({lanes}, 7 + static_cast<unsigned>(numbers.size()), input.low, input.high);
                numbers.emplace_back(drawn.begin(), drawn.end());
            }
            BOOST_TEST_REQUIRE(numbers.size() == kernels->arity, op->name);
            for (std::size_t argument = has_order ? 1 : 0; argument < numbers.size(); ++argument) {
                for (std::size_t lane = 0; lane < lanes; ++lane) {
                    std::vector<Tensor> inputs;
                    for (std::size_t i = 0; i < numbers.size(); ++i) {
                        Numbers input = numbers[i];
                        if (i == argument) input[lane] = not_a_number;
                        inputs.push_back(support::tensor_of(dtype, {lanes}, input));
                    }
                    const Numbers y = support::numbers_of(xgrad::apply(*op, inputs));
                    for (std::size_t i = 0; i < lanes; ++i) {
                        const bool expected = i == lane && counts(*op, argument, static_cast<double>(numbers[0][i]));
                        if (std::isnan(y[i]) == expected) continue;
                        BOOST_TEST(false, op->name << " in " << xgrad::name(dtype) << ": NaN in argument " << argument
                                                   << ", lane " << lane << ", gives " << y[i] << " in lane " << i);
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_nan_is_not_reduced_away) {
    using Reduction = Tensor (*)(const Tensor&);
    const std::pair<const char*, Reduction> reductions[] = {
        {"sum", [](const Tensor& x) { return sum(x); }},
        {"mean", [](const Tensor& x) { return mean(x); }},
        {"prod", [](const Tensor& x) { return prod(x); }},
        {"amax", [](const Tensor& x) { return amax(x); }},
        {"amin", [](const Tensor& x) { return amin(x); }},
        {"variance", [](const Tensor& x) { return variance(x); }},
        {"stddev", [](const Tensor& x) { return stddev(x); }},
        {"logsumexp", [](const Tensor& x) { return logsumexp(x); }},
        {"norm", [](const Tensor& x) { return norm(x); }},
        {"norm_lp 1", [](const Tensor& x) { return norm_lp(x, 1); }},
        {"norm_lp 3", [](const Tensor& x) { return norm_lp(x, 3); }},
        {"norm_lp -1", [](const Tensor& x) { return norm_lp(x, -1); }},
        {"norm_lp inf", [](const Tensor& x) { return norm_lp(x, HUGE_VAL); }},
        {"norm_lp -inf", [](const Tensor& x) { return norm_lp(x, -HUGE_VAL); }},
        {"median", [](const Tensor& x) { return median(x); }},
        {"softmax", [](const Tensor& x) { return amin(softmax(x)); }},
        {"log_softmax", [](const Tensor& x) { return amin(log_softmax(x)); }},
        {"softmax, every element", [](const Tensor& x) { return where(all(isnan(softmax(x))), not_a_number, 0.); }},
        {"cumsum", [](const Tensor& x) { return view(cumsum(x), {-1}); }},
        {"cumprod", [](const Tensor& x) { return view(cumprod(x), {-1}); }},
    };
    for (const DType dtype : dtypes) {
        for (const std::size_t n : {1U, 2U, 33U}) {
            for (std::size_t lane = 0; lane < n; ++lane) {
                auto array = support::draws({n}, 11);
                array(lane) = not_a_number;
                const Tensor x = astype(Tensor(array), dtype);
                for (const auto& [name, reduce] : reductions) {
                    BOOST_TEST(std::isnan(reduce(x).item()), name << " of " << n << ", NaN at " << lane);
                }
                BOOST_TEST(argmax(x).item<std::size_t>() == lane);
                BOOST_TEST(argmin(x).item<std::size_t>() == lane);
                BOOST_TEST(view(argsort(x), {-1}).item<std::size_t>() == lane);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
