#include <xgrad/graph/print.hpp>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include <fmt/format.h>

namespace xgrad {

namespace {

constexpr std::int64_t most_shown = 1000;  // larger arrays show three at either end of each axis
constexpr std::int64_t edge = 3;

template <class T>
std::string element_text(T value, std::string_view spec) {
    if (!spec.empty()) {
        const std::string pattern = fmt::format("{{:{}}}", spec);
        if constexpr (std::is_same_v<T, long double>) {
            return fmt::format(fmt::runtime(pattern), static_cast<double>(value));
        } else {
            return fmt::format(fmt::runtime(pattern), value);
        }
    }
    if constexpr (std::is_floating_point_v<T>) {
        // Like NumPy: at most eight significant digits and always a point.
        std::string text = std::is_same_v<T, float> ? fmt::format("{}", static_cast<float>(value))
                                                    : fmt::format("{:.8g}", static_cast<double>(value));
        if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) text += '.';
        return text;
    } else if constexpr (std::is_same_v<T, bool>) {
        return value ? "True" : "False";
    } else {
        return fmt::format("{}", value);
    }
}

/// Which indices of an axis are shown; −1 stands for the gap.
std::vector<std::int64_t> shown(std::int64_t extent, bool abbreviate) {
    std::vector<std::int64_t> indices;
    for (std::int64_t index = 0; index < extent; ++index) {
        if (abbreviate && extent > 2 * edge && index == edge) {
            indices.push_back(-1);
            index = extent - edge;
        }
        indices.push_back(index);
    }
    return indices;
}

class ArrayPrinter {
  public:
    ArrayPrinter(const Shape& shape, bool abbreviate, std::vector<std::string> texts)
        : shape_(shape), abbreviate_(abbreviate), texts_(std::move(texts)) {
        for (const std::string& text : texts_) width_ = std::max(width_, text.size());
    }

    std::string print() {
        axis(0);
        return std::move(result_);
    }

  private:
    void axis(std::size_t depth) {
        if (depth == shape_.rank()) {
            const std::string& text = texts_[next_++];
            result_.append(shape_.rank() == 0 ? 0 : width_ - text.size(), ' ');
            result_ += text;
            return;
        }
        result_ += '[';
        bool first = true;
        for (std::int64_t index : shown(shape_[depth], abbreviate_)) {
            if (!first) separate(depth);
            first = false;
            if (index < 0) {
                result_ += "...";
            } else {
                axis(depth + 1);
            }
        }
        result_ += ']';
    }

    void separate(std::size_t depth) {
        if (depth + 1 == shape_.rank()) {
            result_ += ' ';
            return;
        }
        result_.append(shape_.rank() - depth - 1, '\n');
        result_.append(depth + 1, ' ');
    }

    const Shape& shape_;
    bool abbreviate_;
    std::vector<std::string> texts_;
    std::size_t width_ = 0;
    std::size_t next_ = 0;
    std::string result_;
};

/// The offsets of the shown elements, in order.
void collect(const Shape& shape, std::size_t depth, std::int64_t offset, bool abbreviate,
             std::vector<std::int64_t>& out) {
    if (depth == shape.rank()) {
        out.push_back(offset);
        return;
    }
    for (std::int64_t index : shown(shape[depth], abbreviate)) {
        if (index >= 0) collect(shape, depth + 1, offset * shape[depth] + index, abbreviate, out);
    }
}

}  // namespace

namespace detail {

std::string array_text(DType dtype, const Shape& shape, const void* data, std::string_view spec) {
    // Along an axis too: an empty array may have any number of rows.
    const bool abbreviate =
        shape.size() > most_shown ||
        std::any_of(shape.begin(), shape.end(), [](std::int64_t extent) { return extent > most_shown; });
    std::vector<std::int64_t> offsets;
    collect(shape, 0, 0, abbreviate, offsets);
    std::vector<std::string> texts;
    texts.reserve(offsets.size());
    visit(dtype, [&](auto zero) {
        const auto* values = static_cast<const decltype(zero)*>(data);
        for (std::int64_t offset : offsets) texts.push_back(element_text(values[offset], spec));
    });
    return ArrayPrinter(shape, abbreviate, std::move(texts)).print();
}

}  // namespace detail

std::string to_string(const Tensor& tensor, std::string_view spec, Location at) {
    if (tensor.is_empty_handle()) return "(no tensor)";
    const NodeRef node = detail::readable(tensor, tensor.dtype(), at);
    try {
        return detail::array_text(node->dtype, node->shape, node->data, spec);
    } catch (const fmt::format_error&) {
        throw ValueError("to_string", "needs a format for " + std::string(name(node->dtype)),
                         '"' + std::string(spec) + '"', Attribution::resolve(at));
    }
}

std::ostream& operator<<(std::ostream& stream, const Tensor& tensor) {
    return stream << to_string(tensor);
}

}  // namespace xgrad
