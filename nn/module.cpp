#include <xgrad/nn/module.hpp>

#include <utility>

namespace xgrad::nn {

namespace {

thread_local const Location* called_at = nullptr;

class Calling {
  public:
    explicit Calling(const Location& at) : previous_(std::exchange(called_at, &at)) {}
    ~Calling() { called_at = previous_; }
    Calling(const Calling&) = delete;
    Calling& operator=(const Calling&) = delete;

  private:
    const Location* previous_;
};

}  // namespace

Tensor Module::operator()(const Tensor& X, Location at) const {
    const Calling calling(at);
    return forward(X);
}

Location Module::place_of_call(Location otherwise) noexcept {
    return called_at ? *called_at : otherwise;
}

void Module::require_free(const State& state, const std::string& name, Location at) {
    const auto is_taken = [&](const auto& list) {
        for (const auto& entry : list) {
            if (entry.first == name) return true;
        }
        return false;
    };
    if (is_taken(state.parameters) || is_taken(state.parts)) {
        throw ValueError("register", "needs a name of its own for each parameter and part", name, at);
    }
}

Tensor Module::register_parameter(const std::string& name, const Tensor& value, Location at) {
    require_free(*state_, name, at);
    state_->parameters.emplace_back(name, parameter(value, name, at));
    return state_->parameters.back().second;
}

void Module::adopt(const std::string& name, const Module& part, Location at) {
    require_free(*state_, name, at);
    state_->parts.emplace_back(name, part.state_);
    for (const auto& [path, parameter] : part.named_parameters()) xgrad::name(parameter, name + "." + path);
}

void Module::collect(const State& state, const std::string& prefix,
                     std::vector<std::pair<std::string, Tensor>>& result) {
    for (const auto& [name, parameter] : state.parameters) result.emplace_back(prefix + name, parameter);
    for (const auto& [name, part] : state.parts) collect(*part, prefix + name + ".", result);
}

std::vector<std::pair<std::string, Tensor>> Module::named_parameters() const {
    std::vector<std::pair<std::string, Tensor>> result;
    collect(*state_, "", result);
    return result;
}

std::vector<Tensor> Module::parameters() const {
    std::vector<Tensor> result;
    for (auto& [name, parameter] : named_parameters()) result.push_back(std::move(parameter));
    return result;
}

void Module::set_mode(State& state, bool is_training) {
    state.is_training = is_training;
    for (const auto& [name, part] : state.parts) set_mode(*part, is_training);
}

void Module::train(bool on) {
    set_mode(*state_, on);
}

}  // namespace xgrad::nn
