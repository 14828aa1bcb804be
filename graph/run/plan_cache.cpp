#include <xgrad/graph/run/plan_cache.hpp>

#include <xgrad/graph/run/structure_cache.hpp>

namespace xgrad::run {

std::shared_ptr<const Plan> find_plan(const Schedule& schedule) {
    thread_local StructureCache<std::shared_ptr<const Plan>> cache;
    const std::span<const std::uint64_t> structure = schedule.structure();
    const std::uint64_t hash = schedule.hash();
    if (const auto* known = cache.find(hash, structure)) return *known;
    auto plan = std::make_shared<const Plan>(schedule);
    cache.enter(hash, structure, plan);
    return plan;
}

}  // namespace xgrad::run
