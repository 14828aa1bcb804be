#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "draws.hpp"
#include "support.hpp"

// Kernels on arrays that are large enough for their threads, tiles and blocks, in every layout that has a way of its
// own: beside plain loops in 80-bit precision, and with the same bits whatever the number of threads.

using support::count_of;
using support::normal;
using support::Numbers;
using support::numbers_of;
using support::same_bits;
using support::tensor_of;
using xgrad::DType;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

/// The result with one thread, after it was found to have the same bits with two and three.
Tensor on_any_threads(const std::function<Tensor()>& f, const std::string& what) {
    const support::RestoredThreads restored;
    xgrad::set_threads(1);
    const Tensor result = f();
    xgrad::compute({result});
    for (const std::size_t threads : {2, 3}) {
        xgrad::set_threads(threads);
        BOOST_TEST(same_bits(result, f()), what << " on " << threads << " threads");
    }
    return result;
}

/// The numbers of every line along an axis, as columns of one row-major array after the other: where line number l of
/// `count` has its element k.
struct Lines {
    std::size_t n = 1, step = 1, count = 1;
    Lines(const Shape& shape, std::size_t axis) : n(static_cast<std::size_t>(shape[axis])) {
        for (std::size_t i = axis + 1; i < shape.rank(); ++i) step *= static_cast<std::size_t>(shape[i]);
        count = count_of(shape) / n;
    }
    std::size_t at(std::size_t line, std::size_t k) const { return (line / step * n + k) * step + line % step; }
    Numbers line(const Numbers& x, std::size_t l) const {
        Numbers result;
        for (std::size_t k = 0; k < n; ++k) result.push_back(x[at(l, k)]);
        return result;
    }
};

/// What is expected of each line, put where the elements of lines stand.
Numbers along(const Tensor& x, std::size_t axis, const std::function<Numbers(const Numbers&)>& f) {
    const Lines lines(x.shape(), axis);
    const Numbers numbers = numbers_of(x);
    Numbers result;
    for (std::size_t l = 0; l < lines.count; ++l) {
        const Numbers of_line = f(lines.line(numbers, l));
        result.resize(std::max(result.size(), lines.count * of_line.size()));
        for (std::size_t k = 0; k < of_line.size(); ++k) {
            const bool is_one = of_line.size() == 1;
            result[is_one ? l : lines.at(l, k)] = of_line[k];
        }
    }
    return result;
}

void require_close(const Tensor& got, const Numbers& expected, long double tolerance, const std::string& what) {
    const Numbers numbers = numbers_of(got);
    BOOST_TEST_REQUIRE(numbers.size() == expected.size(), what);
    long double largest = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        largest = std::max(largest, std::abs(numbers[i] - expected[i]) / std::max(std::abs(expected[i]), 1.L));
    }
    BOOST_TEST(largest <= tolerance, what << ": off by " << largest);
}

long double rounding(DType dtype) {
    return dtype == DType::float32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

/// The same elements in other places: as they are, transposed, every other one, stretched.
struct Layout {
    std::string name;
    std::function<Tensor(const Tensor&)> of;
};

std::vector<Layout> layouts() {
    using xgrad::all, xgrad::range, xgrad::ellipsis;
    return {{"row-major", [](const Tensor& x) { return x; }},
            {"transposed", [](const Tensor& x) { return transpose(x); }},
            {"backwards",
             [](const Tensor& x) {
                 return view(x, {all(-1), ellipsis});
             }},
            {"every other column", [](const Tensor& x) {
                 return view(x, {ellipsis, all(2)});
             }}};
}

constexpr DType precisions[] = {DType::float32, DType::float64};

}  // namespace

BOOST_AUTO_TEST_SUITE(large_arrays)

BOOST_AUTO_TEST_CASE(sums_and_largest_elements_in_every_layout) {
    const std::vector<Shape> shapes{{1000, 70}, {3, 140000}, {140000, 3}, {70, 1500}, {4097, 33},
                                    {1, 9000},  {9000, 1},   {300, 7},    {2, 5000}};
    for (const DType dtype : precisions) {
        for (const Shape& shape : shapes) {
            const Tensor given = normal(shape, 1, dtype);
            for (const Layout& layout : layouts()) {
                const Tensor x = layout.of(given);
                for (const std::size_t axis : {0, 1}) {
                    const auto number = static_cast<std::int64_t>(axis);
                    const std::string what = layout.name + " " + std::to_string(shape[0]) + " x " +
                                             std::to_string(shape[1]) + " along " + std::to_string(axis);
                    const auto n = static_cast<long double>(x.shape()[axis]);
                    // Random signs: the sum of n has the size of its root, and errors come from log n levels.
                    require_close(on_any_threads([&] { return sum(x, number); }, "sum of " + what),
                                  along(x, axis,
                                        [](const Numbers& line) {
                                            return Numbers{std::accumulate(line.begin(), line.end(), 0.L)};
                                        }),
                                  rounding(dtype) * 4 * std::sqrt(n), "sum of " + what);
                    require_close(
                        on_any_threads([&] { return amax(x, number); }, "amax of " + what),
                        along(x, axis,
                              [](const Numbers& line) { return Numbers{*std::max_element(line.begin(), line.end())}; }),
                        0, "amax of " + what);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(sums_over_several_axes) {
    const Shape shape{12, 34, 56};
    for (const DType dtype : precisions) {
        const Tensor given = normal(shape, 2, dtype);
        const std::vector<Shape> orders{{0, 1, 2}, {0, 2, 1}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
        for (const Shape& order : orders) {
            // The same elements under the same indices, elsewhere in memory.
            Shape back = order;
            for (std::size_t i = 0; i < 3; ++i) back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
            const Tensor x = transpose(
                Tensor(xgrad::visit(dtype,
                                    [&](auto zero) {
                                        using T = decltype(zero);
                                        return Tensor(xt::xarray<T>(transpose(given, order).template value<T>()));
                                    })),
                back);
            const Numbers numbers = numbers_of(given);
            for (const Shape& axes : std::vector<Shape>{{0, 2}, {1, 2}, {0, 1}, {0, 1, 2}}) {
                const bool away[] = {std::count(axes.begin(), axes.end(), 0) > 0,
                                     std::count(axes.begin(), axes.end(), 1) > 0,
                                     std::count(axes.begin(), axes.end(), 2) > 0};
                Numbers expected((away[0] ? 1 : 12) * (away[1] ? 1 : 34) * (away[2] ? 1 : 56));
                for (std::size_t e = 0; e < numbers.size(); ++e) {
                    const std::size_t i = e / 56 / 34, j = e / 56 % 34, k = e % 56;
                    std::size_t to = away[0] ? 0 : i;
                    if (!away[1]) to = to * 34 + j;
                    if (!away[2]) to = to * 56 + k;
                    expected[to] += numbers[e];
                }
                std::vector<std::int64_t> list(axes.begin(), axes.end());
                xgrad::Axes given_axes = list.size() == 2
                                             ? xgrad::Axes{static_cast<int>(list[0]), static_cast<int>(list[1])}
                                             : xgrad::Axes{};
                require_close(on_any_threads([&] { return sum(x, given_axes); }, "sum"), expected,
                              rounding(dtype) * 400, "sum over " + std::to_string(list.size()) + " axes");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_nan_is_the_largest_wherever_it_stands) {
    for (const Shape& shape : std::vector<Shape>{{70, 100}, {100, 70}, {3, 5000}}) {
        const std::size_t size = count_of(shape);
        for (std::size_t place = 0; place < size; place += 97) {
            Numbers numbers(size, -1);
            numbers[place] = std::numeric_limits<long double>::quiet_NaN();
            const Tensor x = tensor_of(DType::float32, shape, numbers);
            for (const std::size_t axis : {0, 1}) {
                const Numbers got = numbers_of(amax(x, static_cast<std::int64_t>(axis)));
                const auto columns = static_cast<std::size_t>(shape[1]);
                const std::size_t line = axis == 0 ? place % columns : place / columns;
                for (std::size_t l = 0; l < got.size(); ++l) BOOST_TEST(std::isnan(got[l]) == (l == line));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(softmax_of_long_short_and_neighbouring_lines) {
    const auto expected = [](bool logarithm) {
        return [logarithm](const Numbers& line) {
            const long double top = *std::max_element(line.begin(), line.end());
            long double total = 0;
            for (const long double x : line) total += std::exp(x - top);
            Numbers result;
            for (const long double x : line) {
                result.push_back(logarithm ? x - top - std::log(total) : std::exp(x - top) / total);
            }
            return result;
        };
    };
    for (const DType dtype : precisions) {
        for (const Shape& shape : std::vector<Shape>{{700, 10},
                                                     {300, 31},
                                                     {300, 32},
                                                     {300, 33},
                                                     {40, 3000},
                                                     {10, 700},
                                                     {5, 64, 300},
                                                     {2, 3, 5000},
                                                     {65, 1}}) {
            const Tensor x = normal(shape, 3, dtype) * 5;
            for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
                const auto number = static_cast<std::int64_t>(axis);
                require_close(on_any_threads([&] { return softmax(x, number); }, "softmax"),
                              along(x, axis, expected(false)), rounding(dtype) * 8, "softmax");
                require_close(on_any_threads([&] { return log_softmax(x, number); }, "log_softmax"),
                              along(x, axis, expected(true)), rounding(dtype) * 16, "log_softmax");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(running_sums_in_both_directions) {
    for (const DType dtype : precisions) {
        for (const Shape& shape : std::vector<Shape>{{500, 300}, {3, 50000}, {50000, 3}, {7, 33, 200}, {1, 70000}}) {
            const Tensor x = xgrad::parameter(normal(shape, 4, dtype)), c = normal(shape, 5, dtype);
            for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
                const auto number = static_cast<std::int64_t>(axis);
                const auto forwards = [](const Numbers& line) {
                    Numbers result(line.size());
                    std::partial_sum(line.begin(), line.end(), result.begin());
                    return result;
                };
                const auto backwards = [](const Numbers& line) {
                    Numbers result(line.size());
                    std::partial_sum(line.rbegin(), line.rend(), result.rbegin());
                    return result;
                };
                // Compensated: whatever n, what is lost is lost from the largest sum on the way.
                const auto tolerance = [&](const Numbers& expected) {
                    long double largest = 1;
                    for (const long double y : expected) largest = std::max(largest, std::abs(y));
                    return 4 * rounding(dtype) * largest;
                };
                const Numbers sums = along(x, axis, forwards), from_end = along(c, axis, backwards);
                require_close(on_any_threads([&] { return cumsum(x, number); }, "cumsum"), sums, tolerance(sums),
                              "cumsum");
                require_close(on_any_threads([&] { return grad(sum(cumsum(x, number) * c), x); }, "its gradient"),
                              from_end, tolerance(from_end), "cumsum's gradient");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(positions_in_order_with_ties_zeros_and_nan) {
    const long double nan = std::numeric_limits<long double>::quiet_NaN();
    const auto is_below = [](long double a, long double b) { return a < b || (std::isnan(b) && !std::isnan(a)); };
    for (const DType dtype : {DType::float32, DType::float64, DType::int32, DType::int64, DType::boolean}) {
        for (const Shape& shape : std::vector<Shape>{{300, 200}, {5, 9000}, {20000, 2}, {4, 50, 60}}) {
            Numbers numbers;
            const Numbers source = numbers_of(normal(shape, 6, DType::float64));
            for (std::size_t i = 0; i < source.size(); ++i) {
                long double x = std::round(source[i] * 40);
                if (dtype == DType::boolean) x = x > 0;
                if (xgrad::is_floating(dtype) && i % 41 == 0) x = nan;
                if (xgrad::is_floating(dtype) && i % 43 == 0) x = -0.0L;
                if (xgrad::is_floating(dtype) && i % 47 == 0) x = i % 2 ? INFINITY : -INFINITY;
                numbers.push_back(x);
            }
            const Tensor x = tensor_of(dtype, shape, numbers);
            for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
                const auto number = static_cast<std::int64_t>(axis);
                for (const bool descending : {false, true}) {
                    const auto order = [&](const Numbers& line) {
                        std::vector<std::size_t> positions(line.size());
                        std::iota(positions.begin(), positions.end(), std::size_t{0});
                        std::stable_sort(positions.begin(), positions.end(), [&](std::size_t a, std::size_t b) {
                            return descending ? is_below(line[b], line[a]) : is_below(line[a], line[b]);
                        });
                        return Numbers(positions.begin(), positions.end());
                    };
                    require_close(on_any_threads([&] { return argsort(x, number, descending); }, "argsort"),
                                  along(x, axis, order), 0, "argsort");
                }
                const auto first_largest = [&](const Numbers& line) {
                    const auto best = std::max_element(line.begin(), line.end(), is_below);
                    return Numbers{static_cast<long double>(best - line.begin())};
                };
                require_close(on_any_threads([&] { return argmax(x, number); }, "argmax"),
                              along(x, axis, first_largest), 0, "argmax");
                const auto first_smallest = [&](const Numbers& line) {
                    const auto is_smaller = [](long double a, long double b) {
                        return a < b || (std::isnan(a) && !std::isnan(b));
                    };
                    const auto best = std::min_element(line.begin(), line.end(), is_smaller);
                    return Numbers{static_cast<long double>(best - line.begin())};
                };
                require_close(on_any_threads([&] { return argmin(x, number); }, "argmin"),
                              along(x, axis, first_smallest), 0, "argmin");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_was_cut_out_goes_back_to_its_place) {
    using xgrad::all, xgrad::range, xgrad::Slice;
    struct Row {
        Shape shape;
        std::vector<Slice> slices;
    };
    const std::vector<Row> rows{{{600, 300}, {range(10, 500), range(5, 290)}},
                                {{600, 300}, {range(10, 500)}},
                                {{600, 300}, {all(), range(299, 4, -3)}},
                                {{600, 300}, {all(-2), all(2)}},
                                {{20, 60, 70}, {range(3, 17, 5), all(), range(1, 69)}},
                                {{20, 60, 70}, {7, all(-1)}},
                                {{20, 60, 70}, {all(), 59, 3}},
                                {{100000}, {range(99999, 5, -7)}}};
    for (const DType dtype : precisions) {
        for (const Row& row : rows) {
            const Tensor x = xgrad::parameter(normal(row.shape, 7, dtype));
            // Where each element of the part stands.
            Numbers counted(count_of(row.shape));
            std::iota(counted.begin(), counted.end(), 0.L);
            const Numbers places = numbers_of(view(tensor_of(DType::int64, row.shape, counted), row.slices));
            const Tensor part = view(x, row.slices), c = normal(part.shape(), 8, dtype);
            Numbers expected(counted.size());
            const Numbers weights = numbers_of(c);
            for (std::size_t i = 0; i < places.size(); ++i) expected[static_cast<std::size_t>(places[i])] = weights[i];
            require_close(on_any_threads([&] { return grad(sum(view(x, row.slices) * c), x); }, "unslice"), expected, 0,
                          "unslice");
        }
    }
}

BOOST_AUTO_TEST_CASE(products_of_stacks_and_of_stretched_matrices) {
    struct Row {
        Shape a, b;
        Shape stretched_a, stretched_b;
    };
    const std::vector<Row> rows{
        {{40, 30, 20}, {20, 17}, {}, {}}, {{6, 5, 30, 20}, {20, 17}, {}, {}}, {{300, 8, 9}, {300, 9, 7}, {}, {}},
        {{1, 8, 9}, {300, 9, 7}, {}, {}}, {{3, 1, 8, 9}, {40, 9, 7}, {}, {}}, {{2, 200, 150}, {2, 150, 190}, {}, {}},
        {{1, 1}, {90, 70}, {80, 90}, {}}, {{1, 90}, {90, 70}, {80, 90}, {}},  {{80, 90}, {90, 1}, {}, {90, 70}},
        {{80, 90}, {1, 1}, {}, {90, 70}}, {{80, 1}, {90, 70}, {80, 90}, {}},  {{1, 1}, {1, 1}, {80, 90}, {90, 70}}};
    for (const DType dtype : precisions) {
        for (const Row& row : rows) {
            Tensor A = normal(row.a, 9, dtype), B = normal(row.b, 10, dtype);
            if (row.stretched_a.rank() > 0) A = broadcast_to(A, row.stretched_a);
            if (row.stretched_b.rank() > 0) B = broadcast_to(B, row.stretched_b);
            const Tensor C = on_any_threads([&] { return matmul(A, B); }, "matmul");
            // The same as a sum of stretched products.
            const Tensor wide = xgrad::astype(A, DType::float64), other = xgrad::astype(B, DType::float64);
            const Tensor expected = sum(expand_dims(wide, -1) * expand_dims(other, -3), -2);
            require_close(C, numbers_of(expected), rounding(dtype) * 100, "matmul");
        }
        // The gradient of one matrix that many are multiplied with.
        const Tensor A = normal({12, 6, 30, 20}, 11, dtype), W = xgrad::parameter(normal({20, 17}, 12, dtype));
        const Tensor G = normal({12, 6, 30, 17}, 13, dtype);
        const Tensor dW = on_any_threads([&] { return grad(sum(matmul(A, W) * G), W); }, "dW");
        const Tensor of_each =
            sum(matmul(transpose(xgrad::astype(A, DType::float64), {0, 1, 3, 2}), xgrad::astype(G, DType::float64)),
                {0, 1});
        require_close(dW, numbers_of(of_each), rounding(dtype) * 1000, "dW");
    }
}

BOOST_AUTO_TEST_CASE(short_rows_are_repeated_and_cut) {
    const std::vector<std::pair<Shape, Shape>> shapes{{{50, 1, 3}, {1, 40, 3}},      {{50, 40, 1}, {50, 40, 3}},
                                                      {{1, 1, 3}, {50, 40, 3}},      {{50, 1, 1}, {50, 40, 3}},
                                                      {{9, 1, 7, 1}, {1, 33, 7, 5}}, {{4, 1, 16}, {4, 99, 16}},
                                                      {{4, 1, 17}, {4, 99, 17}},     {{1, 5, 1, 2}, {60, 5, 31, 2}}};
    for (const DType dtype : {DType::float32, DType::float64, DType::int32, DType::int64}) {
        for (const auto& [narrow, wide] : shapes) {
            const auto numbers = [&](const Shape& shape, std::uint64_t seed) {
                Numbers result = numbers_of(normal(shape, seed, DType::float32));
                if (!xgrad::is_floating(dtype)) {
                    for (long double& x : result) x = std::round(100 * x);
                }
                return result;
            };
            const Numbers a = numbers(narrow, 14), b = numbers(wide, 15);
            const Tensor x = tensor_of(dtype, narrow, a), y = tensor_of(dtype, wide, b);
            Shape joined = wide;
            for (std::size_t axis = 0; axis < joined.rank(); ++axis) joined[axis] = std::max(narrow[axis], wide[axis]);
            const auto at = [&](const Shape& shape, const Numbers& of, std::size_t element) {
                std::size_t offset = 0, step = 1;
                for (std::size_t axis = shape.rank(); axis-- > 0;) {
                    const auto extent = static_cast<std::size_t>(joined[axis]);
                    if (shape[axis] > 1) offset += element % extent * step;
                    step *= static_cast<std::size_t>(shape[axis]);
                    element /= extent;
                }
                return of[offset];
            };
            Numbers expected;
            for (std::size_t e = 0; e < count_of(joined); ++e) {
                expected.push_back(std::max(at(narrow, a, e), at(wide, b, e)));
            }
            require_close(on_any_threads([&] { return maximum(x, y); }, "maximum"), expected, 0, "maximum");
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
