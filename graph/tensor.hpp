#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/graph/dtype.hpp>
#include <xgrad/graph/error.hpp>
#include <xgrad/graph/location.hpp>
#include <xgrad/graph/node.hpp>
#include <xgrad/graph/shape.hpp>
#include <xgrad/graph/xtensor.hpp>

namespace xgrad {
class Tensor;
}

// Without this, `array * tensor` would be an xtensor expression that takes the tensor for a number. With it xtensor's
// operators step back, and ours, which know the caller's line, are chosen.
template <class F, class... E>
requires(std::is_same_v<std::remove_cvref_t<E>, xgrad::Tensor> || ...) struct xt::detail::xfunction_type<F, E...> {
};

namespace xgrad {

/// Any xtensor expression whose elements a tensor can hold.
template <class E>
concept XtensorExpression = xt::is_xexpression<std::remove_cvref_t<E>>::value;

/// A plain number: it takes on the dtype of the tensor that it meets in an operation.
template <class S>
concept Number = std::is_arithmetic_v<S>;

/// An xtensor view of a tensor's memory: row-major, read only, no copy. It keeps the memory alive.
template <class T>
using View = xt::xarray_adaptor<xt::xbuffer_adaptor<const T*, xt::smart_ownership, std::shared_ptr<const void>>,
                                xt::layout_type::row_major, std::vector<std::size_t>>;

/// The user's handle on one recorded value: one pointer to a node. Copies share the node; the value never changes,
/// except that a parameter can be assigned a new one.
class Tensor {
  public:
    /// No tensor. Using it in an operation throws.
    Tensor() noexcept = default;

    /// The value of an xtensor expression, evaluated now. An rvalue row-major xarray or xtensor of a supported element
    /// type gives its memory away; everything else is copied once. Narrow integers become int32, unsigned ones int64.
    template <XtensorExpression E>
    Tensor(E&& expression, Location at = Location::current());

    /// A scalar (shape ()) of the number's own type.
    template <Number S>
    Tensor(S number, Location at = Location::current());

    const Shape& shape() const;
    std::size_t rank() const { return shape().rank(); }
    std::int64_t size() const { return shape().size(); }
    DType dtype() const;
    bool is_empty_handle() const noexcept { return !node_; }

    /// The values as an xtensor view of the node's own memory, computed first if they are not yet. The elements of a
    /// transposed or sliced tensor are brought into row-major order once, which is a copy.
    /// T must be the dtype's type, else DTypeError.
    template <class T>
    View<T> value(Location at = Location::current()) const;

    /// The only element, converted to T. ShapeError if there is not exactly one.
    template <class T = double>
    T item(Location at = Location::current()) const;

    /// The name given to a parameter or by name(); empty if none.
    const std::string& name() const noexcept;

    /// True if a parameter is among this tensor's ancestors, so that a gradient can flow through it.
    bool needs_gradient() const;
    bool is_parameter() const noexcept { return node_ && node_->is_parameter(); }

    /// Gives a parameter a new value of the same shape and dtype. What was recorded before still sees the old value.
    /// If computing the value fails, the parameter keeps the old one.
    void assign(const Tensor& value, Location at = Location::current()) const;

    /// The gradient that backward() has left on a parameter; GradientError if there is none.
    Tensor grad(Location at = Location::current()) const;
    bool has_grad() const noexcept;
    void zero_grad() const noexcept;

    /// Adds ∂this/∂p to the gradient of every parameter p among the ancestors of this scalar.
    /// If anything fails, no parameter's gradient has changed.
    void backward(Location at = Location::current()) const;

    /// The node itself; for a parameter, the one of its identity.
    const NodeRef& node() const noexcept { return node_; }
    explicit Tensor(NodeRef node) noexcept : node_(std::move(node)) {}

  private:
    NodeRef node_;
};

/// A leaf for which gradients are taken, with a copy of the value (whatever led to it is not differentiated).
/// DTypeError unless floating point.
Tensor parameter(const Tensor& value, std::string name = {}, Location at = Location::current());

/// Assigns values to several parameters: all of them, or, if anything fails, none.
void assign(const std::vector<Tensor>& parameters, const std::vector<Tensor>& values,
            Location at = Location::current());

/// The same tensor under a name that errors, reports and drawings use.
Tensor name(const Tensor& tensor, std::string name);

/// One argument of an operation: a tensor, an xtensor expression or a plain number, with the place where it was
/// written, so that errors of operators name it too.
class Operand {
  public:
    Operand(const Tensor& tensor, Location at = Location::current()) noexcept : given_(&tensor), at_(at) {}
    template <XtensorExpression E>
    Operand(E&& expression, Location at = Location::current()) : made_(std::forward<E>(expression), at), at_(at) {}
    template <Number S>
    Operand(S number, Location at = Location::current()) noexcept
        : number_(static_cast<double>(number)), is_number_(true), is_whole_(std::is_integral_v<S>), at_(at) {
        if constexpr (std::is_integral_v<S>) whole_ = static_cast<std::int64_t>(number);
    }
    Operand(const Operand&) = delete;
    Operand& operator=(const Operand&) = delete;

    bool is_number() const noexcept { return is_number_; }
    bool is_whole() const noexcept { return is_whole_; }
    double number() const noexcept { return number_; }
    /// The number with all its digits, if it is whole.
    std::int64_t whole() const noexcept { return whole_; }
    /// The tensor; of a plain number, a float64 scalar. ValueError for an empty handle.
    const Tensor& tensor() const;
    /// The same, whether or not there is a tensor.
    const Tensor& handle() const;
    Location location() const noexcept { return at_; }

  private:
    const Tensor* given_ = nullptr;
    mutable Tensor made_;
    double number_ = 0;
    std::int64_t whole_ = 0;
    bool is_number_ = false;
    bool is_whole_ = false;
    Location at_;
};

/// Computes tensors now, all in one plan. Nobody has to: reading a value does it.
void compute(const std::vector<Tensor>& tensors, Location at = Location::current());

/// Compute each operation when it is recorded (true) instead of when its value is needed (false). The environment
/// variable XGRAD_EAGER=1 sets it at start-up. Per process.
void set_eager(bool eager) noexcept;
bool is_eager() noexcept;

/// Compute formulas that lose digits, such as log(sigmoid(Z)) or 1 / (1 + exp(-Z)), by equal ones that do not (true,
/// the default), in what is recorded from now on; ops/rewrites.hpp has them all. The graph stays as it was typed, and
/// so does what derivation() prints. The environment variable XGRAD_REWRITES=0 clears it at start-up. Per process.
void set_rewrites(bool rewrites) noexcept;
bool has_rewrites() noexcept;

/// The values as text, the way NumPy prints them; `spec` is a format for one element, like ".4f". ValueError if it is
/// none for elements of that dtype.
std::string to_string(const Tensor& tensor, std::string_view spec = {}, Location at = Location::current());

namespace detail {

/// A computed leaf without a value: the caller fills node->data. Checks the shape.
NodeRef new_leaf(DType dtype, Shape shape, Location at);
/// A leaf on memory that `owner` keeps alive.
NodeRef adopt_leaf(DType dtype, Shape shape, void* data, std::shared_ptr<void> owner, Location at);
/// A computed leaf with the tensor's value, sharing its memory and none of its history.
NodeRef constant_leaf(const Tensor& value, Location at);
/// compute() without a vector.
void compute(std::span<const Tensor> tensors, Location at);
/// The node to read: computed and row-major, of the given dtype.
NodeRef readable(const Tensor& tensor, DType dtype, Location at);
/// A share in the node's memory, as a view of it holds.
std::shared_ptr<const void> share_memory(NodeRef node);
/// The only element of a tensor, in the widest type.
long double only_element(const Tensor& tensor, Location at);

template <class E>
concept GivesMemoryAway = !std::is_lvalue_reference_v<E> && !std::is_const_v<E> && requires(E & e) {
    typename E::storage_type;
    requires std::is_same_v<typename E::temporary_type, E>;  // a container: a view has the storage of another one
    requires E::static_layout == xt::layout_type::row_major;
    requires std::is_same_v < Element<typename E::value_type>,
    typename E::value_type > ;
    requires std::is_same_v<std::remove_cvref_t<decltype(e.storage())>, xt::uvector<typename E::value_type>>;
};

/// One number stretched to a shape: xt::zeros, xt::ones, xt::broadcast of a number.
template <class E>
inline constexpr bool is_constant = false;
template <class V, class X>
inline constexpr bool is_constant<xt::xbroadcast<xt::xscalar<V>, X>> = true;

/// The elements stand one after the other in row-major order.
template <class E>
concept Contiguous = E::static_layout == xt::layout_type::row_major&& E::contiguous_layout&& requires(const E& e) {
    { *e.storage().data() } -> std::convertible_to<typename E::value_type>;
    { e.data() + e.data_offset() } -> std::convertible_to<const typename E::value_type*>;
};

// xtensor's assignment can do all of this, but it takes the compiler much longer than the first two.
template <class T, class E>
void copy_elements(const E& expression, const Shape& shape, T* target) {
    const auto size = static_cast<std::size_t>(shape.size());
    if constexpr (is_constant<E>) {
        std::fill_n(target, size, static_cast<T>(expression(std::size_t{0})));  // a number has any index
    } else if constexpr (Contiguous<E>) {
        const auto* source = expression.data() + expression.data_offset();
        for (std::size_t i = 0; i < size; ++i) target[i] = static_cast<T>(source[i]);
    } else {
        const std::vector<std::size_t> extents(shape.begin(), shape.end());
        auto array = xt::adapt(target, size, xt::no_ownership(), extents);
        if constexpr (std::is_same_v<T, typename E::value_type>) {
            xt::noalias(array) = expression;
        } else {
            xt::noalias(array) = xt::cast<T>(expression);
        }
    }
}

}  // namespace detail

template <XtensorExpression E>
Tensor::Tensor(E&& expression, Location at) {
    using V = typename std::remove_cvref_t<E>::value_type;
    static_assert(std::is_arithmetic_v<V>, "xgrad: a tensor holds bool, integer or floating-point elements");
    using T = Element<V>;
    const Shape shape(expression.shape());
    if constexpr (detail::GivesMemoryAway<E>) {
        auto owner = std::make_shared<std::remove_cvref_t<E>>(std::forward<E>(expression));
        void* data = owner->data();
        node_ = detail::adopt_leaf(dtype_of<T>, shape, data, std::move(owner), at);
    } else {
        node_ = detail::new_leaf(dtype_of<T>, shape, at);
        detail::copy_elements(expression, shape, static_cast<T*>(node_->data));
    }
}

template <Number S>
Tensor::Tensor(S number, Location at) : node_(detail::new_leaf(dtype_of<Element<S>>, Shape(), at)) {
    *static_cast<Element<S>*>(node_->data) = static_cast<Element<S>>(number);
}

template <class T>
View<T> Tensor::value(Location at) const {
    NodeRef node = detail::readable(*this, dtype_of<T>, at);
    const auto* data = static_cast<const T*>(node->data);
    const std::vector<std::size_t> extents(node->shape.begin(), node->shape.end());
    const auto size = static_cast<std::size_t>(node->shape.size());
    using Buffer = xt::xbuffer_adaptor<const T*, xt::smart_ownership, std::shared_ptr<const void>>;
    return View<T>(Buffer(data, size, detail::share_memory(std::move(node))), extents);
}

template <class T>
T Tensor::item(Location at) const {
    return static_cast<T>(detail::only_element(*this, at));
}

// The library has these: programs need not compile them again.
extern template View<float> Tensor::value<float>(Location) const;
extern template View<double> Tensor::value<double>(Location) const;
#ifndef XTENSOR_USE_XSIMD  // it aligns arrays, which makes them another type
extern template Tensor::Tensor(xt::xarray<float>&&, Location);
extern template Tensor::Tensor(xt::xarray<double>&&, Location);
#endif

}  // namespace xgrad
