#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/graph/tensor.hpp>
#include <xgrad/graph/vmap.hpp>

// Functions that are recorded once and then only computed. Recording costs a fraction of a microsecond for each
// operation, which is much beside the arithmetic of small tensors; a compiled function pays it at its first call.

namespace xgrad {

namespace detail {

/// What compile() makes, for functions of a list of tensors to a list.
class CompiledFunction {
  public:
    CompiledFunction(ListFunction f, Location at);
    ~CompiledFunction();
    CompiledFunction(const CompiledFunction&) = delete;
    CompiledFunction& operator=(const CompiledFunction&) = delete;

    std::vector<Tensor> call(std::span<const Tensor* const> inputs, Location at);
    std::size_t recordings() const noexcept;
    const std::string& reason() const noexcept;

  private:
    class Recording;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace detail

/// A function that compile() has made. R is what the function returns: Tensor or std::vector<Tensor>. Calls must not
/// overlap: a second thread needs a compiled function of its own.
template <class R>
class Compiled {
  public:
    explicit Compiled(std::unique_ptr<detail::CompiledFunction> function) : function_(std::move(function)) {}

    /// f of these tensors, computed. The first call with tensors of these shapes and dtypes records f. Throws what f
    /// throws; ValueError if f reads a value of its arguments while it is recorded.
    R operator()(const std::vector<Tensor>& inputs, Location at = Location::current()) const {
        std::vector<const Tensor*> pointers;
        for (const Tensor& input : inputs) pointers.push_back(&input);
        return call(pointers, at);
    }
    R operator()(Location at = Location::current()) const { return call({}, at); }
    R operator()(const Operand& x) const { return call({{&x.tensor()}}, x.location()); }
    R operator()(const Operand& x, const Operand& y) const { return call({{&x.tensor(), &y.tensor()}}, x.location()); }
    R operator()(const Operand& x, const Operand& y, const Operand& z) const {
        return call({{&x.tensor(), &y.tensor(), &z.tensor()}}, x.location());
    }

    /// How often f has been recorded: once for each combination of shapes and dtypes that it was called with.
    std::size_t recordings() const noexcept { return function_->recordings(); }
    /// Why f was recorded the last time: "first call", or what an argument was and is.
    const std::string& reason() const noexcept { return function_->reason(); }

  private:
    struct Pointers {
        std::span<const Tensor* const> span;
        Pointers(std::initializer_list<const Tensor*> each) : span(each.begin(), each.size()) {}
        Pointers(const std::vector<const Tensor*>& each) : span(each) {}
    };
    R call(Pointers inputs, Location at) const {
        std::vector<Tensor> results = function_->call(inputs.span, at);
        if constexpr (std::is_same_v<R, Tensor>) {
            return std::move(results[0]);
        } else {
            return results;
        }
    }
    std::unique_ptr<detail::CompiledFunction> function_;
};

/// Makes a function that records f once, at its first call, and from then on computes without recording.
///
///     auto step = compile([&](const Tensor& X, const Tensor& Y) {
///         const Tensor J = cost(X, Y);
///         const std::vector<Tensor> dW = grad(J, parameters);
///         return std::vector<Tensor>{J, parameters[0] - alpha * dW[0]};
///     });
///     for (...) W.assign(step(X, Y)[1]);
///
/// f takes up to eight tensors, or a vector of them, and returns a Tensor or a std::vector<Tensor>. It must be made of
/// operations: what it reads, prints or assigns happens when it is recorded, not at each call. Parameters that it uses
/// have the value they have at each call; other tensors that it uses keep the value they had. Draws from a generator
/// are made anew at each call. Results are values without history: derivatives are taken inside f. Called with other
/// shapes or dtypes than before, it records f again; recordings() and reason() tell. While a WatchNonFinite is alive, a
/// call records f and computes it like any other function.
template <class F>
auto compile(F f, Location at = Location::current()) {
    using detail::CompiledFunction;
    if constexpr (detail::returns_list<F>()) {
        auto list = [f = std::move(f), at](const std::vector<Tensor>& x) {
            return detail::of_vector<std::vector<Tensor>>(f, x.size(), "compile", at)(x);
        };
        return Compiled<std::vector<Tensor>>(std::make_unique<CompiledFunction>(std::move(list), at));
    } else {
        auto list = [f = std::move(f), at](const std::vector<Tensor>& x) {
            return std::vector<Tensor>{detail::of_vector(f, x.size(), "compile", at)(x)};
        };
        return Compiled<Tensor>(std::make_unique<CompiledFunction>(std::move(list), at));
    }
}

}  // namespace xgrad
