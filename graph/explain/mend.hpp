#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

struct Call;
struct Signature;

/// What an error of shapes says about the operands, and the one edit that would mend the call. Nothing here is reached
/// unless a call is refused. Not installed.
namespace explain {

/// Whether a call with these operands, which have a shape and a dtype but no value, would be accepted.
using Accepts = std::function<bool(std::span<Node* const>)>;

/// The name that the user gave an operand, or the one of which it is a copy in another dtype; empty if there is none.
std::string operand_name(const Node& operand);

/// "W1 (4, 3)", or "(4, 3)" if it has no name.
std::string operand_text(const Node& operand);
std::string operand_text(const Tensor& operand);

/// "W1 (4, 3) and X (2, 400)"
std::string operands_text(std::span<Node* const> operands);

/// "did you mean matmul(transpose(W1), X)?": an edit of one operand with which the call is accepted, at most two of
/// them if they are of one kind; empty if there is none. Tried in this order: keepdims in the reduction that made an
/// operand, two operands exchanged, a transpose, an axis of extent 1 more or less, images with their channels last.
/// `rest` is what stands behind the operands in the call, as ", {4, 400}".
std::string cure(std::string_view op, std::span<Node* const> operands, const Accepts& accepts,
                 std::string_view rest = {});

/// The same for a call of an operation, by its own shape rule. An elementwise one must not even stretch an operand in a
/// doubtful way.
std::string cure(const Call& call);

/// Whether a shape rule takes a call with these operands and attributes.
bool is_taken(const std::function<Signature(const Call&)>& rule, std::span<Node* const> operands,
              const Attributes& attributes);

/// Throws the ShapeError that refused a call again, with a cure if there is one. For functions that work out more than
/// shape rules see: `accepts` says of other operands whether the function would take them.
[[noreturn]] void refuse_with_cure(const ShapeError& error, std::string_view op, const std::vector<Tensor>& operands,
                                   const Accepts& accepts, std::string_view rest = {});

/// True if an elementwise operation stretches its operands in one way only: one of them has the result's shape, and
/// none of one axis meets one of several. Scalars fit everything.
bool is_plain_stretch(std::span<Node* const> operands, const Shape& result);

/// Throws the ShapeError of a function that is written with other operations: the rule, what was found, and the cure.
[[noreturn]] void refuse(std::string_view op, std::string_view rule, const std::vector<Tensor>& operands, Location at,
                         const Accepts& accepts);

}  // namespace explain
}  // namespace xgrad
