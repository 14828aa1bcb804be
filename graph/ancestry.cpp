#include <xgrad/graph/ancestry.hpp>

#include <algorithm>
#include <utility>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/short_list.hpp>

namespace xgrad {

namespace {

// The memory of larger ones is given back.
constexpr std::size_t most_kept = std::size_t{1} << 20;

bool is_among(std::span<const Tensor> xs, const Node& node) {
    return std::any_of(xs.begin(), xs.end(), [&](const Tensor& x) { return x.node().get() == &node; });
}

/// True if a rewritten node was typed with one of the xs, which the better formula passes by: A in log(A), A = σ(Z).
bool passes_by(const Node& node, std::span<const Tensor> xs) {
    ShortList<const Node*> path;
    path.push_back(&node);
    while (!path.empty()) {
        const Node* const typed = path.back();
        path.pop_back();
        for (const NodeRef& input : typed->inputs()) {
            if (!input->needs_gradient || input == node.extra->argument) continue;
            if (is_among(xs, *input)) return true;
            path.push_back(input.get());
        }
    }
    return false;
}

}  // namespace

Ancestry::Ancestry(std::span<const NodeRef> ys, std::span<const Tensor> xs) : xs_(xs), memory_(std::move(spare())) {
    if (memory_) {
        spare() = std::move(memory_->next);
    } else {
        memory_ = std::make_unique<Memory>();
    }
    for (const NodeRef& y : ys) {
        if (y->needs_gradient && index_of(*y) == none) visit(y.get());
    }
    connect();
}

Ancestry::~Ancestry() {
    // Each node gets its earlier place back: a derivative rule may itself take derivatives of this graph.
    for (std::size_t index = 0; index < size(); ++index) {
        Node& node = *memory_->order[index];
        if (!node.is_leaf()) node.place = memory_->earlier[index];
    }
    if (size() > most_kept) return;
    memory_->clear();
    memory_->next = std::move(spare());
    spare() = std::move(memory_);
}

void Ancestry::Memory::clear() {
    order.clear();
    formulas.clear();
    earlier.clear();
    targets.clear();
    first_target.clear();
    versions.clear();
    path.clear();
    is_wanted.clear();
    is_needed.clear();
    carried.clear();
    places_of_leaves.clear();
}

std::unique_ptr<Ancestry::Memory>& Ancestry::spare() {
    thread_local std::unique_ptr<Memory> first;
    return first;
}

std::uint32_t Ancestry::index_of(const Node& node) const {
    if (node.is_leaf()) return memory_->places_of_leaves.find(&node);
    return node.place < size() && memory_->order[node.place] == &node ? node.place : none;
}

void Ancestry::find(const Tensor& x, std::pmr::vector<std::uint32_t>& places) const {
    if (!x.is_parameter()) {
        if (const std::uint32_t index = index_of(*x.node()); index != none) places.push_back(index);
        return;
    }
    const ParameterSlot* const slot = x.node()->extra->slot.get();
    const auto& versions = memory_->versions;
    auto version = std::lower_bound(versions.begin(), versions.end(), Version{slot, 0});
    for (; version != versions.end() && version->first == slot; ++version) places.push_back(version->second);
}

std::span<const char> Ancestry::needed() const {
    std::vector<char>& is_needed = memory_->is_needed;
    is_needed = memory_->is_wanted;
    for (std::size_t index = 0; index < size(); ++index) {
        for (std::size_t input = 0; input < formula(index).inputs().size() && !is_needed[index]; ++input) {
            const std::uint32_t to = target(index, input);
            if (to != none) is_needed[index] = is_needed[to];
        }
    }
    return is_needed;
}

bool Ancestry::ends_at(const Node& node) const {
    return node.is_variable && is_among(xs_, node);
}

const Node& Ancestry::formula_of(const Node& node) const {
    return node.is_rewritten && !passes_by(node, xs_) ? node.formula() : node;
}

void Ancestry::visit(Node* root) {
    std::vector<Frame>& path = memory_->path;
    path.push_back({root, &formula_of(*root), 0});
    while (!path.empty()) {
        Frame& top = path.back();
        if (top.next_input == top.formula->inputs().size() || ends_at(*top.node)) {
            add(*top.node, *top.formula);
            path.pop_back();
            continue;
        }
        Node* input = top.formula->inputs()[top.next_input++].get();
        if (input->needs_gradient && index_of(*input) == none) path.push_back({input, &formula_of(*input), 0});
    }
}

void Ancestry::add(Node& node, const Node& formula) {
    const auto place = static_cast<std::uint32_t>(size());
    memory_->order.push_back(&node);
    memory_->formulas.push_back(&formula);
    memory_->earlier.push_back(node.place);
    // Leaves are shared between threads, so nothing is written to them.
    if (node.is_leaf()) {
        memory_->places_of_leaves.enter(&node, place);
        if (node.extra && node.extra->slot) memory_->versions.push_back({node.extra->slot.get(), place});
    } else {
        node.place = place;
    }
}

void Ancestry::connect() {
    for (std::size_t index = 0; index < size(); ++index) {
        memory_->first_target.push_back(static_cast<std::uint32_t>(memory_->targets.size()));
        const Node& from = formula(index);
        const bool is_end = ends_at((*this)[index]);
        for (std::size_t input = 0; input < from.inputs().size(); ++input) {
            const bool flows = from.inputs()[input]->needs_gradient && !from.op()->zero_reason(input) && !is_end;
            memory_->targets.push_back(flows ? index_of(*from.inputs()[input]) : none);
        }
    }
    std::sort(memory_->versions.begin(), memory_->versions.end());
    memory_->is_wanted.assign(size(), false);
    memory_->carried.resize(size());
}

}  // namespace xgrad
