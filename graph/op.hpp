#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <xgrad/graph/attributes.hpp>
#include <xgrad/graph/block_kernel.hpp>
#include <xgrad/graph/tensor.hpp>

// The op contract. An operation is one block: a name, a formula, a shape rule, a kernel, derivatives and probes,
// handed to define(). That enrols it in the catalogue, and the gradient tests, the printers and the reference page
// follow from there. It belongs to one of three families:
//
//   Elementwise   a scalar function and its partials; broadcasting, vjp and jvp are the engine's
//   Linear        linear in its arguments: a kernel and, per argument, its transpose; the jvp is the op itself
//   General       anything else: a kernel, a vjp and a jvp

namespace xgrad {

/// What an operation is being applied to, before it is recorded: the shape rule's view.
struct Call {
    std::string_view op;
    std::span<Node* const> inputs;
    const Attributes& attributes;
    Location at;

    const Shape& shape(std::size_t input) const { return inputs[input]->shape; }
    DType dtype(std::size_t input) const { return inputs[input]->dtype; }
    /// Throws ShapeError: the op, the rule, all input shapes, the place.
    [[noreturn]] void fail(std::string_view rule) const;
    /// Throws DTypeError likewise.
    [[noreturn]] void fail_dtype(std::string_view rule) const;
};

/// What the result of a call looks like.
struct Signature {
    DType dtype;
    Shape shape;
};

using ShapeRule = std::function<Signature(const Call&)>;

/// What a derivative may look at: the recorded operation's inputs, output and attributes.
class Record {
  public:
    explicit Record(Node& node) noexcept : node_(node), output_(node) {}
    /// An operation whose result stands in another node: that of what it was rewritten from.
    Record(const Node& operation, Node& output) noexcept : node_(operation), output_(output) {}

    const Op& op() const { return *node_.op(); }
    Tensor input(std::size_t index = 0) const { return Tensor(node_.inputs()[index]); }
    std::size_t inputs() const { return node_.inputs().size(); }
    const Shape& shape(std::size_t index) const { return node_.inputs()[index]->shape; }
    Tensor output() const;
    const Shape& output_shape() const { return node_.shape; }
    template <class T>
    const T& attribute(std::string_view name) const {
        return node_.attributes().at<T>(name);
    }
    const Attributes& attributes() const { return node_.attributes(); }

    /// What the derivatives with respect to several arguments have in common: made when the first one asks for it. In a
    /// vjp it may depend on the cotangent, which is the same for all arguments.
    template <class T, class Make>
    const T& shared(Make&& make) const {
        if (!shared_) shared_ = std::make_shared<T>(make());
        return *static_cast<const T*>(shared_.get());
    }

  private:
    const Node& node_;
    Node& output_;
    mutable std::shared_ptr<void> shared_;
};

/// A strided array as a kernel sees it.
struct Array {
    DType dtype;
    const Shape& shape;
    Strides strides;
    const void* data;

    template <class T>
    const T* as() const {
        return static_cast<const T*>(data);
    }
    bool is_contiguous() const;
};

/// The elements of a strided array in row-major order: its own memory if it is so already, else a copy in `scratch`.
const void* row_major_data(const Array& array, StorageRef& scratch);

/// An input of a kernel in row-major order, whatever its strides: `const RowMajor<T> x(call.inputs[0]); x[i]`.
template <class T>
class RowMajor {
  public:
    explicit RowMajor(const Array& array) : data_(static_cast<const T*>(row_major_data(array, scratch_))) {}
    const T& operator[](std::int64_t index) const { return data_[index]; }
    const T* data() const { return data_; }

  private:
    StorageRef scratch_;
    const T* data_;
};

/// Computes an operation: inputs with any strides, the output row-major and not initialised.
struct KernelCall {
    std::span<const Array> inputs;
    const Attributes& attributes;
    DType dtype;
    const Shape& shape;
    void* output;
    Location at;
    const void* prepared = nullptr;  // by the operation's Preparation; without it the kernel prepares for itself

    template <class T>
    T* out() const {
        return static_cast<T*>(output);
    }
};
using Kernel = std::function<void(const KernelCall&)>;

/// What a kernel that goes row by row makes of its other inputs once, for all rows: a convolution's packed weights.
/// Both are given the call for all rows, without an output.
struct Preparation {
    std::function<std::size_t(const KernelCall&)> bytes;
    std::function<void(const KernelCall&, void* to)> make;
};
/// What the kernel was given, or else what is made in `scratch`; null if that takes no memory.
const void* prepared(const KernelCall& call, const Preparation& preparation, StorageRef& scratch);

/// For an operation that moves no data: where the first element of the result lies relative to that of the input,
/// and its strides. No value if the input's strides do not allow it; it is then made contiguous first.
struct Layout {
    std::int64_t offset;
    Strides strides;
};
using LayoutRule = std::function<std::optional<Layout>(const Array& input, const Attributes&, const Shape& output)>;

using Computation = std::variant<BlockKernels, LayoutRule, Kernel>;

/// A derivative that is zero, and why.
struct Zero {
    std::string reason;
};

/// ∂y/∂x of an elementwise operation, written with tensors.
using Partial = std::variant<std::function<Tensor(const Record&)>, Zero>;

/// Carries the cotangent g of a linear operation's result back to one argument.
using Transpose = std::variant<std::function<Tensor(const Record&, const Tensor& g)>, Zero>;

/// The transposes of a linear operation, one per argument; or one rule for any number of arguments.
class Transposes {
  public:
    using Rule = std::function<Tensor(const Record&, const Tensor& g, std::size_t argument)>;
    Transposes(std::initializer_list<Transpose> each);
    Transposes(Rule rule);

    std::vector<Transpose> each_;
    Rule rule_;
};

/// The cotangent of one argument of a general operation, given the result's cotangent g. Like every rule for
/// derivatives it depends on nothing but its arguments: in a graph of the same structure it may not be called again.
using Vjp = std::function<Tensor(const Record&, const Tensor& g, std::size_t argument)>;
/// The tangent of a general operation's result, given its inputs' (an empty handle: no tangent, that is zero).
using Jvp = std::function<Tensor(const Record&, std::span<const Tensor> tangents)>;

/// Where an operation goes over from one formula to another, which is where it may have no derivative: tensors that
/// tell by which formula each element is computed. Of a floating-point one the sign counts, and its size is the
/// distance to the switch (x of relu, x − y of maximum); of others the value does (the positions of argsort). None: it
/// is smooth.
using SwitchRule = std::function<std::vector<Tensor>(const Record&)>;

/// How an operation that adds up an array over its attribute `axes` does it block by block: a loop that computes the
/// elements can then add them up while they are in the cache, with the bits of the operation's own kernel. All
/// elements, and those of a row (over the last axes), go in blocks of so many; columns (over the first axes), where the
/// sums of all columns stand side by side, in blocks of so many rows. The last block may be smaller.
struct BlockSum {
    std::size_t block;
    /// The sums of blocks of some length, at most `block`, that follow each other; of `count` elements in all.
    void (*sum_blocks)(DType dtype, const void* values, std::size_t count, std::size_t length, void* sums);
    std::size_t rows_of_block;
    /// Adds elements first ... first + count - 1 of an array of rows, of which `values` is the first, to the sums of
    /// the blocks of rows that they are in. Those of one block and column are added from the first to the last.
    void (*add_rows)(DType dtype, const void* values, std::size_t first, std::size_t count, std::size_t columns,
                     void* sums);
    /// The totals of so many columns, from the sums of all blocks, which are overwritten.
    void (*add_up)(DType dtype, void* sums, std::size_t blocks, std::size_t columns, void* totals);
};

/// A formula with the value of another one, and the tensor that both are functions of.
struct Rewritten {
    Tensor value;
    Tensor argument;
};

/// The same value by a formula that keeps more digits, or has some where the typed one overflows, if the inputs were
/// computed in a way that allows one; else empty handles.
struct RewriteRule {
    bool (*is_possible)(const Node&) = nullptr;  // asked of every node of the operation: it has to be quick
    Rewritten (*better)(const Record&) = nullptr;
};

class BatchCall;
/// The operation for many examples at once, which lie along a new first axis of the result: graph/batch.hpp. An empty
/// handle: not with these inputs.
using BatchRule = std::function<Tensor(const BatchCall&)>;

/// What values a probe feeds to one input: reals from the open interval, integers with low ≤ i < high.
struct ProbeInput {
    enum class Kind { real, integer, boolean };
    Shape shape;
    double low = -2;
    double high = 2;
    Kind kind = Kind::real;
};

/// An example call that shows the test suite how to exercise an operation: which inputs, drawn from where, and what is
/// called with them (by default the operation itself, without attributes).
struct Probe {
    std::string label;
    std::vector<ProbeInput> inputs;
    std::function<Tensor(std::span<const Tensor>)> call = nullptr;
};

/// The probes of an operation, made when somebody looks at them: that is what tests do, and programs should not wait
/// for it whenever they start.
class Probes {
  public:
    Probes(std::initializer_list<Probe> list) : Probes(std::vector<Probe>(list)) {}
    Probes(std::vector<Probe> list) : Probes([list = std::move(list)] { return list; }) {}
    template <std::invocable Make>
    Probes(Make make) : made_(std::make_shared<Made>()) {
        made_->make = std::move(make);
    }

    const std::vector<Probe>& list() const;
    operator const std::vector<Probe>&() const { return list(); }
    auto begin() const { return list().begin(); }
    auto end() const { return list().end(); }
    bool empty() const { return list().empty(); }
    const Probe& front() const { return list().front(); }
    const Probe& operator[](std::size_t index) const { return list()[index]; }

  private:
    struct Made {
        std::function<std::vector<Probe>()> make;
        std::once_flag once;
        std::vector<Probe> list;
    };
    std::shared_ptr<Made> made_;
};

/// An open interval from which a probe draws: where the function is smooth and its derivatives are finite.
struct Interval {
    double low;
    double high;
};
constexpr Interval between(double low, double high) {
    return {low, high};
}

/// Probes for an elementwise function of one, two or three arguments: scalars, vectors, every broadcasting pattern,
/// empty arrays.
Probes unary_probes(Interval x);
Probes binary_probes(Interval x, Interval y);
Probes choice_probes(Interval x, Interval y);

/// A field that must be given: without it the block does not compile. Initialised like a T with braces.
template <class T>
class Required {
  public:
    template <class... U>
    requires(sizeof...(U) > 0 && !(std::same_as<std::remove_cvref_t<U>, Required> && ...) &&
             requires(U && ... parts) { T{std::forward<U>(parts)...}; }) Required(U&&... parts)
        : value_{std::forward<U>(parts)...} {}
    T& value() { return value_; }

  private:
    T value_;
};

/// An elementwise operation: y = f(x...), each argument broadcast to one shape.
struct Elementwise {
    Required<std::string> name;
    Required<std::string> math;
    Required<BlockKernels> forward;
    Required<std::vector<Partial>> partials;
    SwitchRule switches = nullptr;  // without one, check_gradients() has to find kinks from differences alone
    RewriteRule rewrite{};
    Required<Probes> probes;
};

enum class Linearity {
    jointly,  // f(x + x', y + y') = f(x, y) + f(x', y'): add, concatenate
    in_each,  // f(x + x', y) = f(x, y) + f(x', y), and so in y: matmul
};

/// A linear operation. An elementwise kernel brings its own shape rule (broadcasting); others need one.
struct Linear {
    Required<std::string> name;
    Required<std::string> math;
    BatchRule batch = nullptr;  // without one, vmap() goes from example to example
    std::size_t row_by_row = 0;
    Preparation prepare{};
    Linearity linearity = Linearity::jointly;
    ShapeRule shape = nullptr;
    Required<Computation> forward;
    const BlockSum* block_sum = nullptr;  // for floating point
    Required<Transposes> transposes;
    SwitchRule switches = nullptr;
    RewriteRule rewrite{};
    Required<Probes> probes;
};

/// An operation that is neither.
struct General {
    Required<std::string> name;
    Required<std::string> math;
    BatchRule batch = nullptr;
    std::size_t row_by_row = 0;
    Required<ShapeRule> shape;
    Required<Computation> forward;
    Required<std::variant<Vjp, Zero>> vjp;
    Required<std::variant<Jvp, Zero>> jvp;
    SwitchRule switches = nullptr;
    Required<Probes> probes;
};

/// A function that is written with other operations and needs no kernel or derivative of its own: enrolled so that
/// it is tested and documented like the rest.
struct Composite {
    Required<std::string> name;
    Required<std::string> math;
    Required<Probes> probes;
};

/// What the engine knows about an operation, whatever its family.
struct Op {
    enum class Family { elementwise, linear, general, composite };
    std::string name;
    std::string math;
    Family family;
    ShapeRule shape;
    Computation forward;
    Probes probes;
    BatchRule batch{};  // linear or general, not elementwise
    /// So many inputs, the first ones, have the first axis of the result, and a row of the result, with all its bits,
    /// depends on that row of theirs and on all of the others: images, for a convolution. If its attributes say by
    /// `axis` or `axes` along what it works, this holds only where the first axis is not meant. Linear or general.
    std::size_t row_by_row = 0;
    static constexpr std::size_t most_row_by_row = 4;
    Preparation prepare{};                // linear, row by row
    const BlockSum* block_sum = nullptr;  // linear
    bool broadcasts = false;              // no shape rule of its own: that of every elementwise kernel

    std::vector<Partial> partials{};           // elementwise
    Transposes transposes{};                   // linear
    Linearity linearity = Linearity::jointly;  // linear
    std::variant<Vjp, Zero> vjp = Zero{};      // general
    std::variant<Jvp, Zero> jvp = Zero{};      // general
    SwitchRule switches{};                     // where it has kinks, ties or steps
    RewriteRule rewrite{};                     // elementwise or linear

    /// Why no derivative flows to this argument; null if one does.
    const std::string* zero_reason(std::size_t argument) const;
    bool is_elementwise_kernel() const { return std::holds_alternative<BlockKernels>(forward); }
};

/// Enrols an operation in the catalogue and returns it; it lives until the program ends.
/// Throws std::logic_error if the name is taken or a rule is missing.
const Op& define(Elementwise op);
const Op& define(Linear op);
const Op& define(General op);
const Op& define(Composite op);

/// Every operation there is, in the order of enrolment.
std::span<const Op* const> catalogue();

/// The operation of that name, or null.
const Op* find_op(std::string_view name);

/// Records an operation: checks the call, makes a node, computes nothing.
/// Throws what the op's shape rule throws; ValueError for an empty handle.
Tensor apply(const Op& op, std::span<const Tensor> inputs, Attributes attributes = {},
             Location at = Location::current());
Tensor apply(const Op& op, std::initializer_list<Tensor> inputs, Attributes attributes = {},
             Location at = Location::current());

/// Two operands of one elementwise operation, brought to one dtype: a number takes on the tensor's dtype (float64 if
/// the tensor is of integers and the number has a fraction), two tensors meet in promote().
struct Promoted {
    Tensor x;
    Tensor y;
    Location at;
};
Promoted promote(std::string_view op, const Operand& x, const Operand& y);

// Without this a call with a vector would find std::apply.
inline Tensor apply(const Op& op, const std::vector<Tensor>& inputs, Attributes attributes = {},
                    Location at = Location::current()) {
    return apply(op, std::span<const Tensor>(inputs), std::move(attributes), at);
}

/// apply() to one operand, with its place.
Tensor apply(const Op& op, const Operand& x);

/// apply() of an elementwise operation to two operands after promote().
Tensor apply(const Op& op, const Operand& x, const Operand& y);

}  // namespace xgrad
