#include <xgrad/ops/convolution_probes.hpp>

#include <xgrad/ops/convolution.hpp>

namespace xgrad {

namespace {

/// The operation itself, as reverse mode calls it, with any size of the result.
Probe raw_probe(const char* label, const char* op, const Shape& first, const Shape& second,
                const ConvGeometry& geometry) {
    return {label, {{first}, {second}}, [=](auto x) {
                return apply(*find_op(op), {x[0], x[1]}, geometry.attributes());
            }};
}

Probe conv_probe(const char* label, const Shape& x, const Shape& w, const ConvOptions& options) {
    return {label, {{x}, {w}}, [=](auto inputs) { return conv2d(inputs[0], inputs[1], options); }};
}

Probe conv1d_probe(const char* label, const Shape& x, const Shape& w, const Conv1dOptions& options) {
    return {label, {{x}, {w}}, [=](auto inputs) { return conv1d(inputs[0], inputs[1], options); }};
}

Probe transpose_probe(const char* label, const Shape& x, const Shape& w, const ConvTransposeOptions& options) {
    return {label, {{x}, {w}}, [=](auto inputs) { return conv_transpose2d(inputs[0], inputs[1], options); }};
}

}  // namespace

std::vector<Probe> conv2d_probes() {
    return {conv_probe("plain", {1, 2, 3, 4}, {2, 2, 2, 2}, {}),
            conv_probe("a stride that leaves pixels over", {1, 1, 4, 5}, {1, 1, 2, 2}, {.stride = {3, 2}}),
            conv_probe("padding", {2, 1, 2, 3}, {1, 1, 3, 2}, {.padding = {1, 2}}),
            conv_probe("dilation", {1, 1, 4, 5}, {1, 1, 2, 3}, {.padding = {0, 1}, .dilation = {3, 2}}),
            conv_probe("groups", {1, 4, 2, 3}, {2, 2, 1, 2}, {.groups = 2}),
            conv_probe("one group per channel", {1, 2, 3, 2}, {4, 1, 2, 2}, {.padding = 1, .groups = 2}),
            conv_probe("pixel by pixel", {2, 2, 2, 2}, {3, 2, 1, 1}, {}),
            conv_probe("all at once", {2, 2, 4, 3}, {2, 1, 2, 2},
                       {.stride = 2, .padding = {2, 1}, .dilation = {2, 1}, .groups = 2}),
            conv_probe("no images", {0, 1, 3, 3}, {1, 1, 2, 2}, {}),
            conv_probe("one pixel", {1, 1, 1, 1}, {1, 1, 1, 1}, {}),
            conv_probe("one weight", {2, 1, 3, 3}, {1, 1, 1, 1}, {.stride = 2}),
            conv_probe("a row", {1, 1, 1, 17}, {1, 1, 1, 3}, {.stride = {1, 2}, .padding = {0, 1}}),
            conv_probe("a column", {1, 1, 15, 1}, {1, 1, 3, 1}, {.dilation = {7, 1}}),
            conv_probe("three groups", {1, 3, 2, 3}, {3, 1, 2, 1}, {.groups = 3}),
            conv_probe("padding alone", {1, 2, 1, 1}, {2, 2, 2, 2}, {.padding = 1}),
            conv_probe("no filters", {1, 1, 3, 3}, {0, 1, 2, 2}, {})};
}

std::vector<Probe> conv_transpose2d_probes() {
    return {transpose_probe("plain", {1, 2, 2, 3}, {2, 2, 2, 2}, {}),
            transpose_probe("stride", {1, 1, 2, 2}, {1, 2, 2, 3}, {.stride = {3, 2}}),
            transpose_probe("output padding", {1, 1, 2, 2}, {1, 1, 2, 2}, {.stride = 2, .output_padding = {1, 0}}),
            transpose_probe("output padding beyond the stride", {1, 1, 2, 1}, {1, 1, 2, 2},
                            {.output_padding = {1, 2}, .dilation = 3}),
            transpose_probe("padding and dilation", {2, 1, 2, 3}, {1, 1, 2, 2}, {.padding = 1, .dilation = {2, 1}}),
            transpose_probe("groups", {1, 4, 2, 2}, {4, 1, 2, 1}, {.stride = 2, .groups = 2}),
            transpose_probe("no images", {0, 1, 3, 3}, {1, 1, 2, 2}, {}),
            transpose_probe("one pixel", {1, 1, 1, 1}, {1, 1, 1, 1}, {}),
            transpose_probe("a row", {1, 1, 1, 8}, {1, 1, 1, 3}, {.stride = {1, 2}, .padding = {0, 1}}),
            transpose_probe("a column", {1, 1, 7, 1}, {1, 2, 3, 1}, {.padding = {1, 0}}),
            transpose_probe("three groups", {1, 3, 1, 2}, {3, 1, 2, 2}, {.stride = 2, .groups = 3}),
            transpose_probe(
                "all at once", {2, 2, 2, 1}, {2, 1, 2, 2},
                {.stride = {2, 1}, .padding = {1, 0}, .output_padding = {1, 0}, .dilation = {1, 2}, .groups = 2}),
            raw_probe("pixels that no window sees", "conv_transpose2d", {1, 1, 2, 2}, {1, 1, 1, 2},
                      {.size = {4, 5}, .stride = {2, 3}})};
}

std::vector<Probe> conv2d_weight_probes() {
    return {
        raw_probe("plain", "conv2d_weight", {2, 2, 3, 3}, {2, 1, 2, 2}, {.size = {2, 2}}),
        raw_probe("stride", "conv2d_weight", {1, 1, 5, 4}, {1, 2, 2, 2}, {.size = {2, 2}, .stride = {2, 2}}),
        raw_probe("padding", "conv2d_weight", {1, 1, 2, 2}, {1, 1, 2, 3}, {.size = {3, 2}, .padding = {1, 1}}),
        raw_probe("dilation", "conv2d_weight", {1, 1, 4, 3}, {1, 1, 2, 2}, {.size = {2, 2}, .dilation = {2, 1}}),
        raw_probe("groups", "conv2d_weight", {1, 4, 2, 2}, {1, 2, 2, 1}, {.size = {1, 2}, .groups = 2}),
        raw_probe("pixel by pixel", "conv2d_weight", {2, 2, 2, 2}, {2, 1, 2, 2}, {.size = {1, 1}}),
        raw_probe("no images", "conv2d_weight", {0, 1, 3, 3}, {0, 1, 2, 2}, {.size = {2, 2}}),
        raw_probe("one pixel", "conv2d_weight", {1, 1, 1, 1}, {1, 1, 1, 1}, {.size = {1, 1}}),
        raw_probe("a row", "conv2d_weight", {1, 1, 1, 16}, {1, 1, 1, 7}, {.size = {1, 3}, .stride = {1, 2}}),
        raw_probe("a column", "conv2d_weight", {1, 1, 7, 1}, {1, 2, 5, 1}, {.size = {3, 1}}),
        raw_probe("one group per channel", "conv2d_weight", {1, 2, 2, 2}, {1, 2, 2, 2}, {.size = {1, 1}, .groups = 2}),
        raw_probe("all at once", "conv2d_weight", {1, 2, 3, 3}, {1, 2, 2, 1},
                  {.size = {2, 2}, .stride = {2, 2}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2})};
}

std::vector<Probe> conv1d_probes() {
    return {conv1d_probe("plain", {1, 2, 5}, {2, 2, 3}, {}),
            conv1d_probe("a stride that leaves elements over", {2, 1, 6}, {1, 1, 2}, {.stride = 3}),
            conv1d_probe("padding", {1, 1, 3}, {2, 1, 4}, {.padding = 2}),
            conv1d_probe("dilation", {1, 2, 6}, {1, 2, 2}, {.dilation = 3}),
            conv1d_probe("groups", {1, 4, 3}, {2, 2, 2}, {.groups = 2}),
            conv1d_probe("no examples", {0, 1, 3}, {1, 1, 2}, {}),
            conv1d_probe("one element", {1, 1, 1}, {1, 1, 1}, {}),
            conv1d_probe("one weight", {1, 1, 16}, {1, 1, 1}, {.stride = 5}),
            conv1d_probe("a long one", {1, 1, 15}, {1, 1, 3}, {}),
            conv1d_probe("a wide kernel", {1, 1, 17}, {1, 1, 7}, {.stride = 2, .dilation = 2}),
            conv1d_probe("three groups", {1, 3, 3}, {3, 1, 2}, {.groups = 3}),
            conv1d_probe("everything", {2, 2, 3}, {1, 2, 3}, {}),
            conv1d_probe("all at once", {2, 2, 4}, {2, 1, 2}, {.stride = 3, .padding = 1, .dilation = 2, .groups = 2}),
            conv1d_probe("no filters", {1, 1, 3}, {0, 1, 2}, {})};
}

}  // namespace xgrad
