#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "json.hpp"
#include "nn/files.hpp"
#include "support.hpp"

// What a profile says of programs whose calls, bytes and operations are counted by hand; that it hears of everything
// while it is alive and of nothing else, and changes no bit; and that its trace is JSON.

using support::count_of;
using support::Eagerness;
using xgrad::DType;
using xgrad::Profile;
using xgrad::ProfileRow;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

Tensor drawn(const Shape& shape, std::uint64_t seed) {
    const Tensor x = xgrad::random::Generator(seed).normal(shape, 0, 1, DType::float64);
    xgrad::compute({x});
    return x;
}

/// The row of these operations; one without calls if there is none.
ProfileRow row_of(const Profile& profile, const std::string& operations) {
    for (const ProfileRow& row : profile.rows()) {
        if (row.operations == operations) return row;
    }
    return {};
}

void check_row(const Profile& profile, const std::string& operations, const Shape& shape, std::int64_t calls,
               double bytes_of_call, double flops_of_call) {
    const ProfileRow row = row_of(profile, operations);
    BOOST_TEST_CONTEXT(operations << "\n" << profile.text()) {
        BOOST_TEST((row.shape == shape));
        BOOST_TEST(row.calls == calls);
        BOOST_TEST(row.bytes == static_cast<double>(calls) * bytes_of_call);
        BOOST_TEST(row.flops == static_cast<double>(calls) * flops_of_call);
        BOOST_TEST(row.seconds > 0);
    }
}

std::int64_t all_calls(const Profile& profile) {
    std::int64_t calls = 0;
    for (const ProfileRow& row : profile.rows()) calls += row.calls;
    return calls;
}

/// A product and a loop that ends in a sum.
double value_of(const Tensor& W, const Tensor& x) {
    const Tensor J = sum(xgrad::tanh(matmul(W, x)) * 2);
    return J.item();  // in a statement of its own: while it lives, a temporary tensor keeps its value in memory
}

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(profiles)

BOOST_AUTO_TEST_CASE(rows_are_those_counted_by_hand) {
    const Eagerness lazy(false);
    const Tensor W = drawn({20, 30}, 1), x = drawn({30, 40}, 2);
    value_of(W, x);
    Profile profile;
    for (int call = 0; call < 3; ++call) value_of(W, x);
    profile.stop();
    value_of(W, x);
    check_row(profile, "matmul", {20, 40}, 3, 8 * (20 * 30 + 30 * 40 + 20 * 40), 2. * 20 * 30 * 40);
    // Reads the product and the number 2, writes the sum: what tanh gives to multiply is not written.
    check_row(profile, "tanh, multiply; sum", {20, 40}, 3, 8 * (800 + 1 + 1), 3 * 800);
    BOOST_TEST(profile.rows().size() == 2u);
    BOOST_TEST((row_of(profile, "matmul").inputs == std::vector<Shape>{{20, 30}, {30, 40}}));
    BOOST_TEST(count_of(profile.text(), "\nmatmul                (20, 30) (30, 40) → (20, 40)       3 ") == 1u);
    BOOST_TEST(count_of(profile.text(), "\ntanh, multiply; sum   (20, 40)                           3 ") == 1u);
    BOOST_TEST(profile.step_seconds() > 0);
    BOOST_TEST(profile.planning_seconds() > 0);
    BOOST_TEST(profile.step_seconds() + profile.planning_seconds() <= profile.seconds());
    BOOST_TEST(profile.rows()[0].seconds + profile.rows()[1].seconds == profile.step_seconds(),
               boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(memory_that_is_read_twice_counts_once) {
    const Eagerness lazy(false);
    const Tensor x = drawn({30, 30}, 1), row = drawn({1, 50}, 2), column = drawn({40, 1}, 3);
    Profile profile;
    xgrad::compute({matmul(x, x)});
    xgrad::compute({exp(broadcast_to(row, {40, 50}))});
    xgrad::compute({row + column});
    check_row(profile, "matmul", {30, 30}, 1, 8 * (900 + 900), 2. * 30 * 30 * 30);
    check_row(profile, "exp", {40, 50}, 1, 8 * (50 + 2000), 2000);
    check_row(profile, "add", {40, 50}, 1, 8 * (50 + 40 + 2000), 2000);
}

BOOST_AUTO_TEST_CASE(a_reduction_and_a_copy_count_what_they_read) {
    const Eagerness lazy(false);
    const Tensor x = drawn({30, 50}, 1);
    Profile profile;
    xgrad::compute({sum(x, 0), reshape(transpose(x), {1500})});
    check_row(profile, "sum", {50}, 1, 8 * (1500 + 50), 1500);
    check_row(profile, "copy for reshape", {1500}, 1, 8 * (1500 + 1500), 0);
}

BOOST_AUTO_TEST_CASE(a_convolution_and_its_transposes_have_one_number_of_operations) {
    const Eagerness lazy(false);
    const Tensor x = xgrad::parameter(drawn({2, 3, 9, 8}, 1)), w = xgrad::parameter(drawn({4, 3, 3, 2}, 2));
    const Tensor y = drawn({2, 4, 7, 7}, 3);
    Profile profile;
    const auto [dx, dw] = grad(sum(conv2d(x, w) * y), x, w);
    xgrad::compute({dx, dw});
    xgrad::compute({conv2d(x, w)});
    const double flops = 2. * (2 * 4 * 7 * 7) * (3 * 3 * 2);
    const double X = 2 * 3 * 9 * 8, W = 4 * 3 * 3 * 2, Y = 2 * 4 * 7 * 7;
    check_row(profile, "conv2d", y.shape(), 1, 8 * (X + W + Y), flops);
    check_row(profile, "conv_transpose2d", x.shape(), 1, 8 * (X + W + Y), flops);
    check_row(profile, "conv2d_weight", w.shape(), 1, 8 * (X + W + Y), flops);
}

BOOST_AUTO_TEST_CASE(nothing_is_heard_outside) {
    const Tensor x = drawn({8, 8}, 1);
    Profile before;
    before.stop();
    sum(exp(x)).item();
    BOOST_TEST(before.rows().empty());
    BOOST_TEST(before.step_seconds() == 0);
    BOOST_TEST(count_of(before.trace(), "\"X\"") == 0u);
    const double seconds = before.seconds();
    BOOST_TEST(before.seconds() == seconds);
}

BOOST_AUTO_TEST_CASE(an_inner_profile_hears_its_part) {
    const Tensor W = drawn({20, 30}, 1), x = drawn({30, 40}, 2);
    Profile outer;
    value_of(W, x);
    const std::int64_t one = all_calls(outer);
    BOOST_TEST(one >= 2);
    {
        Profile inner;
        value_of(W, x);
        BOOST_TEST(all_calls(inner) == one);
        BOOST_TEST(all_calls(outer) == 2 * one);
        inner.stop();
        value_of(W, x);
        BOOST_TEST(all_calls(inner) == one);
    }
    value_of(W, x);
    BOOST_TEST(all_calls(outer) == 4 * one);
}

BOOST_AUTO_TEST_CASE(threads_are_heard_together) {
    const Eagerness lazy(false);
    constexpr int threads = 4, rounds = 50;
    Profile profile;
    std::vector<std::thread> running;
    for (int thread = 0; thread < threads; ++thread) {
        running.emplace_back([thread] {
            const Tensor W = drawn({20, 30}, 1), x = drawn({30, 40}, 2);
            for (int round = 0; round < rounds; ++round) {
                const Profile own(10);  // comes and goes while others are heard
                value_of(W, x);
                if (round % 10 == thread) own.trace();
            }
        });
    }
    for (std::thread& thread : running) thread.join();
    profile.stop();
    BOOST_TEST(row_of(profile, "matmul").calls == threads * rounds);
    BOOST_TEST(row_of(profile, "tanh, multiply; sum").calls == threads * rounds);
    BOOST_TEST(count_of(profile.text(), "by 4 threads of the program") == 1u);
}

BOOST_AUTO_TEST_CASE(what_runs_within_a_step_is_not_counted_twice) {
    // A kernel that has something else computed, and does little itself.
    static const xgrad::Op& op = define(xgrad::General{
        .name = "planted_computing",
        .math = "y = sum of exp x",
        .shape =
            [](const xgrad::Call& call) {
                return xgrad::Signature{call.dtype(0), {}};
            },
        .forward =
            [](const xgrad::KernelCall& call) {
                const Eagerness lazy(false);
                const xgrad::RowMajor<double> x(call.inputs[0]);
                const std::size_t size = static_cast<std::size_t>(call.inputs[0].shape.size());
                const Tensor inner = xt::xarray<double>(xt::adapt(x.data(), size, xt::no_ownership()));
                *call.out<double>() = sum(exp(inner)).item();
            },
        .vjp = xgrad::Zero{"for this test only"},
        .jvp = xgrad::Zero{"for this test only"},
        .probes = std::vector<xgrad::Probe>{},
    });
    const Eagerness lazy(false);
    const Tensor x = drawn({1000, 1000}, 1);
    Profile profile;
    apply(op, {x}).item();
    profile.stop();
    const ProfileRow inner = row_of(profile, "exp; sum");
    BOOST_TEST(inner.calls == 1);
    BOOST_TEST(row_of(profile, "planted_computing").calls == 1);
    BOOST_TEST(profile.step_seconds() + profile.planning_seconds() <= profile.seconds());
    // The trace has the whole of it, around what ran within.
    BOOST_TEST(profile.step_seconds() >= inner.seconds);
    BOOST_TEST(count_of(profile.trace(), R"("name": "planted_computing")") == 1u);
}

BOOST_AUTO_TEST_CASE(bits_are_the_same_with_and_without) {
    const auto results = [] {
        const Tensor W = xgrad::parameter(drawn({4, 6}, 1)), x = drawn({6, 5}, 2);
        const auto f = xgrad::compile([&](const Tensor& input) { return grad(mean(square(matmul(W, input))), W); });
        const Tensor J = mean(xgrad::sigmoid(transpose(matmul(W, x))));
        return std::vector<Tensor>{J, grad(J, W), f(x), reshape(transpose(x), {2, 15})};
    };
    const std::vector<Tensor> without = results();
    xgrad::compute(without);
    Profile profile;
    const std::vector<Tensor> with = results();
    xgrad::compute(with);
    BOOST_TEST(all_calls(profile) > 0);
    for (std::size_t i = 0; i < with.size(); ++i) BOOST_TEST(support::same_bits(with[i], without[i]));
}

BOOST_AUTO_TEST_CASE(the_trace_is_json_whatever_a_file_is_called) {
    const Tensor x = drawn({3, 4}, 1);
    Profile profile;
    xgrad::compute({apply(*xgrad::find_op("tanh"), {x}, {}, {"a \"b\" \\ c\n\x01.cpp", 7})});
    const std::string trace = profile.trace();
    BOOST_TEST_INFO(trace);
    BOOST_TEST(json::error_in(trace) == "");
    BOOST_TEST(count_of(trace, R"("at": "a \"b\" \\ c\u000a\u0001.cpp:7")") == 1u);
    BOOST_TEST(count_of(trace, R"("name": "tanh", "cat": "step", "ph": "X", "pid": 1, "tid": )") == 1u);
    BOOST_TEST(count_of(trace, R"-("args": {"shape": "(3, 4)", "bytes": 192, "flops": 12, )-") == 1u);
    BOOST_TEST(count_of(trace, R"("name": "plan")") == 1u);
}

BOOST_AUTO_TEST_CASE(the_check_for_json_can_fail) {
    for (const char* text :
         {"", "{", "[1, 2,]", "{\"a\" 1}", "{\"a\": 1,}", "\"a\nb\"", "\"\\x\"", "01", "1 2", "nul"}) {
        BOOST_TEST(json::error_in(text) != "", text << " was taken for JSON");
    }
    BOOST_TEST(json::error_in(R"( {"a": [1, -2.5e3, "\u000a\"", true, null, {}], "b": []} )") == "");
}

BOOST_AUTO_TEST_CASE(events_beyond_the_limit_are_counted) {
    const Eagerness lazy(false);
    const Tensor x = drawn({3, 4}, 1);
    Profile profile(3);
    for (int call = 0; call < 5; ++call) xgrad::compute({exp(x)});
    BOOST_TEST(count_of(profile.trace(), "\"ph\": \"X\"") == 3u);
    BOOST_TEST(count_of(profile.trace(), "\"events left out\": 7") == 1u);  // of 5 steps and 5 plans
    BOOST_TEST(json::error_in(profile.trace()) == "");
    BOOST_TEST(count_of(profile.text(), "the trace has the first 3 events; 7 more are not in it") == 1u);
    BOOST_TEST(row_of(profile, "exp").calls == 5);
}

BOOST_AUTO_TEST_CASE(the_ceilings_are_measured_once_and_plausible) {
    const xgrad::Ceilings first = xgrad::ceilings();
    BOOST_TEST(first.bytes_per_second > 1e8);
    BOOST_TEST(first.bytes_per_second < 1e13);
    BOOST_TEST(first.flops_per_second > 1e8);
    BOOST_TEST(first.flops_per_second < 1e14);
    BOOST_TEST(xgrad::ceilings().bytes_per_second == first.bytes_per_second);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_is_an_error) {
    const Profile profile;
    BOOST_TEST(support::message_of<xgrad::FileError>([&] {
                   profile.write_trace("/nowhere/trace.json");
               }).starts_with("write_trace: needs a file that can be written, got /nowhere/trace.json at "));
}

BOOST_AUTO_TEST_CASE(the_environment_asks_for_the_whole_process) {
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
    const TemporaryFolder folder;
    const auto run = [&](const std::string& setting) {
        const std::string command = "cd '" + folder.path().string() + "' && XGRAD_PROFILE=" + setting + " '" +
                                    self.string() +
                                    "' --run_test=profiles/an_inner_profile_hears_its_part > out 2> err";
        BOOST_TEST(std::system(command.c_str()) == 0);
        return read(folder / "err");
    };
    for (const auto& [setting, file] : {std::pair{"1", "xgrad-trace.json"}, {"other.json", "other.json"}}) {
        const std::string table = run(setting);
        BOOST_TEST_INFO(table);
        BOOST_TEST(count_of(table, "\nmatmul ") + count_of(table, "\ntanh") >= 2u);
        BOOST_TEST(count_of(table, "GB/s from memory") == 1u);
        BOOST_TEST(count_of(table, std::string("trace in ") + file) == 1u);
        BOOST_TEST(json::error_in(read(folder / file)) == "");
    }
    BOOST_TEST(count_of(run("0"), "GB/s") == 0u);
    BOOST_TEST(!std::filesystem::exists(folder / "0"));
}

BOOST_AUTO_TEST_SUITE_END()
