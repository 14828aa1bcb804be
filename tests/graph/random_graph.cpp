#include <algorithm>
#include <array>
#include <cmath>
#include <exception>

#include "random_graph_kinds.hpp"
#include "random_graph_recording.hpp"

namespace random_graph {

using namespace xgrad;
using support::count_of;
using support::Numbers;
using support::numbers_of;
using support::tensor_of;

namespace {

constexpr std::int64_t most_elements = 64;
constexpr std::size_t most_axes = 5;
constexpr std::int64_t most_steps = 46;  // and up to four leaves

/// Numbers that belong to a place in a program: a direction of differentiation or the weights of a contraction.
Numbers directions(std::uint64_t seed, std::uint64_t purpose, std::size_t step, std::size_t count) {
    Draw draw(seed * 0x2545F4914F6CDD1D + purpose * 1009 + step);
    Numbers result(count);
    for (long double& number : result) number = draw.signed_number(0.5, 1.5);
    return result;
}

Numbers moved(const Program& program, std::size_t step, long double distance) {
    Numbers numbers = program.steps[step].numbers;
    const Numbers u = directions(program.seed, along_u, step, numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] += distance * u[i];
    return numbers;
}

/// Follows a program at neighbouring points and in several precisions, and says whether its last step is tame: of
/// moderate value, slope and curvature, and on the same side of every branch everywhere.
class Neighbourhood {
  public:
    explicit Neighbourhood(const Program& program)
        : recordings_{Recording(program, DType::longdouble), Recording(program, DType::longdouble, widest),
                      Recording(program, DType::longdouble, -widest), Recording(program, DType::float64),
                      Recording(program, DType::float32)} {}

    /// Takes the next step. Throws what the operation throws, and takes it back.
    bool push() {
        std::array<Tensor, 5> values;
        std::size_t pushed = 0;
        try {
            for (; pushed < values.size(); ++pushed) values[pushed] = recordings_[pushed].push();
            compute({values.begin(), values.end()});
            if (is_tame(values)) {
                shape_ = values[0].shape();
                return true;
            }
        } catch (...) {
            for (std::size_t i = 0; i < pushed; ++i) recordings_[i].pop();
            throw;
        }
        for (Recording& recording : recordings_) recording.pop();
        return false;
    }
    const Shape& shape() const { return shape_; }

  private:
    bool is_tame(const std::array<Tensor, 5>& values) const {
        const Shape& shape = values[0].shape();
        if (shape.rank() > most_axes || shape.size() > most_elements) return false;
        for (const Tensor& value : values) {
            if (value.shape() != shape) return false;
        }
        const std::vector<Tensor> branches = recordings_[0].branches();
        for (std::size_t i = 1; i < values.size() && !branches.empty(); ++i) {
            const std::vector<Tensor> others = recordings_[i].branches();
            for (std::size_t j = 0; j < branches.size(); ++j) {
                if (!support::same_bits(branches[j], others[j])) return false;
            }
        }
        const Numbers here = numbers_of(values[0]);
        const Numbers above = numbers_of(values[1]);
        const Numbers below = numbers_of(values[2]);
        for (std::size_t i = 0; i < here.size(); ++i) {
            const long double slope = (above[i] - below[i]) / (2 * widest);
            const long double curvature = (above[i] - 2 * here[i] + below[i]) / (widest * widest);
            if (!(std::abs(here[i]) < 6 && std::abs(slope) < 12 && std::abs(curvature) < 60)) return false;
        }
        return true;
    }

    std::array<Recording, 5> recordings_;
    Shape shape_;
};

Shape drawn_shape(Draw& draw, const Shape& family) {
    Shape shape;
    const auto first = static_cast<std::size_t>(draw.below(static_cast<std::int64_t>(family.rank()) + 1));
    for (std::size_t axis = first; axis < family.rank(); ++axis) {
        shape.push_back(draw.chance(0.2) ? 1 : family[axis]);
    }
    return shape;
}

/// Draws steps, tries them and, unless they are tame, takes them back.
class Generator {
  public:
    Generator(std::uint64_t seed, const std::vector<Kind>& from) : draw_(seed), neighbourhood_(program_) {
        program_.seed = seed;
        for (const Kind& kind : from) {
            const auto same = [&](const auto& group) { return group.front()->group == kind.group; };
            const auto group = std::find_if(groups_.begin(), groups_.end(), same);
            group == groups_.end() ? groups_.push_back({&kind}) : group->push_back(&kind);
        }
    }

    Program run() {
        const std::int64_t leaves = draw_.between(1, 4);
        const std::int64_t steps = draw_.chance(0.7) ? draw_.between(1, 14) : draw_.between(15, most_steps);
        // Extents from one family broadcast more often than not.
        Shape family;
        for (int axis = 0; axis < 4; ++axis) family.push_back(draw_.between(1, 3));
        if (family.size() > most_elements) family[0] = 1;  // a leaf must not be refused
        if (draw_.chance(0.04)) family[static_cast<std::size_t>(draw_.below(4))] = 0;
        for (std::int64_t i = 0; i < leaves; ++i) {
            Step leaf;
            leaf.is_parameter = i == 0 || draw_.chance(0.6);
            leaf.shape = drawn_shape(draw_, family);
            for (std::int64_t j = 0; j < leaf.shape.size(); ++j) {
                leaf.numbers.push_back(draw_.signed_number(0.01, 1.5));
            }
            push(std::move(leaf));
        }
        for (std::int64_t attempts = 20 * steps; attempts > 0 && made_ < steps; --attempts) attempt();
        return std::move(program_);
    }

  private:
    void attempt() {
        if (made_ > 0 && draw_.chance(0.1)) return repeat();
        const auto& group = groups_[static_cast<std::size_t>(draw_.below(static_cast<std::int64_t>(groups_.size())))];
        Step step;
        step.kind = group[static_cast<std::size_t>(draw_.below(static_cast<std::int64_t>(group.size())))];
        std::vector<Shape> shapes;
        const auto count = static_cast<std::int64_t>(program_.steps.size());
        for (std::size_t i = 0; i < step.kind->arity; ++i) {
            const std::int64_t index =
                draw_.chance(0.5) ? count - 1 - draw_.below(std::min<std::int64_t>(count, 3)) : draw_.below(count);
            step.inputs.push_back(static_cast<std::size_t>(index));
            shapes.push_back(shapes_[static_cast<std::size_t>(index)]);
        }
        if (step.kind->draw) {
            std::optional<Integers> attributes = step.kind->draw(draw_, shapes);
            if (!attributes) return;
            step.attributes = std::move(*attributes);
        }
        push(std::move(step));
    }

    /// Says an earlier step once more, on what has been said once more of its inputs.
    void repeat() {
        const auto count = static_cast<std::int64_t>(program_.steps.size());
        const auto earlier = static_cast<std::size_t>(draw_.below(count));
        if (!program_.steps[earlier].kind) return;
        Step step = program_.steps[earlier];
        for (std::size_t& input : step.inputs) input = last_same_[input];
        const std::size_t before = program_.steps.size();
        push(std::move(step));
        if (program_.steps.size() > before) last_same_[earlier] = before;
    }

    void push(Step step) {
        program_.steps.push_back(std::move(step));
        try {
            if (!neighbourhood_.push()) {
                program_.steps.pop_back();
                return;
            }
            shapes_.push_back(neighbourhood_.shape());
            last_same_.push_back(last_same_.size());
            if (program_.steps.back().kind) ++made_;
        } catch (const std::exception&) {
            // check() will throw the same and report it.
            made_ = most_steps;
        }
    }

    Draw draw_;
    Program program_;
    Neighbourhood neighbourhood_;
    std::vector<std::vector<const Kind*>> groups_;
    std::vector<Shape> shapes_;
    std::vector<std::size_t> last_same_;  // of each step the last that says the same
    std::int64_t made_ = 0;
};

}  // namespace

std::uint64_t Draw::word() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

long double Draw::signed_number(double low, double high) {
    const auto size = static_cast<float>(low + (high - low) * static_cast<double>(word() >> 44) * 0x1p-20);
    return word() & 1 ? size : -size;
}

const Tensor& Recording::push() {
    const std::size_t index = values_.size();
    const Step& step = program_.steps[index];
    if (!step.kind) {
        const bool moves = step.is_parameter && distance_ != 0;
        const Tensor leaf = tensor_of(dtype_, step.shape, moves ? moved(program_, index, distance_) : step.numbers);
        values_.push_back(step.is_parameter ? parameter(leaf) : leaf);
    } else {
        values_.push_back(step.kind->apply(inputs_of(step), step.attributes));
    }
    return values_.back();
}

std::vector<Tensor> Recording::branches() const {
    const Step& step = program_.steps[values_.size() - 1];
    if (!step.kind || !step.kind->branches) return {};
    return step.kind->branches(inputs_of(step), step.attributes);
}

Tensor Recording::contracted() const {
    std::vector<bool> is_used(values_.size());
    for (const Step& step : program_.steps) {
        for (std::size_t input : step.inputs) is_used[input] = true;
    }
    Tensor total;
    for (std::size_t index = 0; index < values_.size(); ++index) {
        if (is_used[index]) continue;
        const Tensor& value = values_[index];
        const Tensor w =
            tensor_of(dtype_, value.shape(), directions(program_.seed, weights, index, count_of(value.shape())));
        const Tensor term = sum(value * w);
        total = total.is_empty_handle() ? term : total + term;
    }
    return total;
}

std::vector<Tensor> Recording::parameters() const {
    std::vector<Tensor> result;
    for (std::size_t index = 0; index < values_.size(); ++index) {
        if (program_.steps[index].is_parameter) result.push_back(values_[index]);
    }
    return result;
}

std::vector<Tensor> Recording::tangents(Purpose purpose) const {
    std::vector<Tensor> result;
    for (std::size_t index = 0; index < values_.size(); ++index) {
        if (!program_.steps[index].is_parameter) continue;
        const Shape& shape = values_[index].shape();
        result.push_back(tensor_of(dtype_, shape, directions(program_.seed, purpose, index, count_of(shape))));
    }
    return result;
}

std::vector<Tensor> Recording::inputs_of(const Step& step) const {
    std::vector<Tensor> inputs;
    for (std::size_t input : step.inputs) inputs.push_back(values_[input]);
    return inputs;
}

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all = [] {
        std::vector<Kind> result;
        add_elementwise(result);
        add_along_axes(result);
        add_movement(result);
        return result;
    }();
    return all;
}

Program generate(std::uint64_t seed, const std::vector<Kind>& from) {
    return Generator(seed, from).run();
}

bool is_tame(const Program& program) {
    Neighbourhood neighbourhood(program);
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        if (!neighbourhood.push()) return false;
    }
    return true;
}

xgrad::Tensor value_at(const Program& program, std::size_t step) {
    Recording recording(program, DType::float64);
    for (std::size_t i = 0; i < step; ++i) recording.push();
    return recording.push();
}

}  // namespace random_graph
