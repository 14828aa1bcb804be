#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad {

/// A function that is written with operations: what check_gradients() and the transforms take.
using TensorFunction = std::function<Tensor(const std::vector<Tensor>&)>;

namespace detail {

template <class F, std::size_t... I>
auto call_with(F& f, const std::vector<Tensor>& x, std::index_sequence<I...>) {
    return f(x[I]...);
}

template <std::size_t>
using Argument = const Tensor&;

template <class F, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
    return std::is_invocable_v<F&, Argument<I>...>;
}

// Only a function that is not generic is asked whether it takes a vector: a generic lambda's body would be compiled
// for one, and fail.
template <class F>
concept TakesVector = requires {
    &F::operator();
}
&&std::is_invocable_v<F&, const std::vector<Tensor>&>;

/// Whether a function gives a vector of tensors, not one.
template <class F, std::size_t... I>
constexpr bool returns_list_of(std::index_sequence<I...>) {
    return !std::is_convertible_v<std::invoke_result_t<F&, Argument<I>...>, Tensor>;
}

template <class F, std::size_t N = 1>
constexpr bool returns_list() {
    if constexpr (TakesVector<F>) {
        return !std::is_convertible_v<std::invoke_result_t<F&, const std::vector<Tensor>&>, Tensor>;
    } else if constexpr (N > 8) {
        return false;
    } else if constexpr (takes<F>(std::make_index_sequence<N>())) {
        return returns_list_of<F>(std::make_index_sequence<N>());
    } else {
        return returns_list<F, N + 1>();
    }
}

/// A function of n tensors, or of a vector of them, as the latter; n is at most eight.
template <class R = Tensor, class F, std::size_t N = 1>
std::function<R(const std::vector<Tensor>&)> of_vector(F f, std::size_t inputs, std::string_view op, Location at) {
    if constexpr (TakesVector<F>) {
        return f;
    } else if constexpr (N > 8) {
        throw ValueError(op, "needs a function of as many tensors as there are inputs",
                         std::to_string(inputs) + " inputs", at);
    } else {
        if constexpr (takes<F>(std::make_index_sequence<N>())) {
            if (inputs == N) {
                return [f](const std::vector<Tensor>& x) mutable -> R {
                    return call_with(f, x, std::make_index_sequence<N>());
                };
            }
        }
        return of_vector<R, F, N + 1>(std::move(f), inputs, op, at);
    }
}

}  // namespace detail

}  // namespace xgrad
