#include <xgrad/graph/strict_broadcasting.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

thread_local bool strict_now = false;

/// What to write if the stretch is what was meant.
std::string explicit_stretch(const Call& call, const Shape& result) {
    const auto first = std::find_if(call.inputs.begin(), call.inputs.end(),
                                    [](const Node* operand) { return operand->shape.rank() > 0; });
    const std::string name = explain::operand_name(**first);
    return fmt::format("if it is meant, write broadcast_to({}, {{{}}})", name.empty() ? "..." : name,
                       fmt::join(result.begin(), result.end(), ", "));
}

}  // namespace

StrictBroadcasting::StrictBroadcasting(bool strict) noexcept : previous_(std::exchange(strict_now, strict)) {}

StrictBroadcasting::~StrictBroadcasting() {
    strict_now = previous_;
}

bool StrictBroadcasting::is_on() noexcept {
    return strict_now;
}

void refuse_doubtful_stretch(const Call& call, const Shape& result) {
    if (!strict_now || Attribution::is_active() || explain::is_plain_stretch(call.inputs, result)) return;
    const bool has_list = std::any_of(call.inputs.begin(), call.inputs.end(), [&](const Node* operand) {
        return operand->shape.rank() == 1 && result.rank() > 1;
    });
    std::string cure = explain::cure(call);
    if (cure.empty()) cure = explicit_stretch(call, result);
    throw ShapeError(call.op,
                     has_list ? "needs matrices, not an array of one axis, while broadcasting is strict"
                              : "needs operands that are not stretched both ways while broadcasting is strict",
                     explain::operands_text(call.inputs), call.at, cure);
}

}  // namespace xgrad
