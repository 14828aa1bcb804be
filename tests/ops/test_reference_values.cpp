#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "reference.hpp"
#include "reference_calls.hpp"

// Values and gradients against those of PyTorch, SciPy, NumPy and mpmath (tests/reference/operations.txt).

using reference_calls::Call;
using xgrad::DType;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

/// One call as the file has it.
struct Case {
    std::vector<Array> inputs;
    Array result;
    Array cotangent;
    std::map<std::size_t, Array> gradients;  // by input
};

std::map<std::string, Case> read_cases() {
    std::map<std::string, Case> cases;
    const Reference reference("operations");
    for (const auto& [key, array] : reference.arrays()) {
        const std::size_t slash = key.rfind('/');
        Case& entry = cases[key.substr(0, slash)];
        const char part = key[slash + 1];
        if (part == 'x') entry.inputs.push_back(array);  // x0, x1, ... come in this order
        if (part == 'y') entry.result = array;
        if (part == 'v') entry.cotangent = array;
        if (part == 'g') entry.gradients[std::stoul(key.substr(slash + 2))] = array;
    }
    return cases;
}

struct Tolerance {
    double relative64 = 1e-13;
    double relative32 = 1e-5;
    double absolute = 0;  // in units of the machine precision, times the largest of the numbers or their cotangents
};

std::string operation_of(const std::string& name) {
    return name.substr(0, name.find('.'));
}

Tolerance tolerance_of(const std::string& name) {
    static const std::map<std::string, Tolerance> looser{
        // 1 - y of a y near 1: the digits that it has lost are those of y's last place.
        {"sigmoid", {.absolute = 4}},
        {"tanh", {.absolute = 4}},
        {"mish", {.absolute = 4}},
        {"gelu_tanh", {.absolute = 4}},
        {"softmax", {.absolute = 4}},
        {"log_softmax", {.absolute = 4}},
        {"cross_entropy", {.absolute = 4}},
        // Sums whose terms cancel, added up in another order than PyTorch's.
        {"matmul", {.absolute = 4}},
        {"pad", {.absolute = 4}},
    };
    const auto found = looser.find(name);
    return found == looser.end() ? Tolerance{} : found->second;
}

double largest_of(const Array& array) {
    double largest = 0;
    for (const double value : array) {
        if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    }
    return largest;
}

/// What is worst about the elements of an array; nothing if all agree.
std::string disagreement(const Tensor& found, const Array& expected, double largest, const Tolerance& tolerance) {
    const Tensor reference(expected);
    if (found.shape() != reference.shape()) {
        return "shape " + to_string(found.shape()) + " instead of " + to_string(reference.shape());
    }
    const bool is_single = found.dtype() == DType::float32;
    const double relative = is_single ? tolerance.relative32 : tolerance.relative64;
    const double absolute = tolerance.absolute * (is_single ? 0x1p-23 : 0x1p-52) * largest;
    const support::Numbers numbers = support::numbers_of(found);
    double worst = 1;
    std::string text;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto is = static_cast<double>(numbers[i]);
        const double should = expected.data()[i];
        if (is == should || (std::isnan(is) && std::isnan(should))) continue;
        const double excess = std::abs(is - should) / (absolute + relative * std::abs(should));
        if (excess <= worst) continue;  // a NaN is not, and is the worst
        worst = std::isnan(excess) ? HUGE_VAL : excess;
        text = fmt::format("element {} is {:.17g} instead of {:.17g}, off by {:.3g} of itself", i, is, should,
                           std::abs(is - should) / std::abs(should));
    }
    return text;
}

/// Computes a case in that dtype and returns what does not agree: one line each.
std::vector<std::string> disagreements(const Case& entry, Call call, DType dtype, const Tolerance& tolerance) {
    std::vector<Tensor> inputs;
    std::vector<Tensor> parameters;
    for (std::size_t i = 0; i < entry.inputs.size(); ++i) {
        inputs.push_back(astype(Tensor(entry.inputs[i]), dtype));
        if (!entry.gradients.count(i)) continue;
        inputs[i] = parameter(inputs[i]);
        parameters.push_back(inputs[i]);
    }
    std::vector<std::string> lines;
    const auto compare = [&](const std::string& what, const Tensor& found, const Array& expected, double scale) {
        const std::string line = disagreement(found, expected, std::max(scale, largest_of(expected)), tolerance);
        if (!line.empty()) lines.push_back(what + ": " + line);
    };
    const Tensor y = call(inputs);
    compare("value", y, entry.result, 0);
    if (parameters.empty() || y.shape() != Tensor(entry.cotangent).shape()) return lines;
    const Tensor v = astype(Tensor(entry.cotangent), y.dtype());
    const std::vector<Tensor> gradients = vjp(y, v, parameters, xgrad::Unconnected::gives_zeros);
    std::size_t next = 0;
    for (const auto& [input, expected] : entry.gradients) {
        compare("gradient of input " + std::to_string(input), gradients[next++], expected, largest_of(entry.cotangent));
    }
    return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reference_values)

BOOST_AUTO_TEST_CASE(of_more_than_a_hundred_operations) {
    const std::map<std::string, Case> cases = read_cases();
    std::map<std::string, Call> calls = reference_calls::elementwise();
    calls.insert(reference_calls::of_arrays().begin(), reference_calls::of_arrays().end());
    for (const auto& [name, call] : calls) BOOST_TEST(cases.count(name) == 1U, name << " is not in operations.txt");
    std::set<std::string> operations;
    std::size_t comparisons = 0;
    for (const auto& [name, entry] : cases) {
        BOOST_TEST_REQUIRE(calls.count(name) == 1U, name << " has no call");
        for (const DType dtype : {DType::float64, DType::float32}) {
            for (const std::string& line :
                 disagreements(entry, calls.at(name), dtype, tolerance_of(operation_of(name)))) {
                BOOST_TEST(false, name << " in " << xgrad::name(dtype) << ", " << line);
            }
            comparisons += 1 + entry.gradients.size();
        }
        operations.insert(operation_of(name));
    }
    BOOST_TEST(operations.size() >= 100U);
    BOOST_TEST_MESSAGE(operations.size() << " operations, " << comparisons << " comparisons");
}

BOOST_AUTO_TEST_CASE(the_comparison_can_fail) {
    const std::map<std::string, Case> cases = read_cases();
    const Case& right = cases.at("multiply");
    const auto count = [](const Case& entry, Call call, DType dtype, const Tolerance& tolerance = {}) {
        return disagreements(entry, call, dtype, tolerance).size();
    };
    const Call multiply = reference_calls::elementwise().at("multiply");
    for (const DType dtype : {DType::float64, DType::float32}) {
        const double little = dtype == DType::float64 ? 1e-12 : 1e-4;
        BOOST_TEST(count(right, multiply, dtype) == 0U);
        BOOST_TEST(count(
                       right, [](auto x) { return x[0] + x[1]; }, dtype) == 3U);
        BOOST_TEST(count(
                       right, [](auto x) { return stop_gradient(x[0]) * x[1]; }, dtype) == 1U);
        BOOST_TEST(count(
                       right,
                       [](auto x) {
                           return reshape(x[0] * x[1], {3, 2});
                       },
                       dtype) >= 1U);
        Case value = right, gradient = right, nan = right, shape = right;
        value.result(1, 2) *= 1 + little;
        BOOST_TEST(count(value, multiply, dtype) == 1U);
        BOOST_TEST(count(value, multiply, dtype, {.relative64 = 2e-12, .relative32 = 2e-4}) == 0U);
        gradient.gradients.at(1)(0) *= 1 - little;
        BOOST_TEST(count(gradient, multiply, dtype) == 1U);
        nan.result(0, 0) = std::numeric_limits<double>::quiet_NaN();
        BOOST_TEST(count(nan, multiply, dtype) == 1U);
        shape.result.reshape({1, 6});
        BOOST_TEST(count(shape, multiply, dtype) == 1U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
