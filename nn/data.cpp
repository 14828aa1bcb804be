#include <xgrad/nn/data.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <string>
#include <system_error>
#include <vector>

#include <xgrad/nn/idx.hpp>
#include <xgrad/nn/legacy_random.hpp>

namespace xgrad::nn {

namespace {

struct PlanePoint {
    double x, y;
};

/// numpy.linspace, rounding by rounding.
std::vector<double> linspace(double start, double stop, int count, bool with_stop = true) {
    std::vector<double> values(static_cast<std::size_t>(count));
    const int gaps = with_stop ? count - 1 : count;
    const double step = gaps > 0 ? (stop - start) / gaps : 0;
    for (int i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = i * step + start;
    if (with_stop && count > 1) values.back() = stop;
    return values;
}

template <class T>
Dataset to_tensors(const std::vector<PlanePoint>& points, int of_class_0, Location at) {
    const std::size_t m = points.size();
    auto X = xt::xarray<T>::from_shape(std::vector<std::size_t>{2, m});
    auto Y = xt::xarray<T>::from_shape(std::vector<std::size_t>{1, m});
    for (std::size_t i = 0; i < m; ++i) {
        X.data()[i] = static_cast<T>(points[i].x);
        X.data()[m + i] = static_cast<T>(points[i].y);
        Y.data()[i] = i < static_cast<std::size_t>(of_class_0) ? T(0) : T(1);
    }
    return {Tensor(std::move(X), at), Tensor(std::move(Y), at)};
}

Dataset to_dataset(const std::vector<PlanePoint>& points, int of_class_0, DType dtype, Location at) {
    return visit_floating(dtype, [&](auto zero) { return to_tensors<decltype(zero)>(points, of_class_0, at); });
}

void check_floating(std::string_view op, DType dtype, Location at) {
    if (!is_floating(dtype)) throw DTypeError(op, "needs a floating-point dtype", name(dtype), at);
}

void check_noisy(std::string_view op, int m, double noise, DType dtype, Location at) {
    check_floating(op, dtype, at);
    if (m < 2) throw ValueError(op, "needs at least 2 examples", std::to_string(m), at);
    if (!(noise >= 0) || std::isinf(noise)) {
        throw ValueError(op, "needs a finite noise that is not negative", fmt::format("{}", noise), at);
    }
}

void add_noise(std::vector<PlanePoint>& points, double noise, std::uint32_t seed) {
    LegacyRandom random(seed);
    for (PlanePoint& point : points) {
        point.x += noise * random.normal();
        point.y += noise * random.normal();
    }
}

constexpr std::string_view train_images = "train-images-idx3-ubyte", train_labels = "train-labels-idx1-ubyte",
                           test_images = "t10k-images-idx3-ubyte", test_labels = "t10k-labels-idx1-ubyte";

/// The file with .gz or without; empty if there is neither.
std::filesystem::path find_file(const std::string& folder, std::string_view name) {
    for (const std::string_view ending : {".gz", ""}) {
        std::filesystem::path path = std::filesystem::path(folder) / (std::string(name) + std::string(ending));
        std::error_code error;
        if (std::filesystem::exists(path, error)) return path;
    }
    return {};
}

IdxBytes read_part(const std::string& folder, std::string_view name, std::size_t rank, Location at) {
    const std::filesystem::path path = find_file(folder, name);
    if (path.empty()) {
        throw FileError("fashion_mnist", fmt::format("needs {}.gz, or the same without .gz", name),
                        fmt::format("neither in '{}'", folder), at);
    }
    IdxBytes part = read_idx_bytes(path, at);
    if (part.shape.rank() != rank || part.shape.size() == 0) {
        throw ShapeError("fashion_mnist",
                         rank == 1 ? "needs labels of shape (m,), at least one"
                                   : "needs images of shape (m, rows, columns), at least one",
                         fmt::format("{} in '{}'", to_string(part.shape), path.string()), at);
    }
    return part;
}

/// (m, rows, columns) bytes to (rows * columns, m) numbers from 0 to 1.
Tensor to_columns(const IdxBytes& images, Location at) {
    const auto m = static_cast<std::size_t>(images.shape[0]);
    const std::size_t pixels = images.bytes.size() / m;
    std::array<float, 256> scaled;
    for (std::size_t value = 0; value < scaled.size(); ++value) scaled[value] = static_cast<float>(value) / 255.0F;

    auto X = xt::xarray<float>::from_shape(std::vector<std::size_t>{pixels, m});
    // The bytes of one block of images stay in the cache while they are read column by column.
    constexpr std::size_t block = 64;
    for (std::size_t first = 0; first < m; first += block) {
        const std::size_t last = std::min(first + block, m);
        for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
            const std::uint8_t* source = images.bytes.data() + first * pixels + pixel;
            float* target = X.data() + pixel * m;
            for (std::size_t i = first; i < last; ++i, source += pixels) target[i] = scaled[*source];
        }
    }
    return Tensor(std::move(X), at);
}

Tensor to_labels(const IdxBytes& labels, std::string_view file, Location at) {
    const auto wrong = std::find_if(labels.bytes.begin(), labels.bytes.end(),
                                    [](std::uint8_t label) { return label >= fashion_names.size(); });
    if (wrong != labels.bytes.end()) {
        throw ValueError("fashion_mnist", "needs labels from 0 to 9",
                         fmt::format("{} at index {} of {}", *wrong, wrong - labels.bytes.begin(), file), at);
    }
    auto Y = xt::xarray<std::int64_t>::from_shape(std::vector<std::size_t>{labels.bytes.size()});
    std::copy(labels.bytes.begin(), labels.bytes.end(), Y.data());
    return Tensor(std::move(Y), at);
}

struct Part {
    Tensor X, Y;
};

Part read_pair(const std::string& folder, std::string_view image_file, std::string_view label_file, Location at) {
    // Labels first: a fault in the small file is found before the large one is unpacked.
    const IdxBytes labels = read_part(folder, label_file, 1, at);
    Tensor Y = to_labels(labels, label_file, at);
    const IdxBytes images = read_part(folder, image_file, 3, at);
    if (images.shape[0] != labels.shape[0]) {
        throw ShapeError("fashion_mnist", "needs as many labels as images",
                         fmt::format("{} images in {} and {} labels in {}", images.shape[0], image_file,
                                     labels.shape[0], label_file),
                         at);
    }
    return {to_columns(images, at), std::move(Y)};
}

}  // namespace

Dataset flower(int m, std::uint32_t seed, DType dtype, Location at) {
    at = Attribution::resolve(at);
    check_floating("flower", dtype, at);
    if (m < 2 || m % 2 != 0) {
        throw ValueError("flower", "needs an even number of examples, at least 2", std::to_string(m), at);
    }
    LegacyRandom random(seed);
    const int half = m / 2;
    std::vector<PlanePoint> points;
    for (int j = 0; j < 2; ++j) {
        std::vector<double> t = linspace(j * 3.12, (j + 1) * 3.12, half);
        for (double& angle : t) angle += random.normal() * 0.2;
        for (const double angle : t) {
            const double r = 4 * std::sin(4 * angle) + random.normal() * 0.2;
            points.push_back({r * std::sin(angle), r * std::cos(angle)});
        }
    }
    return to_dataset(points, half, dtype, at);
}

Dataset moons(int m, double noise, std::uint32_t seed, DType dtype, Location at) {
    at = Attribution::resolve(at);
    check_noisy("moons", m, noise, dtype, at);
    std::vector<PlanePoint> points;
    for (const double t : linspace(0, std::numbers::pi, m / 2)) points.push_back({std::cos(t), std::sin(t)});
    for (const double t : linspace(0, std::numbers::pi, m - m / 2)) {
        points.push_back({1 - std::cos(t), 1 - std::sin(t) - 0.5});
    }
    add_noise(points, noise, seed);
    return to_dataset(points, m / 2, dtype, at);
}

Dataset circles(int m, double noise, double factor, std::uint32_t seed, DType dtype, Location at) {
    at = Attribution::resolve(at);
    check_noisy("circles", m, noise, dtype, at);
    if (!(factor > 0 && factor < 1)) {
        throw ValueError("circles", "needs a factor between 0 and 1", fmt::format("{}", factor), at);
    }
    const double turn = 2 * std::numbers::pi;
    std::vector<PlanePoint> points;
    for (const double t : linspace(0, turn, m / 2, false)) points.push_back({std::cos(t), std::sin(t)});
    for (const double t : linspace(0, turn, m - m / 2, false)) {
        points.push_back({std::cos(t) * factor, std::sin(t) * factor});
    }
    add_noise(points, noise, seed);
    return to_dataset(points, m / 2, dtype, at);
}

std::string default_fashion_folder() {
    return "/usr/share/datasets/fashion-mnist";
}

bool has_fashion_mnist(const std::string& folder) {
    const auto files = {train_images, train_labels, test_images, test_labels};
    return std::all_of(files.begin(), files.end(),
                       [&](std::string_view file) { return !find_file(folder, file).empty(); });
}

FashionMnist fashion_mnist(const std::string& folder, Location at) {
    at = Attribution::resolve(at);
    // The small pair first: a folder of the wrong kind is found out at once.
    Part test = read_pair(folder, test_images, test_labels, at);
    Part train = read_pair(folder, train_images, train_labels, at);
    if (train.X.shape()[0] != test.X.shape()[0]) {
        throw ShapeError("fashion_mnist", "needs training and test images of one size",
                         fmt::format("{} and {} pixels", train.X.shape()[0], test.X.shape()[0]), at);
    }
    return {std::move(train.X), std::move(train.Y), std::move(test.X), std::move(test.Y)};
}

}  // namespace xgrad::nn
