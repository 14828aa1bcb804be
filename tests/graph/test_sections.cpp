#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <string>
#include <variant>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/xgrad.hpp>

#include "draws.hpp"
#include "no_leaks.hpp"
#include "probe_inputs.hpp"
#include "support.hpp"

// Steps that go together, some images at a time: which ones do, that the bits are those of one step after the other
// whatever the number of threads, and that the operations which say that they work row by row do.

using support::count_of;
using support::Eagerness;
using support::mentions;
using support::same_bits;
using xgrad::DType;
using xgrad::Op;
using xgrad::Probe;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

Tensor drawn(const Shape& shape, std::uint64_t seed, DType dtype = DType::float32) {
    return support::normal(shape, seed, dtype, 0.5);
}

/// Two layers of convolution, bias, ReLU and pooling: the cost, what is held on the way, and all gradients.
std::vector<Tensor> network(std::int64_t images, DType dtype, bool holds) {
    const Tensor turned = transpose(drawn({24, 24, images, 3}, 1, dtype), {2, 3, 0, 1});
    const Tensor X = xgrad::parameter(turned);
    const Tensor w1 = xgrad::parameter(drawn({20, 3, 3, 3}, 2, dtype)),
                 b1 = xgrad::parameter(drawn({20, 1, 1}, 3, dtype));
    const Tensor w2 = xgrad::parameter(drawn({17, 18, 3, 3}, 4, dtype)),
                 b2 = xgrad::parameter(drawn({17, 1, 1}, 5, dtype));
    const Tensor scale = drawn({images, 1, 1, 1}, 6, dtype);
    const Tensor z1 = conv2d(X, w1, {.padding = 1});
    const Tensor a1 = relu(z1 + b1) * scale;
    const Tensor p1 = max_pool2d(a1, 2);
    const Tensor first = view(p1, {xgrad::all(), xgrad::range(0, 18)});
    const Tensor z2 = conv2d(first, w2, {.padding = 1});
    const Tensor a2 = xgrad::tanh(z2 + b2);
    const Tensor p2 = avg_pool2d(a2, 2);
    const Tensor J = sum(square(p2)) + mean(p1) + sum(sum(a1 * a1, {1, 2, 3}));
    std::vector<Tensor> all{J};
    if (holds) all.insert(all.end(), {z1, a2});
    for (const Tensor& g : grad(J, std::vector<Tensor>{X, w1, b1, w2, b2})) all.push_back(g);
    return all;
}

/// Rows that are normalised, attended to and added up, with views that keep the rows between: what is held on the way,
/// and all gradients.
std::vector<Tensor> normalised(std::int64_t rows, DType dtype, bool holds) {
    using xgrad::all, xgrad::range, xgrad::keepdims;
    const Tensor X = xgrad::parameter(drawn({rows, 24, 40}, 1, dtype));
    const Tensor gain = xgrad::parameter(drawn({24, 1}, 2, dtype)), weights = drawn({rows, 1, 40}, 3, dtype);
    const Tensor centred = X - mean(X, {1, 2}, keepdims);
    const Tensor deviation = xgrad::sqrt(mean(square(centred), {1, 2}) + 1e-3);
    const Tensor Z = centred / reshape(deviation, {rows, 1, 1}) * gain;
    const Tensor A = softmax(transpose(Z, {0, 2, 1}) * 2, 1);
    const Tensor turned = view(A, {all(), all(-1), range(20, 3, -2)});
    const Tensor running = cumsum(turned * transpose(weights, {0, 2, 1}), -1);
    const Tensor largest = amax(running, 2);
    const Tensor halves = reshape(A, {rows, 2, 480});
    const Tensor J = mean(square(largest)) + sum(square(halves)) / 1000;
    std::vector<Tensor> result{J, largest};
    if (holds) result.insert(result.end(), {centred, turned, running});
    for (const Tensor& g : grad(J, std::vector<Tensor>{X, gain})) result.push_back(g);
    return result;
}

/// Whether the call records this operation, on the first of the inputs as they are, and along no first axis.
bool is_row_by_row(const Op& op, const auto& call, const std::vector<Tensor>& xs, std::size_t by_row) {
    const Eagerness deferred(false);
    const Tensor result = call(xs);
    const xgrad::Node& node = *result.node();
    if (node.is_computed || node.formula().op() != &op || result.rank() == 0) return false;
    for (std::size_t i = 0; i < by_row; ++i) {
        if (node.inputs()[i] != xs[i].node()) return false;
    }
    for (const xgrad::Attributes::Entry& entry : node.formula().attributes()) {
        if (entry.name == std::string("axis") && std::get<std::int64_t>(entry.value) == 0) return false;
        if (entry.name != std::string("axes")) continue;
        const Shape& axes = std::get<Shape>(entry.value);
        if (std::find(axes.begin(), axes.end(), 0) != axes.end()) return false;
    }
    return true;
}

using Program = std::vector<Tensor> (*)(std::int64_t rows, DType dtype, bool holds);

void require_same_bits_as_eagerly(Program program, std::int64_t rows, DType dtype, bool holds, std::size_t sections) {
    std::vector<Tensor> eager;
    {
        const Eagerness eagerness(true);
        eager = program(rows, dtype, holds);
    }
    const Eagerness deferred(false);
    for (const std::size_t threads : {1, 2, 3}) {
        xgrad::set_threads(threads);
        const std::vector<Tensor> joined = program(rows, dtype, holds);
        const std::string text = plan(joined);
        if (sections > 0) BOOST_TEST(count_of(text, "at a time through") >= sections, text);
        if (rows == 1) BOOST_TEST(count_of(text, "at a time through") == 0U, text);
        compute(joined);
        for (std::size_t i = 0; i < eager.size(); ++i) {
            BOOST_TEST(same_bits(eager[i], joined[i]), "result " << i << " of " << rows << " rows");
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sections)

BOOST_AUTO_TEST_CASE(the_bits_are_those_of_one_step_after_the_other) {
    const support::RestoredThreads restored;
    for (const DType dtype : {DType::float32, DType::float64}) {
        for (const std::int64_t images : {1, 2, 7, 33}) {
            for (const bool holds : {false, true}) {
                require_same_bits_as_eagerly(network, images, dtype, holds, images == 33 ? 2 : 0);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(rows_that_are_normalised_have_the_same_bits) {
    const support::RestoredThreads restored;
    for (const DType dtype : {DType::float32, DType::float64}) {
        for (const std::int64_t rows : {1, 2, 7, 307}) {
            for (const bool holds : {false, true}) {
                require_same_bits_as_eagerly(normalised, rows, dtype, holds, rows == 307 ? 2 : 0);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(views_that_do_not_keep_the_rows_end_a_section) {
    const Eagerness deferred(false);
    const Tensor X = drawn({512, 1, 600}, 1);
    const auto steps_of = [&](auto seen) {
        const auto result = [&] { return xgrad::tanh(seen(softmax(X, -1))); };
        const Tensor joined = result();
        const std::string text = xgrad::plan(joined);
        BOOST_TEST(count_of(text, "at a time through") <= 1U, text);
        const Eagerness eagerly(true);
        BOOST_TEST(same_bits(joined, result()));
        return mentions(text, "at a time through");
    };
    using xgrad::all, xgrad::range;
    BOOST_TEST(steps_of([](const Tensor& y) { return y; }));
    BOOST_TEST(steps_of([](const Tensor& y) { return reshape(y, {512, 20, 30}); }));
    BOOST_TEST(steps_of([](const Tensor& y) { return transpose(reshape(y, {512, 20, 30}), {0, 2, 1}); }));
    BOOST_TEST(steps_of([](const Tensor& y) { return view(y, {all(), all(), all(-1)}); }));
    BOOST_TEST(steps_of([](const Tensor& y) { return broadcast_to(y, {512, 2, 600}); }));
    BOOST_TEST(steps_of([](const Tensor& y) { return view(reshape(y, {512, 600}), {all(), range(17, 590, 3)}); }));
    BOOST_TEST(!steps_of([](const Tensor& y) { return view(y, {all(-1)}); }));
    BOOST_TEST(!steps_of([](const Tensor& y) { return reshape(y, {256, 1200}); }));
    BOOST_TEST(!steps_of([](const Tensor& y) { return transpose(y, {1, 0, 2}); }));
    BOOST_TEST(!steps_of([](const Tensor& y) {
        return transpose(view(reshape(y, {512, 600}), {all(), range(0, 512)}));
    }));
    BOOST_TEST(!steps_of([](const Tensor& y) { return broadcast_to(y, {2, 512, 1, 600}); }));
    BOOST_TEST(!steps_of([](const Tensor& y) { return view(y, {range(0, 511)}); }));
    // Row by row along the last axis only.
    const std::string along_first = xgrad::plan(xgrad::tanh(softmax(X, 0)));
    BOOST_TEST(!mentions(along_first, "at a time through"), along_first);
}

BOOST_AUTO_TEST_CASE(a_section_is_read_through_any_number_of_views) {
    const Eagerness deferred(false);
    const Tensor X = drawn({1024, 300}, 1);
    const auto result = [&](int views) {
        Tensor y = softmax(X, 1);
        for (int i = 0; i < views; ++i) y = view(y, {xgrad::all(), xgrad::all(-1)});
        return xgrad::tanh(y);
    };
    const Tensor much = result(20000);
    BOOST_TEST(mentions(xgrad::plan(much), "at a time through the next 2 steps"));
    BOOST_TEST(same_bits(much, result(0)));
    BOOST_TEST(same_bits(result(20001), view(result(0), {xgrad::all(), xgrad::all(-1)})));
}

BOOST_AUTO_TEST_CASE(what_only_the_section_reads_is_not_in_the_plan_s_memory) {
    const Eagerness deferred(false);
    const Tensor X = drawn({64, 3, 32, 32}, 1), w = drawn({16, 3, 3, 3}, 2);
    const auto convolved = [&] { return conv2d(X, w, {.padding = 1}); };
    const auto pooled = [](const Tensor& y) { return max_pool2d(xgrad::tanh(y), 2); };
    const Tensor z = pooled(convolved());
    const std::string alone = xgrad::plan(z);
    const Tensor y = convolved();
    const Tensor other = pooled(y);
    const std::string held = xgrad::plan({y, other});
    // An image of the convolution has 64 KiB; held, it is written for somebody, and only tanh is not.
    BOOST_TEST(
        mentions(alone, "rows    4 of 64 at a time through the next 3 steps, 524.3 kB of memory for each thread"),
        alone);
    BOOST_TEST(mentions(alone, "1048.6 kB kept by 1 values, 0 B of working memory"), alone);
    BOOST_TEST(mentions(held, "262.1 kB of memory for each thread"), held);
    BOOST_TEST(mentions(held, "kept by 2 values, 0 B of working memory"), held);
}

BOOST_AUTO_TEST_CASE(memory_is_not_given_away_while_other_rows_need_it) {
    // The sums along the images are read in the first step only, and together they have the size of the convolution.
    const auto compute_all = [] {
        const Tensor X = drawn({64, 8, 16, 16}, 1), w = drawn({64, 8, 1, 1}, 2);
        Tensor total = cumsum(X, 0);
        for (int i = 1; i < 8; ++i) total = total + cumsum(X * i, 0);
        const Tensor y = conv2d(total, w);
        return std::vector<Tensor>{sum(y, 0), max_pool2d(y, 2)};
    };
    std::vector<Tensor> eager;
    {
        const Eagerness eagerness(true);
        eager = compute_all();
    }
    const Eagerness deferred(false);
    const std::vector<Tensor> joined = compute_all();
    const std::string text = plan(joined);
    BOOST_TEST(mentions(text, "at a time through the next 3 steps"), text);
    compute(joined);
    for (std::size_t i = 0; i < eager.size(); ++i) BOOST_TEST(same_bits(eager[i], joined[i]));
}

BOOST_AUTO_TEST_CASE(what_reads_a_section_s_rows_all_together_comes_after_it) {
    const Eagerness deferred(false);
    const Tensor X = drawn({64, 3, 32, 32}, 1), w = drawn({16, 3, 3, 3}, 2);
    const Tensor y = conv2d(X, w, {.padding = 1});
    // Sums, a view and the kernels of a second convolution need all of y, or see it in another order.
    const Tensor over_images = sum(y, 0);
    const Tensor pooled = max_pool2d(y, 2);
    const Tensor turned = xgrad::tanh(transpose(y, {1, 0, 2, 3}));
    const Tensor other = conv2d(drawn({16, 16, 40, 40}, 3), view(y, {xgrad::range(0, 16)}));
    const std::vector<Tensor> all{over_images, pooled, turned, other};
    const std::string text = plan(all);
    BOOST_TEST(count_of(text, "at a time through") == 1U, text);
    BOOST_TEST(mentions(text, "through the next 2 steps"), text);
    compute(all);
    const Eagerness eagerness(true);
    const Tensor again = conv2d(X, w, {.padding = 1});
    BOOST_TEST(same_bits(over_images, sum(again, 0)));
    BOOST_TEST(same_bits(pooled, max_pool2d(again, 2)));
    BOOST_TEST(same_bits(turned, xgrad::tanh(transpose(again, {1, 0, 2, 3}))));
    BOOST_TEST(same_bits(other, conv2d(drawn({16, 16, 40, 40}, 3), view(again, {xgrad::range(0, 16)}))));
}

BOOST_AUTO_TEST_CASE(what_all_rows_have_in_common_is_prepared_once) {
    static std::atomic<int> times_made{0};
    static const xgrad::Preparation squared{.bytes =
                                                [](const xgrad::KernelCall& call) {
                                                    return static_cast<std::size_t>(call.inputs[1].shape.size()) *
                                                           item_size(call.dtype);
                                                },
                                            .make =
                                                [](const xgrad::KernelCall& call, void* to) {
                                                    ++times_made;
                                                    xgrad::visit_floating(call.dtype, [&]<class T>(T) {
                                                        const xgrad::RowMajor<T> w(call.inputs[1]);
                                                        for (std::int64_t i = 0; i < call.inputs[1].shape.size(); ++i)
                                                            static_cast<T*>(to)[i] = w[i] * w[i];
                                                    });
                                                }};
    static const Op& op = define(xgrad::Linear{
        .name = "planted_times_squares",
        .math = "y[n, i] = x[n, i] w[i]^2",
        .row_by_row = 1,
        .prepare = squared,
        .shape =
            [](const xgrad::Call& call) {
                return xgrad::Signature{call.dtype(0), call.shape(0)};
            },
        .forward =
            [](const xgrad::KernelCall& call) {
                xgrad::visit_floating(call.dtype, [&]<class T>(T) {
                    xgrad::StorageRef scratch;
                    const auto* w = static_cast<const T*>(prepared(call, squared, scratch));
                    const xgrad::RowMajor<T> x(call.inputs[0]);
                    for (std::int64_t i = 0; i < call.shape.size(); ++i) {
                        call.out<T>()[i] = x[i] * w[i % call.shape[1]];
                    }
                });
            },
        .transposes = {xgrad::Zero{"not asked for"}, xgrad::Zero{"not asked for"}},
        .probes = {xgrad::Probe{"rows", {{{2, 3}}, {{3}}}}},
    });
    const Tensor X = drawn({512, 600}, 1), w = drawn({600}, 2), v = drawn({600}, 3);
    const auto result = [&] { return apply(op, {softmax(apply(op, {softmax(X, -1), w}), -1), v}); };
    const Eagerness deferred(false);
    const Tensor joined = result();
    BOOST_TEST(mentions(plan(joined), "at a time through the next 4 steps"), plan(joined));
    xgrad::compute({joined});
    BOOST_TEST(times_made == 2);
    const Eagerness eagerly(true);
    BOOST_TEST(same_bits(joined, result()));
    BOOST_TEST(times_made == 4);
}

BOOST_AUTO_TEST_CASE(a_profile_shares_out_a_section_s_time) {
    const Eagerness deferred(false);
    const Tensor X = drawn({64, 3, 32, 32}, 1), w = drawn({16, 3, 3, 3}, 2);
    const xgrad::Profile profile;
    xgrad::compute({max_pool2d(xgrad::tanh(conv2d(X, w, {.padding = 1})), 2)});
    BOOST_TEST(profile.rows().size() == 3U, profile.text());
    for (const xgrad::ProfileRow& row : profile.rows()) {
        BOOST_TEST(row.calls == 1, profile.text());
        BOOST_TEST(row.seconds > 0, profile.text());
    }
}

BOOST_AUTO_TEST_CASE(operations_that_say_so_work_row_by_row) {
    // The same rows alone, and among others.
    const Eagerness eagerness(true);
    std::size_t tried = 0;
    for (const Op* op : xgrad::catalogue()) {
        if (op->row_by_row == 0) continue;
        for (const Probe& probe : op->probes) {
            const std::size_t by_row = std::min(op->row_by_row, probe.inputs.size());
            const auto call = [&](const std::vector<Tensor>& xs) {
                return probe.call ? probe.call(xs) : xgrad::apply(*op, std::span<const Tensor>(xs));
            };
            for (const DType dtype : {DType::float32, DType::float64}) {
                std::vector<std::vector<Tensor>> parts(3), joined(probe.inputs.size());
                for (std::uint32_t part = 0; part < parts.size(); ++part) {
                    derivative_check::Draws draw(1 + part, dtype);
                    for (std::size_t i = 0; i < probe.inputs.size(); ++i) {
                        const xgrad::ProbeInput& input = probe.inputs[i];
                        const Tensor x = support::tensor_of(dtype, input.shape, draw.inputs(input));
                        parts[part].push_back(i < by_row || part == 0 ? x : parts[0][i]);
                        if (i < by_row || part == 0) joined[i].push_back(x);
                    }
                }
                if (!is_row_by_row(*op, call, parts[0], by_row)) continue;
                std::vector<Tensor> whole, results;
                for (const std::vector<Tensor>& xs : joined) whole.push_back(concatenate(xs, 0));
                for (const std::vector<Tensor>& xs : parts) results.push_back(call(xs));
                BOOST_TEST(same_bits(call(whole), concatenate(results, 0)), op->name << ": " << probe.label);
                ++tried;
            }
        }
    }
    BOOST_TEST(tried > 200U);
}

BOOST_AUTO_TEST_SUITE_END()
