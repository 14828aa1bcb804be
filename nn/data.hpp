#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <xgrad/graph/tensor.hpp>

namespace xgrad::nn {

/// Examples of two classes in the plane: X (2, m), one column per example, and Y (1, m) of zeros and ones, both of the
/// dtype that was asked for.
struct Dataset {
    Tensor X;
    Tensor Y;
};

/// Two classes on the petals of a flower, m/2 examples each, class 0 first. With seed 1 and m = 400 these are the
/// numbers of load_planar_dataset in the Coursera course "Neural Networks and Deep Learning", week 3.
///
///     class j:  t = linspace(3.12 j, 3.12 (j+1), m/2) + 0.2 ε,  r = 4 sin 4t + 0.2 ε',  x = (r sin t, r cos t)
///
/// ValueError unless m is even and at least 2; DTypeError unless the dtype is floating point.
Dataset flower(int m = 400, std::uint32_t seed = 1, DType dtype = DType::float32, Location at = Location::current());

/// Two half circles that reach into each other, ⌊m/2⌋ examples of class 0 and the others of class 1, each coordinate
/// with normal noise of the given standard deviation. The numbers of scikit-learn's make_moons without shuffling.
///
///     class 0:  (cos t, sin t),  class 1:  (1 − cos t, ½ − sin t),  t = linspace(0, π)
///
/// ValueError unless m ≥ 2 and noise is finite and not negative; DTypeError unless the dtype is floating point.
Dataset moons(int m = 200, double noise = 0.1, std::uint32_t seed = 1, DType dtype = DType::float32,
              Location at = Location::current());

/// A circle of radius 1 (class 0, ⌊m/2⌋ examples) around one of radius `factor` (class 1), each coordinate with normal
/// noise of the given standard deviation. The numbers of scikit-learn's make_circles without shuffling.
/// ValueError unless m ≥ 2, noise is finite and not negative, and 0 < factor < 1; DTypeError unless the dtype is
/// floating point.
Dataset circles(int m = 200, double noise = 0.05, double factor = 0.5, std::uint32_t seed = 1,
                DType dtype = DType::float32, Location at = Location::current());

/// Images of clothes in ten classes (Xiao, Rasul and Vollgraf, 2017): X float32 (pixels, m) with values from 0 to 1,
/// one column per image, its rows of pixels one after the other; Y int64 (m,), the labels 0 to 9.
struct FashionMnist {
    Tensor train_X;
    Tensor train_Y;
    Tensor test_X;
    Tensor test_Y;
};

/// What the labels 0 to 9 stand for.
inline constexpr std::array<std::string_view, 10> fashion_names{
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"};

/// Where Debian's package dataset-fashion-mnist puts its files.
std::string default_fashion_folder();

/// True if the folder holds the four files that fashion_mnist reads.
bool has_fashion_mnist(const std::string& folder = default_fashion_folder());

/// The data set from its four files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
/// t10k-labels-idx1-ubyte, each with .gz or without. MNIST's own files have the same names and form.
/// FileError if one is missing or not a sound IDX file; ShapeError if it has other axes than (m, rows, columns) or
/// (m,), no examples, or does not agree with its partner; ValueError for a label above 9.
FashionMnist fashion_mnist(const std::string& folder = default_fashion_folder(), Location at = Location::current());

}  // namespace xgrad::nn
