#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

/// Pictures for the tutorials, drawn by the program gnuplot as PNG files. Each function makes the folders it needs and
/// returns true if the picture is there; where gnuplot is missing it prints one line that says so and returns false.
namespace plot {

/// One curve over the epochs 1, 2, 3 …; values that are not finite are left out.
struct Series {
    std::string label;
    std::vector<double> y;
    bool right_axis = false;
};

/// Curves over a common x axis, with a second scale on the right for those that ask for it.
bool curves(const std::filesystem::path& path, const std::string& title, const std::string& x_label,
            const std::vector<Series>& series);

/// An example in the plane: its class is 0 or 1.
struct Point {
    double x = 0;
    double y = 0;
    int label = 0;
};

/// The probability of class 1 at each of many places at once.
using Probability = std::function<std::vector<double>(const std::vector<double>& xs, const std::vector<double>& ys)>;

/// The regions in which each of two classes is the likelier, the line between them, where the probability is one half,
/// and the examples.
bool decision_boundary(const std::filesystem::path& path, const std::string& title, const Probability& probability,
                       const std::vector<Point>& points);

/// Grey images, `per_row` side by side, each with a caption below of one or more lines. `images` holds rows × columns
/// values from 0 (white) to 1 (black) per image, one image after the other; there is one caption per image.
bool image_grid(const std::filesystem::path& path, const std::string& title, const std::vector<float>& images,
                std::size_t rows, std::size_t columns, const std::vector<std::string>& captions, std::size_t per_row);

}  // namespace plot
