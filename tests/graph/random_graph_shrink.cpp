#include <algorithm>
#include <exception>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/xgrad.hpp>

#include "random_graph.hpp"

namespace random_graph {

namespace {

/// Makes a program smaller, change by change, while it fails in the same way.
class Shrinker {
  public:
    Shrinker(Program program, const Failure& failure) : best_(std::move(program)), failure_(failure) {}

    Program run() {
        for (bool has_shrunk = true; has_shrunk && attempts_ > 0;) {
            has_shrunk = false;
            for (std::size_t i = best_.steps.size(); i-- > 0;) {
                if (i < best_.steps.size() && (drop(i) || cut(i) || bypass(i) || simplify(i))) has_shrunk = true;
            }
        }
        return std::move(best_);
    }

  private:
    /// Without a step that no other uses.
    bool drop(std::size_t index) {
        if (is_used(best_, index)) return false;
        return accept(without(best_, index));
    }

    /// An intermediate value becomes a parameter, and what led to it is dropped.
    bool cut(std::size_t index) {
        if (!best_.steps[index].kind || !is_used(best_, index)) return false;
        Program smaller = best_;
        try {
            const xgrad::Tensor value = value_at(best_, index);
            smaller.steps[index] =
                Step{.is_parameter = true, .shape = value.shape(), .numbers = support::numbers_of(value)};
        } catch (const std::exception&) {
            return false;
        }
        for (std::size_t i = index; i-- > 0;) {
            if (!is_used(smaller, i)) smaller = without(smaller, i);
        }
        return accept(std::move(smaller));
    }

    /// What uses a step uses one of its inputs instead.
    bool bypass(std::size_t index) {
        const std::vector<std::size_t> inputs = best_.steps[index].inputs;
        for (std::size_t input : inputs) {
            Program smaller = best_;
            for (Step& step : smaller.steps) std::replace(step.inputs.begin(), step.inputs.end(), index, input);
            if (accept(without(smaller, index))) return true;
        }
        return false;
    }

    /// A leaf of fewer axes, or of numbers that are easier to read.
    bool simplify(std::size_t index) {
        const Step& step = best_.steps[index];
        if (step.kind) return false;
        if (!step.shape.empty() && step.shape.size() > 0) {
            Program smaller = best_;
            Step& leaf = smaller.steps[index];
            leaf.shape.erase(0);
            leaf.numbers.resize(support::count_of(leaf.shape));
            if (accept(std::move(smaller))) return true;
        }
        Program smaller = best_;
        for (long double& number : smaller.steps[index].numbers) number = std::round(number * 4 + 0.5L) / 4;
        if (smaller.steps[index].numbers == step.numbers) return false;
        return accept(std::move(smaller));
    }

    static bool is_used(const Program& program, std::size_t index) {
        return std::any_of(program.steps.begin(), program.steps.end(), [&](const Step& step) {
            return std::find(step.inputs.begin(), step.inputs.end(), index) != step.inputs.end();
        });
    }

    static Program without(const Program& program, std::size_t index) {
        Program smaller = program;
        smaller.steps.erase(smaller.steps.begin() + static_cast<std::ptrdiff_t>(index));
        for (Step& step : smaller.steps) {
            for (std::size_t& input : step.inputs) input -= input > index;
        }
        return smaller;
    }

    bool accept(Program smaller) {
        if (smaller.steps.empty() || attempts_-- <= 0) return false;
        // An error is reported as it is; everything else must be judged where differences are accurate.
        if (failure_.property != "error" && !is_still_tame(smaller)) return false;
        const Verdict verdict = check(smaller);
        if (!verdict.failure || verdict.failure->property != failure_.property) return false;
        if (failure_.property == "error" && op_of(*verdict.failure) != op_of(failure_)) return false;
        best_ = std::move(smaller);
        return true;
    }
    /// An operation may refuse the shapes that a change has led to.
    static bool is_still_tame(const Program& program) {
        try {
            return is_tame(program);
        } catch (const std::exception&) {
            return false;
        }
    }
    static std::string op_of(const Failure& failure) { return failure.text.substr(0, failure.text.find(" got ")); }

    Program best_;
    Failure failure_;
    int attempts_ = 2000;
};

}  // namespace

std::string to_string(const Program& program) {
    std::string text;
    for (std::size_t index = 0; index < program.steps.size(); ++index) {
        const Step& step = program.steps[index];
        std::vector<std::string> parts;
        if (step.kind) {
            for (std::size_t input : step.inputs) parts.push_back(fmt::format("x{}", input));
            if (!step.attributes.empty()) parts.push_back(fmt::format("{{{}}}", fmt::join(step.attributes, ", ")));
            text += fmt::format("    x{} = {}: {}", index, step.kind->name, fmt::join(parts, ", "));
        } else {
            for (long double number : step.numbers) parts.push_back(fmt::format("{:.9g}", static_cast<double>(number)));
            text += fmt::format("    x{} = {} {{{}}}", index, step.is_parameter ? "parameter" : "constant",
                                fmt::join(parts, ", "));
        }
        try {
            text += "  " + xgrad::to_string(value_at(program, index).shape()) + "\n";
        } catch (const std::exception& error) {
            text += fmt::format("  throws {}\n", error.what());
        }
    }
    return text;
}

Program shrunk(const Program& program, const Failure& failure) {
    return Shrinker(program, failure).run();
}

std::string report(const Program& program, const Failure& failure) {
    const Program smallest = shrunk(program, failure);
    const Verdict verdict = check(smallest);
    return fmt::format("seed {} ({} steps): {}: {}\nXGRAD_TEST_SEED={} runs it alone. Shrunk:\n{}    {}: {}\n",
                       program.seed, program.steps.size(), failure.property, failure.text, program.seed,
                       to_string(smallest), failure.property, verdict.failure ? verdict.failure->text : "passes");
}

}  // namespace random_graph
