#include <xgrad/ops/movement_probes.hpp>

#include <utility>

#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/rearrange.hpp>

namespace xgrad {

std::vector<Probe> transpose_probes() {
    return joined({Probe{"matrix", {{{2, 3}}}, [](auto x) { return transpose(x[0]); }},
                   Probe{"scalar", {{{}}}, [](auto x) { return transpose(x[0]); }}},
                  number_probes({{{2, 3, 4}, {1, 2, 0}},
                                 {1, 0},
                                 {7, -1},
                                 {{1, 17}, {1, 0}},
                                 {{16, 2}, {0, 1}},
                                 {{2, 1, 3}, {2, 0, 1}},
                                 {{2, 3, 2}, {-1, 0, 1}},
                                 {{2, 2, 1, 3}, {3, 1, 0, 2}},
                                 {{1, 2, 1, 3, 2}, {-1, -2, -3, -4, -5}},
                                 {{0, 3}, {1, 0}},
                                 {{2, 0, 3}, {1, 2, 0}}},
                                [](auto& x, auto& axes) { return transpose(x, axes); }));
}

std::vector<Probe> reshape_probes() {
    return joined({Probe{"flat", {{{2, 3}}}, [](auto x) { return reshape(x[0], {6}); }},
                   Probe{"of a transpose",
                         {{{2, 3}}},
                         [](auto x) {
                             return reshape(transpose(x[0]), {2, -1});
                         }}},
                  number_probes({{{}, {1, 1}},
                                 {1, {}},
                                 {8, {2, -1, 2}},
                                 {16, {4, 4}},
                                 {33, {3, 11}},
                                 {{1, 7}, 7},
                                 {{17, 1}, {1, 17}},
                                 {{2, 3}, {3, -1}},
                                 {{2, 2, 1, 3}, {-1, 2}},
                                 {{1, 2, 1, 3, 2}, {2, 6}},
                                 {12, {2, 1, 3, 1, 2}},
                                 {{2, 0}, 0},
                                 {{0, 3}, {3, 0}}},
                                [](auto& x, auto& shape) { return reshape(x, shape); }));
}

std::vector<Probe> broadcast_probes() {
    return number_probes({{{2, 1}, {2, 3}},
                          {3, {2, 3}},
                          {{1, 3}, {0, 3}},
                          {{}, {2, 3}},
                          {{}, 16},
                          {1, 31},
                          {3, {3, 3}},
                          {{7, 1}, {7, 2}},
                          {{1, 8}, {3, 8}},
                          {{3, 1, 2}, {3, 2, 2}},
                          {{2, 1}, {2, 2, 3}},
                          {{1, 2, 1}, {2, 3, 2, 2}},
                          {{1, 2, 1, 3, 1}, {2, 2, 1, 3, 2}},
                          {{0, 1}, {2, 0, 3}}},
                         [](auto& x, auto& shape) { return broadcast_to(x, shape); });
}

std::vector<Probe> slice_probes() {
    struct Row {
        const char* label;
        Shape shape;
        std::vector<Slice> slices;
    };
    const std::vector<Row> table{{"range", {4, 3}, {range(1, 3)}},
                                 {"reversed", {4, 3}, {all(-1), all(2)}},
                                 {"index and newaxis", {4, 3}, {-1, newaxis, all()}},
                                 {"ellipsis", {2, 3, 4}, {ellipsis, 1}},
                                 {"nothing", {4, 3}, {range(2, 2)}},
                                 {"of a scalar", {}, {}},
                                 {"of one", 1, {newaxis, all(-1)}},
                                 {"every second", 15, {all(2)}},
                                 {"backwards in threes", 17, {range(15, 2, -3)}},
                                 {"the last five", 16, {range(-5, Slice::open)}},
                                 {"the only row", {1, 12}, {0}},
                                 {"beyond the ends", {3, 4}, {range(2, 9), range(-9, 2)}},
                                 {"of rank 4", {2, 2, 1, 3}, {ellipsis, range(1, 3)}},
                                 {"of rank 5", {1, 2, 1, 3, 2}, {0, all(-1), ellipsis, all(-2), 1}},
                                 {"of nothing", {0, 3}, {all(), 1}}};
    std::vector<Probe> probes;
    for (const auto& [label, shape, slices] : table) {
        probes.push_back({label, {{shape}}, [slices = slices](auto x) { return view(x[0], slices); }});
    }
    return probes;
}

/// Of an array of every rank, put into a larger one in steps forwards and backwards.
std::vector<Probe> unslice_probes() {
    struct Row {
        Shape x, shape, starts, steps;
    };
    const std::vector<Row> table{{{2, 3}, {5, 4}, {4, 1}, {-2, 1}},
                                 {{}, {}, {}, {}},
                                 {1, 3, 2, 1},
                                 {7, 16, 1, 2},
                                 {8, 8, 7, -1},
                                 {17, 33, 0, 2},
                                 {{1, 7}, {2, 15}, {1, 14}, {1, -2}},
                                 {{2, 1, 3}, {2, 2, 3}, {0, 1, 0}, {1, 1, 1}},
                                 {{1, 3, 2}, {3, 3, 4}, {2, 2, 3}, {1, -1, -2}},
                                 {{2, 2, 1, 3}, {2, 2, 2, 3}, {0, 1, 1, 0}, {1, -1, 1, 1}},
                                 {{1, 2, 1, 3, 2}, {1, 3, 1, 3, 4}, {0, 0, 0, 2, 1}, {1, 2, 1, -1, 2}},
                                 {0, 0, 0, 1},
                                 {{0, 3}, {2, 3}, {0, 0}, {1, 1}}};
    std::vector<Probe> probes;
    for (const auto& [x, shape, starts, steps] : table) {
        probes.push_back({to_string(x) + " into " + to_string(shape),
                          {{x}},
                          [=, shape = shape, starts = starts, steps = steps](auto inputs) {
                              return apply(*find_op("unslice"), {inputs[0]},
                                           {{"shape", shape}, {"starts", starts}, {"steps", steps}});
                          }});
    }
    return probes;
}

std::vector<Probe> concatenate_probes() {
    struct Row {
        const char* label;
        std::vector<Shape> shapes;
        std::int64_t axis;
    };
    const std::vector<Row> table{{"rows", {{2, 3}, {1, 3}}, 0},
                                 {"columns of three", {{2, 3}, {2, 0}, {2, 2}}, -1},
                                 {"one each", {1, 1}, 0},
                                 {"vectors", {7, 8}, 0},
                                 {"with nothing", {0, 3}, -1},
                                 {"three vectors", {15, 1, 2}, 0},
                                 {"columns of one row", {{1, 3}, {1, 4}}, 1},
                                 {"a middle axis", {{2, 1, 3}, {2, 2, 3}}, 1},
                                 {"the first of three", {{1, 2, 2}, {2, 2, 2}}, -3},
                                 {"of rank 4", {{2, 2, 1, 3}, {2, 2, 2, 3}}, 2},
                                 {"of rank 5", {{1, 2, 1, 3, 1}, {1, 2, 1, 3, 2}}, 4},
                                 {"nothing with nothing", {{0, 2}, {0, 2}}, 0}};
    std::vector<Probe> probes;
    for (const auto& [label, shapes, axis] : table) {
        Probe probe{label, {}, [axis = axis](auto x) { return concatenate({x.begin(), x.end()}, axis); }};
        for (const Shape& shape : shapes) probe.inputs.push_back({shape});
        probes.push_back(std::move(probe));
    }
    probes.push_back({"one with itself", {{{3}}}, [](auto x) { return concatenate({x[0], x[0]}); }});
    return probes;
}

std::vector<Probe> squeeze_probes() {
    return joined(
        shape_probes({{}, 1, {1, 8}, {1, 1, 1, 1, 1}, {1, 2, 1, 3, 1}, {1, 0}}, [](auto& x) { return squeeze(x); }),
        number_probes({{{16, 1}, 1},
                       {{1, 7}, -2},
                       {{2, 1, 3}, 1},
                       {{1, 2, 1, 3}, {0, 2}},
                       {{2, 1, 2, 1, 3}, {-2, 1}},
                       {{0, 1}, 1}},
                      [](auto& x, auto& axes) { return squeeze(x, axes); }));
}

/// The same margin along every axis, taken from the elements.
std::vector<Probe> pad_probes() {
    const auto padded = [](Padding how) {
        return [how](const Tensor& x, const Shape& margin) {
            return pad(x, std::vector<std::pair<std::int64_t, std::int64_t>>(x.rank(), {margin[0], margin[1]}), how);
        };
    };
    return joined(number_probes({{1, {2, 0}},
                                 {7, {0, 9}},
                                 {{1, 8}, {1, 1}},
                                 {{6, 1}, {0, 3}},
                                 {{2, 1, 3}, {2, 1}},
                                 {{2, 2, 1, 3}, {1, 0}},
                                 {{1, 2, 1, 3, 2}, {0, 1}}},
                                padded(Padding::edge)),
                  number_probes({{{}, {0, 0}}, {16, {15, 1}}, {{2, 3, 2}, {1, 0}}}, padded(Padding::reflect)));
}

std::vector<Probe> tile_probes() {
    return number_probes({{{}, 3},
                          {1, 8},
                          {7, {3, 1}},
                          {16, 2},
                          {{1, 17}, {2, 1}},
                          {{5, 1}, {1, 4}},
                          {{2, 1, 3}, {2, 2, 1}},
                          {{2, 2, 1, 3}, {1, 2, 3, 1}},
                          {{1, 2, 1, 3, 2}, {2, 1, 2, 1, 1}},
                          {{0, 3}, {2, 2}},
                          {{2, 3}, {0, 1}}},
                         [](auto& x, auto& counts) {
                             return tile(x, {counts.begin(), counts.end()});
                         });
}

std::vector<Probe> meshgrid_probes() {
    const auto after_others = [](const Tensor& x, const Shape& others) {
        std::vector<Tensor> vectors;
        for (const std::int64_t extent : others) vectors.push_back(zeros({extent}, x.dtype()));
        vectors.push_back(x);
        return meshgrid(vectors).back();
    };
    return joined(shape_probes({0, 1, 7, 8, 15, 16, 17},
                               [](auto& x) {
                                   return meshgrid({x, x})[1];
                               }),
                  number_probes({{3, 1}, {3, {2, 1}}, {5, {1, 2, 1}}, {3, {1, 1, 2, 1}}, {3, 0}}, after_others));
}

std::vector<ShapeAndNumbers> pairs_of_axes() {
    return {{1, {0, 0}},
            {15, {0, -1}},
            {{1, 17}, {0, 1}},
            {{16, 1}, {-1, -2}},
            {{3, 1, 4}, {2, 0}},
            {{2, 2, 1, 3}, {3, 1}},
            {{2, 3, 2, 1}, {-3, 1}},
            {{1, 2, 1, 3, 2}, {1, -2}},
            {{2, 1, 2, 1, 3}, {4, 0}},
            {{0, 3}, {0, 1}}};
}

std::vector<ShapeAndNumbers> matrices_and_diagonals() {
    return {{{1, 1}, 0},    {{1, 17}, 3},    {{15, 1}, -7},      {{4, 4}, -3},         {{8, 2}, -1}, {{1, 3, 3}, 0},
            {{2, 1, 4}, 2}, {{2, 3, 2}, -2}, {{1, 2, 3, 2}, -1}, {{1, 2, 1, 2, 3}, 1}, {{0, 3}, 1},  {{2, 3, 0}, -1}};
}

std::vector<ShapeAndNumbers> vectors_and_diagonals() {
    return {{1, 0},
            {1, -2},
            {7, 1},
            {8, 0},
            {15, 0},
            {{1, 4}, -1},
            {{3, 1}, 1},
            {{2, 1, 3}, -2},
            {{2, 1, 2, 2}, 0},
            {{1, 2, 1, 3, 2}, 1},
            {0, 2}};
}

}  // namespace xgrad
