#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <xgrad/graph/tensor.hpp>

// What draw() takes off the graph before anything is computed, and how it becomes text.

namespace xgrad::explain {

struct Box {
    enum class Kind { parameter, data, number, operation, result, folded };
    Kind kind;
    std::string title;  // a name, or what is folded
    std::string op;
    std::string shape;
    std::string place;    // file:line
    std::int64_t layer;   // -1: none
    std::string value{};  // as text, if wanted
    std::string gradient{};
    std::vector<std::size_t> inputs{};
};

struct Picture {
    std::vector<Box> boxes;  // inputs first
};

/// Numbers as text of a few lines: all of them, or mean, range and distribution.
std::string values_text(const Tensor& tensor, Location at);

/// How the values of an array are distributed: eight heights in as many columns as asked for. "" if there is no range.
std::string sparkline(const std::vector<double>& values, std::size_t columns);

/// The picture with few enough boxes.
Picture folded(const Picture& picture, std::size_t most_boxes);

std::string dot_text(const Picture& picture, bool has_layers);

}  // namespace xgrad::explain
