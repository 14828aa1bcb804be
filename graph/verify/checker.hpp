#pragma once

#include <vector>

#include <xgrad/graph/verify.hpp>
#include <xgrad/graph/verify/subject.hpp>
#include <xgrad/graph/verify/verdict.hpp>

/// All derivatives of one function, or of one operation, against differences. Not installed.
namespace xgrad::verify {

using Point = std::vector<std::vector<long double>>;

/// What a check of one order found.
struct Findings {
    std::vector<CheckRow> rows;
    std::vector<bool> is_suspect;  // of each row: wrong only if an operation is wrong when it is checked alone
    std::vector<std::size_t> input_of;
    double missing = 0;  // along directions: the probability of missing an error of a hundredth
};

class Checker {
  public:
    Checker(subject::Subject& subject, const CheckOptions& options, Location at);
    /// ∂φ/∂x of the scalar of this order, derived and checked.
    Findings check(int order);

    const Point& point() const { return point_; }
    DType own_precision() const { return own_; }

  private:
    class Order;
    subject::Subject& subject_;
    const CheckOptions& options_;
    Location at_;
    Point point_;
    DType own_ = DType::float64;
};

}  // namespace xgrad::verify
