#pragma once

#include <unordered_map>
#include <vector>

#include <xgrad/graph/verify/recorded.hpp>

/// A recorded function, recorded again with other parameters and in another precision. Not installed.
namespace xgrad::verify {

class Replay {
  public:
    Replay() = default;
    /// `result` must not be computed yet.
    Replay(Tensor result, const std::vector<Tensor>& parameters);

    /// Not if an operation's result comes from a function that the graph does not see, as that of checkpoint().
    bool is_possible() const { return is_possible_; }

    /// The function of these tensors, which take the parameters' places. What does not depend on a parameter, a random
    /// draw for example, stays as it was.
    Tensor operator()(const std::vector<Tensor>& parameters, DType precision) const;

  private:
    Tensor result_;
    std::vector<recorded::Step> steps_;
    std::unordered_map<const Node*, std::size_t> parameter_of_;
    bool is_possible_ = false;
    mutable std::unordered_map<const Node*, Tensor> constants_;  // in `constants_precision_`
    mutable DType constants_precision_ = DType::boolean;
};

}  // namespace xgrad::verify
