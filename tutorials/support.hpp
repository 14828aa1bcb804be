#pragma once

#include <exception>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <xgrad/nn/data.hpp>
#include <xgrad/nn/module.hpp>

#include "plot.hpp"

/// What the programs of the tutorials share, and what would only distract in them.
namespace tutorial {

/// What a tutorial was started with.
struct Arguments {
    bool is_fast = false;                                              ///< --fast: a short run
    std::filesystem::path data = xgrad::nn::default_fashion_folder();  ///< --data DIR
};

enum class Takes { nothing_else, data };

/// Reads the arguments and gives the lesson. Returns the program's exit code: 0; 1 after an exception, whose text is
/// printed in one line; 2 for arguments that there are not, with the usage in one line. Only a tutorial that takes data
/// has --data DIR.
int run(int argc, char** argv, void (*lesson)(const Arguments&), Takes takes = Takes::nothing_else);

/// What tutorial 05 learns: X (n, m) and whole labels Y (m), for training and for the test.
struct Problem {
    xgrad::Tensor X, Y, test_X, test_Y;
    std::vector<std::string_view> classes;
    bool is_flower = false;
};

/// Fashion-MNIST, with --fast a tenth of its training images; where it is not, one line that says so, and the flower,
/// which is then its own test. Throws FileError and others for files that are not sound.
Problem load(const Arguments& arguments);

/// Begins a section: prints `── name ──…`. The page of the tutorial includes the code and the output of a section by
/// this name; tutorials/weave tells how.
void section(std::string_view name);

/// Does what ought to fail and prints what the error says.
template <class F>
void show_error(F mistake) {
    try {
        mistake();
        fmt::print("no error\n");
    } catch (const std::exception& error) {
        fmt::print("{}\n", error.what());
    }
}

/// How often each class was taken for each: rows are what the examples are, columns what they were predicted to be.
void print_confusion(const xgrad::Tensor& predicted, const xgrad::Tensor& labels,
                     std::span<const std::string_view> names);

/// Draws the examples of two classes in the plane and what the model makes of every place: A of one sigmoid unit,
/// (1, m), or the logits of two classes, (2, m). Prints where the picture is.
void draw_boundary(const std::string& name, const std::string& title, const xgrad::nn::Module& model,
                   const xgrad::Tensor& X, const xgrad::Tensor& Y);

/// Draws cost and accuracy over the epochs. Prints where the picture is.
void draw_training(const std::string& name, const std::string& title, const std::vector<plot::Series>& series);

/// Draws the first misread images, each with what it was predicted to be and what it is. `X` has one image per column,
/// as many rows as columns of pixels. Prints where the picture is.
void draw_misread(const std::string& name, const std::string& title, const xgrad::Tensor& X,
                  const xgrad::Tensor& predicted, const xgrad::Tensor& labels, std::span<const std::string_view> names);

}  // namespace tutorial
