#include <xgrad/graph/compare.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <ostream>
#include <unordered_map>

#include <fmt/format.h>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/verify/pattern.hpp>
#include <xgrad/graph/verify/products.hpp>
#include <xgrad/graph/verify/recorded.hpp>
#include <xgrad/graph/verify/subject.hpp>

namespace xgrad {

namespace {

using pattern::Clues;
using pattern::Numbers;
using recorded::Step;

/// How much two correct derivations may differ in their roundings, relative to the largest entry.
long double tolerance_of(DType mine, DType right) {
    const bool is_single = mine == DType::float32 || right == DType::float32;
    return is_single ? 2e-4L : 1e-9L;
}

Numbers numbers_of(const Tensor& tensor) {
    return {tensor.shape(), subject::numbers(tensor)};
}

std::string called(const Tensor& x) {
    return x.name().empty() ? "gradient" : "d" + x.name();
}

/// The number of examples: the last extent that most matrices on the way have.
std::int64_t examples_of(const std::vector<Step>& steps) {
    std::map<std::int64_t, int> votes;
    for (const Step& step : steps) {
        if (step.node->shape.rank() == 2 && step.node->needs_gradient) ++votes[step.node->shape[1]];
    }
    const auto most =
        std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == votes.end() ? 0 : most->first;
}

std::vector<pattern::Extent> extents_of(const std::vector<Step>& steps, const Tensor& x) {
    const std::int64_t m = examples_of(steps);
    std::vector<pattern::Extent> extents;
    const auto add = [&](std::int64_t extent) {
        const auto is_same = [&](const pattern::Extent& known) { return known.value == extent; };
        if (extent > 1 && std::none_of(extents.begin(), extents.end(), is_same)) {
            extents.push_back({extent, extent == m ? "m" : ""});
        }
    };
    add(m);
    for (std::int64_t extent : x.shape()) add(extent);
    for (const Step& step : steps) {
        for (std::int64_t extent : step.node->shape) add(extent);
    }
    return extents;
}

/// Everything that a wrong gradient may have been confused with, from the graph between x and J.
class Detective {
  public:
    Detective(const Tensor& J, const Tensor& x, const std::vector<Step>& steps) : x_(x), steps_(steps) {
        for (const Step& step : steps) {
            if (step.node->needs_gradient && is_floating(step.node->dtype)) nodes_.push_back(Tensor(step.node));
        }
        cotangents_ = grad(J, nodes_, Unconnected::gives_zeros);
        for (std::size_t i = 0; i < nodes_.size(); ++i) index_.emplace(nodes_[i].node().get(), i);
    }

    /// The likelier explanations first.
    Clues clues(long double tolerance) {
        Clues clues;
        clues.tolerance = tolerance;
        clues.extents = extents_of(steps_, x_);
        add_single_paths(clues);
        for (const Step& step : steps_) {
            if (step.node->needs_gradient) add_wrong_slopes(step, clues);
        }
        add_other_gradients(clues);
        for (const Step& step : steps_) {
            if (step.node->needs_gradient) add_consumer(step, clues);
        }
        add_named_values(clues);
        return clues;
    }

  private:
    const Node* own() const { return source(x_, "compare_gradient", {}).get(); }
    const Tensor& cotangent_of(const Node& node) const { return cotangents_[index_.at(&node)]; }

    /// ∂J/∂x if z, the argument of an activation, got the cotangent v.
    void suppose(const Tensor& z, const Tensor& v, std::string meaning, Clues& clues) {
        if (v.shape() != z.shape()) return;
        const bool is_x = source(z, "compare_gradient", {}).get() == own();
        const Tensor gradient = is_x ? v : vjp(z, v, {&x_, 1}, Unconnected::gives_zeros)[0];
        clues.hypotheses.push_back({numbers_of(gradient), std::move(meaning)});
    }

    /// As if an activation had the derivative 1, or another one.
    void add_wrong_slopes(const Step& step, Clues& clues) {
        const Op& op = *step.node->op();
        if (op.family != Op::Family::elementwise || !step.inputs[0]->needs_gradient) return;
        for (std::size_t other = 1; other < step.inputs.size(); ++other) {
            if (step.inputs[other]->needs_gradient) return;
        }
        const Tensor z(step.inputs[0]), a(step.node);
        if (z.shape() != a.shape()) return;
        const Tensor one = algebra::filled(1, a.dtype(), a.shape());
        const std::vector<long double> slopes = subject::numbers(vjp(a, one, {&z, 1})[0]);
        const auto is_first = [&](long double slope) { return slope == slopes.front(); };
        if (std::all_of(slopes.begin(), slopes.end(), is_first)) return;  // a factor, which is told as one
        const Tensor g = cotangent_of(*step.node);
        const std::string argument = recorded::name_of(*step.inputs[0]);
        const std::string slope = fmt::format("g'({}) of {}", argument, op.name);
        const auto minus = [](const Tensor& x) {
            return algebra::scaled(x, algebra::filled(-1, x.dtype(), x.shape()));
        };
        const auto instead = [&](const Tensor& wrong, const std::string& text) {
            suppose(z, algebra::scaled(g, wrong), fmt::format("with {} in place of {}", text, slope), clues);
        };
        suppose(z, g, "without the factor " + slope, clues);
        instead(a, fmt::format("g({}) itself", argument));
        instead(z, argument + " itself");
        const Tensor rest = algebra::sum_of(one, minus(a));
        instead(rest, "1 - A, A being its result,");
        instead(algebra::scaled(a, rest), "A (1 - A), which is sigmoid's,");
        instead(algebra::sum_of(one, minus(algebra::scaled(a, a))), "1 - A^2, which is tanh's,");
    }

    /// The name of a node, or of one that has the same gradient: W A of Z = W A + b.
    std::string name_of_gradient(const Node& node, const Numbers& gradient) const {
        for (std::size_t i = 0; i < nodes_.size() && !(node.extra && !node.extra->name.empty()); ++i) {
            if (nodes_[i].name().empty() || nodes_[i].shape() != node.shape) continue;
            if (subject::numbers(cotangents_[i]) == gradient.values) return nodes_[i].name();
        }
        return recorded::name_of(node);
    }

    /// What x's gradient is made of: the cotangents and the other arguments of what x went into.
    void add_consumer(const Step& step, Clues& clues) {
        const auto is_own = [&](const NodeRef& input) { return input.get() == own(); };
        if (std::none_of(step.inputs.begin(), step.inputs.end(), is_own)) return;
        const Numbers g = numbers_of(cotangent_of(*step.node));
        const std::string name = name_of_gradient(*step.node, g);
        clues.ingredients.push_back({g, "∂" + name});
        if (step.node->shape == x_.shape() && step.inputs.size() == 1) {
            const Tensor one = algebra::filled(1, x_.dtype(), x_.shape());
            clues.ingredients.push_back({numbers_of(vjp(Tensor(step.node), one, {&x_, 1})[0]), "g'"});
        }
        for (const NodeRef& input : step.inputs) {
            if (input.get() == own() || !is_floating(input->dtype)) continue;
            clues.ingredients.push_back({numbers_of(Tensor(input)), recorded::name_of(*input)});
        }
        if (g.shape.rank() != 2) return;
        for (std::size_t axis = 0; axis < 2; ++axis) {
            Shape shape = g.shape;
            shape[axis] = 1;
            clues.hypotheses.push_back({pattern::summed_to(g, shape),
                                        fmt::format("∂{} summed over axis {}: that is the wrong one", name, axis)});
        }
    }

    /// The tensors that have names: one may have been taken for another.
    void add_named_values(Clues& clues) const {
        constexpr std::size_t most = 16;
        for (const Tensor& node : nodes_) {
            if (node.name().empty() || node.rank() != 2 || clues.ingredients.size() == most) continue;
            const auto is_same = [&](const auto& known) { return known.name == node.name(); };
            if (std::any_of(clues.ingredients.begin(), clues.ingredients.end(), is_same)) continue;
            clues.ingredients.push_back({numbers_of(node), node.name()});
        }
    }

    /// x was used more than once, and one use does not count.
    void add_single_paths(Clues& clues) {
        std::vector<const Step*> uses;
        for (const Step& step : steps_) {
            const auto is_own = [&](const NodeRef& input) { return input.get() == own(); };
            if (step.node->needs_gradient && std::any_of(step.inputs.begin(), step.inputs.end(), is_own)) {
                uses.push_back(&step);
            }
        }
        if (uses.size() < 2) return;
        std::vector<pattern::Hypothesis> parts;
        for (const Step* use : uses) {
            std::vector<Tensor> arguments;
            std::vector<Tensor> mine;
            for (const NodeRef& input : use->inputs) {
                const Tensor constant(detail::constant_leaf(Tensor(input), {}));
                arguments.push_back(input.get() == own() ? parameter(constant) : constant);
                if (input.get() == own()) mine.push_back(arguments.back());
            }
            const Tensor again = apply(*use->node->op(), arguments, use->node->attributes(), use->node->location());
            Numbers part{x_.shape(), std::vector<long double>(static_cast<std::size_t>(x_.size()))};
            for (const Tensor& each : vjp(again, cotangent_of(*use->node), mine, Unconnected::gives_zeros)) {
                const std::vector<long double> numbers = subject::numbers(each);
                for (std::size_t i = 0; i < numbers.size(); ++i) part.values[i] += numbers[i];
            }
            Numbers rest = numbers_of(cotangent_of_x());
            for (std::size_t i = 0; i < rest.values.size(); ++i) rest.values[i] -= part.values[i];
            const std::string way = recorded::described(*use->node);
            clues.hypotheses.push_back({std::move(rest), "without what comes through " + way});
            parts.push_back({std::move(part), "only what comes through " + way});
        }
        std::move(parts.begin(), parts.end(), std::back_inserter(clues.hypotheses));
    }

    const Tensor& cotangent_of_x() {
        if (x_gradient_.is_empty_handle()) x_gradient_ = grad(nodes_.back(), x_);
        return x_gradient_;
    }

    void add_other_gradients(Clues& clues) {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (nodes_[i].node().get() == own()) continue;
            clues.hypotheses.push_back(
                {numbers_of(cotangents_[i]), "the gradient of " + recorded::name_of(*nodes_[i].node())});
        }
        std::vector<Tensor> leaves;
        for (const Step& step : steps_) {
            for (const NodeRef& input : step.inputs) {
                if (!input->is_leaf() || !input->needs_gradient || input.get() == own()) continue;
                const Tensor leaf(input);
                const Tensor gradient = grad(nodes_.back(), std::vector<Tensor>{leaf}, Unconnected::gives_zeros)[0];
                clues.hypotheses.push_back(
                    {numbers_of(gradient), fmt::format("the gradient of {}", recorded::name_of(*input))});
            }
        }
    }

    const Tensor& x_;
    const std::vector<Step>& steps_;
    std::vector<Tensor> nodes_;  // between x and J, J last
    std::vector<Tensor> cotangents_;
    std::unordered_map<const Node*, std::size_t> index_;
    Tensor x_gradient_;
};

Comparison is_right(const std::string& who, const Numbers& mine, const Numbers& right) {
    long double largest = 0, off = 0;
    for (std::size_t i = 0; i < right.values.size(); ++i) {
        largest = std::max(largest, std::abs(right.values[i]));
        off = std::max(off, std::abs(mine.values[i] - right.values[i]));
    }
    return {true, fmt::format("your {} is right: within {:.0e} of the largest entry", who,
                              static_cast<double>(largest > 0 ? off / largest : off))};
}

/// What there is to say before anything is compared: none if all is finite.
std::optional<Comparison> not_finite(const std::string& who, const Numbers& mine, const Numbers& right) {
    const auto bad = [](const Numbers& numbers) {
        const auto found = std::find_if(numbers.values.begin(), numbers.values.end(),
                                        [](long double value) { return !std::isfinite(value); });
        if (found == numbers.values.end()) return std::string();
        return fmt::format("{} at {}", std::isnan(*found) ? "nan" : fmt::format("{}", static_cast<double>(*found)),
                           recorded::index_text(numbers.shape, found - numbers.values.begin()));
    };
    const std::string of_right = bad(right), of_mine = bad(mine);
    if (!of_right.empty()) {
        return Comparison(false, fmt::format("your {} cannot be graded: the derived one is {}; first_non_finite() "
                                             "says where that comes from",
                                             who, of_right));
    }
    if (of_mine.empty()) return std::nullopt;
    return Comparison(false, fmt::format("your {} is not finite: {}", who, of_mine));
}

void require_floating(const Tensor& mine, Location at) {
    if (is_floating(source(mine, "compare_gradient", at)->dtype)) return;
    throw DTypeError("compare_gradient", "needs a floating-point gradient", std::string(name(mine.dtype())), at);
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Comparison& comparison) {
    return stream << comparison.text();
}

Comparison compare_gradient(const Tensor& given, const Tensor& J, const Tensor& x, Location at) {
    at = Attribution::resolve(at);
    require_floating(given, at);
    const std::vector<Step> steps = recorded::steps_to(J);
    const Numbers right = numbers_of(grad(J, x, at)), mine = numbers_of(given);
    const long double tolerance = tolerance_of(given.dtype(), x.dtype());
    const std::string who = called(x);
    if (const auto comparison = not_finite(who, mine, right)) return *comparison;
    if (pattern::is_close(mine, right, tolerance)) return is_right(who, mine, right);
    const std::int64_t m = examples_of(steps);
    const bool is_on_the_way = !x.is_parameter() && x.rank() == 2 && x.shape()[1] == m;
    if (is_on_the_way &&
        std::abs(pattern::factor_of(mine, right, tolerance) / static_cast<long double>(m) - 1) < 1e-3) {
        return {true,
                fmt::format("your {} is right as the notes write it, without the 1/m (m = {}) that dW and db bring",
                            who, m)};
    }
    Clues clues = Detective(J, x, steps).clues(tolerance);
    if (is_on_the_way) clues.free_factor = static_cast<long double>(m);
    return {false, fmt::format("your {} is {}", who, pattern::looks_like(mine, right, clues))};
}

Comparison compare_gradient(const Tensor& given, const Tensor& parameter, Location at) {
    at = Attribution::resolve(at);
    require_floating(given, at);
    const Numbers right = numbers_of(parameter.grad(at)), mine = numbers_of(given);
    Clues clues;
    clues.tolerance = tolerance_of(given.dtype(), parameter.dtype());
    for (std::int64_t extent : parameter.shape()) clues.extents.push_back({extent, ""});
    const std::string who = called(parameter);
    if (const auto comparison = not_finite(who, mine, right)) return *comparison;
    if (pattern::is_close(mine, right, clues.tolerance)) return is_right(who, mine, right);
    return {false, fmt::format("your {} is {}", who, pattern::looks_like(mine, right, clues))};
}

}  // namespace xgrad
