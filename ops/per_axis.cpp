#include <xgrad/ops/per_axis.hpp>

#include <algorithm>
#include <string>

#include <xgrad/graph/error.hpp>
#include <xgrad/graph/shape.hpp>

namespace xgrad {

void require_range(std::string_view op, std::string_view what, PerAxis pair, std::int64_t least, Location at) {
    if (std::min(pair.height, pair.width) >= least && std::max(pair.height, pair.width) <= INT32_MAX) return;
    throw ValueError(op, "needs a " + std::string(what) + " >= " + std::to_string(least) + " and below 2^31",
                     to_string(Shape{pair.height, pair.width}), at);
}

}  // namespace xgrad
