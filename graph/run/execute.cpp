#include <xgrad/graph/run/execute.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/parallel.hpp>

namespace xgrad::run {

namespace {

/// Elements that an elementwise kernel works on at a time: inputs and output of one block stay in the first cache.
constexpr std::size_t block = 1024;

/// What is to be computed, inputs first, with the bookkeeping of who still needs what.
class Schedule {
  public:
    explicit Schedule(std::span<Node* const> roots) {
        for (Node* root : roots) visit(root);
        uses_.resize(order_.size());
        for (Node* node : order_) {
            for (const NodeRef& input : node->inputs) {
                if (contains(*input)) ++uses_[input->slot];
            }
        }
        edges_ = uses_;
        for (Node* root : roots) {
            if (contains(*root)) ++uses_[root->slot];
        }
    }

    const std::vector<Node*>& order() const { return order_; }

    /// Called when a node has been computed: gives back what nobody will read again.
    void finish(Node& node) {
        const bool forget = !node.needs_gradient;
        for (const NodeRef& input : node.inputs) {
            if (!contains(*input)) continue;
            const std::uint32_t slot = input->slot;
            --uses_[slot];
            const bool only_we_hold_it = input->references.load(std::memory_order_relaxed) == edges_[slot];
            if (uses_[slot] == 0 && input->is_transient && input->needs_gradient && only_we_hold_it) {
                input->drop_value();
            }
            if (forget) --edges_[slot];
        }
        if (forget) node.drop_history();
    }

  private:
    struct Frame {
        Node* node;
        std::size_t next_input;
    };

    // A node's slot says where it would stand in order_; it is there only if order_ agrees, so slots need no reset.
    bool contains(const Node& node) const { return node.slot < order_.size() && order_[node.slot] == &node; }

    void visit(Node* root) {
        if (root->is_computed || contains(*root)) return;
        std::vector<Frame> path{{root, 0}};
        while (!path.empty()) {
            Frame& top = path.back();
            if (top.next_input == top.node->inputs.size()) {
                require_value(*top.node);
                top.node->slot = static_cast<std::uint32_t>(order_.size());
                order_.push_back(top.node);
                path.pop_back();
                continue;
            }
            Node* input = top.node->inputs[top.next_input++].get();
            if (!input->is_computed && !contains(*input)) path.push_back({input, 0});
        }
    }

    /// A leaf without a value is a stand-in for one example.
    static void require_value(const Node& node) {
        if (!node.is_leaf()) return;
        throw ValueError("vmap", "needs a function that reads no values",
                         "one that reads an argument of shape " + to_string(node.shape), node.location());
    }

    std::vector<Node*> order_;
    std::vector<std::uint32_t> uses_;   // readers that have not been computed
    std::vector<std::uint32_t> edges_;  // readers that still hold a reference
};

Array array_of(const Node& node) {
    return {node.dtype, node.shape, node.layout(), node.data};
}

void run_blocks(BlockKernel kernel, std::span<const Array> inputs, Node& node) {
    constexpr std::size_t most_inputs = 4;
    const auto size = static_cast<std::size_t>(node.shape.size());
    std::vector<Packer> packers;
    packers.reserve(inputs.size());
    for (const Array& input : inputs) {
        packers.emplace_back(input, node.shape);
    }
    const std::size_t item = item_size(node.dtype);
    const std::size_t blocks = (size + block - 1) / block;
    // Several blocks to a part: a thread that takes a part sets its scratch up once.
    constexpr std::size_t blocks_per_part = 16;
    const std::size_t parts = (blocks + blocks_per_part - 1) / blocks_per_part;
    parallel_for(parts, size * item, [&](std::size_t part) {
        alignas(64) std::byte scratch[most_inputs][block * 16];
        const void* pointers[most_inputs];
        const std::size_t first = part * blocks_per_part * block;
        const std::size_t end = std::min(size, first + blocks_per_part * block);
        for (std::size_t index = 0; index < inputs.size(); ++index) {
            pointers[index] = scratch[index];
            if (packers[index].is_repeated()) packers[index].pack(0, std::min(block, end - first), scratch[index]);
        }
        for (std::size_t start = first; start < end; start += block) {
            const std::size_t count = std::min(block, end - start);
            for (std::size_t index = 0; index < inputs.size(); ++index) {
                if (packers[index].is_repeated()) continue;
                if (packers[index].is_contiguous()) {
                    const auto* data = static_cast<const std::byte*>(inputs[index].data);
                    pointers[index] = data + start * item_size(inputs[index].dtype);
                } else {
                    packers[index].pack(start, count, scratch[index]);
                }
            }
            kernel(pointers, static_cast<std::byte*>(node.data) + start * item, count);
        }
    });
}

/// Lets the node look at its input's memory. The rule speaks in elements of that memory.
void alias(Node& node, Node& input, const LayoutRule& rule) {
    std::optional<Layout> layout = rule(array_of(input), node.attributes, node.shape);
    if (!layout) {
        make_contiguous(input);
        layout = rule(array_of(input), node.attributes, node.shape);
    }
    if (input.storage) {
        node.storage = input.storage;
        node.data =
            static_cast<std::byte*>(input.data) + layout->offset * static_cast<std::int64_t>(item_size(node.dtype));
    } else {
        std::memcpy(node.scalar, input.data, item_size(node.dtype));
        node.data = node.scalar;
    }
    node.strides.reset();
    if (!Array{node.dtype, node.shape, layout->strides, node.data}.is_contiguous()) {
        node.strides = std::make_unique<Strides>(std::move(layout->strides));
    }
}

void compute_node(Node& node) {
    const Op& op = *node.op;
    if (const auto* rule = std::get_if<LayoutRule>(&op.forward)) {
        alias(node, *node.inputs[0], *rule);
        return;
    }
    std::vector<Array> inputs;
    inputs.reserve(node.inputs.size());
    for (const NodeRef& input : node.inputs) inputs.push_back(array_of(*input));
    node.allocate();
    if (const auto* kernels = std::get_if<BlockKernels>(&op.forward)) {
        run_blocks(kernels->kernel(node.inputs[node.inputs.size() - 1]->dtype), inputs, node);
    } else {
        std::get<Kernel>(op.forward)({inputs, node.attributes, node.dtype, node.shape, node.data, node.location()});
    }
}

}  // namespace

void make_contiguous(Node& node) {
    if (!node.strides) return;
    const auto size = static_cast<std::size_t>(node.shape.size());
    const Packer packer(array_of(node), node.shape);
    StorageRef storage = node.new_storage();
    packer.pack(0, size, storage->data());
    node.storage = std::move(storage);
    node.data = node.storage->data();
    node.strides.reset();
}

void execute(std::span<Node* const> roots) {
    Schedule schedule(roots);
    for (Node* node : schedule.order()) {
        try {
            compute_node(*node);
        } catch (...) {
            node->drop_value();
            throw;
        }
        node->mark_computed();
        schedule.finish(*node);
    }
}

}  // namespace xgrad::run
