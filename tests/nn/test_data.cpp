#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include <xgrad/nn/data.hpp>
#include <xgrad/nn/legacy_random.hpp>

#include "files.hpp"

using namespace xgrad;
using namespace xgrad::nn;

namespace {

constexpr Location here{"somewhere/train.cpp", 7};

/// NumPy's sines and logarithms may differ from the C library's in the last bit.
bool agrees(double x, double numpy) {
    return std::abs(x - numpy) <= 1e-12 * std::max(1.0, std::abs(numpy));
}

/// A column of X as NumPy has it.
struct Column {
    std::size_t i;
    double x1, x2;
};

/// Σ and Σ² of each row of X, and some of its columns, as NumPy has them.
void check_points(const Dataset& data, const std::array<double, 4>& sums, const std::vector<Column>& columns) {
    const auto X = data.X.value<double>();
    const std::size_t m = X.shape()[1];
    for (std::size_t row = 0; row < 2; ++row) {
        long double sum = 0, squares = 0;
        for (std::size_t i = 0; i < m; ++i) {
            sum += X(row, i);
            squares += static_cast<long double>(X(row, i)) * X(row, i);
        }
        BOOST_TEST(agrees(static_cast<double>(sum), sums[row]));
        BOOST_TEST(agrees(static_cast<double>(squares), sums[2 + row]));
    }
    for (const Column& column : columns) {
        BOOST_TEST(agrees(X(0, column.i), column.x1), "column " << column.i);
        BOOST_TEST(agrees(X(1, column.i), column.x2), "column " << column.i);
    }
}

/// Y is (1, m): zeros, then ones.
void check_classes(const Dataset& data, std::size_t m, std::size_t of_class_0) {
    BOOST_TEST(to_string(data.X.shape()) == "(2, " + std::to_string(m) + ")");
    BOOST_TEST(to_string(data.Y.shape()) == "(1, " + std::to_string(m) + ")");
    const auto Y = data.Y.value<double>();
    for (std::size_t i = 0; i < m; ++i) BOOST_TEST(Y(0, i) == (i < of_class_0 ? 0.0 : 1.0));
}

std::string idx_file(const std::vector<std::uint32_t>& extents, const std::string& data) {
    std::string bytes{'\0', '\0', '\x08', static_cast<char>(extents.size())};
    for (const std::uint32_t extent : extents) {
        for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(extent >> shift & 0xff);
    }
    return bytes + data;
}

/// A folder with the four files, small but sound: 70 images of 2 × 3 to train with, 2 to test with.
struct SmallFashion {
    static constexpr std::size_t m = 70;

    SmallFashion() {
        std::string images, labels;
        for (std::size_t i = 0; i < m; ++i) {
            labels += static_cast<char>(i % 10);
            for (std::size_t pixel = 0; pixel < 6; ++pixel) images += value(i, pixel);
        }
        write_file(folder / "train-images-idx3-ubyte.gz", gzip(idx_file({m, 2, 3}, images)));
        write_file(folder / "train-labels-idx1-ubyte.gz", gzip(idx_file({m}, labels)));
        write_file(folder / "t10k-images-idx3-ubyte", idx_file({2, 2, 3}, images.substr(0, 12)));
        write_file(folder / "t10k-labels-idx1-ubyte", idx_file({2}, labels.substr(8, 2)));
    }
    static char value(std::size_t i, std::size_t pixel) {
        return static_cast<char>(40 * pixel + i % 40 + 16 * (i == 0));
    }

    template <class E>
    std::string error() const {
        return message_of<E>([&] { fashion_mnist(folder.path(), here); });
    }
    std::string in(const std::string& file) const { return " in '" + (folder / file).string() + "' at train.cpp:7"; }

    TemporaryFolder folder;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(data)

BOOST_AUTO_TEST_CASE(numpy_s_legacy_generator) {
    LegacyRandom uniform(1);
    for (const double expected : {0.417022004702574, 0.7203244934421581, 0.00011437481734488664}) {
        BOOST_TEST(uniform.uniform() == expected);
    }
    LegacyRandom normal(1);
    for (const double expected :
         {1.6243453636632417, -0.6117564136500754, -0.5281717522634557, -1.0729686221561705, 0.8654076293246785}) {
        BOOST_TEST(agrees(normal.normal(), expected));
    }
    LegacyRandom both(123456);
    for (int i = 0; i < 10000; ++i) both.normal();
    BOOST_TEST(agrees(both.normal(), -1.2158771522461793));
    BOOST_TEST(both.uniform() == 0.3966313504238216);
}

BOOST_AUTO_TEST_CASE(flower_is_the_course_s) {
    const Dataset data = flower(400, 1, DType::float64);
    check_classes(data, 400, 200);
    check_points(data, {-17.338363670404423, 27.42634694784607, 1549.1512884145138, 1607.632500934895},
                 {{0, 1.2044422922543192, 3.576114148128845},
                  {1, 0.15870990398255375, -1.4821709003683443},
                  {199, -0.5858464101358457, -3.091259938950624},
                  {200, -1.0704958072229525, 3.682524609580073},
                  {399, 0.7307808250007515, 3.0683292081876554}});
}

BOOST_AUTO_TEST_CASE(moons_are_scikit_learn_s) {
    const Dataset data = moons(201, 0.2, 7, DType::float64);
    check_classes(data, 201, 100);
    check_points(data, {99.53744611766147, 47.46713442011028, 212.4382568529427, 69.74577968279318},
                 {{0, 1.3381051407600713, -0.09318747410816657},
                  {1, 1.0060605751189022, 0.11323119009736923},
                  {99, -0.8122296462082654, 0.02941317262031854},
                  {100, -0.3366793687276177, 0.703002987092178},
                  {200, 1.9879997113962635, 0.6575370683226143}});
}

BOOST_AUTO_TEST_CASE(circles_are_scikit_learn_s) {
    const Dataset data = circles(201, 0.1, 0.4, 7, DType::float64);
    check_classes(data, 201, 100);
    check_points(data, {-0.7312769411692646, -1.1980964580602098, 57.81034882470926, 60.08599025857857},
                 {{0, 1.1690525703800356, -0.04659373705408328},
                  {1, 1.00130874479613, 0.10354214782896416},
                  {99, 1.0919119053241388, -0.04808393321915405},
                  {100, 0.23166031563619116, 0.10150149354608902},
                  {200, 0.39322609455156954, 0.053900679188714745}});
}

BOOST_AUTO_TEST_CASE(shapes_without_noise) {
    const auto X = circles(40, 0, 0.25, 1, DType::float64).X.value<double>();
    for (std::size_t i = 0; i < 40; ++i) BOOST_TEST(agrees(std::hypot(X(0, i), X(1, i)), i < 20 ? 1 : 0.25));
    const auto half = moons(41, 0, 1, DType::float64).X.value<double>();
    for (std::size_t i = 0; i < 41; ++i) {
        const double x = half(0, i) - (i < 20 ? 0 : 1), y = half(1, i) - (i < 20 ? 0 : 0.5);
        BOOST_TEST(agrees(std::hypot(x, y), 1));
    }
}

BOOST_AUTO_TEST_CASE(pure_functions_of_the_seed) {
    const auto first = flower().X.value<float>(), again = flower().X.value<float>();
    const auto other = flower(400, 2).X.value<float>();
    const auto wide = flower(400, 1, DType::float64).X.value<double>();
    BOOST_TEST((first == again));
    BOOST_TEST((first != other));
    for (std::size_t i = 0; i < wide.size(); ++i) BOOST_TEST(first.data()[i] == static_cast<float>(wide.data()[i]));
}

BOOST_AUTO_TEST_CASE(smallest_sets) {
    check_classes(flower(2, 1, DType::float64), 2, 1);
    check_classes(moons(2, 0.1, 1, DType::float64), 2, 1);
    check_classes(moons(3, 0.1, 1, DType::float64), 3, 1);
    check_classes(circles(3, 0.1, 0.5, 1, DType::float64), 3, 1);
}

BOOST_AUTO_TEST_CASE(bad_arguments) {
    constexpr DType f = DType::float32;
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    for (const int m : {-2, 0, 1, 3}) {
        BOOST_TEST(message_of<ValueError>([&] { flower(m, 1, f, here); }) ==
                   "flower: needs an even number of examples, at least 2, got " + std::to_string(m) +
                       " at train.cpp:7");
    }
    BOOST_TEST(message_of<ValueError>([&] { moons(1, 0.1, 1, f, here); }) ==
               "moons: needs at least 2 examples, got 1 at train.cpp:7");
    BOOST_TEST(message_of<ValueError>([&] { circles(-5, 0.1, 0.5, 1, f, here); }) ==
               "circles: needs at least 2 examples, got -5 at train.cpp:7");
    BOOST_TEST(message_of<ValueError>([&] { moons(9, -0.5, 1, f, here); }) ==
               "moons: needs a finite noise that is not negative, got -0.5 at train.cpp:7");
    BOOST_TEST(message_of<ValueError>([&] { moons(9, nan, 1, f, here); }) ==
               "moons: needs a finite noise that is not negative, got nan at train.cpp:7");
    BOOST_TEST(message_of<ValueError>([&] { circles(9, infinity, 0.5, 1, f, here); }) ==
               "circles: needs a finite noise that is not negative, got inf at train.cpp:7");
    for (const auto& [factor, text] : {std::tuple(0.0, "0"), std::tuple(1.0, "1"), std::tuple(nan, "nan")}) {
        BOOST_TEST(message_of<ValueError>([&, factor = factor] { circles(9, 0.1, factor, 1, f, here); }) ==
                   std::string("circles: needs a factor between 0 and 1, got ") + text + " at train.cpp:7");
    }
    BOOST_TEST(message_of<DTypeError>([&] { flower(4, 1, DType::int32, here); }) ==
               "flower: needs a floating-point dtype, got int32 at train.cpp:7");
    BOOST_TEST(message_of<DTypeError>([&] { moons(4, 0.1, 1, DType::boolean, here); }) ==
               "moons: needs a floating-point dtype, got bool at train.cpp:7");
    BOOST_TEST(message_of<DTypeError>([&] { circles(4, 0.1, 0.5, 1, DType::int64, here); }) ==
               "circles: needs a floating-point dtype, got int64 at train.cpp:7");
}

BOOST_AUTO_TEST_CASE(images_become_columns) {
    const SmallFashion files;
    BOOST_TEST(has_fashion_mnist(files.folder.path()));
    const FashionMnist data = fashion_mnist(files.folder.path());
    BOOST_TEST(to_string(data.train_X.shape()) == "(6, 70)");
    BOOST_TEST(to_string(data.train_Y.shape()) == "(70,)");
    BOOST_TEST(to_string(data.test_X.shape()) == "(6, 2)");
    const auto X = data.train_X.value<float>();
    const auto Y = data.train_Y.value<std::int64_t>();
    for (std::size_t i = 0; i < SmallFashion::m; ++i) {
        BOOST_TEST(Y(i) == static_cast<std::int64_t>(i % 10));
        for (std::size_t pixel = 0; pixel < 6; ++pixel) {
            const auto byte = static_cast<unsigned char>(SmallFashion::value(i, pixel));
            BOOST_TEST(X(pixel, i) == static_cast<float>(byte) / 255.0F);
        }
    }
    BOOST_TEST(data.test_Y.value<std::int64_t>()(1) == 9);
}

BOOST_AUTO_TEST_CASE(a_file_is_missing) {
    const SmallFashion files;
    std::filesystem::remove(files.folder / "train-labels-idx1-ubyte.gz");
    BOOST_TEST(!has_fashion_mnist(files.folder.path()));
    BOOST_TEST(files.error<FileError>() ==
               "fashion_mnist: needs train-labels-idx1-ubyte.gz, or the same without .gz, got neither in '" +
                   files.folder.path().string() + "' at train.cpp:7");
    BOOST_TEST(!has_fashion_mnist(files.folder / "nowhere"));
    const std::string nowhere = (files.folder / "nowhere").string();
    BOOST_TEST(message_of<FileError>([&] { fashion_mnist(nowhere, here); }) ==
               "fashion_mnist: needs t10k-labels-idx1-ubyte.gz, or the same without .gz, got neither in '" + nowhere +
                   "' at train.cpp:7");
}

BOOST_AUTO_TEST_CASE(a_file_is_damaged) {
    const SmallFashion files;
    const std::string name = "train-images-idx3-ubyte.gz";
    std::filesystem::resize_file(files.folder / name, std::filesystem::file_size(files.folder / name) - 9);
    BOOST_TEST(files.error<FileError>() ==
               "read_idx_bytes: needs a whole gzip stream, got one that ends early" + files.in(name));
}

BOOST_AUTO_TEST_CASE(labels_out_of_range) {
    const SmallFashion files;
    write_file(files.folder / "t10k-labels-idx1-ubyte", idx_file({2}, "\x03\x0a"));
    BOOST_TEST(files.error<ValueError>() ==
               "fashion_mnist: needs labels from 0 to 9, got 10 at index 1 of t10k-labels-idx1-ubyte at train.cpp:7");
}

BOOST_AUTO_TEST_CASE(parts_that_do_not_agree) {
    const SmallFashion files;
    const std::string labels = "t10k-labels-idx1-ubyte", images = "t10k-images-idx3-ubyte";
    write_file(files.folder / labels, idx_file({3}, "\x01\x02\x03"));
    BOOST_TEST(files.error<ShapeError>() ==
               "fashion_mnist: needs as many labels as images, got 2 images in t10k-images-idx3-ubyte and 3 labels in "
               "t10k-labels-idx1-ubyte at train.cpp:7");
    write_file(files.folder / labels, idx_file({2, 1}, "\x01\x02"));
    BOOST_TEST(files.error<ShapeError>() ==
               "fashion_mnist: needs labels of shape (m,), at least one, got (2, 1)" + files.in(labels));
    write_file(files.folder / labels, idx_file({0}, ""));
    BOOST_TEST(files.error<ShapeError>() ==
               "fashion_mnist: needs labels of shape (m,), at least one, got (0,)" + files.in(labels));
    write_file(files.folder / labels, idx_file({2}, "\x01\x02"));
    write_file(files.folder / images, idx_file({2, 6}, "abcdefabcdef"));
    BOOST_TEST(files.error<ShapeError>() ==
               "fashion_mnist: needs images of shape (m, rows, columns), at least one, got (2, 6)" + files.in(images));
    write_file(files.folder / images, idx_file({2, 2, 2}, "abcdabcd"));
    BOOST_TEST(files.error<ShapeError>() ==
               "fashion_mnist: needs training and test images of one size, got 6 and 4 pixels at train.cpp:7");
}

BOOST_AUTO_TEST_CASE(the_real_images) {
    if (!has_fashion_mnist()) {
        BOOST_TEST_MESSAGE("skipped: Debian's package dataset-fashion-mnist is not installed");
        return;
    }
    const FashionMnist data = fashion_mnist();
    BOOST_TEST(to_string(data.train_X.shape()) == "(784, 60000)");
    BOOST_TEST(to_string(data.test_X.shape()) == "(784, 10000)");
    std::array<int, 10> counts{};
    for (const std::int64_t label : data.train_Y.value<std::int64_t>()) ++counts[static_cast<std::size_t>(label)];
    for (const int count : counts) BOOST_TEST(count == 6000);
    const auto X = data.train_X.value<float>();
    std::int64_t sum = 0;
    for (const float value : X) sum += std::lround(value * 255);
    BOOST_TEST(sum == 3431114169);
}

BOOST_AUTO_TEST_SUITE_END()
