#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include <xgrad/graph/print.hpp>
#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// One step of a model: an operation, or one with parameters together with the bias that is added to it.
struct SummaryRow {
    std::string name;  ///< the value's; else that of the part whose parameters it uses; else empty
    std::string ops;
    Shape shape;
    std::int64_t parameters = 0;  ///< elements of the parameters that are used here for the first time
    std::int64_t bytes = 0;       ///< of the values, if all are kept
    double flops = 0;  ///< 2 n k m for a product, as many as there are elements for a function of each of them
};

struct Summary {
    std::vector<SummaryRow> rows;
    std::int64_t parameters = 0;
    std::int64_t parameter_bytes = 0;
    std::int64_t bytes = 0;
    double flops = 0;

    /// The table, with the totals below.
    std::string text() const;
};

/// What y is computed by, step by step in that order. Nothing is computed.
Summary summary(const Tensor& y, Location at = Location::current());

std::ostream& operator<<(std::ostream& stream, const Summary& summary);

}  // namespace xgrad

template <>
struct fmt::formatter<xgrad::Summary> : xgrad::detail::TextFormatter<xgrad::Summary> {};
