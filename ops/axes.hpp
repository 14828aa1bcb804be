#pragma once

#include <concepts>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <xgrad/graph/axis.hpp>
#include <xgrad/graph/location.hpp>
#include <xgrad/graph/shape.hpp>

namespace xgrad {

class Tensor;

/// Which axes a reduction goes over: none given means all; negative ones count from the end.
class Axes {
  public:
    Axes() noexcept = default;
    template <std::integral I>
    Axes(I axis) : axes_(static_cast<std::int64_t>(axis)), all_(false) {}
    template <std::integral I>
    Axes(std::initializer_list<I> axes) : axes_(axes.begin(), axes.end()), all_(false) {}
    Axes(const std::vector<int>& axes) : axes_(axes), all_(false) {}
    Axes(const Shape& axes) : axes_(axes), all_(false) {}

    bool all() const noexcept { return all_; }
    /// The axes as they were given.
    const Shape& given() const noexcept { return axes_; }

    /// The axes of a tensor, each between 0 and its rank − 1, ascending.
    /// ShapeError, in the name of op, if one is out of range or given twice.
    Shape resolve(const Tensor& x, std::string_view op, Location at) const;

  private:
    Shape axes_;
    bool all_ = true;
};

/// ShapeError if a result would have more axes than a shape can have.
void require_rank(std::size_t rank, std::string_view op, Location at);

/// Whether a reduced axis stays, with extent 1.
struct Keepdims {
    bool value = false;
    constexpr Keepdims() = default;
    constexpr Keepdims(bool keep) : value(keep) {}
};
inline constexpr Keepdims keepdims{true};

}  // namespace xgrad
