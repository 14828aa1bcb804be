#include "plot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>

extern char** environ;

namespace plot {

namespace {

// Okabe and Ito's colours, which people with any colour vision can tell apart.
constexpr std::array<std::string_view, 6> colours{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"};

bool skip(const std::filesystem::path& path, std::string_view why) {
    fmt::print("picture {} skipped: {}\n", path.string(), why);
    return false;
}

/// A gnuplot string in which nothing has a meaning of its own.
std::string literal(std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
        result += c;
        if (c == '\'') result += c;
    }
    return result + "'";
}

/// The same in double quotes, where \n separates lines.
std::string lines_literal(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '\n') {
            result += "\\n";
        } else {
            if (c == '"' || c == '\\') result += '\\';
            result += c;
        }
    }
    return result + "\"";
}

std::string number(double value) {
    return std::isfinite(value) ? fmt::format("{:.7g}", value) : "NaN";
}

std::string header(const std::filesystem::path& path, std::size_t width, std::size_t height, std::size_t font_size) {
    return fmt::format(
        "set terminal pngcairo size {},{} font 'sans,{}' noenhanced background '#ffffff'\n"
        "set output {}\n"
        "set encoding utf8\n"
        "set datafile missing 'NaN'\n",
        width, height, font_size, literal(path.string()));
}

/// The title and below it the legend, above the plot.
std::string heading(std::string_view title) {
    return fmt::format(
        "set label 999 {} at screen 0.5, screen 0.95 center font ',20'\n"
        "set tmargin at screen 0.86\n"
        "set key at screen 0.5, screen 0.9 center center horizontal Left reverse samplen 2.5 width 1 maxrows 1\n",
        literal(title));
}

/// Runs gnuplot on the script. The script goes through a file: a pipe would kill us if gnuplot went first.
bool draw(const std::filesystem::path& path, const std::string& script) {
    std::string name = (std::filesystem::temp_directory_path() / "xgrad-plot-XXXXXX").string();
    const int handle = mkstemp(name.data());
    if (handle < 0) return skip(path, "no place for a temporary file");
    std::FILE* file = fdopen(handle, "w");
    const bool is_written = std::fwrite(script.data(), 1, script.size(), file) == script.size();
    const bool is_closed = std::fclose(file) == 0;

    int status = 0;
    int error = 0;
    if (is_written && is_closed) {
        std::string program = "gnuplot";
        const std::array<char*, 3> arguments{program.data(), name.data(), nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        // Its warnings are about fonts and ranges; whether there is a picture is told by its status.
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        pid_t child = 0;
        error = posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        while (error == 0 && waitpid(child, &status, 0) < 0) {
            if (errno != EINTR) error = errno;
        }
    }
    std::remove(name.c_str());
    if (!is_written || !is_closed) return skip(path, "no room for a temporary file");
    if (error == ENOENT) return skip(path, "gnuplot is not installed (Debian's package gnuplot-nox has it)");
    if (error != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
        return skip(path, "gnuplot could not draw it");
    }
    return true;
}

bool has_number(const std::vector<double>& values) {
    return std::any_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

bool make_folder_of(const std::filesystem::path& path) {
    std::error_code error;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
    return !error;
}

/// What the series of one axis share: the last word of their labels, or the only label.
std::string axis_label(const std::vector<Series>& series, bool right) {
    std::string shared;
    bool is_first = true;
    for (const Series& s : series) {
        if (s.right_axis != right) continue;
        const auto last_word = [](const std::string& label) { return label.substr(label.find_last_of(' ') + 1); };
        if (is_first) {
            shared = s.label;
        } else if (last_word(shared) == last_word(s.label)) {
            shared = last_word(s.label);
        } else {
            return "";
        }
        is_first = false;
    }
    return shared;
}

struct Range {
    double low, high;
};

/// The extent of the points along one axis with a margin around.
Range range_of(const std::vector<Point>& points, double Point::*axis) {
    Range range{0, 0};
    bool is_first = true;
    for (const Point& point : points) {
        const double value = point.*axis;
        if (!std::isfinite(value)) continue;
        range = is_first ? Range{value, value} : Range{std::min(range.low, value), std::max(range.high, value)};
        is_first = false;
    }
    const double margin = range.high > range.low ? 0.08 * (range.high - range.low) : 1;
    return {range.low - margin, range.high + margin};
}

}  // namespace

bool curves(const std::filesystem::path& path, const std::string& title, const std::string& x_label,
            const std::vector<Series>& series) {
    std::size_t length = 0;
    for (const Series& s : series) length = std::max(length, s.y.size());
    if (std::none_of(series.begin(), series.end(), [](const Series& s) { return has_number(s.y); })) {
        return skip(path, "there is nothing to draw");
    }
    if (!make_folder_of(path)) return skip(path, "its folder cannot be made");

    const bool has_right = std::any_of(series.begin(), series.end(), [](const Series& s) { return s.right_axis; });
    std::string script = header(path, 1200, 720, 16) + heading(title);
    script += fmt::format(
        "set border {} linecolor '#666666'\n"
        "set tics nomirror textcolor '#333333'\n"
        "set grid linecolor '#dddddd' linewidth 1 linetype 1\n"

        "set xlabel {}\nset ylabel {}\n"
        "set xrange [1:{}]\n"
        "set offsets graph 0, 0, 0.05, 0.05\n",
        has_right ? 11 : 3, literal(x_label), literal(axis_label(series, false)), std::max<std::size_t>(length, 2));
    if (has_right)
        script += fmt::format("set y2tics textcolor '#333333'\nset y2label {}\n", literal(axis_label(series, true)));
    // Whole epochs only.
    if (length <= 20) script += "set xtics 1\n";

    for (std::size_t i = 0; i < series.size(); ++i) {
        script += fmt::format("$curve{} << EOD\n", i);
        for (std::size_t step = 0; step < series[i].y.size(); ++step) {
            script += fmt::format("{} {}\n", step + 1, number(series[i].y[step]));
        }
        script += "EOD\n";
    }
    script += "plot ";
    const bool with_marks = length <= 50;
    for (std::size_t i = 0; i < series.size(); ++i) {
        if (i > 0) script += ", ";
        script += fmt::format("$curve{} using 1:2 axes x1{} with {} linecolor '{}' linewidth 3 dashtype {} {} title {}",
                              i, series[i].right_axis ? "y2" : "y1", with_marks ? "linespoints" : "lines",
                              colours[i % colours.size()], series[i].right_axis ? 2 : 1,
                              with_marks ? fmt::format("pointtype {} pointsize 1.2", series[i].right_axis ? 5 : 7) : "",
                              literal(series[i].label));
    }
    return draw(path, script + "\n");
}

bool decision_boundary(const std::filesystem::path& path, const std::string& title, const Probability& probability,
                       const std::vector<Point>& points) {
    if (!make_folder_of(path)) return skip(path, "its folder cannot be made");
    constexpr std::size_t cells = 300;
    const Range x_range = range_of(points, &Point::x), y_range = range_of(points, &Point::y);
    std::vector<double> xs, ys;
    xs.reserve(cells * cells);
    ys.reserve(cells * cells);
    const auto place = [](Range range, std::size_t i) {
        return range.low + (range.high - range.low) * static_cast<double>(i) / static_cast<double>(cells - 1);
    };
    for (std::size_t row = 0; row < cells; ++row) {
        for (std::size_t column = 0; column < cells; ++column) {
            xs.push_back(place(x_range, column));
            ys.push_back(place(y_range, row));
        }
    }
    const std::vector<double> p = probability(xs, ys);
    if (!has_number(p)) return skip(path, "the model's probabilities are not numbers");
    if (p.size() != xs.size()) return skip(path, "the model did not give one probability per place");

    std::string script = header(path, 900, 820, 16) + heading(title);
    script += fmt::format(
        "set border linecolor '#666666'\n"
        "set tics textcolor '#333333' scale 0.6\n"
        "set xlabel 'x₁'\nset ylabel 'x₂' rotate by 0\n"
        "set xrange [{}:{}]\nset yrange [{}:{}]\n",
        number(x_range.low), number(x_range.high), number(y_range.low), number(y_range.high));
    script += "$p << EOD\n";
    for (std::size_t i = 0; i < p.size(); ++i) {
        script += fmt::format("{} {} {}\n", number(xs[i]), number(ys[i]), number(p[i]));
        if ((i + 1) % cells == 0) script += '\n';
    }
    script += "EOD\n";
    for (const int label : {0, 1}) {
        script += fmt::format("$class{} << EOD\n", label);
        for (const Point& point : points) {
            if (point.label == label) script += number(point.x) + ' ' + number(point.y) + '\n';
        }
        // A block without data stops gnuplot.
        script += "NaN NaN\nEOD\n";
    }
    script += fmt::format(
        "set contour base\nset cntrparam levels discrete 0.5\nset cntrlabel onecolor\nunset surface\n"
        "set table $boundary\nsplot $p using 1:2:3 notitle\nunset table\n"
        "unset contour\nset surface\n"
        "set cbrange [0:1]\n"
        "set palette defined (0 '#8fc1e3', 0.5 '#e3f0f9', 0.5 '#fdeadd', 1 '#f0ae80')\n"
        "set colorbox\nset cblabel 'probability of class 1'\nset cbtics 0.25\n"

        "plot $p using 1:2:3 with image notitle, \\\n"
        " $boundary using 1:2 with lines linecolor '#222222' linewidth 2.5 title 'even odds', \\\n"
        " $class0 using 1:2 with points pointtype 7 pointsize 1.15 linecolor '#ffffff' notitle, \\\n"
        " $class0 using 1:2 with points pointtype 7 pointsize 0.85 linecolor '{0}' title 'class 0', \\\n"
        " $class1 using 1:2 with points pointtype 9 pointsize 1.5 linecolor '#ffffff' notitle, \\\n"
        " $class1 using 1:2 with points pointtype 9 pointsize 1.1 linecolor '{1}' title 'class 1'\n",
        colours[0], colours[1]);
    return draw(path, script);
}

bool image_grid(const std::filesystem::path& path, const std::string& title, const std::vector<float>& images,
                std::size_t rows, std::size_t columns, const std::vector<std::string>& captions, std::size_t per_row) {
    const std::size_t count = captions.size();
    if (count == 0 || per_row == 0 || rows * columns == 0) return skip(path, "there is nothing to draw");
    if (images.size() != count * rows * columns) return skip(path, "there is not one caption per image");
    if (!make_folder_of(path)) return skip(path, "its folder cannot be made");

    std::size_t caption_lines = 1, caption_width = 1;
    for (const std::string& caption : captions) {
        caption_lines =
            std::max(caption_lines, 1 + static_cast<std::size_t>(std::count(caption.begin(), caption.end(), '\n')));
        std::size_t width = 0;
        for (const char c : caption) {
            width = c == '\n' ? 0 : width + 1;
            caption_width = std::max(caption_width, width);
        }
    }
    // All lengths in picture points; each pixel of an image is a whole number of them, which keeps it crisp.
    constexpr std::size_t line_height = 19, letter_width = 9, gap = 18, margin = 16, image_size = 112;
    const std::size_t scale = std::max<std::size_t>(1, image_size / std::max(rows, columns));
    const std::size_t image_width = scale * columns, image_height = scale * rows;
    const std::size_t cell_width = std::max(image_width, letter_width * caption_width) + gap;
    const std::size_t cell_height = image_height + 8 + line_height * caption_lines + gap;
    const std::size_t grid_columns = std::min(per_row, count), grid_rows = (count + per_row - 1) / per_row;
    const std::size_t title_height = title.empty() ? 0 : 52;
    const std::size_t width = std::max(grid_columns * cell_width, 12 * title.size()) + 2 * margin;
    const std::size_t height = grid_rows * cell_height + title_height + 2 * margin - gap;

    std::string script = header(path, width, height, 12);
    script += fmt::format(
        "set lmargin at screen 0\nset rmargin at screen 1\nset bmargin at screen 0\nset tmargin at screen 1\n"
        "unset border\nunset tics\nunset key\nunset colorbox\n"
        "set xrange [0:{}]\nset yrange [{}:0]\n"
        "set cbrange [0:1]\nset palette defined (0 '#ffffff', 1 '#000000')\n",
        width, height);
    if (!title.empty()) {
        script += fmt::format("set label {} at {},{} center font ',18'\n", literal(title), width / 2,
                              margin + title_height / 2 - 6);
    }
    const std::size_t left_edge = (width - grid_columns * cell_width) / 2;
    std::string plots;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t left = left_edge + i % per_row * cell_width + (cell_width - image_width) / 2;
        const std::size_t top = margin + title_height + i / per_row * cell_height;
        script += fmt::format("set label {} at {},{} center textcolor '#222222'\n", lines_literal(captions[i]),
                              left + image_width / 2, top + image_height + 8 + line_height / 2);
        script +=
            fmt::format("set object rectangle from {},{} to {},{} front fillstyle empty border linecolor '#bbbbbb'\n",
                        left, top, left + image_width, top + image_height);
        script += fmt::format("$image{} << EOD\n", i);
        const float* pixel = images.data() + i * rows * columns;
        for (std::size_t row = 0; row < rows; ++row) {
            for (std::size_t column = 0; column < columns; ++column) {
                script += number(std::clamp(*pixel++, 0.0F, 1.0F)) + ' ';
            }
            script += '\n';
        }
        script += "EOD\n";
        // gnuplot centres a pixel on its coordinates.
        plots += fmt::format("{}$image{} matrix using ({}+{}*($1+0.5)):({}+{}*($2+0.5)):3 with image",
                             i > 0 ? ", \\\n " : "", i, left, scale, top, scale);
    }
    return draw(path, script + "plot " + plots + "\n");
}

}  // namespace plot
