#include <xgrad/graph/run/substitute.hpp>

#include <cstring>
#include <utility>

#include <xgrad/graph/amounts.hpp>
#include <xgrad/graph/run/structure_cache.hpp>

namespace xgrad::run {

namespace {

// Ones and zeros along all directions, for a Jacobian.
constexpr std::size_t most_constant_bytes = std::size_t{1} << 16;

using Cache = StructureCache<std::shared_ptr<const Substitute>>;

Cache& cache() {
    thread_local Cache known;
    return known;
}

}  // namespace

DeferredSchedule::DeferredSchedule(const Schedule& schedule)
    : places_(schedule.size()), structure_(schedule.structure().begin(), schedule.structure().end()) {
    // Recording lets go of what only the deferred nodes held, and a new node could be taken for an old one in whose
    // place it stands.
    std::vector<NodeRef> held;
    for (Schedule::Value value = 0; value < schedule.values(); ++value) {
        held.push_back(NodeRef::share(const_cast<Node&>(schedule.node(value))));
        values_.enter(held.back().get(), value);
    }
    for (const NodeRef& node : held) node->inputs();
}

std::shared_ptr<const Substitute> Substitute::make(const DeferredSchedule& deferred, const Schedule& recorded,
                                                   std::shared_ptr<const Plan> plan) {
    auto made = std::make_shared<Substitute>();
    const auto places = static_cast<Value>(recorded.size());
    made->first_given_ = places;
    std::vector<std::uint32_t> readers(recorded.values());
    for (Value place = 0; place < places; ++place) {
        for (const Value read : recorded.reads(place)) ++readers[read];
    }
    for (Value value = 0; value < recorded.values(); ++value) {
        const Node& node = recorded.node(value);
        const Value origin = deferred.find(node);
        made->origins_.push_back(origin);
        if (value < places && node.formula().attributes().has_function()) return nullptr;
        // What has been computed since: a rule has read it.
        if (value >= places && origin < deferred.places()) return nullptr;
        if (origin != none || value < places) continue;
        const bool is_held = node.references.count() != readers[value];
        const std::size_t bytes = bytes_of(node);
        if (is_held || node.extra || node.strides || bytes > most_constant_bytes) return nullptr;
        made->constants_.push_back({value, StorageRef(Storage::allocate(bytes))});
        if (bytes > 0) std::memcpy(made->constants_.back().storage->data(), node.data, bytes);
    }
    made->plan_ = std::move(plan);
    return made;
}

void Substitute::give(const Schedule& schedule, std::byte** addresses) const {
    for (Value value = first_given_; value < origins_.size(); ++value) {
        if (origins_[value] != none) addresses[value] = static_cast<std::byte*>(schedule.node(origins_[value]).data);
    }
    for (const Constant& constant : constants_) {
        addresses[constant.value] = static_cast<std::byte*>(constant.storage->data());
    }
}

StorageRef Substitute::constant(Value value) const {
    for (const Constant& constant : constants_) {
        if (constant.value == value) return constant.storage;
    }
    return StorageRef();
}

const std::shared_ptr<const Substitute>* find_substitute(const Schedule& schedule) {
    return cache().find(schedule.hash(), schedule.structure());
}

void remember(const DeferredSchedule& schedule, std::shared_ptr<const Substitute> substitute) {
    cache().enter(Schedule::hash(schedule.structure()), schedule.structure(), std::move(substitute));
}

}  // namespace xgrad::run
