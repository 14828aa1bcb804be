#include <boost/test/unit_test.hpp>

#include <cmath>
#include <functional>
#include <limits>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Wrong calls, on purpose: every one is refused with the documented type of error, which names the operation and the
// place. None crashes, none hangs, none takes the memory that it asks for.

namespace {

using namespace xgrad;

constexpr std::int64_t int_end = std::int64_t{1} << 31;
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct Misuse {
    const char* name;
    std::function<void()> call;
    const char* type;
    const char* message;  // how it begins
};

/// The type and the text of the error that a call throws.
std::pair<std::string, std::string> outcome(const std::function<void()>& call) {
    try {
        call();
    } catch (const ShapeError& error) {
        return {"ShapeError", error.what()};
    } catch (const ValueError& error) {
        return {"ValueError", error.what()};
    } catch (const DTypeError& error) {
        return {"DTypeError", error.what()};
    } catch (const GradientError& error) {
        return {"GradientError", error.what()};
    } catch (const OutOfMemory& error) {
        return {"OutOfMemory", error.what()};
    } catch (const std::exception& error) {
        return {"another", error.what()};
    }
    return {"none", ""};
}

void refuse(const std::vector<Misuse>& all) {
    for (const Misuse& each : all) {
        const std::int64_t before = live_nodes();
        const auto [type, text] = outcome(each.call);
        BOOST_TEST(type == each.type, each.name << " gives " << type << ": " << text);
        BOOST_TEST(text.starts_with(each.message), each.name << ": " << text);
        BOOST_TEST(text.find(" at test_misuse.cpp:") != std::string::npos, each.name << ": " << text);
        BOOST_TEST(live_nodes() == before, each.name);
    }
}

/// A call whose result is asked for.
#define WRONG(expression) #expression, [&] { static_cast<void>(expression); }
#define WRONG_WHEN_READ(expression) #expression, [&] { compute({expression}); }

Shape ones_of_rank(std::size_t rank) {
    return Shape::of_rank(rank, 1);
}

struct Things {
    Tensor x = zeros({2, 3}, DType::float64);
    Tensor v = zeros({3}, DType::float64);
    Tensor s = zeros({}, DType::float64);
    Tensor none = zeros({0, 3}, DType::float64);
    Tensor deep = zeros(ones_of_rank(32), DType::float64);
    Tensor i = Tensor(xt::xarray<int>{0, 1});
    Tensor b = x > 0;
    Tensor far = zeros({std::int64_t{1} << 42}, DType::float64);  // more than a machine has, stretched from one number
    Tensor w = parameter(zeros({2, 3}, DType::float64), "w");
    Tensor empty;

    // Computed tensors let go of what they were made from, which would be counted.
    Things() { compute({x, v, s, none, deep, i, b, far, w}); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(misuse)

BOOST_FIXTURE_TEST_CASE(of_creation, Things) {
    refuse({
        {WRONG(zeros({-1})), "ShapeError", "full: needs extents"},
        {WRONG(ones({2, least})), "ShapeError", "full: needs extents"},
        {WRONG(full({most}, 1)), "ShapeError", "full: needs extents"},
        {WRONG(full({int_end, int_end}, 1)), "ShapeError", "full: needs extents"},
        {WRONG(full({0, most, most}, 1)), "ShapeError", "full: needs extents"},
        {WRONG(full({most, most, 0}, 1)), "ShapeError", "full: needs extents"},
        {WRONG(full({2}, 1e300, DType::int32)), "ValueError", "full: needs a number that fits int32"},
        {WRONG(full({2}, not_a_number, DType::int64)), "ValueError", "full: needs a number that fits int64"},
        {WRONG_WHEN_READ(far + 1), "OutOfMemory", "add: needs 35184372088832 bytes for (4398046511104,)"},
        {WRONG_WHEN_READ(exp(far)), "OutOfMemory", "exp: needs "},
        {WRONG(far.value<double>()), "OutOfMemory", "broadcast_to: needs "},
        {WRONG(one_hot(i, 0)), "ValueError", "one_hot: needs at least one class"},
        {WRONG(one_hot(i, -1)), "ValueError", "one_hot: needs at least one class"},
        {WRONG(one_hot(i, least)), "ValueError", "one_hot: needs at least one class"},
        {WRONG(one_hot(i, 1)), "ValueError", "one_hot: needs labels from 0 to 0"},
        {WRONG(one_hot(i, most)), "ShapeError", "one_hot: needs extents"},
        {WRONG_WHEN_READ(one_hot(i, std::int64_t{1} << 42)), "OutOfMemory", "one_hot: needs "},
        {WRONG(one_hot(x, 3)), "DTypeError", "one_hot: needs int32 or int64 labels"},
        {WRONG(one_hot(zeros(ones_of_rank(32), DType::int32), 3)), "ShapeError", "one_hot: needs at most 32 axes"},
        {WRONG(random::normal({-1})), "ShapeError", "random_normal: needs extents"},
        {WRONG(random::uniform({most})), "ShapeError", "random_uniform: needs extents"},
        {WRONG(random::normal({2}, 0, -1)), "ValueError", "normal: needs a deviation >= 0"},
        {WRONG(random::normal({2}, 0, not_a_number)), "ValueError", "normal: needs a deviation >= 0"},
        {WRONG(random::uniform({2}, 1, 0)), "ValueError", "uniform: needs low <= high"},
        {WRONG(random::uniform({2}, not_a_number, 1)), "ValueError", "uniform: needs low <= high"},
        {WRONG(random::uniform({2}, 0, 1, DType::int32)), "DTypeError", "uniform: needs a floating-point dtype"},
    });
}

BOOST_FIXTURE_TEST_CASE(of_arithmetic, Things) {
    refuse({
        {WRONG(empty + x), "ValueError", "add: needs a tensor"},
        {WRONG(x * empty), "ValueError", "multiply: needs a tensor"},
        {WRONG(exp(empty)), "ValueError", "exp: needs a tensor"},
        {WRONG(where(b, x, empty)), "ValueError", "where: needs a tensor"},
        {WRONG(x + zeros({2}, DType::float64)), "ShapeError", "add: needs shapes that broadcast"},
        {WRONG(maximum(x, none)), "ShapeError", "maximum: needs shapes that broadcast"},
        {WRONG(clip(x, v, zeros({2}, DType::float64))), "ShapeError", "clip: needs shapes that broadcast"},
        {WRONG(zeros({int_end, 1}) * zeros({1, int_end})), "ShapeError", "multiply: needs extents"},
        {WRONG(sin(i)), "DTypeError", "sin: needs float32 or float64"},
        {WRONG(i / i), "DTypeError", "divide: needs float32 or float64"},
        {WRONG(zeros({2}) + zeros({2}, DType::int64)), "DTypeError", "add: has no common dtype"},
        {WRONG(-b), "DTypeError", "negative: "},
        {WRONG(logical_and(x, b)), "DTypeError", "logical_and: needs bool"},
        {WRONG(logical_not(i)), "DTypeError", "logical_not: needs bool"},
        {WRONG(where(x, x, x)), "DTypeError", "where: needs a bool mask first"},
        {WRONG(i + int_end), "ValueError", "add: needs a number that fits int32"},
        {WRONG(i * least), "ValueError", "multiply: needs a number that fits int32"},
        {WRONG(astype(i, DType::int64) + 1e19), "DTypeError", "add: has no common dtype"},
        {WRONG(astype(i, DType::int64) + std::numeric_limits<std::uint64_t>::max()), "ValueError",
         "add: needs a number that fits int64"},
        {WRONG(polygamma(-1, x)), "ValueError", "polygamma: needs an order"},
        {WRONG(polygamma(most, x)), "ValueError", "polygamma: needs an order"},
        {WRONG(polygamma(least, x)), "ValueError", "polygamma: needs an order"},
        {WRONG(matmul(x, x)), "ShapeError", "matmul: needs (n, k) and (k, m)"},
        {WRONG(matmul(s, x)), "ShapeError", "matmul: needs (n, k) and (k, m)"},
        {WRONG(matmul(empty, x)), "ValueError", "matmul: needs a tensor"},
        {WRONG(matmul(zeros({int_end, 1}), zeros({1, 1}))), "ShapeError",
         "matmul: needs matrices of extents below 2^31"},
        {WRONG(dot(deep, x)), "ShapeError", "dot: needs (n, k) and (k, m)"},
    });
}

BOOST_FIXTURE_TEST_CASE(of_reductions_and_scans, Things) {
    refuse({
        {WRONG(sum(x, 2)), "ShapeError", "sum: needs an axis"},
        {WRONG(sum(x, -3)), "ShapeError", "sum: needs an axis"},
        {WRONG(sum(x, most)), "ShapeError", "sum: needs an axis"},
        {WRONG(mean(x, least)), "ShapeError", "mean: needs an axis"},
        {WRONG(prod(x, {0, -2})), "ShapeError", "prod: needs each axis once"},
        {WRONG(sum(empty)), "ValueError", "argument: needs a tensor"},
        {WRONG(amax(none)), "ShapeError", "amax: needs at least one element"},
        {WRONG(amin(none, 0)), "ShapeError", "amin: needs at least one element"},
        {WRONG(median(none)), "ShapeError", "median: needs at least one element"},
        {WRONG(argmax(none, 0)), "ShapeError", "argmax: needs at least one element"},
        {WRONG(argmin(none)), "ShapeError", "argmin: needs at least one element"},
        {WRONG(argmax(x, int_end)), "ShapeError", "argmax: needs an axis"},
        {WRONG(argmax(s, 0)), "ShapeError", "argmax: needs an axis"},
        {WRONG(median(i)), "DTypeError", "median: needs float32 or float64"},
        {WRONG(variance(i)), "DTypeError", "variance: needs float32 or float64"},
        {WRONG(logsumexp(i)), "DTypeError", "logsumexp: needs float32 or float64"},
        {WRONG(norm_lp(x, not_a_number)), "ValueError", "norm_lp: needs a number p"},
        {WRONG(softmax(x, int_end)), "ShapeError", "softmax: needs an axis"},
        {WRONG(log_softmax(s)), "ShapeError", "log_softmax: needs an axis"},
        {WRONG(cumsum(x, -3)), "ShapeError", "cumsum: needs an axis"},
        {WRONG(cumprod(x, least)), "ShapeError", "cumprod: needs an axis"},
        {WRONG(cumprod(i)), "DTypeError", "cumprod: needs float32 or float64"},
        {WRONG(linear_recurrence(s, s)), "ShapeError", "linear_recurrence: needs an axis"},
        {WRONG(linear_recurrence(x, zeros({2}, DType::float64))), "ShapeError", "linear_recurrence: needs shapes"},
        {WRONG(sort(x, 2)), "ShapeError", "sort: needs an axis"},
        {WRONG(argsort(s)), "ShapeError", "argsort: needs an axis"},
        {WRONG(topk(x, -1)), "ShapeError", "topk: needs 0 <= k <= 3"},
        {WRONG(topk(x, 4)), "ShapeError", "topk: needs 0 <= k <= 3"},
        {WRONG(topk(x, most)), "ShapeError", "topk: needs 0 <= k <= 3"},
        {WRONG(topk(x, least, 0)), "ShapeError", "topk: needs 0 <= k <= 2"},
        {WRONG(cross_entropy(x, Tensor(xt::xarray<int>{0, 1, 2}))), "ValueError", "one_hot: needs labels from 0 to 1"},
        {WRONG(binary_cross_entropy(x, v)), "ShapeError", "binary_cross_entropy: needs a prediction"},
    });
    // Not wrong, and no overflow in the count of elements.
    BOOST_TEST(variance(x, {}, {}, least).item() == 0);
}

BOOST_FIXTURE_TEST_CASE(of_views, Things) {
    refuse({
        {WRONG(view(x, {2})), "ShapeError", "view: needs an index below 2"},
        {WRONG(view(x, {most})), "ShapeError", "view: needs an index below 2"},
        {WRONG(view(x, {least})), "ShapeError", "view: needs an index below 2"},
        {WRONG(view(none, {0})), "ShapeError", "view: needs an index below 0"},
        {WRONG(view(x, {range(0, 2, 0)})), "ShapeError", "view: needs a step"},
        {WRONG(view(x, {range(0, 2, least)})), "ShapeError", "view: needs a step"},
        {WRONG(view(x, {0, 0, 0})), "ShapeError", "view: needs at most one slice"},
        {WRONG(view(x, {ellipsis, ellipsis})), "ShapeError", "view: needs at most one slice"},
        {WRONG(view(deep, {newaxis})), "ShapeError", "view: needs at most 32 axes"},
        {WRONG(view(x, std::vector<Slice>(100, newaxis))), "ShapeError", "view: needs at most 32 axes"},
        {WRONG(view(empty, {0})), "ValueError", "argument: needs a tensor"},
        {WRONG(reshape(x, {-2})), "ShapeError", "reshape: needs a shape of 6 elements"},
        {WRONG(reshape(x, {-1, -1})), "ShapeError", "reshape: needs a shape of 6 elements"},
        {WRONG(reshape(x, {least})), "ShapeError", "reshape: needs a shape of 6 elements"},
        {WRONG(reshape(x, {most, most})), "ShapeError", "reshape: needs a shape of 6 elements"},
        {WRONG(reshape(none, {0, -1})), "ShapeError", "reshape: needs a shape of 0 elements"},
        {WRONG(reshape(none, {0, int_end, int_end})), "ShapeError", "reshape: needs "},
        {WRONG(reshape(none, {most, most, 0})), "ShapeError", "reshape: needs "},
        {WRONG(broadcast_to(x, {3})), "ShapeError", "broadcast_to: needs a shape"},
        {WRONG(broadcast_to(v, {-1, 3})), "ShapeError", "broadcast_to: needs a shape"},
        {WRONG(broadcast_to(v, {most, 3})), "ShapeError", "broadcast_to: needs a shape"},
        {WRONG(transpose(x, {0, 0})), "ShapeError", "transpose: needs each axis once"},
        {WRONG(transpose(x, Shape{0, int_end})), "ShapeError", "transpose: needs an axis"},
        {WRONG(squeeze(x, 0)), "ShapeError", "squeeze: needs axes of extent 1"},
        {WRONG(squeeze(x, most)), "ShapeError", "squeeze: needs an axis"},
        {WRONG(expand_dims(x, 3)), "ShapeError", "expand_dims: needs an axis"},
        {WRONG(expand_dims(x, least)), "ShapeError", "expand_dims: needs an axis"},
        {WRONG(expand_dims(deep, 0)), "ShapeError", "expand_dims: needs at most 32 axes"},
        {WRONG(swapaxes(x, 0, 2)), "ShapeError", "swapaxes: needs an axis"},
        {WRONG(moveaxis(x, {0, 1}, {0})), "ShapeError", "moveaxis: needs as many destinations"},
        {WRONG(moveaxis(x, least, 0)), "ShapeError", "moveaxis: needs an axis"},
        {WRONG(flip(x, -3)), "ShapeError", "flip: needs an axis"},
        {WRONG(diagonal(v)), "ShapeError", "diagonal: needs at least two axes"},
        {WRONG(diagonal(x, 0, 1, 1)), "ShapeError", "moveaxis: needs each axis once"},
        {WRONG(diag(s)), "ShapeError", "diag: needs a vector or a matrix"},
        {WRONG(diag(v, most)), "ShapeError", "diag: needs vectors (..., n) and a diagonal"},
        {WRONG(diag(v, least)), "ShapeError", "diag: needs vectors (..., n) and a diagonal"},
        {WRONG(diag(v, int_end)), "ShapeError", "diag: needs vectors (..., n) and a diagonal"},
        {WRONG(tril(v)), "ShapeError", "tril: needs matrices"},
        {WRONG(triu(s, most)), "ShapeError", "triu: needs matrices"},
    });
    // Far outside is not wrong: there is nothing.
    BOOST_TEST(view(x, {range(most, least + 1)}).shape() == Shape(0, 3));
    BOOST_TEST(support::numbers_of(view(x, {range(0, 2, most), range(2, -9, least + 1)})).size() == 1);
    BOOST_TEST(diagonal(x, most).size() == 0);
    BOOST_TEST(diagonal(x, least).size() == 0);
    BOOST_TEST(support::same_bits(tril(x, most), triu(x, least)));
}

BOOST_FIXTURE_TEST_CASE(of_what_moves_elements, Things) {
    refuse({
        {WRONG(concatenate({})), "ShapeError", "concatenate: needs at least one tensor"},
        {WRONG(concatenate({x, empty})), "ValueError", "concatenate: needs a tensor"},
        {WRONG(concatenate({x, v})), "ShapeError", "concatenate: needs tensors of one rank"},
        {WRONG(concatenate({x, x}, 2)), "ShapeError", "concatenate: needs an axis"},
        {WRONG(concatenate({s, s})), "ShapeError", "concatenate: needs an axis"},
        {WRONG(concatenate({x, i})), "DTypeError", "concatenate: "},
        {WRONG(concatenate(std::vector<Tensor>(20, far))), "ShapeError", "concatenate: needs extents"},
        {WRONG(stack({})), "ShapeError", "stack: needs at least one tensor"},
        {WRONG(stack({x, v})), "ShapeError", "stack: needs tensors of one shape"},
        {WRONG(stack({x, x}, 4)), "ShapeError", "stack: needs an axis"},
        {WRONG(stack({deep})), "ShapeError", "stack: needs at most 32 axes"},
        {WRONG(stack({x, empty})), "ValueError", "shape: needs a tensor"},
        {WRONG(split(x, 0)), "ShapeError", "split: needs a number of parts"},
        {WRONG(split(x, -1)), "ShapeError", "split: needs a number of parts"},
        {WRONG(split(x, most)), "ShapeError", "split: needs a number of parts"},
        {WRONG(split(none, most)), "ShapeError", "split: needs a number of parts"},
        {WRONG(split(x, {1, 0})), "ShapeError", "split: needs ascending positions"},
        {WRONG(split(x, std::vector<std::int64_t>{most})), "ShapeError", "split: needs ascending positions"},
        {WRONG(split(s, 1)), "ShapeError", "split: needs an axis"},
        {WRONG(pad(x, {{1, 1}})), "ShapeError", "pad: needs one pair of widths per axis"},
        {WRONG(pad(x, {{-1, 0}, {0, 0}})), "ShapeError", "pad: needs widths"},
        {WRONG(pad(x, {{most, most}, {0, 0}})), "ShapeError", "pad: needs "},
        {WRONG(pad(x, {{int_end, 0}, {int_end, 0}})), "ShapeError", "pad: needs "},
        {WRONG(pad(x, {{2, 0}, {0, 0}}, Padding::reflect)), "ShapeError", "pad: needs widths from 0 to 1"},
        {WRONG(pad(none, {{1, 0}, {0, 0}}, Padding::edge)), "ShapeError", "pad: needs widths from 0 to 0"},
        {WRONG(roll(x, 1, 2)), "ShapeError", "roll: needs an axis"},
        {WRONG(repeat(x, -1)), "ShapeError", "repeat: needs n >= 0"},
        {WRONG(repeat(x, most)), "ShapeError", "repeat: needs "},
        {WRONG(repeat(x, most / 2)), "ShapeError", "repeat: needs "},
        {WRONG(repeat(deep, 2)), "ShapeError", "repeat: needs at most 32 axes"},
        {WRONG_WHEN_READ(repeat(x, std::int64_t{1} << 40)), "OutOfMemory", "broadcast_to: needs "},
        {WRONG(tile(x, {-1})), "ShapeError", "tile: needs counts >= 0"},
        {WRONG(tile(x, {most, most})), "ShapeError", "tile: needs counts >= 0 and a result that fits memory"},
        {WRONG(tile(x, {int_end, int_end})), "ShapeError", "tile: needs counts >= 0 and a result that fits memory"},
        {WRONG(tile(x, std::vector<std::int64_t>(40, 1))), "ShapeError", "tile: needs at most 32 axes"},
        {WRONG(meshgrid({x})), "ShapeError", "meshgrid: needs vectors"},
        {WRONG(meshgrid(std::vector<Tensor>(33, v))), "ShapeError", "meshgrid: needs at most 32 axes"},
        {WRONG(meshgrid({far, far})), "ShapeError", "meshgrid: needs "},
        {WRONG(meshgrid({empty})), "ValueError", "shape: needs a tensor"},
    });
    BOOST_TEST(roll(x, most).shape() == x.shape());
    BOOST_TEST(support::numbers_of(roll(x, least, 1)).size() == 6);
    BOOST_TEST(split(none, 3).size() == 3);
}

BOOST_FIXTURE_TEST_CASE(of_indices, Things) {
    const Tensor wide = Tensor(xt::xarray<std::int64_t>{0, most});
    const Tensor low = Tensor(xt::xarray<std::int64_t>{least});
    const Tensor third = Tensor(xt::xarray<int>{1, 2});
    const Tensor pairs = reshape(Tensor(xt::xarray<int>{0, 0, 9, 1, 1, 1}), {2, 3});
    compute({pairs});
    refuse({
        {WRONG(take(x, x)), "DTypeError", "take: needs int32 or int64 indices"},
        {WRONG(take(x, i, 2)), "ShapeError", "take: needs an axis"},
        {WRONG(take(s, i)), "ShapeError", "take: needs an axis"},
        {WRONG(take(x, empty)), "ValueError", "argument: needs a tensor"},
        {WRONG(take(deep, zeros({1, 1}, DType::int32))), "ShapeError", "take: needs at most 32 axes"},
        {WRONG_WHEN_READ(take(x, third)), "ValueError", "take: needs indices below 2, got 2 at index 1"},
        {WRONG_WHEN_READ(take(x, wide)), "ValueError", "take: needs indices below 2"},
        {WRONG_WHEN_READ(take(x, low, 1)), "ValueError", "take: needs indices below 3"},
        {WRONG_WHEN_READ(take(none, i)), "ValueError", "take: needs indices below 0"},
        {WRONG_WHEN_READ(take(v, astype(far, DType::int64))), "OutOfMemory", "astype: needs "},
        {WRONG(take_along_axis(x, i, 0)), "ShapeError", "take_along_axis: needs extents that broadcast"},
        {WRONG(take_along_axis(x, x, 0)), "DTypeError", "take_along_axis: needs int32 or int64 indices"},
        {WRONG_WHEN_READ(take_along_axis(x, pairs, 0)), "ValueError", "take_along_axis: needs indices below 2"},
        {WRONG(scatter_add(x, pairs, v, 0)), "ShapeError", "scatter_add: needs indices and updates of one shape"},
        {WRONG(scatter_add(x, pairs, x, -3)), "ShapeError", "scatter_add: needs an axis"},
        {WRONG_WHEN_READ(scatter_add(x, pairs, x, 0)), "ValueError", "scatter_add: needs indices below 2"},
        {WRONG(masked_select(x, x)), "DTypeError", "masked_select: needs a bool mask"},
        {WRONG(masked_select(v, b)), "ShapeError", "masked_select: needs a mask of the same shape"},
    });
}

BOOST_FIXTURE_TEST_CASE(of_tensors, Things) {
    refuse({
        {WRONG(empty.item()), "ValueError", "item: needs a tensor"},
        {WRONG(empty.value<double>()), "ValueError", "value: needs a tensor"},
        {WRONG(empty.backward()), "ValueError", "backward: needs a tensor"},
        {WRONG(x.item()), "ShapeError", "item: needs exactly one element"},
        {WRONG(none.item()), "ShapeError", "item: needs exactly one element"},
        {WRONG(x.value<float>()), "DTypeError", "value: needs the tensor's own dtype float64"},
        {WRONG(parameter(empty)), "ValueError", "parameter: needs a tensor"},
        {WRONG(parameter(b)), "DTypeError", "parameter: needs a floating-point dtype"},
        {WRONG(w.assign(empty)), "ValueError", "assign: needs a tensor"},
        {WRONG(assign({w, w}, {x})), "ValueError", "assign: needs "},
        {WRONG(assign({x}, {x})), "ValueError", "assign: needs a parameter"},
        {WRONG(w.grad()), "GradientError", "grad: needs backward() first"},
        {WRONG(compute({x, empty})), "ValueError", "compute: needs a tensor"},
        {WRONG(to_string(x, "zzz")), "ValueError", "to_string: needs a format for float64"},
    });
}

BOOST_FIXTURE_TEST_CASE(of_empty_handles, Things) {
    // These are asked for no place to name.
    BOOST_TEST(support::message_of<ValueError>([&] { empty.shape(); }) == "shape: needs a tensor, got an empty handle");
    BOOST_TEST(support::message_of<ValueError>([&] { empty.dtype(); }) == "dtype: needs a tensor, got an empty handle");
    BOOST_TEST(!empty.has_grad());
    BOOST_TEST(!empty.is_parameter());
    BOOST_TEST(empty.name().empty());
    BOOST_TEST(to_string(empty) == "(no tensor)");
}

/// What looks like misuse and is none.
BOOST_FIXTURE_TEST_CASE(of_numbers_at_the_end_of_their_range, Things) {
    const Tensor wide = astype(i, DType::int64);
    BOOST_TEST((wide * 0 + most).value<std::int64_t>()(1) == most);
    BOOST_TEST((wide * 0 + least).value<std::int64_t>()(1) == least);
    BOOST_TEST((wide * 0 + 9007199254740993).value<std::int64_t>()(0) == 9007199254740993);
    BOOST_TEST(to_string(zeros({std::int64_t{1} << 42, 0})).size() < 100);
}

BOOST_FIXTURE_TEST_CASE(of_derivatives, Things) {
    const Tensor y = sum(w * w);
    const auto square_sum = [](const Tensor& z) { return sum(z * z); };
    const std::vector<Tensor> ws{w}, xs{x}, vs{v}, nothing{};
    refuse({
        {WRONG(grad(empty, w)), "ValueError", "grad: needs a tensor"},
        {WRONG(grad(y, empty)), "ValueError", "grad: needs a tensor"},
        {WRONG(grad(w * w, w)), "GradientError", "grad: needs a scalar cost"},
        {WRONG(grad(sum(x), x)), "GradientError", "grad: needs "},
        {WRONG(vjp(w * 2, v, ws)), "ShapeError", "vjp: needs a cotangent like the result"},
        {WRONG(vjp(w * 2, empty, ws)), "ValueError", "vjp: needs a tensor"},
        {WRONG(jvp(y, ws, nothing)), "ValueError", "jvp: needs one tangent per tensor"},
        {WRONG(jvp(y, ws, vs)), "ShapeError", "jvp: needs a tangent like its tensor"},
        {WRONG(hvp(w * w, ws, xs)), "GradientError", "grad: needs a scalar cost"},
        {WRONG(hvp(y, ws, vs)), "ShapeError", "jvp: needs a tangent like its tensor"},
        {WRONG(hvp(y, ws, nothing)), "ValueError", "jvp: needs one tangent per tensor"},
        {WRONG(hessian(w * w, ws)), "GradientError", "grad: needs a scalar cost"},
        {WRONG(jacobian(y, xs)), "GradientError", "grad: needs a parameter"},
        {WRONG(jacobian([](const Tensor& z) { return z; }, deep)), "ShapeError", "jacobian: needs at most 32 axes"},
        {WRONG(value_and_grad(square_sum, {i})), "GradientError", "value_and_grad: needs "},
        {WRONG(value_and_grad(square_sum, {w, w})), "ValueError", "value_and_grad: needs a function of as many"},
        {WRONG(value_and_grad(square_sum, {empty})), "ValueError", "value_and_grad: needs a tensor"},
        {WRONG(value_and_grad([](const Tensor&) { return Tensor(); }, {w})), "ValueError", "grad: needs a tensor"},
        {WRONG(vjp(square_sum, {w}, v)), "ShapeError", "vjp: needs a cotangent like the result"},
        {WRONG(jvp(square_sum, {w}, {v})), "ShapeError", "jvp: needs a tangent like its tensor"},
        {WRONG(hvp(square_sum, {w}, {v})), "ShapeError", "jvp: needs a tangent like its tensor"},
        {WRONG(checkpoint(square_sum, {})), "ValueError", "checkpoint: needs a function of as many"},
        {WRONG(checkpoint(square_sum, {empty})), "ValueError", "stop_gradient: needs a tensor"},
        {WRONG(checkpoint([](const Tensor&) { return Tensor(); }, {w})), "ValueError", "stop_gradient: needs a tensor"},
        {WRONG(check_gradients(square_sum, {w, w})), "ValueError", "check_gradients: needs a function of as many"},
        {WRONG(check_gradients([](const Tensor& z) { return z > 0; }, {w})), "GradientError",
         "check_gradients: needs a floating-point result"},
        {WRONG(check_gradients(square_sum, {empty})), "ValueError", "check_gradients: needs a tensor"},
        {WRONG(grad(custom_gradient(square_sum, [](auto&, auto&, auto&) { return std::vector<Tensor>(); }, {w}), w)),
         "ValueError", "custom_gradient: needs "},
        {WRONG(grad(custom_gradient(square_sum, [](auto&, auto&, auto& g) { return std::vector<Tensor>{g}; }, {w}), w)),
         "ShapeError", "custom_gradient: needs "},
    });
    BOOST_TEST(grad(y, nothing).empty());
}

BOOST_AUTO_TEST_SUITE_END()
