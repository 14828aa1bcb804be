#include <xgrad/graph/dtype.hpp>

#include <array>

namespace xgrad {

std::string_view name(DType dtype) {
    constexpr std::array<std::string_view, dtype_count> names{"bool",    "int32",   "int64",
                                                              "float32", "float64", "longdouble"};
    return names[static_cast<std::size_t>(dtype)];
}

std::size_t item_size(DType dtype) {
    return visit(dtype, [](auto zero) { return sizeof(zero); });
}

bool promote(DType x, DType y, DType& result) {
    const DType low = x < y ? x : y;
    const DType high = x < y ? y : x;
    const bool loses_digits = (high == DType::float32 && (low == DType::int32 || low == DType::int64)) ||
                              (high == DType::float64 && low == DType::int64);
    if (loses_digits) return false;
    result = high;
    return true;
}

}  // namespace xgrad
