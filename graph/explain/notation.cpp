#include <xgrad/graph/explain/notation.hpp>

#include <utility>

namespace xgrad::explain {

namespace {

using enum Writing;

constexpr std::pair<std::string_view, Writing> formulas[] = {
    {"x + y", add},
    {"x - y", subtract},
    {"-x", negative},
    {"x y", multiply},
    {"g p, 0 where g = 0", multiply},
    {"x / y", divide},
    {"x^2", square},
    {"1 / x", reciprocal},
    {"x^y", power},
    {"A B", matrix_product},
    {"sum of x over axes", sum},
    {"x repeated", stretch},
    {"x", identity},
    {"x[j, i]", transpose},
    {"x, its elements in row-major order under another shape", reshape},
    {"x in another dtype", cast},
    {"x where c, y elsewhere", choice},
    {"[x < y]", less},
    {"[x <= y]", less_equal},
    {"[x > y]", greater},
    {"[x >= y]", greater_equal},
    {"[x = y]", equal},
    {"[x != y]", not_equal},
    {"|x|", absolute},
    {"1 / (1 + e^-x)", sigmoid},
    {"1 / (1 + e^-x) - y", sigmoid_minus},
};

}  // namespace

Writing writing_of(const Op& op) {
    const std::string_view math = op.math;
    const std::size_t sign = math.find(" = ");
    if (sign == std::string_view::npos) return call;
    for (const auto& [formula, writing] : formulas) {
        if (math.substr(sign + 3) == formula) return writing;
    }
    return call;
}

const Op* op_written(Writing writing) {
    for (const Op* op : catalogue()) {
        if (op->family != Op::Family::composite && writing_of(*op) == writing) return op;
    }
    return nullptr;
}

}  // namespace xgrad::explain
