#pragma once

#include <iosfwd>
#include <string_view>

#include <fmt/core.h>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

std::ostream& operator<<(std::ostream& stream, const Tensor& tensor);

namespace detail {

/// The elements of a row-major array as text, the way NumPy prints them; large arrays are abbreviated.
std::string array_text(DType dtype, const Shape& shape, const void* data, std::string_view spec);

/// Reads a format specification for one element, up to the closing brace.
struct ElementFormat {
    std::string_view spec;
    constexpr auto parse(fmt::format_parse_context& context) {
        auto end = context.begin();
        while (end != context.end() && *end != '}') ++end;
        spec = std::string_view(&*context.begin(), static_cast<std::size_t>(end - context.begin()));
        return end;
    }
    template <class Context>
    static auto write(Context& context, std::string_view text) {
        auto out = context.out();
        for (char c : text) *out++ = c;
        return out;
    }
};

/// For what prints as one text, that of to_string or of a member text(), and takes no specification.
template <class T>
struct TextFormatter {
    constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
    template <class Context>
    auto format(const T& value, Context& context) const {
        if constexpr (requires { value.text(); }) {
            return ElementFormat::write(context, value.text());
        } else {
            return ElementFormat::write(context, to_string(value));
        }
    }
};

template <class T>
struct ViewFormatter : ElementFormat {
    template <class Context>
    auto format(const View<T>& view, Context& context) const {
        return write(context, array_text(dtype_of<T>, Shape(view.shape()), view.data(), spec));
    }
};

}  // namespace detail

}  // namespace xgrad

/// `fmt::print("{:.3f}", tensor)`: the specification applies to each element.
template <>
struct fmt::formatter<xgrad::Tensor> : xgrad::detail::ElementFormat {
    template <class Context>
    auto format(const xgrad::Tensor& tensor, Context& context) const {
        return write(context, xgrad::to_string(tensor, spec));
    }
};

template <>
struct fmt::formatter<xgrad::Shape> : xgrad::detail::TextFormatter<xgrad::Shape> {};

template <>
struct fmt::formatter<xgrad::View<float>> : xgrad::detail::ViewFormatter<float> {};
template <>
struct fmt::formatter<xgrad::View<double>> : xgrad::detail::ViewFormatter<double> {};
template <>
struct fmt::formatter<xgrad::View<std::int32_t>> : xgrad::detail::ViewFormatter<std::int32_t> {};
template <>
struct fmt::formatter<xgrad::View<std::int64_t>> : xgrad::detail::ViewFormatter<std::int64_t> {};
template <>
struct fmt::formatter<xgrad::View<bool>> : xgrad::detail::ViewFormatter<bool> {};
