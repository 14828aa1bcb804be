#include "support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace tutorial {

namespace {

const std::filesystem::path pictures = std::filesystem::path("tutorials") / "pictures";

std::string usage(std::string_view program, Takes takes) {
    return fmt::format("usage: {} {}[--fast]\n", program, takes == Takes::data ? "[--data DIR] " : "");
}

int refuse(std::string_view program, Takes takes, const std::string& why) {
    fmt::print(stderr, "{}: {}; {}", program, why, usage(program, takes));
    return 2;
}

void say_where(bool is_drawn, const std::filesystem::path& path) {
    if (is_drawn) fmt::print("picture {}\n", path.string());
}

std::vector<std::int64_t> whole_numbers(const xg::Tensor& tensor) {
    const xg::View<std::int64_t> view = xg::astype(tensor, xg::DType::int64).value<std::int64_t>();
    return {view.begin(), view.end()};
}

}  // namespace

int run(int argc, char** argv, void (*lesson)(const Arguments&), Takes takes) {
    const std::string program = std::filesystem::path(argc > 0 ? argv[0] : "tutorial").filename().string();
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--fast") {
            arguments.is_fast = true;
        } else if (argument == "--data" && takes == Takes::data) {
            if (++i == argc || *argv[i] == '\0') return refuse(program, takes, "--data needs a folder");
            arguments.data = argv[i];
        } else if (argument == "--help" || argument == "-h") {
            fmt::print("{}", usage(program, takes));
            return 0;
        } else {
            return refuse(program, takes, fmt::format("there is no argument '{}'", argument));
        }
    }
    try {
        lesson(arguments);
        return 0;
    } catch (const std::exception& error) {
        std::fflush(stdout);
        fmt::print(stderr, "{}: {}\n", program, error.what());
        return 1;
    }
}

Problem load(const Arguments& arguments) {
    if (xg::nn::has_fashion_mnist(arguments.data)) {
        const xg::nn::FashionMnist images = xg::nn::fashion_mnist(arguments.data);
        const std::int64_t m = std::max<std::int64_t>(1, images.train_X.shape()[1] / (arguments.is_fast ? 10 : 1));
        return {xg::view(images.train_X, {xg::all(), xg::range(0, m)}),
                xg::view(images.train_Y, {xg::range(0, m)}),
                images.test_X,
                images.test_Y,
                {xg::nn::fashion_names.begin(), xg::nn::fashion_names.end()}};
    }
    fmt::print("no Fashion-MNIST in {} (Debian's package dataset-fashion-mnist has it): on with the flower\n",
               arguments.data.string());
    const xg::nn::Dataset flower = xg::nn::flower();
    const xg::Tensor labels = xg::reshape(xg::astype(flower.Y, xg::DType::int64), {-1});
    return {flower.X, labels, flower.X, labels, {"class 0", "class 1"}, true};
}

void section(std::string_view name) {
    static bool is_first = true;
    std::string line = fmt::format("{}── {} ", is_first ? "" : "\n", name);
    for (std::size_t width = name.size() + 4; width < 80; ++width) line += "─";
    fmt::print("{}\n", line);
    std::fflush(stdout);
    is_first = false;
}

void print_confusion(const xg::Tensor& predicted, const xg::Tensor& labels, std::span<const std::string_view> names) {
    const std::vector<std::int64_t> guesses = whole_numbers(predicted);
    const std::vector<std::int64_t> truths = whole_numbers(labels);
    const std::size_t classes = names.size();
    std::vector<int> counts(classes * classes, 0);
    for (std::size_t i = 0; i < guesses.size(); ++i) {
        ++counts[static_cast<std::size_t>(truths[i]) * classes + static_cast<std::size_t>(guesses[i])];
    }
    // Long names do not fit above narrow columns: a class's number stands there, and before its name.
    std::size_t widest = 0;
    for (const std::string_view name : names) widest = std::max(widest, name.size());
    fmt::print("{:>{}}", "", widest + 2);
    for (std::size_t guess = 0; guess < classes; ++guess) fmt::print("{:>5}", guess);
    fmt::print("{:>9}\n", "right");
    for (std::size_t truth = 0; truth < classes; ++truth) {
        const auto row = std::span(counts).subspan(truth * classes, classes);
        fmt::print("{} {:<{}}", truth, names[truth], widest);
        int examples = 0;
        for (const int count : row) {
            examples += count;
            // A dot for never lets the eye find what there is.
            fmt::print("{:>5}", count == 0 ? "·" : std::to_string(count));
        }
        fmt::print("{:>9}\n", examples == 0 ? "–" : fmt::format("{:.1f} %", 100.0 * row[truth] / examples));
    }
}

void draw_boundary(const std::string& name, const std::string& title, const xg::nn::Module& model, const xg::Tensor& X,
                   const xg::Tensor& Y) {
    const auto examples = xg::astype(X, xg::DType::float64).value<double>();
    const std::vector<std::int64_t> labels = whole_numbers(Y);
    std::vector<plot::Point> points;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        points.push_back({examples(0, i), examples(1, i), static_cast<int>(labels[i])});
    }
    const auto probability = [&](const std::vector<double>& xs, const std::vector<double>& ys) {
        xt::xarray<double> places = xt::zeros<double>({std::size_t{2}, xs.size()});
        std::copy(xs.begin(), xs.end(), places.begin());
        std::copy(ys.begin(), ys.end(), places.begin() + static_cast<std::ptrdiff_t>(xs.size()));
        xg::Tensor A = model(xg::astype(std::move(places), X.dtype()));
        if (A.shape()[0] == 2) A = xg::view(xg::softmax(A), {1});
        const auto values = xg::astype(A, xg::DType::float64).value<double>();
        return std::vector<double>(values.begin(), values.end());
    };
    say_where(plot::decision_boundary(pictures / name, title, probability, points), pictures / name);
}

void draw_training(const std::string& name, const std::string& title, const std::vector<plot::Series>& series) {
    say_where(plot::curves(pictures / name, title, "epoch", series), pictures / name);
}

void draw_misread(const std::string& name, const std::string& title, const xg::Tensor& X, const xg::Tensor& predicted,
                  const xg::Tensor& labels, std::span<const std::string_view> names) {
    constexpr std::size_t most = 24, per_row = 8;
    const std::vector<std::int64_t> guesses = whole_numbers(predicted);
    const std::vector<std::int64_t> truths = whole_numbers(labels);
    const auto pixels = X.value<float>();
    const auto side = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(X.shape()[0]))));
    if (side * side != static_cast<std::size_t>(X.shape()[0])) {
        fmt::print("picture {} skipped: the images are not square\n", (pictures / name).string());
        return;
    }
    std::vector<float> images;
    std::vector<std::string> captions;
    for (std::size_t i = 0; i < truths.size() && captions.size() < most; ++i) {
        if (guesses[i] == truths[i]) continue;
        for (std::size_t pixel = 0; pixel < side * side; ++pixel) images.push_back(pixels(pixel, i));
        captions.push_back(fmt::format("{} /\n{}", names[static_cast<std::size_t>(guesses[i])],
                                       names[static_cast<std::size_t>(truths[i])]));
    }
    say_where(plot::image_grid(pictures / name, title, images, side, side, captions, per_row), pictures / name);
}

}  // namespace tutorial
