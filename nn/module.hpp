#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad::nn {

/// A part of a model: named parameters, parts of its own, and forward(), written in plain operations.
///
///     struct Net : nn::Module {
///         nn::Linear hidden = register_module("hidden", nn::Linear(784, 128));
///         nn::Linear output = register_module("output", nn::Linear(128, 10));
///         Tensor forward(const Tensor& X) const override { return output(relu(hidden(X))); }
///     };
///
/// Like a Tensor, a module is a handle: a copy has the same parameters and the same mode.
class Module {
  public:
    virtual ~Module() = default;

    /// What the module makes of X, (features, examples).
    virtual Tensor forward(const Tensor& X) const = 0;
    /// forward(); what the library's layers record in it, and errors of theirs, name this place.
    Tensor operator()(const Tensor& X, Location at = Location::current()) const;

    /// All parameters, those of the parts included, in the order of registration.
    std::vector<Tensor> parameters() const;
    /// The same with their names: "hidden.W".
    std::vector<std::pair<std::string, Tensor>> named_parameters() const;

    /// Training mode (the default) or evaluation mode, of the module and its parts. Dropout asks for it.
    void train(bool on = true);
    void eval() { train(false); }
    bool is_training() const { return state_->is_training; }

  protected:
    Module() : state_(std::make_shared<State>()) {}
    Module(const Module&) = default;
    Module& operator=(const Module&) = default;

    /// Where the innermost module was called that is at work; `otherwise` if its forward() was called itself.
    static Location place_of_call(Location otherwise = Location::current()) noexcept;

    /// A parameter with this value, known to the module by name. ValueError if the name is taken.
    Tensor register_parameter(const std::string& name, const Tensor& value, Location at = Location::current());
    /// Takes a part in; its parameters' names begin with `name` and a point. ValueError if the name is taken.
    template <class M>
    M register_module(const std::string& name, M module, Location at = Location::current()) {
        adopt(name, module, at);
        return module;
    }

  private:
    struct State {
        bool is_training = true;
        std::vector<std::pair<std::string, Tensor>> parameters;
        std::vector<std::pair<std::string, std::shared_ptr<State>>> parts;
    };
    void adopt(const std::string& name, const Module& part, Location at);
    static void collect(const State& state, const std::string& prefix,
                        std::vector<std::pair<std::string, Tensor>>& result);
    static void set_mode(State& state, bool is_training);
    static void require_free(const State& state, const std::string& name, Location at);

    std::shared_ptr<State> state_;
};

}  // namespace xgrad::nn
