#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <xgrad/xgrad.hpp>

// Prints the reference page of all operations, tutorials/operations/page.md, from the catalogue: what stands there
// about an operation is what was recorded when one of its probes was called.

using namespace xgrad;

namespace {

constexpr std::size_t longest_formula = 240;

/// How a recorded expression is written: infix where people do, with the names of leaves and of the result.
class Writer {
  public:
    void name(const Tensor& tensor, std::string text) { names_[tensor.node().get()] = std::move(text); }
    void name_version(const Tensor& parameter, std::string text) {
        names_[parameter.node()->extra->current.get()] = std::move(text);
    }
    std::string operator()(const Tensor& tensor) const {
        depends_.clear();
        std::string text = write(*tensor.node(), 0);
        return text.size() > longest_formula ? text.substr(0, longest_formula) + " ..." : text;
    }

  private:
    struct Infix {
        const char* sign;
        int strength;
    };
    static const Infix* infix_of(const std::string& op) {
        static const std::map<std::string, Infix> signs{{"add", {" + ", 2}},
                                                        {"subtract", {" - ", 2}},
                                                        {"multiply", {" * ", 3}},
                                                        {"divide", {" / ", 3}},
                                                        {"scale_cotangent", {" * ", 3}},
                                                        {"equal", {" == ", 1}},
                                                        {"not_equal", {" != ", 1}},
                                                        {"less", {" < ", 1}},
                                                        {"less_equal", {" <= ", 1}},
                                                        {"greater", {" > ", 1}},
                                                        {"greater_equal", {" >= ", 1}}};
        const auto found = signs.find(op);
        return found == signs.end() ? nullptr : &found->second;
    }

    static std::string number(const Node& node) {
        return visit(node.dtype, [&](auto zero) {
            return fmt::format("{:.6g}", static_cast<double>(*static_cast<const decltype(zero)*>(node.data)));
        });
    }

    static std::string written(const Attributes::Entry& entry) {
        if (std::holds_alternative<std::shared_ptr<const void>>(entry.value)) return "f";
        std::string text = fmt::format("{}=", entry.name);
        if (const auto* on = std::get_if<bool>(&entry.value)) return text + (*on ? "true" : "false");
        if (const auto* whole = std::get_if<std::int64_t>(&entry.value)) return text + std::to_string(*whole);
        if (const auto* real = std::get_if<double>(&entry.value)) return text + fmt::format("{:.6g}", *real);
        if (const auto* dtype = std::get_if<DType>(&entry.value)) return text + std::string(xgrad::name(*dtype));
        return text + to_string(std::get<Shape>(entry.value));
    }

    /// True if what has a name is among the node's ancestors. Asked once per node: a graph has many ways to each.
    bool depends(const Node& node) const {
        if (names_.contains(&node)) return true;
        const auto [known, is_new] = depends_.try_emplace(&node, false);
        if (is_new) {
            known->second = std::any_of(node.inputs().begin(), node.inputs().end(),
                                        [&](const NodeRef& input) { return depends(*input); });
        }
        return known->second;
    }

    std::string write(const Node& node, int around) const {
        if (const auto found = names_.find(&node); found != names_.end()) return found->second;
        // A leaf, or what was read during the recording and has let go of where it came from.
        if (node.inputs().empty()) return node.shape.size() == 1 ? number(node) : "constant" + to_string(node.shape);
        const std::string& op = node.op()->name;
        // A number repeated is written as the number.
        if (op == "broadcast_to" && node.inputs()[0]->is_leaf() && node.inputs()[0]->shape.rank() == 0) {
            return write(*node.inputs()[0], around);
        }
        if (!depends(node)) return "constant" + to_string(node.shape);
        if (op == "negative") return "-" + write(*node.inputs()[0], 4);
        if (const Infix* infix = infix_of(op)) {
            const std::string text =
                write(*node.inputs()[0], infix->strength) + infix->sign + write(*node.inputs()[1], infix->strength + 1);
            return infix->strength < around ? "(" + text + ")" : text;
        }
        std::string text = op + "(";
        const char* comma = "";
        for (const NodeRef& input : node.inputs()) {
            text += comma + write(*input, 0);
            comma = ", ";
        }
        for (const Attributes::Entry& entry : node.attributes()) {
            text += comma + written(entry);
            comma = ", ";
        }
        return text + ")";
    }

    std::map<const Node*, std::string> names_;
    mutable std::map<const Node*, bool> depends_;
};

const char* const argument_names[] = {"x", "y", "z", "w"};

/// Numbers that are easy to read, from the probe's interval.
Tensor input_of(const ProbeInput& input, DType real, int which) {
    std::vector<double> values;
    const std::int64_t size = input.shape.size();
    for (std::int64_t i = 0; i < size; ++i) {
        const std::int64_t stride = (size + 1) % 7 == 0 ? 5 : 7;
        const auto place = static_cast<double>((stride * i + 3 * which) % (size + 1));
        const double part = (place + 0.5) / (static_cast<double>(size) + 1);
        const double value = input.low + (input.high - input.low) * part;
        values.push_back(input.kind == ProbeInput::Kind::real      ? std::round(100 * value) / 100
                         : input.kind == ProbeInput::Kind::boolean ? static_cast<double>((i + which) % 2)
                                                                   : std::floor(value));
    }
    const DType dtype = input.kind == ProbeInput::Kind::real      ? real
                        : input.kind == ProbeInput::Kind::boolean ? DType::boolean
                                                                  : DType::int64;
    const Tensor flat = xt::xarray<double>(xt::adapt(values, {values.size()}));
    return reshape(astype(flat, dtype), input.shape);
}

Tensor called(const Op& op, const Probe& probe, const std::vector<Tensor>& inputs) {
    return probe.call ? probe.call(inputs) : apply(op, inputs);
}

/// The dtypes that the call takes for its real arguments.
std::string dtypes_of(const Op& op, const Probe& probe) {
    std::string text;
    for (const DType dtype : {DType::boolean, DType::int32, DType::int64, DType::float32, DType::float64}) {
        try {
            std::vector<Tensor> inputs;
            for (const ProbeInput& input : probe.inputs) inputs.push_back(input_of(input, dtype, 0));
            called(op, probe, inputs);
            text += (text.empty() ? "" : ", ") + std::string(name(dtype));
        } catch (const Error&) {
        }
    }
    return text;
}

/// The probe to show: of few elements, but not of one.
const Probe& example_of(const Op& op) {
    const auto cost = [](const Probe& probe) {
        std::int64_t size = 0;
        bool is_plain = true;
        for (const ProbeInput& input : probe.inputs) {
            size += input.shape.size();
            is_plain = is_plain && input.shape.size() > 1;
        }
        return size + (is_plain ? 0 : 1000);
    };
    return *std::min_element(op.probes.begin(), op.probes.end(),
                             [&](const Probe& a, const Probe& b) { return cost(a) < cost(b); });
}

std::string on_one_line(const Tensor& tensor) {
    if (tensor.size() > 24) return "of shape " + to_string(tensor.shape());
    std::string text = is_floating(tensor.dtype()) ? to_string(tensor, ".4g") : to_string(tensor);
    std::string line;
    for (const char c : text) {
        if (c == '\n') continue;
        if (c == ' ' && !line.empty() && (line.back() == ' ' || line.back() == '[')) continue;
        line += c;
    }
    return line;
}

void print(const Op& op) {
    fmt::print("### {}\n\n    {}\n\n", op.name, op.math);
    const Probe& probe = example_of(op);
    if (probe.inputs.empty()) {
        fmt::print("- made of numbers, not of tensors; no derivative\n\n");
        return;
    }
    Writer write;
    std::vector<Tensor> inputs;
    std::string shapes, example;
    for (std::size_t i = 0; i < probe.inputs.size(); ++i) {
        Tensor input = input_of(probe.inputs[i], DType::float64, static_cast<int>(i));
        const bool varies = is_floating(input.dtype());
        if (varies) input = parameter(input, argument_names[i]);
        if (varies) write.name_version(input, argument_names[i]);
        if (!varies) write.name(input, argument_names[i]);
        inputs.push_back(input);
        shapes += (i > 0 ? ", " : "") + to_string(input.shape());
        example += fmt::format("{}{} = {}", i > 0 ? ", " : "", argument_names[i], on_one_line(input));
    }
    const Tensor result = called(op, probe, inputs);
    fmt::print("- {} -> {}; {}\n", shapes, to_string(result.shape()), dtypes_of(op, probe));
    fmt::print("- `{}`\n", write(result));
    if (result.needs_gradient()) {
        const Tensor g = parameter(ones_like(result), "g");
        write.name_version(g, "g");
        write.name(result, "result");
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (!inputs[i].is_parameter()) continue;
            const std::string* reason = probe.call ? nullptr : op.zero_reason(i);
            if (reason) {
                fmt::print("- d{} = 0: {}\n", argument_names[i], *reason);
                continue;
            }
            const Tensor derivative = vjp(result, g, {&inputs[i], 1}, Unconnected::gives_zeros)[0];
            fmt::print("- d{} = `{}`\n", argument_names[i], write(derivative));
        }
    } else if (const std::string* reason = op.family == Op::Family::composite ? nullptr : op.zero_reason(0)) {
        fmt::print("- no derivative: {}\n", *reason);
    }
    fmt::print("- {}: {}\n\n", example, on_one_line(result));
}

struct Chapter {
    Op::Family family;
    const char* title;
    const char* text;
};

constexpr Chapter chapters[] = {
    {Op::Family::elementwise, "Elementwise", "A scalar function of each element; arguments broadcast."},
    {Op::Family::linear, "Linear", "Linear in its arguments: forward mode is the operation itself."},
    {Op::Family::general, "General", "With a rule for reverse and one for forward mode."},
    {Op::Family::composite, "Written with others", "Functions that are written with other operations."},
};

}  // namespace

int main() {
    fmt::print(
        "<!-- printed -->\n# Operations\n\n"
        "Printed by `tutorials/operations/main.cpp` from the catalogue, and checked by the tests to be current. For "
        "each\n"
        "operation: its formula; the shapes of one call and the dtypes that it takes; the call as it is recorded; "
        "what\n"
        "reverse mode makes of it, with g the cotangent of the result; the call's numbers. `linalg` functions stand "
        "in\n"
        "namespace `xgrad::linalg`, draws in `xgrad::random`.\n\n");
    for (const Chapter& chapter : chapters) {
        std::vector<const Op*> ops;
        for (const Op* op : catalogue()) {
            if (op->family == chapter.family) ops.push_back(op);
        }
        std::sort(ops.begin(), ops.end(), [](const Op* a, const Op* b) { return a->name < b->name; });
        fmt::print("## {}\n\n{}\n\n", chapter.title, chapter.text);
        for (const Op* op : ops) print(*op);
    }
}
