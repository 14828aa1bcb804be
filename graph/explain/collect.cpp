#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include <xgrad/graph/differentiate.hpp>
#include <xgrad/graph/explain/equations.hpp>
#include <xgrad/graph/explain/names.hpp>
#include <xgrad/graph/explain/notation.hpp>
#include <xgrad/graph/explain/read.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad::explain {

namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);
constexpr std::int64_t no_layer = -1, several_layers = -2, layer_without_number = -3;  // of the parameters in a value
constexpr std::size_t longest = 18;  // what has more symbols than that is given a name of its own

/// What is known of a recorded node.
struct Entry {
    Ref value = nullptr;    // as its consumers write it
    std::size_t uses = 0;   // as an input of others
    std::size_t of = none;  // it is the derivative with respect to the node of that index
    bool is_forward = false;
    bool is_asked_for = false;      // one of the xs
    std::size_t wanted_for = none;  // it is the gradient for the x of that number
    bool is_matrix = false;         // an operand of a matrix product
    bool is_calculated = false;     // an operand of arithmetic
    std::int64_t layer = no_layer;
    std::vector<Stretch> stretches{};
};

class Collector {
  public:
    Collector(const Tensor& y, std::span<const Tensor> xs, Equations& result, Location at)
        : equations_(result), algebra_(result.algebra), root_(source(y, "derivation", at)) {
        visit({root_});
        const std::size_t count = nodes_.size();
        for (Entry& entry : entries_) entry.is_forward = true;
        differentiate(y, xs, at);
        std::vector<NodeRef> roots{root_};
        for (std::size_t i = 0; i < xs.size(); ++i) roots.push_back(gradients_[i].node());
        visit(roots);
        for (Node* node : nodes_) {
            for (const NodeRef& input : node->inputs()) ++entry_of(*input).uses;
        }
        connect(xs);
        name_data(count);
        for (std::size_t index = 0; index < nodes_.size(); ++index) convert(index);
        add_results(xs.size());
        equations_.examples = examples();
        sort_given(equations_);
        algebra_.forget_reciprocals();
        arrange(equations_, is_nameless_, results_);
        std::vector<std::pair<std::size_t, std::size_t>> gradients;
        for (const auto& [gradient, x] : result_of_) {
            if (const auto of = symbol_of_.find(x); of != symbol_of_.end())
                gradients.emplace_back(gradient, of->second);
        }
        add_remarks(equations_, stretches_, gradients, distributions_);
    }

    /// What each symbol stands for.
    std::vector<Tensor> tensors() const {
        std::vector<Tensor> result(equations_.symbols.size());
        for (const auto& [node, symbol] : symbol_of_) result[symbol] = Record(*nodes_[index_.at(node)]).output();
        for (std::size_t i = 0; i < results_.size(); ++i) {
            if (i > 0) result[results_[i]] = gradients_[i - 1];  // the first is y
        }
        return result;
    }

  private:
    Entry& entry_of(const Node& node) { return entries_[index_.at(&node)]; }

    /// Takes in everything that the roots are computed from, inputs first; what is known already keeps its place.
    void visit(const std::vector<NodeRef>& roots) {
        nodes_ = ancestors(roots);
        for (std::size_t i = entries_.size(); i < nodes_.size(); ++i) index_.emplace(nodes_[i], i);
        entries_.resize(nodes_.size());
    }

    /// The gradients, and with them the derivative with respect to everything on the way: one call, one graph.
    void differentiate(const Tensor& y, std::span<const Tensor> xs, Location at) {
        std::vector<Tensor> all(xs.begin(), xs.end());
        std::vector<Node*> path{root_.get()};
        std::unordered_set<const Node*> reached{root_.get()};
        while (!path.empty()) {
            Node* node = path.back();
            path.pop_back();
            if (node->is_leaf() || !node->needs_gradient || node->is_variable) continue;
            all.push_back(Record(*node).output());
            between_.push_back(index_.at(node));
            for (const NodeRef& input : node->inputs()) {
                if (input->needs_gradient && reached.insert(input.get()).second) path.push_back(input.get());
            }
        }
        gradients_ = grad(y, all, Unconnected::is_an_error, at);
    }

    /// Which node is the derivative with respect to which.
    void connect(std::span<const Tensor> xs) {
        const std::size_t asked_for = xs.size();
        for (std::size_t i = 0; i < asked_for; ++i) {
            asked_.push_back(source(xs[i], "derivation", {}).get());
            if (const auto x = index_.find(asked_.back()); x != index_.end()) entries_[x->second].is_asked_for = true;
            std::size_t& wanted_for = entry_of(*gradients_[i].node()).wanted_for;
            if (wanted_for == none) wanted_for = i;
        }
        // A sum hands its derivative on as it is: of several nodes with the same one the last, or one with a name,
        // counts.
        for (std::size_t i = 0; i < between_.size(); ++i) {
            const auto found = index_.find(gradients_[asked_for + i].node().get());
            if (found == index_.end() || entries_[found->second].is_forward) continue;
            std::size_t& of = entries_[found->second].of;
            const auto rank = [&](std::size_t node) {
                return node == none ? std::pair(-1, node) : std::pair(has_name(*nodes_[node]) ? 1 : 0, node);
            };
            if (rank(between_[i]) > rank(of) || of == none) of = between_[i];
        }
        for (Node* node : nodes_) {
            if (node->is_leaf()) continue;
            const Writing writing = writing_of(*node->op());
            for (const NodeRef& input : node->inputs()) {
                Entry& entry = entry_of(*input);
                if (writing == Writing::matrix_product) entry.is_matrix = true;
                if (entry_of(*node).is_forward && writing != Writing::call && writing != Writing::sigmoid) {
                    entry.is_calculated = true;
                }
            }
        }
    }

    static bool has_name(const Node& node) { return node.extra && !node.extra->name.empty(); }
    static bool is_given(const Node& node) { return node.inputs().empty() && (node.is_leaf() || node.is_computed); }

    /// X is the data that parameters work on, Y what else there is.
    void name_data(std::size_t count) {
        for (const Node* node : nodes_) {
            if (has_name(*node)) names_.reserve(readable_name(node->extra->name));
        }
        std::unordered_set<std::string> used;
        for (std::size_t i = 0; i < count; ++i) {
            const Node& node = *nodes_[i];
            const bool is_elementwise = node.op() && node.op()->is_elementwise_kernel();
            const bool has_parameter =
                std::any_of(node.inputs().begin(), node.inputs().end(),
                            [](const NodeRef& input) { return input->needs_gradient && input->inputs().empty(); });
            for (const NodeRef& leaf : node.inputs()) {
                if (!is_given(*leaf) || has_name(*leaf) || leaf->needs_gradient || as_value(*leaf)) continue;
                const char* usual = has_parameter && !is_elementwise ? "X" : "Y";
                if (data_names_.contains(leaf.get()) || !names_.is_free(usual) || !used.insert(usual).second) continue;
                data_names_.emplace(leaf.get(), usual);
            }
        }
        for (const std::string& name : used) names_.reserve(name);
    }

    std::size_t add_symbol(Symbol::Kind kind, std::string name, const Node& node, bool is_nameless) {
        name = names_.take(std::move(name), "'");
        std::string ascii = ascii_names_.take(ascii_name(name), "_");
        equations_.symbols.push_back({kind, std::move(name), std::move(ascii), node.shape, node.dtype});
        is_nameless_.push_back(is_nameless);
        return equations_.symbols.size() - 1;
    }

    Ref symbol(std::size_t index) {
        const Symbol& s = equations_.symbols[index];
        return algebra_.symbol(index, s.dtype, s.shape);
    }

    /// The number that a node without history holds, once or everywhere.
    Ref as_value(const Node& node) {
        if (node.needs_gradient || has_name(node)) return nullptr;
        const auto value = repeated_number(node);
        return value ? algebra_.stretched(algebra_.number(*value, node.dtype), node.shape) : nullptr;
    }

    /// A constant that has been computed and has lost its inputs, such as 1 - Y, from other data, if it is that to the
    /// bit.
    Ref recalled(Node& node) {
        if (!node.op() || has_name(node) || node.shape.size() == 0) return nullptr;
        for (const auto& [data, index] : data_) {
            const Symbol& known = equations_.symbols[index];
            if (known.shape != node.shape) continue;
            const auto arguments = arguments_that_give(node, *data);
            if (arguments.empty()) continue;
            std::vector<Ref> refs;
            for (const auto& number : arguments) {
                refs.push_back(number ? algebra_.number(*number, known.dtype) : symbol(index));
            }
            return expression_of(algebra_, node, refs);
        }
        return nullptr;
    }

    void convert(std::size_t index) {
        Node& node = *nodes_[index];
        Entry& entry = entries_[index];
        if (is_given(node)) {
            entry.value = as_value(node);
            if (!entry.value) entry.value = recalled(node);
            if (!entry.value) entry.value = symbol(add_given(node));
            if (node.needs_gradient) {
                const auto own = numbered(equations_.symbols[entry.value->symbol].name);
                entry.layer = own ? own->number : layer_without_number;
            }
            return;
        }
        std::vector<Ref> arguments;
        std::size_t quantities = 0;
        for (const NodeRef& input : node.inputs()) {
            const Entry& from = entry_of(*input);
            arguments.push_back(from.value);
            if (!as_number(from.value)) ++quantities;
            if (from.layer != no_layer) {
                const bool is_one = entry.layer == no_layer || entry.layer == from.layer;
                entry.layer = is_one ? from.layer : several_layers;
            }
            entry.stretches.insert(entry.stretches.end(), from.stretches.begin(), from.stretches.end());
            const bool is_stretched = node.op()->is_elementwise_kernel() && input->shape != node.shape;
            if (is_stretched && from.value->form == Form::symbol) {
                entry.stretches.push_back({from.value->symbol, input->shape, node.shape});
            }
        }
        entry.value = expression_of(algebra_, node, arguments);
        const Writing writing = entry.value->form == Form::call ? writing_of(*entry.value->op) : Writing::add;
        const bool is_condition = writing == Writing::cast && entry.value->arguments[0]->dtype == DType::boolean;
        const bool is_plain = writing == Writing::add || is_comparison(writing) || is_condition;
        const bool is_cheap = quantities <= 1 && entry.value->size <= 3 && is_plain && !beside_one(entry.value);
        if (!needs_line(node, entry, is_cheap)) return;
        std::size_t defined = name_of(node, entry);
        if (!entry.is_forward) {
            equations_.backward.push_back({defined, entry.value});
        } else {
            equations_.forward.push_back({defined, entry.value});
            for (const Stretch& stretch : entry.stretches) stretches_.emplace(defined, stretch);
        }
        note_distribution(defined, node);
        algebra_.note_reciprocal(symbol(defined), entry.value);
        entry = {.value = symbol(defined),
                 .uses = entry.uses,
                 .of = entry.of,
                 .is_forward = entry.is_forward,
                 .wanted_for = entry.wanted_for};
        symbol_of_.emplace(&node, defined);
    }

    bool needs_line(const Node& node, const Entry& entry, bool is_cheap) const {
        if (has_name(node) || &node == root_.get()) return true;
        if (entry.is_forward && entry.is_asked_for) return true;
        if (as_number(entry.value) || entry.value->form == Form::symbol) return false;
        // W X + b before its activation, although nothing else may use it.
        if (is_layer(entry) && !entry.is_calculated && node.shape.rank() > 0) return true;
        if (entry.wanted_for != none && !entry.is_forward) return true;
        const bool is_derivative = entry.of != none && symbol_of_.contains(nodes_[entry.of]);
        if (is_derivative && (entry.uses > 1 || entry.is_matrix)) return true;
        return (entry.uses > 1 && !is_cheap) || entry.value->size > longest;
    }

    /// True for a sum or product with the parameters of one layer.
    static bool is_layer(const Entry& entry) {
        const bool has_layer = entry.layer >= 0 || entry.layer == layer_without_number;
        const bool is_sum = entry.value->form == Form::sum && entry.value->arguments.size() > 1;
        return entry.is_forward && has_layer && (is_sum || entry.value->form == Form::matrix_product);
    }

    /// A new symbol under the user's name, ∂ and the name of what it is a derivative of, Z and A with the number of a
    /// layer, or t and a number.
    std::size_t name_of(const Node& node, const Entry& entry) {
        if (has_name(node)) return add_symbol(Symbol::Kind::value, readable_name(node.extra->name), node, false);
        if (&node == root_.get()) return add_symbol(Symbol::Kind::value, "J", node, false);
        if (entry.wanted_for != none && !entry.is_forward) {
            return add_symbol(Symbol::Kind::derivative, "∂" + name_of_x(entry.wanted_for), node, false);
        }
        const auto of = entry.of == none ? symbol_of_.end() : symbol_of_.find(nodes_[entry.of]);
        if (of != symbol_of_.end()) {
            return add_symbol(Symbol::Kind::derivative, "∂" + equations_.symbols[of->second].name, node, true);
        }
        if (entry.is_forward && node.needs_gradient) {
            const auto free_name = [&](const char* letter, std::int64_t layer) {
                const bool has_layer = (layer >= 0 || layer == layer_without_number) && node.shape.rank() > 0;
                std::string name = letter + (layer >= 0 ? std::to_string(layer) : "");
                return has_layer && names_.is_free(name) ? name : "";
            };
            if (std::string name = free_name("Z", entry.layer); !name.empty() && is_layer(entry)) {
                return add_symbol(Symbol::Kind::value, std::move(name), node, false);
            }
            std::int64_t layer = no_layer;
            std::size_t only = 0;
            for_each_symbol(entry.value, [&](std::size_t symbol) {
                only = symbol;
                const std::string& name = equations_.symbols[symbol].name;
                const auto own = numbered(name);
                const bool is_first = layer == no_layer;
                layer = is_first && own && own->base == "Z" ? own->number
                        : is_first && name == "Z"           ? layer_without_number
                                                            : several_layers;
            });
            std::string name = free_name("A", layer);
            // e^-Z is a part of an activation, none itself.
            const bool is_part = entry.value->form == Form::call && entry.value->arguments.size() == 1 &&
                                 split(entry.value->arguments[0]).coefficient != 1;
            if (!name.empty() && !is_part && node.shape == equations_.symbols[only].shape) {
                return add_symbol(Symbol::Kind::value, std::move(name), node, false);
            }
        }
        const auto kind = entry.is_forward ? Symbol::Kind::value : Symbol::Kind::derivative;
        return add_symbol(kind, names_.next("t"), node, true);
    }

    std::string name_of_x(std::size_t number) const {
        const auto x = symbol_of_.find(asked_[number]);
        return x == symbol_of_.end() ? "x" : equations_.symbols[x->second].name;
    }

    std::size_t add_given(Node& node) {
        const bool is_parameter = node.needs_gradient;
        std::string name;
        if (has_name(node)) {
            name = readable_name(node.extra->name);
        } else if (const auto found = data_names_.find(&node); found != data_names_.end()) {
            name = found->second;
        } else {
            name = names_.next(is_parameter ? "P" : "C");
        }
        const auto kind = is_parameter ? Symbol::Kind::parameter : Symbol::Kind::data;
        const std::size_t result = add_symbol(kind, std::move(name), node, false);
        equations_.given.push_back(result);
        symbol_of_.emplace(&node, result);
        if (!is_parameter) data_.emplace_back(&node, result);
        note_distribution(result, node);
        return result;
    }

    void note_distribution(std::size_t symbol, Node& node) {
        if (const auto axis = distribution_axis(node)) {
            algebra_.adds_up_to_one(symbol, *axis);
            distributions_.push_back(symbol);
        }
    }

    /// The lines that are asked for: y and the gradients, each under its own name.
    void add_results(std::size_t count) {
        results_.push_back(symbol_of_.at(root_.get()));
        for (std::size_t i = 0; i < count; ++i) {
            const Node& gradient = *gradients_[i].node();
            const Entry& entry = entry_of(gradient);
            std::size_t result = none;
            if (const auto own = symbol_of_.find(&gradient);
                own != symbol_of_.end() && !entry.is_forward && entry.wanted_for == i) {
                result = own->second;
            } else {
                result = add_symbol(Symbol::Kind::derivative, "∂" + name_of_x(i), gradient, false);
                equations_.backward.push_back({result, entry.value});
            }
            results_.push_back(result);
            result_of_.emplace(result, asked_[i]);
        }
    }

    /// The number of columns of the first data matrix.
    std::int64_t examples() const {
        if (!names_.is_free("m")) return 0;
        for (std::size_t index : equations_.given) {
            const Symbol& symbol = equations_.symbols[index];
            if (symbol.kind == Symbol::Kind::data && symbol.shape.rank() == 2) return symbol.shape[1];
        }
        return 0;
    }

    Equations& equations_;
    Algebra& algebra_;
    NodeRef root_;
    std::vector<Node*> nodes_;
    std::vector<Entry> entries_;
    std::unordered_map<const Node*, std::size_t> index_;
    std::vector<Tensor> gradients_;     // of what was asked for, then of between_
    std::vector<const Node*> asked_;    // the nodes of the xs
    std::vector<std::size_t> between_;  // indices of the nodes between y and the parameters
    std::unordered_map<const Node*, std::string> data_names_;
    Names names_, ascii_names_;
    std::unordered_map<const Node*, std::size_t> symbol_of_;
    std::vector<std::pair<const Node*, std::size_t>> data_;
    std::multimap<std::size_t, Stretch> stretches_;
    std::vector<std::size_t> distributions_;
    std::vector<bool> is_nameless_;
    std::vector<std::size_t> results_;
    std::unordered_map<std::size_t, const Node*> result_of_;
};

}  // namespace

std::unique_ptr<Equations> equations_of(const Tensor& y, std::span<const Tensor> xs, bool simplifies, Location at,
                                        std::vector<Tensor>* tensors) {
    auto result = std::make_unique<Equations>(simplifies);
    const Collector collector(y, xs, *result, at);
    if (tensors) *tensors = collector.tensors();
    return result;
}

}  // namespace xgrad::explain
