#include <xgrad/graph/run/execute.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/fused_loop.hpp>
#include <xgrad/graph/run/grouping.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/schedule.hpp>

namespace xgrad::run {

namespace {

Array array_of(const Node& node) {
    return {node.dtype, node.shape, node.layout(), node.data};
}

/// Lets the node look at its input's memory. The rule speaks in elements of that memory.
void lay_view(Node& node) {
    Node& input = *node.inputs[0];
    const auto& rule = std::get<LayoutRule>(node.op->forward);
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

void run_kernel(Node& node) {
    std::vector<Array> inputs;
    inputs.reserve(node.inputs.size());
    for (const NodeRef& input : node.inputs) inputs.push_back(array_of(*input));
    node.allocate();
    std::get<Kernel>(node.op->forward)({inputs, node.attributes, node.dtype, node.shape, node.data, node.location()});
}

/// The arrays that a loop reads, each of them once where it is used again soon.
class LoopInputs {
  public:
    explicit LoopInputs(FusedLoop& loop) : loop_(loop) {}

    FusedLoop::Value operator()(const Node& node) {
        for (const auto& [known, value] : recent_) {
            if (known == &node) return value;
        }
        const FusedLoop::Value value = loop_.input(array_of(node));
        recent_[next_++ % recent_.size()] = {&node, value};
        return value;
    }

  private:
    FusedLoop& loop_;
    std::array<std::pair<const Node*, FusedLoop::Value>, 16> recent_{};
    std::size_t next_ = 0;
};

class Execution {
  public:
    explicit Execution(std::span<Node* const> roots)
        : schedule_(roots), grouping_(schedule_), value_of_(schedule_.size()) {}

    void run() {
        for (std::size_t step = 0; step < grouping_.steps(); ++step) {
            const auto members = grouping_.members(step);
            try {
                compute(members);
            } catch (...) {
                for (std::uint32_t place : members) {
                    if (!schedule_[place].is_computed) schedule_[place].drop_value();
                }
                throw;
            }
            for (std::uint32_t place : members) schedule_.finish(schedule_[place]);
        }
    }

  private:
    void compute(std::span<const std::uint32_t> members) {
        loop_members_.clear();
        sums_.clear();
        for (std::uint32_t place : members) {
            if (Grouping::kind_of(schedule_[place]) != Grouping::Kind::view) continue;
            lay_view(schedule_[place]);
            schedule_[place].mark_computed();
        }
        for (std::uint32_t place : members) {
            const Grouping::Kind kind = Grouping::kind_of(schedule_[place]);
            if (kind == Grouping::Kind::elementwise) loop_members_.push_back(place);
            if (grouping_.is_summed_in_loop(place)) sums_.push_back(place);
            if (kind != Grouping::Kind::kernel || grouping_.is_summed_in_loop(place)) continue;
            run_kernel(schedule_[place]);
            schedule_[place].mark_computed();
        }
        if (!loop_members_.empty()) run_loop();
    }

    void run_loop() {
        FusedLoop loop(schedule_[loop_members_[0]].shape);
        LoopInputs input_of(loop);
        for (std::uint32_t place : loop_members_) {
            Node& node = schedule_[place];
            std::array<FusedLoop::Value, FusedLoop::most_inputs> values;
            for (std::size_t input = 0; input < node.inputs.size(); ++input) {
                const Node& source = *node.inputs[input];
                values[input] = source.is_computed ? input_of(source) : value_of_[source.slot];
            }
            if (grouping_.is_kept(place)) node.allocate();
            const DType dtype = node.inputs[node.inputs.size() - 1]->dtype;
            value_of_[place] =
                loop.apply(std::get<BlockKernels>(node.op->forward).kernel(dtype), {values.data(), node.inputs.size()},
                           node.dtype, grouping_.is_kept(place) ? node.data : nullptr);
        }
        for (std::uint32_t place : sums_) {
            Node& node = schedule_[place];
            node.allocate();
            loop.sum(value_of_[node.inputs[0]->slot], *node.op->block_sum, node.dtype, node.data);
        }
        loop.run();
        for (std::uint32_t place : sums_) schedule_[place].mark_computed();
        for (std::uint32_t place : loop_members_) {
            if (grouping_.is_kept(place)) {
                schedule_[place].mark_computed();
            } else {
                schedule_[place].mark_settled();
            }
        }
    }

    Schedule schedule_;
    Grouping grouping_;
    std::vector<FusedLoop::Value> value_of_;
    std::vector<std::uint32_t> loop_members_;
    std::vector<std::uint32_t> sums_;
};

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
    if (std::all_of(roots.begin(), roots.end(), [](const Node* root) { return root->is_computed; })) return;
    Execution(roots).run();
}

}  // namespace xgrad::run
